"""Independent estimates of one effect (segments, days, cohorts): do they differ, do they drift, what is each one."""

from __future__ import annotations

from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.errors import ArgumentError
from recsys.stats._samples import Float64, level, z_pvalue, z_quantile
from recsys.stats.results import Interval, Status

Used = NDArray[np.bool_]

_GRID = 500  # values of the standard deviation between segments
_WIDEST = 20.0  # times the range of the estimates, or the largest standard error: τ is at most this
_TAIL = 1e-8  # of the posterior, beyond the grid
_FEWEST = 3  # segments: with fewer the posterior of their spread under a flat prior is not proper


class Heterogeneity(NamedTuple):
    """Cochran's test that independent estimates are of one effect.

    Attributes
    ----------
    q : float
        Cochran's Q, χ² under one effect.
    df : int
        Degrees of freedom: estimates − 1.
    pvalue : float
        NaN when the status is not ``ok``.
    i_squared : float
        Share of the variation that is not chance (Higgins & Thompson 2002).
    tau_squared : float
        Variance of the effects themselves (DerSimonian & Laird 1986).
    estimate, standard_error : float
        The common effect, weighted by precision.
    used : tuple of bool
        Which estimates entered: those with a finite positive standard error.
    status : Status
        ``ok``, or why a number is missing.
    """

    q: float
    df: int
    pvalue: float
    i_squared: float
    tau_squared: float
    estimate: float
    standard_error: float
    used: tuple[bool, ...]
    status: Status = "ok"


class PartialPooling(NamedTuple):
    """Estimates drawn towards their common mean, as far as they do not seem to differ.

    Attributes
    ----------
    estimates : tuple of Interval
        One each, in the order given; the status is ``too_few`` where there was no standard error.
    common : Interval
        The mean of the effects.
    tau : float
        Posterior median of the standard deviation of the effects.
    status : Status
        ``too_few`` below three estimates: they are returned as they were.
    """

    estimates: tuple[Interval, ...]
    common: Interval
    tau: float
    status: Status = "ok"


class Trend(NamedTuple):
    """A straight line through independent estimates, weighted by precision.

    Attributes
    ----------
    slope : float
        Change of the effect for one unit of time.
    ci_low, ci_high, standard_error : float
        Of the slope.
    pvalue : float
        Two-sided, of no change; NaN when the status is not ``ok``.
    n : int
        Estimates that entered.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    status : Status
        ``ok``, or why a number is missing.
    """

    slope: float
    ci_low: float
    ci_high: float
    standard_error: float
    pvalue: float
    n: int
    confidence: float
    status: Status = "ok"


def heterogeneity(estimates: ArrayLike, standard_errors: ArrayLike) -> Heterogeneity:
    """Return Cochran's Q test (1954) that independent differences (of segments) are of one effect: the interaction.

    For samples large enough that the standard errors may be taken as known; below some 30 units an arm and segment it
    rejects too often.

    Parameters
    ----------
    estimates, standard_errors : (k,) array_like
        Estimates without a finite positive standard error are left out.

    Raises
    ------
    ArgumentError
        For vectors of different lengths.

    Examples
    --------
    >>> found = heterogeneity([0.2, 0.3, 1.1], [0.1, 0.1, 0.1])
    >>> found.df, round(found.q, 1), found.pvalue < 1e-9
    (2, 48.7, True)
    """
    y, errors, used = _given(estimates, standard_errors)
    k = len(y)
    if k < 2:
        return Heterogeneity(nan, max(k - 1, 0), nan, nan, nan, nan, nan, tuple(used.tolist()), "too_few")
    weights = errors**-2.0
    share = weights / weights.sum()
    common = float(y[0] + share @ (y - y[0]))
    q, df = float(weights @ (y - common) ** 2), k - 1
    from scipy.special import chdtrc

    spread = max(0.0, (q - df) / float(weights.sum() * (1 - share @ share)))
    excess = max(0.0, (q - df) / q) if q else 0.0
    error = 1 / sqrt(float(weights.sum()))
    return Heterogeneity(q, df, float(chdtrc(df, q)), excess, spread, common, error, tuple(used.tolist()))


def partial_pooling(estimates: ArrayLike, standard_errors: ArrayLike, *, confidence: float = 0.95) -> PartialPooling:
    """Return the effect of each segment, drawn towards the common mean by as much as chance seems to explain.

    The effects are taken as normal around a mean, with flat priors on that mean and on their standard deviation τ, and
    the posterior is computed on a grid of τ (Gelman et al., Bayesian Data Analysis, 5.4; Rubin 1981). Unlike an
    empirical Bayes estimate it keeps the uncertainty of τ: intervals cover on the average over segments, where picking
    the segment with the largest raw difference exaggerates.

    Parameters
    ----------
    estimates, standard_errors : (k,) array_like
        Independent; estimates without a finite positive standard error are left out.
    confidence : float
        Of the credible intervals.

    Raises
    ------
    ArgumentError
        For vectors of different lengths.

    Examples
    --------
    The eight schools of Rubin (1981):

    >>> effects, errors = [28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18]
    >>> found = partial_pooling(effects, errors)
    >>> [round(one.estimate) for one in found.estimates], round(found.common.estimate)
    ([11, 8, 6, 8, 5, 6, 11, 8], 8)
    """
    y, errors, used = _given(estimates, standard_errors)
    confidence, method, k = level(confidence), "partial pooling", len(y)
    nothing = Interval(nan, nan, nan, nan, k, confidence, method, "too_few")
    if k < _FEWEST:
        half = z_quantile(confidence) * errors
        raw = [Interval(*row, 1, confidence, "none") for row in zip(y, y - half, y + half, errors, strict=True)]
        return PartialPooling(_placed(raw, used, nothing), nothing, nan, "too_few")
    tau, mass, common, common_variance = _posterior(y, errors)
    square = tau[:, None] ** 2
    shrink = errors**2 / (errors**2 + square)  # (grid, k): how far towards the common mean
    means = shrink * common[:, None] + (1 - shrink) * y
    variances = (1 - shrink) * errors**2 + shrink**2 * common_variance[:, None]
    found = [_mixture(mass, means[:, j], variances[:, j], confidence, method) for j in range(k)]
    return PartialPooling(
        _placed(found, used, nothing),
        _mixture(mass, common, common_variance, confidence, method)._replace(n=k),
        float(tau[np.searchsorted(np.cumsum(mass), 0.5)]),
    )


