"""Intervals for one sample: the mean by Student's t, any statistic by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import positive_int
from recsys.core.seeds import Seed, generator
from recsys.stats._samples import Float64, is_constant, largest, level, sample, t_quantile
from recsys.stats.results import Interval


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the mean with its t interval.

    Parameters
    ----------
    values : (n,) array_like
        Finite.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For NaN or infinite values.

    Examples
    --------
    >>> found = mean_interval([1.0, 2.0, 3.0, 4.0])
    >>> found.estimate, round(found.ci_low, 3), round(found.ci_high, 3)
    (2.5, 0.446, 4.554)
    >>> mean_interval([1.0]).status
    'too_few'
    """
    data, confidence, method = sample("values", values), level(confidence), "t"
    n = len(data)
    estimate = float(data.mean()) if n else np.nan
    if n < 2:
        return Interval(estimate, np.nan, np.nan, np.nan, n, confidence, method, "too_few")
    if is_constant(data, largest(data)):
        return Interval(estimate, np.nan, np.nan, 0.0, n, confidence, method, "zero_variance")
    error = float(data.std(ddof=1)) / sqrt(n)
    half = t_quantile(confidence, n - 1) * error
    return Interval(estimate, estimate - half, estimate + half, error, n, confidence, method)


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[[Float64], float] = np.mean,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: Seed = 0,
) -> Interval:
    """Return a statistic with its percentile bootstrap interval (Efron 1979): units drawn with replacement.

    For smooth statistics such as means and quantiles; a statistic that counts distinct things is shifted by the
    resampling.

    Parameters
    ----------
    values : (n,) array_like
        Finite, one value a unit.
    statistic : callable
        From a vector to a number.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    resamples : int
        At least 2.
    seed : int
        The same seed gives the same interval.

    Raises
    ------
    ArgumentError
        For NaN or infinite values.

    Examples
    --------
    >>> found = bootstrap_interval([1.0, 2.0, 3.0, 4.0, 10.0], np.median, seed=7)
    >>> found.estimate, found.ci_low >= 1, found.ci_high <= 10
    (3.0, True, True)
    """
    data, confidence, method = sample("values", values), level(confidence), "percentile bootstrap"
    rng, resamples, n = generator(seed), positive_int("resamples", resamples, minimum=2), len(data)
    estimate = float(statistic(data)) if n else np.nan
    if n < 2:
        return Interval(estimate, np.nan, np.nan, np.nan, n, confidence, method, "too_few")
    if is_constant(data, largest(data)):
        return Interval(estimate, np.nan, np.nan, 0.0, n, confidence, method, "zero_variance")
    found = np.array([statistic(data[rng.integers(n, size=n)]) for _ in range(resamples)])
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(low), float(high), float(found.std(ddof=1)), n, confidence, method)
