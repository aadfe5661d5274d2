"""Relative effects: the mean of the treatment over the mean of the control, minus 1, on the same units."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from recsys.stats._samples import Float64, is_constant, largest, level, pair, t_quantile
from recsys.stats.results import Interval

_DELTA_BELOW = 0.05  # Fieller's g; beyond, the delta method's symmetric interval misses


def relative_effect(treatment: ArrayLike, control: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return mean(treatment) / mean(control) − 1 with its interval.

    Let R be the ratio and t the quantile. While the control mean is well away from 0 (g = t² × its squared standard
    error over its square is below 0.05) the interval is the delta method's, with the variance of treatment − R control
    over n mean(control)². Nearer to 0 it is Fieller's (1954), which is not symmetric. From g = 1 on no finite interval
    exists: the status is ``unbounded`` and the bounds are −inf and inf.

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
    >>> found = relative_effect([3.0, 4.0, 6.0, 8.0], [2.0, 4.0, 5.0, 5.0])
    >>> round(found.estimate, 4), found.method
    (0.3125, 'Fieller')
    """
    left, right = pair(treatment, control)
    confidence, n = level(confidence), len(left)
    if n < 2:
        return Interval(np.nan, np.nan, np.nan, np.nan, n, confidence, "delta", "too_few")
    top, bottom = float(left.mean()), float(right.mean())
    if bottom == 0:
        return Interval(np.nan, np.nan, np.nan, np.nan, n, confidence, "delta", "zero_denominator")
    ratio = top / bottom
    residual = left - ratio * right
    if is_constant(residual, largest(left, ratio * right)):
        return Interval(ratio - 1, np.nan, np.nan, 0.0, n, confidence, "delta", "zero_variance")
    error = float(residual.std(ddof=1)) / sqrt(n) / abs(bottom)
    t = t_quantile(confidence, n - 1)
    g = t * t * float(right.var(ddof=1)) / (n * bottom * bottom)
    if g < _DELTA_BELOW:
        return Interval(ratio - 1, ratio - 1 - t * error, ratio - 1 + t * error, error, n, confidence, "delta")
    if g >= 1:
        return Interval(ratio - 1, -np.inf, np.inf, error, n, confidence, "Fieller", "unbounded")
    low, high = _fieller(left, right, t, ratio, g, bottom)
    return Interval(ratio - 1, low - 1, high - 1, error, n, confidence, "Fieller")


def _fieller(left: Float64, right: Float64, t: float, ratio: float, g: float, bottom: float) -> tuple[float, float]:
    """Return the ratios ρ whose mean(treatment − ρ control) is within t standard errors of 0."""
    n = len(left)
    (vtt, vtc), (_, vcc) = np.cov(left, right) / n
    inside = vtt - 2 * ratio * vtc + ratio * ratio * vcc - g * (vtt - vtc * vtc / vcc)
    centre = ratio - g * vtc / vcc
    half = t / abs(bottom) * sqrt(max(float(inside), 0.0))
    return float((centre - half) / (1 - g)), float((centre + half) / (1 - g))