def trend(times: ArrayLike, estimates: ArrayLike, standard_errors: ArrayLike, *, confidence: float = 0.95) -> Trend:
    """Return the slope of independent estimates over time (novelty wearing off, learning), with its z test.

    Weighted least squares with known variances. Estimates must not share units: take the effects of cohorts, not of
    growing windows.

    Parameters
    ----------
    times, estimates, standard_errors : (k,) array_like
        Estimates without a finite positive standard error are left out.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For vectors of different lengths, or times that are not finite.

    Examples
    --------
    >>> found = trend([0, 1, 2, 3], [0.9, 0.7, 0.4, 0.1], [0.1, 0.1, 0.1, 0.1])
    >>> round(found.slope, 2), found.pvalue < 1e-6
    (-0.27, True)
    """
    at = np.asarray(times, np.float64)
    y, errors, used = _given(estimates, standard_errors)
    if at.shape != used.shape or not np.isfinite(at).all():
        raise ArgumentError(f"times have the shape {at.shape}", f"{len(used)} finite numbers were expected")
    confidence, at, n = level(confidence), at[used], len(y)
    if n < 2:
        return Trend(nan, nan, nan, nan, nan, n, confidence, "too_few")
    weights = errors**-2.0
    centred = at - at[0] - weights @ (at - at[0]) / weights.sum()
    spread = float(weights @ centred**2)
    if np.ptp(at) == 0 or not spread:
        return Trend(nan, nan, nan, nan, nan, n, confidence, "zero_variance")
    slope, error = float(weights * centred @ y) / spread, 1 / sqrt(spread)
    half = z_quantile(confidence) * error
    return Trend(slope, slope - half, slope + half, error, z_pvalue(slope / error), n, confidence)


def _given(estimates: ArrayLike, standard_errors: ArrayLike) -> tuple[Float64, Float64, Used]:
    y, errors = np.asarray(estimates, np.float64), np.asarray(standard_errors, np.float64)
    if y.ndim != 1 or y.shape != errors.shape:
        raise ArgumentError(
            f"estimates have the shape {y.shape} and standard errors {errors.shape}",
            "two vectors of one length were expected",
        )
    used = np.isfinite(y) & np.isfinite(errors) & (errors > 0)
    return y[used], errors[used], used


def _posterior(y: Float64, errors: Float64) -> tuple[Float64, Float64, Float64, Float64]:
    """Return a grid of τ, its posterior, and the mean and variance of the common mean at each τ."""
    top = _WIDEST * float(max(np.ptp(y), errors.max()))
    for _ in range(3):  # a grid that ends where the posterior does
        tau = (np.arange(_GRID) + 0.5) / _GRID * top
        precision = 1 / (errors**2 + tau[:, None] ** 2)
        variance = 1 / precision.sum(axis=1)
        common = y[0] + variance * (precision @ (y - y[0]))
        log = 0.5 * np.log(variance) + 0.5 * np.log(precision).sum(axis=1)
        log -= 0.5 * (precision * (y - common[:, None]) ** 2).sum(axis=1)
        mass = np.exp(log - log.max())
        mass /= mass.sum()
        top = float(tau[np.flatnonzero(mass > _TAIL * mass.max())[-1]]) * 1.01
    return tau, mass, common, variance


def _mixture(mass: Float64, means: Float64, variances: Float64, confidence: float, method: str) -> Interval:
    """Return mean, standard deviation and quantiles of a mixture of normal distributions."""
    from scipy.special import ndtr

    mean = float(mass @ means)
    deviation = sqrt(float(mass @ (variances + (means - mean) ** 2)))
    scales = np.sqrt(variances)
    bounds = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        low, high = float((means - 40 * scales).min()), float((means + 40 * scales).max())
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if mass @ ndtr((middle - means) / scales) < tail else (low, middle)
        bounds.append((low + high) / 2)
    return Interval(mean, bounds[0], bounds[1], deviation, 1, confidence, method)


def _placed(found: list[Interval], used: Used, nothing: Interval) -> tuple[Interval, ...]:
    """Return one interval for each estimate that was given, found ones in their places."""
    rest = iter(found)
    return tuple(next(rest) if one else nothing._replace(n=1) for one in used)
