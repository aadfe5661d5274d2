"""Numpy twin of the kernel of grouped sums: the same additions in the same order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
BLOCK = 4096  # as in ext/moments.h


def group_bases(columns: list[Float64], groups: NDArray[np.int32], n_groups: int, most: int) -> Float64:
    """Return the mean of the first rows of each group."""
    found = np.zeros((n_groups, len(columns)))
    for group in np.unique(groups[groups >= 0]):
        rows = np.flatnonzero(groups == group)[:most]
        first = np.array([column[rows] for column in columns])
        found[group] = first[:, 0] + np.cumsum(first - first[:, :1], axis=1)[:, -1] / len(rows)
    return found


def sums_and_products(
    columns: list[Float64], groups: NDArray[np.int32], bases: Float64
) -> tuple[NDArray[np.int64], Float64]:
    """Return the rows of each group, and its sums and products (lower triangle)."""
    k, n_groups = len(columns), len(bases)
    counts = np.bincount(groups[groups >= 0], minlength=n_groups).astype(np.int64)
    totals = np.zeros((n_groups, k + k * (k + 1) // 2))
    left, right = np.tril_indices(k)
    for group in np.flatnonzero(counts):
        rows = np.flatnonzero(groups == group)
        rest = np.array([column[rows] for column in columns]) - bases[group][:, None]
        terms = np.concatenate([rest, rest[left] * rest[right]])
        for begin in range(0, len(rows), BLOCK):
            totals[group] += np.cumsum(terms[:, begin : begin + BLOCK], axis=1)[:, -1]
    return counts, totals
