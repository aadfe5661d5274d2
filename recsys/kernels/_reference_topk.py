"""Numpy twins of the top-k kernels: every score, a full sort, no cleverness, the same bits.

The functions have the signatures of `recsys.kernels._compiled_topk`; they work on one thread whatever `n_threads` says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys.kernels._checks import Rows, WeightedRows
from recsys.kernels._filters import Filters

LANES = 16
_BLOCK_CELLS = 1 << 22

Ranked = tuple[NDArray[np.int32], NDArray[np.float32]]
Norms = tuple[NDArray[np.float64], NDArray[np.float64]]


def topk(
    users: NDArray[np.float32], items: NDArray[np.float32], norms: Norms, k: int, filters: Filters, n_threads: int
) -> Ranked:
    """Twin of the fused kernel: every score, summed in `fixed_dot`'s order, then a full sort."""
    best = _missing(len(users), k)
    for rows in _row_blocks(len(users), len(items) * LANES):
        _sort_into(best, rows, fixed_dot(users[rows], items), _candidates(filters, rows, len(items)))
    return best


def prepare(
    items: NDArray[np.float32],
    norms: NDArray[np.float64],
    codes: NDArray[np.int32],
    users: NDArray[np.float32],
    n_threads: int,
) -> NDArray[np.float32]:
    """Twin of the preparation: there is nothing to prepare."""
    return items


def extend(
    prepared: NDArray[np.float32], items: NDArray[np.float32], norms: NDArray[np.float64], n_threads: int
) -> NDArray[np.float32]:
    """Twin of adding items."""
    return np.vstack([prepared, items])


def query(
    prepared: NDArray[np.float32],
    users: NDArray[np.float32],
    norms: NDArray[np.float64],
    k: int,
    filters: Filters,
    n_threads: int,
) -> Ranked:
    """Twin of the scan over prepared items."""
    return topk(users, prepared, (norms, norms), k, filters, n_threads)


def sparse_topk(
    history: WeightedRows, weights: WeightedRows, k: int, filters: Filters, n_threads: int
) -> tuple[Ranked, int]:
    """Twin of the sparse kernel; the second part is the first user with a score that is not finite, or −1."""
    n_users, n_items = len(history.indptr) - 1, len(weights.indptr) - 1
    best = _missing(n_users, k)
    for user in range(n_users):
        scores, reached = np.zeros((1, n_items), np.float32), np.zeros((1, n_items), np.bool_)
        for place in range(history.indptr[user], history.indptr[user + 1]):
            row = slice(weights.indptr[history.indices[place]], weights.indptr[history.indices[place] + 1])
            with np.errstate(over="ignore", invalid="ignore"):
                scores[0, weights.indices[row]] += history.data[place] * weights.data[row]
            reached[0, weights.indices[row]] = True
        if not np.isfinite(scores).all():
            return best, user
        rows = slice(user, user + 1)
        _sort_into(best, rows, scores, reached & _candidates(filters, rows, n_items))
    return best, -1


def select_topk(scores: NDArray[np.float32], k: int, filters: Filters, n_threads: int) -> tuple[Ranked, int]:
    """Twin of the dense selection; the second part is the first user with a score of NaN or +inf, or −1."""
    n_users, n_items = scores.shape
    best = _missing(n_users, k)
    for rows in _row_blocks(n_users, n_items):
        bad = ~(scores[rows] < np.inf)
        if bad.any():
            return best, rows.start + int(bad.any(axis=1).argmax())
        _sort_into(best, rows, scores[rows], (scores[rows] > -np.inf) & _candidates(filters, rows, n_items))
    return best, -1


def row_norms(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Twin of the norms: NaN or inf where a row is not finite."""
    with np.errstate(invalid="ignore"):
        norms: NDArray[np.float64] = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    return norms


def fixed_dot(users: NDArray[np.float32], items: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return all inner products in the order of summation that the kernel promises.

    Lane l of 16 sums the products of columns l, l + 16, l + 32, … from left to right, starting with +0; then the upper
    half of the lanes is added to the lower half until one is left. Each product and each sum is rounded to float32.

    Examples
    --------
    >>> fixed_dot(np.ones((1, 40), np.float32), np.ones((2, 40), np.float32))
    array([[40., 40.]], dtype=float32)
    """
    lanes = np.zeros((len(users), len(items), LANES), np.float32)
    for start in range(0, users.shape[1], LANES):
        products = users[:, None, start : start + LANES] * items[None, :, start : start + LANES]
        lanes[:, :, : products.shape[2]] += products
    while lanes.shape[2] > 1:
        half = lanes.shape[2] // 2
        lanes = lanes[:, :, :half] + lanes[:, :, half:]
    return lanes[:, :, 0]


def _missing(n_users: int, k: int) -> Ranked:
    return np.full((n_users, k), -1, np.int32), np.full((n_users, k), -np.inf, np.float32)


def _row_blocks(n_rows: int, cells_per_row: int) -> Iterator[slice]:
    size = max(1, _BLOCK_CELLS // max(1, cells_per_row))
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


def _candidates(filters: Filters, rows: slice, n_items: int) -> NDArray[np.bool_]:
    wanted = np.ones((rows.stop - rows.start, n_items), np.bool_)
    if filters.allowed is not None:
        wanted = _pattern(filters.allowed, rows, n_items)
    if filters.eligible is not None:
        wanted &= filters.eligible
    return wanted & ~_pattern(filters.blocked, rows, n_items)


def _pattern(matrix: Rows, rows: slice, n_items: int) -> NDArray[np.bool_]:
    bounds = matrix.indptr[rows.start : rows.stop + 1]
    present = np.zeros((rows.stop - rows.start, n_items), np.bool_)
    present[np.repeat(np.arange(len(present)), np.diff(bounds)), matrix.indices[bounds[0] : bounds[-1]]] = True
    return present


def _sort_into(best: Ranked, rows: slice, scores: NDArray[np.float32], candidates: NDArray[np.bool_]) -> None:
    indices, values = best
    for user, row, wanted in zip(range(rows.start, rows.stop), scores, candidates, strict=True):
        codes = np.flatnonzero(wanted)
        order = codes[np.argsort(-row[codes], kind="stable")[: indices.shape[1]]]
        indices[user, : len(order)], values[user, : len(order)] = order, row[order]
