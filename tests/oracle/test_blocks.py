"""The block kernel against plain indexing, and against its numpy twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import square_blocks


@st.composite
def cases(draw: st.DrawFn) -> tuple[csr_array, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, width, n_groups = draw(st.integers(1, 60)), draw(st.integers(0, 12)), draw(st.integers(0, 9))
    half = rng.normal(size=(n, n)).astype(np.float32) * (rng.random((n, n)) < draw(st.sampled_from([0.05, 0.5, 1.0])))
    groups = np.full((n_groups, width), -1, dtype=np.int32)
    for group in groups:
        members = np.sort(rng.choice(n, rng.integers(0, min(width, n) + 1), replace=False))
        group[: len(members)] = members
    return csr_array(half + half.T), groups


@settings(deadline=None)
@given(cases(), st.integers(1, 3))
def test_blocks_are_what_indexing_gives(case: tuple[csr_array, np.ndarray], n_threads: int) -> None:
    matrix, groups = case
    found = square_blocks(matrix, groups, n_threads=n_threads)
    dense = np.pad(matrix.toarray(), (0, 1))
    expected = np.array([dense[np.ix_(group, group)] for group in groups], np.float32)
    assert found.tobytes() == expected.reshape(found.shape).tobytes()


@settings(deadline=None)
@given(cases())
def test_the_twin_agrees(case: tuple[csr_array, np.ndarray]) -> None:
    matrix, groups = case
    found = square_blocks(matrix, groups)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference")
        assert square_blocks(matrix, groups).tobytes() == found.tobytes()


@pytest.mark.parametrize("kernels", ["compiled", "reference"])
@pytest.mark.parametrize(
    ("matrix", "groups", "error"),
    [
        (np.eye(2, dtype=np.float32), np.int32([[0]]), ArgumentError),
        (csr_array(np.ones((2, 3), np.float32)), np.int32([[0]]), ArgumentError),
        (csr_array(np.eye(2)), np.int32([[0]]), ArgumentError),
        (csr_array(np.float32([[np.nan]])), np.int32([[0]]), DataError),
        (csr_array(np.eye(2, dtype=np.float32)), np.int64([[0]]), ArgumentError),
        (csr_array(np.eye(2, dtype=np.float32)), np.int32([0]), ArgumentError),
        (csr_array(np.eye(2, dtype=np.float32)), np.int32([[2]]), DataError),
        (csr_array(np.eye(2, dtype=np.float32)), np.int32([[-2]]), DataError),
        (csr_array(np.eye(2, dtype=np.float32)), np.int32([[1, 0]]), DataError),
        (csr_array(np.eye(2, dtype=np.float32)), np.int32([[1, 1]]), DataError),
        (csr_array(np.eye(2, dtype=np.float32)), np.int32([[-1, 1]]), DataError),
    ],
)
def test_mistakes_are_named(
    matrix: csr_array, groups: np.ndarray, error: type[Exception], kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_KERNELS", kernels)
    with pytest.raises(error):
        square_blocks(matrix, groups)


def test_read_only_arrays_are_fine() -> None:
    matrix, groups = csr_array(np.eye(3, dtype=np.float32)), np.int32([[0, 2]])
    for array in (matrix.data, matrix.indices, matrix.indptr, groups):
        array.flags.writeable = False
    assert square_blocks(matrix, groups).tolist() == [[[1, 0], [0, 1]]]
