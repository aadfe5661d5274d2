"""The compiled top-k kernels: allocate, choose a path, run chunks. The arguments are checked already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _select, _sparse_topk, _topk
from recsys.kernels._checks import Rows, WeightedRows
from recsys.kernels._choice import simd_path
from recsys.kernels._filters import Filters

Ranked = tuple[NDArray[np.int32], NDArray[np.float32]]
Norms = tuple[NDArray[np.float64], NDArray[np.float64]]

# A chunk should take less than 100 ms on a slow core; a tile of users should stay in the cache beside a block of items.
_TILE_GROUPS = 40
_TILE_PRODUCTS = 1 << 32
_LIST_PRODUCTS = 1 << 28
_CELLS = 1 << 25
_FEW_USERS = 8
_SHORT_ROW = 1 / 16


def topk(
    users: NDArray[np.float32], items: NDArray[np.float32], norms: Norms, k: int, filters: Filters, n_threads: int
) -> Ranked:
    """Return the k best items of each user: by tiles, or one by one when few scores are needed."""
    indices, scores = _allocate(len(users), k)
    codes = np.arange(len(items), dtype=np.int32)
    if filters.eligible is not None:
        codes = codes[filters.eligible]
    blocked, allowed = filters.blocked, _rows_or_none(filters.allowed)
    listed = len(codes) if filters.allowed is None else len(filters.allowed.indices) / max(1, len(users))
    if len(users) < _FEW_USERS or listed < _SHORT_ROW * len(codes):
        chunks = row_chunks(len(users), _rows_of(_LIST_PRODUCTS, listed * items.shape[1]))
        run_chunks(
            lambda rows: _topk.score_lists(users, items, codes, *blocked, *allowed, *rows, indices, scores),
            chunks,
            n_threads,
        )
        return indices, scores
    user_norms, item_norms = norms
    codes = codes[np.argsort(-item_norms[codes], kind="stable")]
    panels, path = _pack(items, codes, n_threads), _topk.PATHS.index(simd_path())
    sorted_norms = item_norms[codes]
    run_chunks(
        lambda rows: _topk.score_tiles(
            users, user_norms, items, panels, sorted_norms, codes, *blocked, *allowed, path, *rows, indices, scores
        ),
        row_chunks(len(users), _tile_size(len(users), len(codes) * items.shape[1], n_threads)),
        n_threads,
    )
    return indices, scores


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


def _tile_size(n_users: int, products: int, n_threads: int) -> int:
    """Return how many users make a chunk: whole groups, and at least one chunk a thread."""
    group = _topk.GROUP_USERS
    return group * min(_TILE_GROUPS, -(-n_users // (group * n_threads)), _rows_of(_TILE_PRODUCTS, group * products))


def _pack(items: NDArray[np.float32], codes: NDArray[np.int32], n_threads: int) -> NDArray[np.float32]:
    n_panels, d = -(-len(codes) // _topk.PANEL_ITEMS), items.shape[1]
    panels = _aligned(n_panels * d * _topk.PANEL_ITEMS).reshape(n_panels, d, _topk.PANEL_ITEMS)
    chunks = row_chunks(n_panels, _rows_of(_CELLS, d * _topk.PANEL_ITEMS))
    run_chunks(lambda part: _topk.pack_panels(items, codes, *part, panels), chunks, n_threads)
    return panels


def _aligned(size: int) -> NDArray[np.float32]:
    """Return floats that start on a cache line, so that no vector load straddles two."""
    room = np.empty(size + 16, np.float32)
    return room[(-(room.ctypes.data // 4)) % 16 :][:size]


def _rows_or_none(rows: Rows | None) -> tuple[NDArray[np.int64] | None, NDArray[np.int32] | None]:
    return (None, None) if rows is None else rows


def _bytes(mask: NDArray[np.bool_] | None) -> NDArray[np.uint8] | None:
    return None if mask is None else np.ascontiguousarray(mask).view(np.uint8)


def _rows_of(budget: float, per_row: float) -> int:
    return max(1, int(budget / max(1.0, per_row)))


def _first(bad: list[int]) -> int:
    return min((row for row in bad if row >= 0), default=-1)
