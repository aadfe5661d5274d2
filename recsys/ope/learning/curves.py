"""The learning curve: what a policy earns as it learns, beside what the log earned meanwhile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
MOST_BLOCKS, LEAST_EVENTS = 20, 50


class CurvePoint(NamedTuple):
    """One block of a policy's accepted events.

    Attributes
    ----------
    events : int
        Accepted events up to the end of the block.
    value, ci_low, ci_high : float
        Mean reward per event of the block; the normal interval of its events, or percentiles over expansions.
    cumulative : float
        Mean reward per event from the first event on.
    logged, logged_cumulative : float
        Mean reward of all rows of the log in the same stretch, and from its beginning.
    """

    events: int
    value: float
    ci_low: float
    ci_high: float
    cumulative: float
    logged: float
    logged_cumulative: float


def curve(rows: NDArray[np.int64], rewards: Float64, weights: Float64, confidence: float) -> tuple[CurvePoint, ...]:
    """Return the curve of a path; the log's part reaches to the row of the block's last event."""
    from scipy.special import ndtri

    ends = block_ends(len(rows))
    points, z = [], float(ndtri(0.5 + confidence / 2))
    before = last = 0
    for end in ends:
        row = int(rows[end - 1]) + 1 if end < len(rows) else len(rewards)
        own, w = rewards[rows[before:end]], weights[rows[before:end]]
        value = float(np.average(own, weights=w))
        error = math.sqrt(float((w**2 * (own - value) ** 2).sum()) / max(1 - 1 / len(own), 0.5)) / float(w.sum())
        whole = float(np.average(rewards[rows[:end]], weights=weights[rows[:end]]))
        points.append(
            CurvePoint(end, value, value - z * error, value + z * error, whole,
                       float(rewards[last:row].mean()), float(rewards[:row].mean()))
        )  # fmt: skip
        before, last = end, row
    return tuple(points)


def curve_of_expansions(
    paths: Sequence[NDArray[np.int64]], rewards: Float64, weights: Float64, confidence: float
) -> tuple[CurvePoint, ...]:
    """Return the mean curve over expansions that are all of one length; the log's part is its mean."""
    rows = np.stack(paths)
    earned, w = rewards[rows] * weights[rows], weights[rows]
    logged = float(rewards.mean())
    points, before = [], 0
    for end in block_ends(rows.shape[1]):
        values = earned[:, before:end].sum(axis=1) / w[:, before:end].sum(axis=1)
        low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        whole = earned[:, :end].sum(axis=1) / w[:, :end].sum(axis=1)
        points.append(
            CurvePoint(end, float(values.mean()), float(low), float(high), float(whole.mean()), logged, logged)
        )
        before = end
    return tuple(points)


def block_ends(n: int) -> list[int]:
    """Return where blocks of equal size end: at most 20, each of at least 50 events where there are so many.

    Examples
    --------
    >>> block_ends(120), block_ends(0)
    ([60, 120], [])
    """
    blocks = max(1, min(MOST_BLOCKS, n // LEAST_EVENTS))
    return [n * (place + 1) // blocks for place in range(blocks)] if n else []
