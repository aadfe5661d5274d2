"""Lists as a sparse matrix, for metrics of the lists alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import Csr
from recsys.metrics.spec import MetricSpec


def list_matrix(lists: NDArray[np.int32], n_items: int, spec: MetricSpec) -> Csr:
    """Return the first k slots as a (n_users, n_items) float64 matrix of ones; a repeated item counts once.

    Raises
    ------
    ArgumentError
        For lists shorter than k slots, or of another dtype.
    DataError
        For a code out of range.
    """
    if not isinstance(lists, np.ndarray) or lists.ndim != 2 or lists.dtype != np.int32:
        raise ArgumentError("lists is not a two-dimensional int32 array", "item codes (n_users, width) were expected")
    if spec.k is not None and spec.k > lists.shape[1]:
        raise ArgumentError(
            f"{spec} was asked of lists with {lists.shape[1]} slots", "lists of at least k slots were expected"
        )
    top = lists[:, : spec.k]
    if top.size and (top.min() < -1 or top.max() >= n_items):
        bad = top.min() if top.min() < -1 else top.max()
        raise DataError(f"the lists hold the code {bad}", f"codes from 0 to {n_items - 1}, or −1, were expected")
    filled = top >= 0
    indptr = np.concatenate(([0], np.cumsum(filled.sum(axis=1))))
    codes = top[filled]
    matrix: Csr = csr_array((np.ones(len(codes)), codes, indptr), shape=(len(lists), n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def item_means(matrix: Csr, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of `values` (n_items,) over the items of each row; NaN for empty rows.

    Examples
    --------
    >>> item_means(csr_array(np.array([[1.0, 0, 1], [0, 0, 0]])), np.array([1.0, 2.0, 4.0]))
    array([2.5, nan])
    """
    if len(values) != matrix.shape[1]:
        raise ArgumentError(f"there are values for {len(values)} items", f"{matrix.shape[1]} were expected")
    lengths: NDArray[Any] = np.diff(matrix.indptr)
    pattern = csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    with np.errstate(invalid="ignore"):
        return np.asarray((pattern @ values) / lengths, np.float64)
