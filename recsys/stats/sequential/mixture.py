"""Intervals that hold at every look: normal mixtures over any estimate that has a standard error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.stats._samples import Float64, level
from recsys.stats.results import Status


class AnytimeInterval(NamedTuple):
    """An estimate with an interval and a p-value that stay valid however often one looks and whenever one stops.

    Attributes
    ----------
    estimate : float
        The value itself.
    ci_low, ci_high : float
        Infinite where nothing can be said yet; NaN when the status is neither ``ok`` nor ``burn_in``.
    pvalue : float
        Two-sided, of no difference; below 1 − confidence exactly when 0 lies outside the interval.
    standard_error : float
        NaN for the exact sequences, which need none.
    n : int
        Units.
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
    pvalue: float
    standard_error: float
    n: int
    confidence: float
    method: str
    status: Status = "ok"


def asymptotic_sequence(
    estimate: float,
    standard_error: float,
    n: int,
    *,
    optimal_at: int,
    burn_in: int = 200,
    confidence: float = 0.95,
) -> AnytimeInterval:
    """Return one look of the asymptotic confidence sequence of Waudby-Smith et al. (2024, Annals of Statistics).

    For any estimate that is asymptotically a mean over units (a difference of means, a ratio, an adjusted effect), with
    V = n ρ²: estimate ± standard error × sqrt((V + 1) / V × log((V + 1) / (1 − confidence)²)). The probability that
    it misses the truth at *any* look from `burn_in` on tends to at most 1 − confidence as `burn_in` grows. Units must
    enter with final values: only those whose window has ended.

    Parameters
    ----------
    estimate, standard_error : float
        At this look, of the units so far.
    n : int
        Units so far, in all arms of the comparison.
    optimal_at : int
        n at which the sequence shall be narrowest, such as the planned size; to be fixed before the first look.
    burn_in : int
        Looks at fewer units say nothing: status ``burn_in``, an infinite interval, p-value 1.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For numbers out of their range.

    Examples
    --------
    >>> found = asymptotic_sequence(0.5, 0.1, 2000, optimal_at=2000)
    >>> round(found.ci_low, 3), round(found.ci_high, 3), round(found.pvalue, 5)
    (0.196, 0.804, 4e-05)
    >>> asymptotic_sequence(0.5, 0.1, 100, optimal_at=2000).status
    'burn_in'
    """
    confidence, n = level(confidence), positive_int("n", n, minimum=0)
    burn_in, optimal_at = positive_int("burn_in", burn_in, minimum=2), positive_int("optimal_at", optimal_at)
    method = f"asymptotic confidence sequence, narrowest at n = {optimal_at}"
    ratio = n * optimal_rho2(confidence, optimal_at)
    return _look(estimate, standard_error, ratio, n, confidence, method, waits=n < burn_in)


def msprt(estimate: float, standard_error: float, n: int, *, tau: float, confidence: float = 0.95) -> AnytimeInterval:
    """Return one look of the mixture sequential probability ratio test (Robbins 1970; Johari et al. 2022).

    For an estimate that is normal with this standard error, and effects mixed over N(0, tau²). Exact for normal data
    of known variance, else in large samples; it holds from the first look.

    Parameters
    ----------
    estimate, standard_error : float
        At this look.
    n : int
        Units so far; they are reported only.
    tau : float
        The scale of effects that one expects, in the unit of the estimate; to be fixed before the first look.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For numbers out of their range.

    Examples
    --------
    >>> found = msprt(0.5, 0.1, 2000, tau=0.3)
    >>> round(found.ci_low, 3), round(found.ci_high, 3), round(found.pvalue, 6)
    (0.196, 0.804, 4.1e-05)
    """
    confidence, n = level(confidence), positive_int("n", n, minimum=0)
    tau = finite_float("tau", tau, above=0)
    error = float(standard_error)
    ratio = (tau / error) ** 2 if error > 0 else np.nan
    return _look(estimate, error, ratio, n, confidence, f"mSPRT, tau = {tau:g}", waits=False)


def running_pvalues(pvalues: ArrayLike) -> Float64:
    """Return the smallest p-value so far at every look: still valid, and it never rises.

    Examples
    --------
    >>> running_pvalues([1.0, 0.2, 0.4, 0.03]).tolist()
    [1.0, 0.2, 0.2, 0.03]
    """
    return np.fmin.accumulate(np.asarray(pvalues, np.float64))


def running_intersection(lows: ArrayLike, highs: ArrayLike) -> tuple[Float64, Float64]:
    """Return the intersection of all intervals so far: still valid while the effect itself does not change.

    An empty intersection (low above high) says that it did, or that one of the few misses has happened.

    Examples
    --------
    >>> running_intersection([-1.0, 0.1, 0.0], [2.0, 1.5, 1.8])
    (array([-1. ,  0.1,  0.1]), array([2. , 1.5, 1.5]))
    """
    low, high = np.asarray(lows, np.float64), np.asarray(highs, np.float64)
    if low.shape != high.shape or low.ndim != 1:
        raise ArgumentError(f"the ends have the shapes {low.shape} and {high.shape}", "two equal vectors were expected")
    return np.fmax.accumulate(low), np.fmin.accumulate(high)


def optimal_rho2(confidence: float, optimal_at: float) -> float:
    """Return ρ² that makes the sequence narrowest at n (Waudby-Smith et al. 2024, appendix B.2, exactly)."""
    from scipy.special import lambertw

    alpha = 1 - confidence
    return float(-lambertw(-(alpha**2) / np.e, -1).real - 1) / optimal_at


def boundary(ratio: ArrayLike, confidence: float) -> Float64:
    """Return the half-width in standard errors; `ratio` is the prior variance over the squared standard error."""
    v = np.asarray(ratio, np.float64)
    return np.asarray(np.sqrt((v + 1) / v * (np.log1p(v) - 2 * np.log1p(-confidence))))


def log_evalue(z: ArrayLike, ratio: ArrayLike) -> Float64:
    """Return the log of the mixture likelihood ratio against 0 of a standardised estimate."""
    v = np.asarray(ratio, np.float64)
    return np.asarray(np.square(z) * v / (2 * (v + 1)) - np.log1p(v) / 2)


def _look(
    estimate: float, error: float, ratio: float, n: int, confidence: float, method: str, *, waits: bool
) -> AnytimeInterval:
    estimate, error = float(estimate), float(error)
    status: Status = "ok"
    if n < 2 or np.isnan(estimate) or np.isnan(error):
        status = "too_few"
    elif error == 0:
        status = "zero_variance"
    elif error < 0 or not np.isfinite(estimate) or not np.isfinite(error):
        raise ArgumentError(f"the estimate is {estimate} ± {error}", "a finite estimate and error were expected")
    if status != "ok":
        return AnytimeInterval(estimate, np.nan, np.nan, np.nan, error, n, confidence, method, status)
    if waits:
        return AnytimeInterval(estimate, -np.inf, np.inf, 1.0, error, n, confidence, method, "burn_in")
    half = float(boundary(ratio, confidence)) * error
    pvalue = float(np.exp(-max(float(log_evalue(estimate / error, ratio)), 0.0)))
    return AnytimeInterval(estimate, estimate - half, estimate + half, pvalue, error, n, confidence, method)
