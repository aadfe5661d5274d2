from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels._checks import pattern_rows, weighted_rows


def test_rows_come_back_sorted_and_the_argument_is_left_alone() -> None:
    matrix = csr_matrix((np.ones(3), np.array([2, 0, 1]), np.array([0, 2, 3])), shape=(2, 3))
    rows = pattern_rows("m", matrix, (2, 3))
    assert rows.indices.tolist() == [0, 2, 1]
    assert matrix.indices.tolist() == [2, 0, 1]
    assert (rows.indptr.dtype, rows.indices.dtype) == (np.int64, np.int32)


def test_repeats_of_weights_are_summed_in_a_copy() -> None:
    matrix = csr_array((np.array([1, 2, 4], np.float32), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2))
    rows = weighted_rows("m", matrix, (1, 2))
    assert (rows.indices.tolist(), rows.data.tolist()) == ([0, 1], [2, 5])
    assert matrix.nnz == 3


@pytest.mark.parametrize("indptr", [[0, 2, 1], [1, 1, 1], [0, 1, 9], [0, 1]])
def test_row_boundaries_that_do_not_fit_are_refused(indptr: list[int]) -> None:
    matrix = csr_array((2, 3), dtype=np.float32)
    matrix.indices, matrix.data, matrix.indptr = np.array([0, 1]), np.ones(2, np.float32), np.array(indptr)
    with pytest.raises(DataError, match="row boundaries of m"):
        pattern_rows("m", matrix, (2, 3))


def test_weights_must_be_finite_float32() -> None:
    with pytest.raises(ArgumentError, match="m holds float64"):
        weighted_rows("m", csr_array(np.ones((1, 1))), (1, 1))
    with pytest.raises(DataError, match="NaN"):
        weighted_rows("m", csr_array(np.array([[np.nan]], np.float32)), (1, 1))


def test_a_negative_code_is_named() -> None:
    matrix = csr_array((1, 3), dtype=np.float32)
    matrix.indices, matrix.data, matrix.indptr = np.array([-1]), np.ones(1, np.float32), np.array([0, 1])
    with pytest.raises(DataError, match="m has the code -1"):
        pattern_rows("m", matrix, (1, 3))
