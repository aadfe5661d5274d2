"""Checks of dense and CSR arguments that the kernels share; they return contiguous arrays of the dtypes to be read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from recsys.core.errors import ArgumentError, DataError

Csr = csr_array[Any, tuple[int, int]]
"""A sparse matrix, compressed by rows."""


class Rows(NamedTuple):
    """The pattern of a CSR matrix: row r holds the codes ``indices[indptr[r]:indptr[r + 1]]``, in rising order.

    Attributes
    ----------
    indptr : (n_rows + 1,) int64
    indices : (nnz,) int32
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]


class WeightedRows(NamedTuple):
    """A CSR matrix: rising codes without repeats, and their finite values.

    Attributes
    ----------
    indptr : (n_rows + 1,) int64
    indices : (nnz,) int32
    data : (nnz,) float32
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[np.float32]


def dense_rows(name: str, value: object) -> NDArray[np.float32]:
    """Return a two-dimensional float32 array as contiguous rows (copied only if it must be), or raise ArgumentError."""
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype != np.float32:
        hint = "give one row a vector" if getattr(value, "ndim", 0) != 2 else "use .astype('float32')"
        raise ArgumentError(f"{name} is {describe(value)}", "a two-dimensional float32 array was expected", hint)
    return np.ascontiguousarray(value)


def pattern_rows(name: str, value: object, shape: tuple[int, int]) -> Rows:
    """Return the pattern of a CSR matrix of the given shape, rows sorted; repeats stay, values are not looked at.

    Raises
    ------
    ArgumentError
        If `value` is not a CSR matrix of that shape.
    DataError
        If its arrays contradict each other, or a code is out of range.
    """
    matrix = _csr_of_shape(name, value, shape)
    if not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()
    return Rows(
        np.ascontiguousarray(matrix.indptr, np.int64),
        np.ascontiguousarray(matrix.indices[: matrix.indptr[-1]], np.int32),
    )


def weighted_rows(name: str, value: object, shape: tuple[int, int]) -> WeightedRows:
    """Return a float32 CSR matrix of the given shape, rows sorted, repeats summed, values finite.

    Raises
    ------
    ArgumentError
        If `value` is not a float32 CSR matrix of that shape.
    DataError
        If its arrays contradict each other, a code is out of range, or a value is NaN or infinite.
    """
    matrix = _csr_of_shape(name, value, shape)
    if matrix.dtype != np.float32:
        raise ArgumentError(
            f"{name} holds {matrix.dtype}", "a CSR matrix of float32 was expected", "use .astype('float32')"
        )
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    data = np.ascontiguousarray(matrix.data[: matrix.indptr[-1]], np.float32)
    if not np.isfinite(data).all():
        raise DataError(f"{name} has a value that is NaN or infinite", "finite values were expected")
    return WeightedRows(*pattern_rows(name, matrix, shape), data)


def describe(value: object) -> str:
    """Return what kind of thing a value is, in words for an error.

    Examples
    --------
    >>> describe(np.zeros(3))
    'a float64 array of shape (3,)'
    """
    if isinstance(value, np.ndarray) or issparse(value):
        array: Any = value
        kind = f"{array.format.upper()} matrix" if issparse(value) else "array"
        return f"a {array.dtype} {kind} of shape {array.shape}"
    return f"of type {type(value).__name__}"


def _csr_of_shape(name: str, value: object, shape: tuple[int, int]) -> Any:
    matrix: Any = value
    if not issparse(value) or matrix.format != "csr" or matrix.shape != shape:
        raise ArgumentError(f"{name} is {describe(value)}", f"a scipy.sparse.csr_array of shape {shape} was expected")
    indptr, indices = matrix.indptr, matrix.indices
    if (
        len(indptr) != shape[0] + 1
        or indptr[0] != 0
        or indptr[-1] > len(indices)
        or len(indices) != len(matrix.data)
        or (np.diff(indptr) < 0).any()
    ):
        raise DataError(f"the row boundaries of {name} do not fit its entries", "a valid CSR matrix was expected")
    used = indices[: indptr[-1]]
    if len(used) and (used.min() < 0 or used.max() >= shape[1]):
        bad = used.min() if used.min() < 0 else used.max()
        raise DataError(f"{name} has the code {bad}", f"codes from 0 to {shape[1] - 1} were expected")
    return matrix
