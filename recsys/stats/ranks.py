"""Two independent samples compared by ranks."""

from __future__ import annotations

from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recsys.stats._samples import Float64, level, sample, t_quantile, z_pvalue
from recsys.stats.results import Status

_EXACT_UP_TO = 20  # units an arm; beyond, the normal approximation is good to three digits


class RankResult(NamedTuple):
    """The Mann–Whitney test with the effect that belongs to it.

    Attributes
    ----------
    estimate : float
        P(treatment > control) + ½ P(treatment = control): 0.5 when neither tends to be larger.
    ci_low, ci_high : float
        NaN when all values of one arm lie above those of the other.
    standard_error : float
        Of the estimate.
    pvalue : float
        Two-sided.
    statistic : float
        U of the treatment: pairs in which it is larger, ties counted half.
    n_treatment, n_control : int
        Units of each.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    estimate: float
    ci_low: float
    ci_high: float
    standard_error: float
    pvalue: float
    statistic: float
    n_treatment: int
    n_control: int
    confidence: float
    method: str
    status: Status = "ok"


def mann_whitney(treatment: ArrayLike, control: ArrayLike, *, confidence: float = 0.95) -> RankResult:
    """Return the Mann–Whitney test (1947) and how likely a unit of the treatment beats one of the control.

    The p-value is exact for at most 20 units an arm without ties; else normal, with the variance corrected for ties and
    no continuity correction. The interval does not assume equal distributions: the variance is that of the placements
    (DeLong et al. 1988, Brunner & Munzel 2000), on the logit scale, with Satterthwaite's degrees of freedom.

    It compares whole distributions, not means: an effect on the mean alone needs `difference_in_means`.

    Parameters
    ----------
    treatment : (n,) array_like
        Finite.
    control : (m,) array_like
        Finite.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For NaN or infinite values.

    Examples
    --------
    >>> found = mann_whitney([3.0, 4.0, 6.0, 8.0], [2.0, 4.0, 5.0, 1.0])
    >>> found.estimate, found.statistic, round(found.pvalue, 3)
    (0.78125, 12.5, 0.191)
    """
    left, right = np.sort(sample("treatment", treatment)), np.sort(sample("control", control))
    confidence, n, m = level(confidence), len(left), len(right)
    tail = (n, m, confidence, "Mann-Whitney")
    if min(n, m) < 2:
        status: Status = "too_few" if n and m else "empty_arm"
        return RankResult(nan, nan, nan, nan, nan, nan, *tail, status)
    wins, losses = _placements(left, right), _placements(right, left)
    u = float(wins.sum())
    estimate = u / (n * m)
    _, ties = np.unique(np.concatenate([left, right]), return_counts=True)
    if len(ties) == 1:
        return RankResult(estimate, nan, nan, 0.0, nan, u, *tail, "zero_variance")
    pvalue = _pvalue(left, right, u, ties.astype(np.float64))
    parts = np.array([wins.var(ddof=1) / (m * m * n), losses.var(ddof=1) / (n * n * m)])
    variance = float(parts.sum())
    if not variance:
        return RankResult(estimate, nan, nan, 0.0, pvalue, u, *tail, "zero_variance")
    df = variance**2 / float((parts**2 / [n - 1, m - 1]).sum())
    error = sqrt(variance)
    half = t_quantile(confidence, df) * error / (estimate * (1 - estimate))
    logit = np.log(estimate / (1 - estimate))
    low, high = (float(1 / (1 + np.exp(-(logit + side * half)))) for side in (-1, 1))
    return RankResult(estimate, low, high, error, pvalue, u, *tail)


def _placements(values: Float64, others: Float64) -> Float64:
    """Return how many of the others lie below each value, ties counted half; both ascending."""
    return (np.searchsorted(others, values, side="left") + np.searchsorted(others, values, side="right")) / 2.0


def _pvalue(left: Float64, right: Float64, u: float, ties: Float64) -> float:
    n, m = len(left), len(right)
    if max(n, m) <= _EXACT_UP_TO and len(ties) == n + m:
        from scipy.stats import mannwhitneyu

        return float(mannwhitneyu(left, right, method="exact").pvalue)
    total = n + m
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    return z_pvalue((u - n * m / 2) / sqrt(variance))
