"""Numpy twins of the ranking kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.kernels._checks import Rows, WeightedRows
from recsys.kernels._filters import Filters

if TYPE_CHECKING:
    from recsys.kernels.ranking import RankMetric

Fault = tuple[int, int]
Counts = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def ranking_metrics(
    lists: NDArray[np.int32],
    relevant: WeightedRows,
    gains: NDArray[np.float64],
    specs: Sequence[RankMetric],
    discounts: NDArray[np.float64],
    ideals: NDArray[np.float64],
    n_items: int,
) -> tuple[NDArray[np.float64], Fault]:
    """Return the values and (state, user) of the first fault: 1 a code out of range, 2 an item after a gap."""
    out = np.full((len(lists), len(specs)), np.nan)
    for user, slots in enumerate(lists):
        if ((slots < -1) | (slots >= n_items)).any():
            return out, (1, user)
        if (np.diff((slots >= 0).astype(np.int8)) > 0).any():
            return out, (2, user)
        begin, end = relevant.indptr[user : user + 2]
        items = relevant.indices[begin:end]
        first = np.zeros(len(slots), bool)
        first[np.unique(slots, return_index=True)[1]] = True
        hits = first & np.isin(slots, items)
        for place, spec in enumerate(specs if end > begin else ()):
            row = gains[1 if spec.gain == "exp" else 0, begin:end]
            out[user, place] = _metric(spec, slots, hits, items, row, discounts, ideals)
    return out, (0, -1)


def _metric(
    spec: RankMetric,
    slots: NDArray[np.int32],
    hits: NDArray[np.bool_],
    items: NDArray[np.int32],
    gains: NDArray[np.float64],
    discounts: NDArray[np.float64],
    ideals: NDArray[np.float64],
) -> float:
    k, n = spec.k, len(items)
    ranks = np.flatnonzero(hits[:k])
    if spec.kind == "recall":
        return len(ranks) / n
    if spec.kind == "precision":
        return len(ranks) / k
    if spec.kind == "hit_rate":
        return float(len(ranks) > 0)
    if spec.kind == "mrr":
        return 1 / (ranks[0] + 1) if len(ranks) else 0.0
    if spec.kind == "map":
        return _total((1 + np.arange(len(ranks))) / (ranks + 1)) / min(k, n)
    if spec.kind == "ndcg":
        return _total(discounts[ranks]) / float(ideals[min(k, n)])
    best = -np.sort(-gains)[:k]
    gained = gains[np.searchsorted(items, slots[ranks])] * discounts[ranks]
    return _total(gained) / _total(best * discounts[: len(best)])


def _total(terms: NDArray[np.float64]) -> float:
    """Sum from left to right, as the kernel does."""
    return float(np.cumsum(terms)[-1]) if len(terms) else 0.0


def rank_counts(scores: NDArray[np.float32], targets: Rows, filters: Filters) -> tuple[Counts, int]:
    """Return the counts, and the first user whose scores hold NaN or +inf (−1 = none)."""
    n = len(targets.indices)
    counts = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(len(scores), np.int64)
    for user, row in enumerate(scores):
        if not (row < np.inf).all():
            return counts, user
        kept = np.full(len(row), -np.inf, np.float32)
        allowed = slice(None) if filters.allowed is None else _row(filters.allowed, user)
        kept[allowed] = row[allowed]
        if filters.eligible is not None:
            kept[~filters.eligible] = -np.inf
        kept[_row(filters.blocked, user)] = -np.inf
        counts[2][user] = (kept > -np.inf).sum()
        for entry in range(targets.indptr[user], targets.indptr[user + 1]):
            score = kept[targets.indices[entry]]
            counts[0][entry] = (kept > score).sum()
            counts[1][entry] = (kept == score).sum() - 1 if score > -np.inf else 0
    return counts, -1


def _row(rows: Rows, user: int) -> NDArray[np.int32]:
    return rows.indices[rows.indptr[user] : rows.indptr[user + 1]]
