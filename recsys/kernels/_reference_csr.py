"""Numpy twins of the CSR kernels: the same results by plain sorts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def build_csr(
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    times: NDArray[np.int64] | None,
    relevance_values: NDArray[np.float32] | None,
    n_users: int,
) -> tuple[Any, ...]:
    """Return row boundaries, and the columns sorted by (user, time, item, value, relevance value)."""
    ties: list[NDArray[Any]] = [ordered_bits(array) for array in (relevance_values, values) if array is not None]
    order = np.lexsort((*ties, items, *(() if times is None else (times,)), users))
    others = (None if array is None else array[order] for array in (values, times, relevance_values))
    return boundaries(users, n_users), items[order], *others


def count_codes(codes: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    """Return how often each code occurs."""
    return np.bincount(codes, minlength=size).astype(np.int64)


def aggregate_rows(
    indptr: NDArray[np.int64],
    items: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    how: str,
    weights: NDArray[np.float32] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Return the arrays of the CSR matrix with repeats merged."""
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((items, rows))
    weighted: NDArray[Any] = np.ones(len(items)) if values is None or how == "count" else values.astype(np.float64)
    weighted = (weighted if weights is None else weighted * weights.astype(np.float64))[order]
    row, col = rows[order], items[order]
    first = np.ones(len(items), bool)
    first[1:] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
    starts = np.flatnonzero(first)
    if how in ("sum", "count"):
        data: NDArray[Any] = np.bincount(np.cumsum(first) - 1, weights=weighted, minlength=len(starts))
    elif how == "max":
        data = np.maximum.reduceat(weighted, starts) if len(starts) else weighted
    else:
        data = weighted[np.append(starts[1:], len(items)) - 1] if len(starts) else weighted
    return boundaries(row[starts], len(indptr) - 1), col[starts], (data + 0.0).astype(np.float32)


def boundaries(rows: NDArray[np.integer], n_rows: int) -> NDArray[np.int64]:
    """Return the CSR row boundaries of entries with these rows."""
    return np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=n_rows)))).astype(np.int64)


def ordered_bits(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Map floats to unsigned integers of the same order (−0 before +0)."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    return np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31))
