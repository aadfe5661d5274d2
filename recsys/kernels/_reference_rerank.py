"""Twins of the re-ranking kernels: every item is looked at again at every step; the same sums in the same order."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from recsys.kernels._checks import Rows, WeightedRows
from recsys.kernels._reference_topk import fixed_dot


def mmr_places(
    pool: NDArray[np.int32],
    relevance: NDArray[np.float64],
    dense: NDArray[np.float32] | None,
    sparse: WeightedRows | None,
    k: int,
    trade_off: float,
) -> NDArray[np.int32]:
    """Twin of `recsys.kernels.mmr_places` on checked arguments."""
    out = np.full((len(pool), k), -1, np.int32)
    for row, items in enumerate(pool):
        codes = items[items >= 0]
        likeness = _likeness(codes, dense, sparse)
        free = np.ones(len(codes), np.bool_)
        for step in range(min(k, len(codes))):
            value = trade_off * relevance[row, : len(codes)]
            if step:
                value = value - (1 - trade_off) * likeness[:, out[row, :step]].max(axis=1)
            out[row, step] = int(np.where(free, value, -np.inf).argmax())
            free[out[row, step]] = False
    return out


def calibrated_places(
    pool: NDArray[np.int32],
    relevance: NDArray[np.float64],
    features: Rows,
    wanted: WeightedRows,
    shares: NDArray[np.float64],
    k: int,
    weight: float,
    smoothing: float,
) -> NDArray[np.int32]:
    """Twin of `recsys.kernels.calibrated_places` on checked arguments."""
    out = np.full((len(pool), k), -1, np.int32)
    for row, items in enumerate(pool):
        entries = slice(wanted.indptr[row], wanted.indptr[row + 1])
        target = dict(zip(wanted.indices[entries].tolist(), shares[entries].tolist(), strict=True))
        own = [
            features.indices[features.indptr[item] : features.indptr[item + 1]].tolist() for item in items[items >= 0]
        ]
        mass: dict[int, float] = {}
        described = 0.0
        for step in range(min(k, len(own))):
            left = [place for place in range(len(own)) if place not in out[row, :step]]
            values = [
                (1 - weight) * float(relevance[row, place])
                - weight * _divergence(target, mass, described, own[place], smoothing)
                for place in left
            ]
            out[row, step] = best = left[int(np.argmax(values))]
            for code in own[best]:
                mass[code] = mass.get(code, 0.0) + 1.0 / len(own[best])
            described += 1.0 if own[best] else 0.0
    return out


def _likeness(
    codes: NDArray[np.int32], dense: NDArray[np.float32] | None, sparse: WeightedRows | None
) -> NDArray[np.float64]:
    if dense is not None:
        return fixed_dot(dense[codes], dense[codes]).astype(np.float64)
    found = np.zeros((len(codes), len(codes)))
    if sparse is not None:
        rows = [
            dict(zip(sparse.indices[a:b].tolist(), sparse.data[a:b].tolist(), strict=True))
            for a, b in zip(sparse.indptr[codes], sparse.indptr[codes + 1], strict=True)
        ]
        for place, row in enumerate(rows):
            for other, second in enumerate(rows):
                found[place, other] = sum((value * second[code] for code, value in row.items() if code in second), 0.0)
    return found


def _divergence(
    target: dict[int, float], mass: dict[int, float], described: float, own: list[int], smoothing: float
) -> float:
    """Return the divergence of a list from the target with one more item: all terms without it, then what changes."""

    def term(code: int, listed: float) -> float:
        wanted = target[code]
        return wanted * math.log(wanted / ((1 - smoothing) * listed + smoothing * wanted))

    after = described + 1.0
    if not own:
        return sum((term(code, mass.get(code, 0.0) / described if described else 0.0) for code in target), 0.0)
    total = sum((term(code, mass.get(code, 0.0) / after) for code in target), 0.0)
    for code in own:
        if code in target:
            listed = mass.get(code, 0.0)
            total += term(code, (listed + 1.0 / len(own)) / after) - term(code, listed / after)
    return total
