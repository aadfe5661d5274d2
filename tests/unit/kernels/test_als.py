from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from recsys.core.errors import DataError
from recsys.kernels import als_rows, gram_basis

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
