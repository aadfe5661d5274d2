"""The compiled top-k kernels: allocate, choose a path, run chunks. The arguments are checked already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _scan, _select, _sparse_topk, _topk
from recsys.kernels._checks import Rows, WeightedRows
from recsys.kernels._choice import simd_path
from recsys.kernels._filters import Filters
from recsys.kernels._prepare import Prepared, extend, prepare

Ranked = tuple[NDArray[np.int32], NDArray[np.float32]]
Norms = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = ["Prepared", "extend", "prepare", "query", "row_norms", "select_topk", "sparse_topk", "topk"]

# A chunk should take less than 100 ms on a slow core; its users should stay in the cache beside a panel of items.
_CHUNK_USERS, _FEWEST_USERS, _CHUNKS_PER_THREAD = 512, 32, 4
_SCAN_PRODUCTS = 1 << 34
_SWEEP_PRODUCTS = 1 << 32
_LIST_PRODUCTS = 1 << 28
_CELLS = 1 << 25
_FEW_USERS = 450  # a sweep for so many costs about as much as preparing the items, for half as many with lists of 100
_SIDE = 16  # users that a sweep takes side by side
_WIDTHS = {"avx2": 1, "avx512": 2, "avx512vnni": 2}  # of the registers that a sweep takes; there is none on other paths
_ALONE, _ALONE_BESIDE_SWEEPS = 31, 2  # users whose scores are taken one by one


def topk(
    users: NDArray[np.float32], items: NDArray[np.float32], norms: Norms, k: int, filters: Filters, n_threads: int
) -> Ranked:
    """Return the k best items of each user: few scores are taken one by one, those of some users by a sweep."""
    codes = np.arange(len(items), dtype=np.int32)
    if filters.eligible is not None:
        codes = codes[filters.eligible]
    listed = len(codes) if filters.allowed is None else len(filters.allowed.indices) / max(1, len(users))
    width = _WIDTHS.get(simd_path())
    alone = _ALONE if width is None else _ALONE_BESIDE_SWEEPS
    if len(users) <= alone or listed < _scan.SHORT_SHARE * len(codes) or not len(codes):
        best = _allocate(len(users), k)
        known = (users, items, codes, *filters.blocked, *_rows_or_none(filters.allowed))
        chunks = row_chunks(len(users), _rows_of(_LIST_PRODUCTS, listed * items.shape[1]))
        run_chunks(lambda rows: _topk.score_lists(*known, *rows, *best), chunks, n_threads)
        return best
    if width is not None and len(users) * (1 + k / 100) < _FEW_USERS:
        return _sweep(width, users, items, norms, k, codes, filters, n_threads)
    prepared = prepare(items, norms[1], codes, users, n_threads)
    return query(prepared, users, norms[0], k, filters._replace(eligible=None), n_threads)


def _sweep(
    width: int,
    users: NDArray[np.float32],
    items: NDArray[np.float32],
    norms: Norms,
    k: int,
    codes: NDArray[np.int32],
    filters: Filters,
    n_threads: int,
) -> Ranked:
    best = _allocate(len(users), k)
    longest = float(norms[1][codes].max())
    known = (width, users, norms[0], items, longest, codes, *filters.blocked, *_rows_or_none(filters.allowed))
    size = -(-len(users) // (n_threads * _SIDE)) * _SIDE
    size = max(_SIDE, min(size, _rows_of(_SWEEP_PRODUCTS, items.size) // _SIDE * _SIDE))
    run_chunks(lambda rows: _topk.sweep_lists(*known, *rows, *best), row_chunks(len(users), size), n_threads)
    return best


def query(
    prepared: Prepared,
    users: NDArray[np.float32],
    norms: NDArray[np.float64],
    k: int,
    filters: Filters,
    n_threads: int,
) -> Ranked:
    """Return the k best of the prepared items of each user."""
    best = _allocate(len(users), k)
    n_items = sum(len(segment.items) for segment in prepared.segments)
    mask, blocked, allowed = _bytes(filters.eligible), filters.blocked, _rows_or_none(filters.allowed)
    few = None
    if filters.eligible is not None and np.count_nonzero(filters.eligible) < _scan.SHORT_SHARE * n_items:
        few = np.flatnonzero(filters.eligible).astype(np.int32)
    products, kept = n_items * users.shape[1], min(k, n_items) * 4
    size = len(users) if n_threads == 1 else -(-len(users) // (n_threads * _CHUNKS_PER_THREAD))
    size = min(max(_FEWEST_USERS, min(_CHUNK_USERS, size)), _rows_of(_SCAN_PRODUCTS, products), _rows_of(_CELLS, kept))
    run_chunks(
        lambda rows: prepared.plan.query(users, norms, mask, *blocked, *allowed, few, *rows, *best),
        row_chunks(len(users), size),
        n_threads,
    )
    return best


def sparse_topk(
    history: WeightedRows, weights: WeightedRows, k: int, filters: Filters, n_threads: int
) -> tuple[Ranked, int]:
    """Return the k best items of each user, and the first user with a score that is not finite, or −1."""
    n_users, n_items = len(history.indptr) - 1, len(weights.indptr) - 1
    best = _allocate(n_users, k)
    mask, blocked, allowed = _bytes(filters.eligible), filters.blocked, _rows_or_none(filters.allowed)
    per_user = n_items + len(history.indices) / max(1, n_users) * len(weights.indices) / max(1, n_items)
    chunks = row_chunks(n_users, _rows_of(_CELLS, per_user))
    bad: list[int] = []
    run_chunks(
        lambda rows: bad.append(_sparse_topk.multiply_rows(*history, *weights, mask, *blocked, *allowed, *rows, *best)),
        chunks,
        n_threads,
    )
    return best, _first(bad)


def select_topk(scores: NDArray[np.float32], k: int, filters: Filters, n_threads: int) -> tuple[Ranked, int]:
    """Return the k largest scores of each row, and the first row with a score of NaN or +inf, or −1."""
    best = _allocate(len(scores), k)
    mask, blocked, allowed = _bytes(filters.eligible), filters.blocked, _rows_or_none(filters.allowed)
    bad: list[int] = []
    run_chunks(
        lambda rows: bad.append(_select.select_rows(scores, *rows, mask, *blocked, *allowed, *best)),
        row_chunks(len(scores), _rows_of(_CELLS, scores.shape[1])),
        n_threads,
    )
    return best, _first(bad)


def row_norms(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Euclidean norm of each row, NaN or inf where it is not finite."""
    norms = np.empty(len(rows))
    _topk.row_norms(rows, norms)
    return norms


def _allocate(n_users: int, k: int) -> Ranked:
    return np.empty((n_users, k), np.int32), np.empty((n_users, k), np.float32)


def _rows_or_none(rows: Rows | None) -> tuple[NDArray[np.int64] | None, NDArray[np.int32] | None]:
    return (None, None) if rows is None else rows


def _bytes(mask: NDArray[np.bool_] | None) -> NDArray[np.uint8] | None:
    return None if mask is None else np.ascontiguousarray(mask).view(np.uint8)


def _rows_of(budget: float, per_row: float) -> int:
    return max(1, int(budget / max(1.0, per_row)))


def _first(bad: list[int]) -> int:
    return min((row for row in bad if row >= 0), default=-1)
