from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import als_rows, gram_basis
from recsys.kernels.als import Update

RNG = np.random.default_rng(4)
VECTORS = (RNG.standard_normal((9000, 40)) * RNG.lognormal(size=40)).astype(np.float32)


def problem(n: int) -> tuple[csr_array, np.ndarray, np.ndarray, np.ndarray]:
    weights = csr_array(random_array((n, 9000), density=0.005, format="csr", dtype=np.float32, rng=RNG))
    lengths = np.diff(weights.indptr)
    assert lengths.min() < 40 < lengths.max()
    return weights, VECTORS, RNG.random(40), 0.5 + RNG.random(n)


def test_the_basis_keeps_inner_products_and_makes_the_gram_matrix_diagonal() -> None:
    basis = gram_basis(VECTORS)
    gram = basis.vectors.T.astype(np.float64) @ basis.vectors
    # A few units of float32 in each of 40 products; the sums are made in float32 by blocks.
    assert np.allclose(gram, np.diag(basis.spectrum), atol=1e-5 * basis.spectrum.max())
    assert np.allclose(basis.rotation @ basis.rotation.T, np.eye(40), atol=1e-12)
    first, second = VECTORS[:50].astype(np.float64), basis.vectors[:50].astype(np.float64)
    assert np.allclose(second @ second.T, first @ first.T, rtol=1e-4, atol=1e-4)
    assert (np.diff(basis.spectrum) >= 0).all()
    assert basis.spectrum[0] >= 0


def test_the_basis_does_not_depend_on_threads() -> None:
    first, second = (gram_basis(VECTORS, n_threads=threads) for threads in (1, 3))
    assert first.vectors.tobytes() == second.vectors.tobytes()
    assert first.spectrum.tobytes() == second.spectrum.tobytes()


def test_vectors_turned_where_they_stand_are_the_same() -> None:
    expected, held = gram_basis(VECTORS), VECTORS.copy()
    found = gram_basis(held, overwrite=True)
    assert found.vectors is held
    assert held.tobytes() == expected.vectors.tobytes()


@pytest.mark.parametrize("block", [0, 16])
def test_solutions_may_take_the_place_of_where_they_start(block: int) -> None:
    args, start = problem(200), RNG.standard_normal((200, 40)).astype(np.float32)
    expected = als_rows(*args, update=Update(start.copy(), block))
    assert als_rows(*args, update=Update(start, block), out=start, n_threads=2) is start
    assert start.tobytes() == expected.tobytes()


def test_what_cannot_be_written_into_is_refused() -> None:
    args = problem(90)
    fixed = np.zeros((90, 40), np.float32)
    fixed.flags.writeable = False
    for out in (fixed, np.zeros((40, 90), np.float32).T):
        with pytest.raises(ArgumentError, match="read-only or strided"):
            als_rows(*args, out=out)
    with pytest.raises(ArgumentError, match=r"shape \(90, 40\)"):
        als_rows(*args, out=np.zeros((4, 40), np.float32))
    with pytest.raises(ArgumentError, match="read-only or strided"):
        gram_basis(fixed, overwrite=True)


def test_vectors_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        gram_basis(np.full((2, 2), np.nan, np.float32))


def test_a_row_has_the_same_bits_in_any_company_and_on_any_thread() -> None:
    weights, vectors, spectrum, ridge = problem(400)
    together = als_rows(weights, vectors, spectrum, ridge, n_threads=1)
    assert together.tobytes() == als_rows(weights, vectors, spectrum, ridge, n_threads=3).tobytes()
    alone = [als_rows(weights[[row]], vectors, spectrum, ridge[[row]]) for row in range(0, 400, 7)]
    assert np.vstack(alone).tobytes() == together[::7].tobytes()


def test_the_number_of_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys.kernels import als

    args = problem(300)
    whole = als_rows(*args)
    monkeypatch.setattr(als, "_PRODUCTS_PER_CHUNK", 50_000)
    assert als_rows(*args, n_threads=2).tobytes() == whole.tobytes()


def test_rows_without_entries_are_zero_and_vanishing_weights_do_no_harm() -> None:
    weights = csr_array((np.float32([1e-40]), np.int32([4]), np.int64([0, 0, 1])), shape=(2, 90))
    found = als_rows(weights, VECTORS[:90], np.ones(40), np.ones(2), target_offset=1.0)
    assert not found[0].any()
    assert np.allclose(found[1], VECTORS[4] / 2, rtol=1e-5)


POISONED = """
import numpy as np
from scipy.sparse import csr_array
from recsys.kernels import als_rows
from recsys.kernels.als import Update
rng = np.random.default_rng(0)
for d, block in ((64, 3), (16, 5), (33, 4), (64, 8)):
    rows = csr_array((rng.random((20, 300)) < 0.5).astype(np.float32))
    start = np.zeros((20, d), np.float32)
    vectors = rng.standard_normal((300, d), dtype=np.float32)
    found = als_rows(rows, vectors, np.ones(d), np.ones(20), update=Update(start, block))
    assert np.isfinite(found).all(), (d, block)
"""


def test_nothing_is_read_that_was_not_written() -> None:
    # glibc fills what malloc gives with ~128 = 0x7f bytes: floats of 3e38, which no sum survives.
    done = subprocess.run(
        [sys.executable, "-c", POISONED], env={**os.environ, "MALLOC_PERTURB_": "128"}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_ridge_that_vanishes_in_float32_is_refused() -> None:
    with pytest.raises(DataError, match="above 0 in float32"):
        als_rows(csr_array(np.ones((1, 1), np.float32)), np.ones((1, 1), np.float32), np.zeros(1), np.array([1e-50]))
