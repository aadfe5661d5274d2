"""Wilcoxon's signed-rank test with the Hodges–Lehmann estimate that belongs to it."""

from __future__ import annotations

from math import floor, sqrt

import numpy as np
from numpy.typing import ArrayLike

from recsys.stats._samples import Float64, largest, level, pair, z_pvalue, z_quantile
from recsys.stats.results import PairedResult, Status

_EXACT_UP_TO = 50  # pairs; beyond, the normal approximation is good to three digits


def wilcoxon(treatment: ArrayLike, control: ArrayLike, *, confidence: float = 0.95) -> PairedResult:
    """Return the Wilcoxon signed-rank test, the Hodges–Lehmann pseudo-median and the rank-biserial correlation.

    Pairs without a difference are dropped from the test (Wilcoxon's own rule) and counted in ``n_zero``; tied
    differences, equal up to rounding, share their mean rank. The p-value is exact for up to 50 differences without
    ties, else from the normal approximation with the variance corrected for ties and no continuity correction.

    The estimate is the median of the Walsh averages (d_i + d_j) / 2, i ≤ j, of the differences that are not 0, as in
    R: the shift among the units that changed. The interval is made of two of their order statistics (Hollander & Wolfe,
    3.3); below seven such differences it spans all of them and covers less than 95 %.

    Parameters
    ----------
    treatment, control : (n,) array_like
        Values of the same units in the same order, finite.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or samples of different lengths.

    Examples
    --------
    >>> found = wilcoxon([3.0, 4.5, 6.0, 8.0, 9.0], [2.0, 4.0, 4.0, 5.0, 4.0])
    >>> found.pvalue, found.estimate, found.effect_size
    (0.0625, 2.0, 1.0)
    """
    left, right = pair(treatment, control)
    difference, confidence = left - right, level(confidence)
    changed = difference[difference != 0]
    n, m = len(difference), len(changed)
    tail = (n, n - m, confidence, "Wilcoxon signed rank")
    if n < 2 or m == 0:
        estimate = float(difference.mean()) if n else np.nan
        status: Status = "too_few" if n < 2 else "zero_variance"
        return PairedResult(estimate, np.nan, np.nan, np.nan, np.nan, np.nan, *tail, status)
    ranks, ties = _mean_ranks(np.round(np.abs(changed) / largest(left, right), 13))
    above = float(ranks[changed > 0].sum())
    total = m * (m + 1) / 2
    if m <= _EXACT_UP_TO and not len(ties):
        pvalue = _exact_pvalue(round(min(above, total - above)), m)
    else:
        variance = m * (m + 1) * (2 * m + 1) / 24 - float((ties**3 - ties).sum()) / 48
        pvalue = z_pvalue((above - total / 2) / sqrt(variance))
    estimate, low, high = _hodges_lehmann(np.sort(changed), confidence)
    return PairedResult(estimate, low, high, pvalue, above, (2 * above - total) / total, *tail)


def _mean_ranks(sizes: Float64) -> tuple[Float64, Float64]:
    """Return ranks from 1 (mean ranks for ties), and the sizes of the groups of ties."""
    _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place], counts[counts > 1].astype(np.float64)


def _exact_pvalue(smaller: int, m: int) -> float:
    """Return 2 P(W ≤ smaller) where W sums each of the ranks 1…m with probability 1/2, by dynamic programming."""
    ways = np.zeros(m * (m + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, m + 1):
        ways[rank:] = ways[rank:] + ways[:-rank]
    return min(1.0, 2.0 * float(ways[: smaller + 1].sum()) / 2.0**m)


def _hodges_lehmann(rising: Float64, confidence: float) -> tuple[float, float, float]:
    """Return the median of the Walsh averages, and the order statistics that bound its interval."""
    n = len(rising)
    averages = n * (n + 1) // 2
    spread = z_quantile(confidence) * sqrt(n * (n + 1) * (2 * n + 1) / 24)
    cut = max(floor(averages / 2 - spread), 1)
    middle = {(averages + 1) // 2, averages // 2 + 1}
    estimate = float(np.mean([_walsh_average(rising, place) for place in middle]))
    return estimate, _walsh_average(rising, cut), _walsh_average(rising, averages + 1 - cut)


def _walsh_average(rising: Float64, place: int) -> float:
    """Return the place-th smallest (from 1) Walsh average without making all: bisect on how many lie at or below x."""
    low, high = float(rising[0]), float(rising[-1])
    if _averages_up_to(rising, low) >= place:
        return low
    tolerance = 4 * np.finfo(np.float64).eps * max(abs(low), abs(high))
    middle = low + (high - low) / 2
    while high - low > tolerance:
        if _averages_up_to(rising, middle) >= place:
            high = middle
        else:
            low = middle
        middle = low + (high - low) / 2
    partners = np.searchsorted(rising, 2 * high - rising, side="right") - 1
    found = partners >= 0
    return float(((rising[found] + rising[partners[found]]) / 2).max())


def _averages_up_to(rising: Float64, x: float) -> int:
    """Return how many Walsh averages are at most x: for each i the j ≥ i with d_j ≤ 2 x − d_i."""
    ends = np.searchsorted(rising, 2 * x - rising, side="right")
    return int(np.maximum(ends - np.arange(len(rising)), 0).sum())
