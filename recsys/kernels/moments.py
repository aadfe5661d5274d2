"""Sums and sums of products of columns for each group of rows, in one pass and in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import _reference_moments as reference
from recsys.kernels._choice import reference_wanted
from recsys.kernels.csr import vector

MOST_COLUMNS = 4096
Float64 = NDArray[np.float64]


def group_bases(columns: Sequence[Float64], groups: NDArray[np.int32], n_groups: int, *, most: int = 256) -> Float64:
    """Return the mean of the first rows of each group, (n_groups, k); exact where they are all equal.

    Parameters
    ----------
    columns : sequence of (n,) float64
        Of any stride.
    groups : (n,) int32
        From 0 to n_groups − 1; negative: in none.
    n_groups : int
        How many groups there are, codes from 0.
    most : int
        Rows of a group that are looked at.

    Raises
    ------
    ArgumentError
        For another dtype or shape, or no column or more than 4096.
    DataError
        For a group out of range.

    Examples
    --------
    >>> group_bases([np.array([1.0, 2.0, 4.0])], np.array([0, 1, 0], np.int32), 2).tolist()
    [[2.5], [2.0]]
    """
    values, codes = _checked(columns, groups, n_groups)
    firsts, sums = np.zeros((n_groups, len(values))), np.zeros((n_groups, len(values)))
    counts = np.zeros(n_groups, np.int64)
    if not len(codes):
        return sums
    if reference_wanted():
        return reference.group_bases(values, codes, n_groups, positive_int("most", most))
    from recsys.kernels import _moments

    _moments.sums_of_first(values, codes, positive_int("most", most), counts, firsts, sums)
    return firsts + sums / np.maximum(counts, 1)[:, None]


def sums_and_products(
    columns: Sequence[Float64], groups: NDArray[np.int32], bases: Float64
) -> tuple[NDArray[np.int64], Float64, Float64]:
    """Return the rows of each group, its sums, and its sums of products, of values less the base of the group.

    Parameters
    ----------
    columns : sequence of (n,) float64
        Of any stride.
    groups : (n,) int32
        From 0 to n_groups − 1; negative: in none.
    bases : (n_groups, k) float64
        What is subtracted from the columns of each group, see `group_bases`.

    Returns
    -------
    (n_groups,) int64, (n_groups, k) float64, (n_groups, k, k) float64

    Raises
    ------
    ArgumentError
        For another dtype or shape, or no column or more than 4096.
    DataError
        For a group out of range.

    Examples
    --------
    >>> counts, sums, products = sums_and_products(
    ...     [np.array([1.0, 2.0, 4.0])], np.array([0, 1, 0], np.int32), np.array([[1.0], [0.0]]))
    >>> counts.tolist(), sums.tolist(), products.tolist()
    ([2, 1], [[3.0], [2.0]], [[[9.0]], [[4.0]]])
    """
    values, codes = _checked(columns, groups, len(bases))
    k, n_groups = len(values), len(bases)
    if bases.shape != (n_groups, k) or bases.dtype != np.float64:
        raise ArgumentError(f"bases is {bases.dtype} of shape {bases.shape}", f"({n_groups}, {k}) float64 was expected")
    counts, totals = np.zeros(n_groups, np.int64), np.zeros((n_groups, k + k * (k + 1) // 2))
    if len(codes) and reference_wanted():
        counts, totals = reference.sums_and_products(values, codes, bases)
    elif len(codes):
        from recsys.kernels import _moments

        _moments.sums_and_products(
            values, codes, np.ascontiguousarray(bases), counts, np.zeros_like(totals), totals
        )  # fmt: skip
    products = np.empty((n_groups, k, k))
    rows, other = np.tril_indices(k)
    products[:, rows, other] = products[:, other, rows] = totals[:, k:]
    return counts, totals[:, :k], products


def _checked(
    columns: Sequence[Float64], groups: NDArray[np.int32], n_groups: int
) -> tuple[list[Float64], NDArray[np.int32]]:
    codes = vector("groups", groups, np.int32)
    positive_int("n_groups", n_groups)
    if not 0 < len(columns) <= MOST_COLUMNS:
        raise ArgumentError(f"there are {len(columns)} columns", f"1 to {MOST_COLUMNS} were expected")
    for column in columns:
        if not isinstance(column, np.ndarray) or column.dtype != np.float64 or column.shape != codes.shape:
            raise ArgumentError(
                f"a column is {getattr(column, 'dtype', type(column).__name__)} of shape {np.shape(column)}",
                f"float64 of shape {codes.shape} was expected",
            )
    if len(codes) and int(codes.max()) >= n_groups:
        raise DataError(f"a group is {int(codes.max())}", f"numbers below {n_groups} were expected")
    return list(columns), codes
