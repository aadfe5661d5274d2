"""The rank correlation of two measures of the same units."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from recsys.stats._samples import level, pair, z_quantile
from recsys.stats.results import Interval


def rank_correlation(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return Spearman's rank correlation, ties at their mean rank.

    The interval is Fisher's, with the standard error √((1 + ρ² / 2) / (n − 3)) of Bonett & Wright (2000); it is wide
    with few units, and needs four.

    Parameters
    ----------
    x, y : (n,) array_like
        Finite.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        Values are not finite, or the lengths differ.

    Examples
    --------
    >>> found = rank_correlation([1, 2, 3, 4, 5], [1, 3, 2, 4, 5])
    >>> round(found.estimate, 3), round(found.ci_low, 3)
    (0.9, -0.169)
    """
    left, right = pair(x, y)
    confidence, n, method = level(confidence), len(left), "Spearman, Bonett–Wright"
    if n < 4:
        return Interval(nan, nan, nan, nan, n, confidence, method, "too_few")
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return Interval(nan, nan, nan, nan, n, confidence, method, "zero_variance")
    from scipy.stats import rankdata

    a, b = (rankdata(values) - (n + 1) / 2 for values in (left, right))
    rho = float(np.clip(a @ b / sqrt(float(a @ a) * float(b @ b)), -1, 1))
    error = sqrt((1 + rho**2 / 2) / (n - 3))
    # An exact ±1 has no Fisher transform; half a step of the coefficient keeps its interval open.
    centre = np.arctanh(np.clip(rho, -1 + 3 / (n**3 - n), 1 - 3 / (n**3 - n)))
    low, high = np.tanh([centre - z_quantile(confidence) * error, centre + z_quantile(confidence) * error])
    return Interval(rho, min(float(low), rho), max(float(high), rho), error, n, confidence, method)
