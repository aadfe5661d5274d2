"""The compiled ALS kernel against its numpy twin: the same solutions to float32 accuracy, the same errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.core.errors import RecsysError
from recsys.kernels import als_rows
from recsys.kernels.als import Update

Array = np.ndarray[Any, Any]
WEIGHTS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "ones": lambda rng, n: np.ones(n),
    "counts": lambda rng, n: rng.zipf(1.7, n).clip(max=1000),
    "skewed": lambda rng, n: rng.lognormal(0, 3, n),
    "vanishing": lambda rng, n: np.where(rng.random(n) < 0.5, 1e-40, 1.0),
    "some zero": lambda rng, n: rng.integers(0, 2, n),
    "negative": lambda rng, n: np.where(rng.random(n) < 0.1, -1.0, 1.0),
    "nan": lambda rng, n: np.where(rng.random(n) < 0.1, np.nan, 1.0),
}
UNIT = 2.0**-24


def problem(seed: int, n: int, m: int, d: int, density: float, kind: str) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    pattern = rng.random((n, m)) < density
    rows, columns = np.nonzero(pattern)
    data = WEIGHTS[kind](rng, len(rows)).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(pattern.sum(axis=1))])
    weights = csr_array((data, columns.astype(np.int32), indptr), shape=(n, m))
    vectors = (rng.standard_normal((m, d)) * rng.lognormal(0, 1, (m, 1))).astype(np.float32)
    return weights, vectors, rng.lognormal(0, 2, d), rng.lognormal(0, 2, n)


def outcome(
    args: tuple[Any, ...],
    offset: float,
    reference: bool,
    simd: str = "",
    update: Update | None = None,
    means: Array | None = None,
) -> Array | tuple[type, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference" if reference else "compiled")
        patch.setenv("RECSYS_SIMD", simd)
        try:
            return als_rows(*args, target_offset=offset, means=means, update=update)
        except RecsysError as error:
            return type(error), str(error)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 12),
    m=st.one_of(st.integers(1, 40), st.integers(1, 300)),
    d=st.sampled_from([1, 2, 7, 8, 9, 16, 24, 31, 64, 65, 72, 128, 136]),
    density=st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]),
    kind=st.sampled_from(sorted(WEIGHTS)),
    offset=st.sampled_from([0.0, 1.0]),
    simd=st.sampled_from(["", "baseline"]),
)
def test_solutions_and_errors_agree(
    seed: int, n: int, m: int, d: int, density: float, kind: str, offset: float, simd: str
) -> None:
    args = problem(seed, n, m, d, density, kind)
    expected, found = outcome(args, offset, reference=True), outcome(args, offset, False, simd)
    if isinstance(expected, tuple) or isinstance(found, tuple):
        assert expected == found
        return
    assert found.dtype == np.float32
    assert found.shape == (n, d)
    weights, vectors, spectrum, ridge = args
    for row in range(n):
        # In the coordinates in which the diagonal is the identity, where the kernel works. Cholesky in float32 is
        # backward stable: its solution is exact for a system off by 3 (n + 1) u |A| at most (Higham, 2nd ed., theorem
        # 10.4), and the sums that make the system add as much again; a residual in the space of the entries comes back
        # times |U|. The floor is for results below the normal floats.
        scale = np.sqrt(spectrum + ridge[row])
        row_weights = np.maximum(weights[[row]].data.astype(np.float64), 1e-12)
        used = vectors[weights[[row]].indices] / scale * np.sqrt(row_weights)[:, None]
        size, known = 1 + np.linalg.norm(used) ** 2, np.linalg.norm((row_weights + offset) / np.sqrt(row_weights))
        off = (found[row] - expected[row]) * scale
        bound = 8 * (len(used) + d + 8) * UNIT * size
        bound *= np.linalg.norm(expected[row] * scale) + np.linalg.norm(used) * known
        bound += 1e-37 * size * np.linalg.norm(scale)
        assert np.linalg.norm(off + used.T @ (used @ off)) <= bound


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    m=st.integers(1, 300),
    d=st.sampled_from([1, 7, 8, 24, 31, 64, 72, 136]),
    density=st.sampled_from([0.1, 0.5, 1.0]),
    kind=st.sampled_from(["ones", "counts", "some zero"]),
    offset=st.sampled_from([0.0, 1.0]),
    block=st.sampled_from([0, 1, 5, 8, 32, 200]),
    steps=st.integers(1, 4),
    simd=st.sampled_from(["", "baseline"]),
)
def test_updates_agree(
    seed: int, m: int, d: int, density: float, kind: str, offset: float, block: int, steps: int, simd: str
) -> None:
    weights, vectors, spectrum, ridge = problem(seed, 6, m, d, density, kind)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + np.float32(0.1)
    start = np.random.default_rng(seed).standard_normal((6, d)).astype(np.float32)
    args = (weights, vectors, spectrum + 0.1, ridge + 0.1)
    update = Update(start, block, steps)
    means = None if seed % 2 else np.random.default_rng(seed + 1).standard_normal((6, d)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Update, "exact_below", lambda update, d: 2)
        expected, found = (
            outcome(args, offset, True, "", update, means),
            outcome(args, offset, False, simd, update, means),
        )
    assert isinstance(expected, np.ndarray)
    assert isinstance(found, np.ndarray)
    # Unit vectors: the condition is at most that of the diagonal times the total weight; a few steps do not amplify
    # rounding by more than that, in units of the longest vector met.
    for row in range(6):
        total = 1 + weights[[row]].data.sum()
        size = np.linalg.norm(expected[row]) + d + np.linalg.norm(start[row]) + total / (spectrum + ridge[row]).min()
        bound = 64 * UNIT * (d + weights[[row]].nnz) * total / 0.1 * size
        assert np.linalg.norm(found[row] - expected[row]) <= bound


def test_unusable_updates_are_refused_alike() -> None:
    args = (csr_array(np.ones((3, 4), np.float32)), np.ones((4, 2), np.float32), np.ones(2), np.ones(3))
    start = np.ones((3, 2), np.float32)
    for update in (Update(start[:2]), Update(start, block=-1), Update(start, steps=0), Update(start.astype(float))):
        expected = outcome(args, 0.0, True, "", update)
        assert isinstance(expected, tuple)
        assert outcome(args, 0.0, False, "", update) == expected


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, csr_array(np.ones((3, 4)))),
        (0, csr_array(np.ones((3, 5), np.float32))),
        (1, np.ones((4, 2))),
        (2, np.ones(3)),
        (2, np.array([1.0, -1.0])),
        (3, np.ones(3, np.float32)),
        (3, np.array([1.0, 0.0, 1.0])),
        (3, np.array([1.0, np.inf, 1.0])),
    ],
)
def test_unusable_arguments_are_refused_alike(place: int, value: Any) -> None:
    args: list[Any] = [csr_array(np.ones((3, 4), np.float32)), np.ones((4, 2), np.float32), np.ones(2), np.ones(3)]
    args[place] = value
    expected = outcome(tuple(args), 0.0, reference=True)
    assert isinstance(expected, tuple)
    assert outcome(tuple(args), 0.0, reference=False) == expected
