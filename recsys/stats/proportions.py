"""Shares of independent units: Wilson's interval for one, the score test with Newcombe's interval for two."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.stats._mover import difference_bounds, relative_bounds
from recsys.stats._samples import Float64, level, z_pvalue, z_quantile
from recsys.stats.results import Interval, TwoSample

Int64 = NDArray[np.int64]
Counts = int | Sequence[int] | NDArray[np.integer]
"""A number of units; or one number a stratum, in the same order everywhere."""


def proportion_interval(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return a share with Wilson's score interval (1927), which covers for small n and shares near 0 or 1 as well.

    Parameters
    ----------
    successes, n : int
        How many of how many.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For counts that are negative, or more successes than units.

    Examples
    --------
    >>> found = proportion_interval(0, 20)
    >>> found.estimate, round(found.ci_low, 3), round(found.ci_high, 3)
    (0.0, 0.0, 0.161)
    """
    (s,), (size,) = _counts("successes", successes, n)
    confidence, method = level(confidence), "Wilson"
    if not size:
        return Interval(nan, nan, nan, nan, 0, confidence, method, "too_few")
    low, high = _wilson(np.array([s]), np.array([size]), z_quantile(confidence))
    share = s / size
    error = sqrt(share * (1 - share) / size)
    return Interval(float(share), float(low[0]), float(high[0]), error, int(size), confidence, method)


def difference_in_proportions(
    successes_treatment: Counts,
    n_treatment: Counts,
    successes_control: Counts,
    n_control: Counts,
    *,
    relative: bool = False,
    confidence: float = 0.95,
) -> TwoSample:
    """Return the difference of two shares: Newcombe's interval (1998, method 10), and the score test (pooled z).

    The interval squares and adds the distances to Wilson's bounds of both arms. That of the relative difference does
    the same to a quotient (Donner & Zou 2012): it excludes 0 exactly when the absolute interval does. The standard
    error is the unpooled one.

    Given one count a stratum, differences are taken within strata and weighted by the units of both arms (the interval
    as in Yan & Su 2010); strata where an arm has no unit are left out and counted.

    Parameters
    ----------
    successes_treatment, n_treatment, successes_control, n_control : int or (strata,) ints
        How many of how many, in each arm (and stratum).
    relative : bool
        Over the control's share.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For counts that are negative, more successes than units, or different numbers of strata.

    Notes
    -----
    When all units succeed, or none, there is an interval but no test: the status is ``zero_variance``.

    Examples
    --------
    Players who came back after 7 days in the Cookie Cats experiment:

    >>> found = difference_in_proportions(8279, 45489, 8502, 44700)
    >>> round(found.estimate, 5), round(found.statistic, 3), round(found.pvalue, 5)
    (-0.0082, -3.164, 0.00155)
    """
    st, nt = _counts("successes_treatment", successes_treatment, n_treatment)
    sc, nc = _counts("successes_control", successes_control, n_control)
    if len(nt) != len(nc):
        raise ArgumentError(f"treatment has {len(nt)} strata and control {len(nc)}", "the same were expected")
    confidence, total = level(confidence), int(nt.sum() + nc.sum())
    empty = not nt.sum() or not nc.sum()
    used = (nt > 0) & (nc > 0)
    st, nt, sc, nc = st[used], nt[used], sc[used], nc[used]
    n_left, n_right = int(nt.sum()), int(nc.sum())
    weights = (nt + nc) / max(n_left + n_right, 1)
    p, q = (float(weights @ (s / n)) if len(n) else nan for s, n in ((st, nt), (sc, nc)))
    plain = TwoSample(
        *(p - q, nan, nan, nan, nan, nan, nan),
        treatment=p,
        control=q,
        n_treatment=n_left,
        n_control=n_right,
        confidence=confidence,
        method="score, Newcombe" if len(used) < 2 else "stratified score, Newcombe",
        status="empty_arm" if empty else "too_few",
        left_out=total - n_left - n_right,
    )
    if not len(nt):
        return plain
    if relative and q == 0:
        return plain._replace(estimate=nan, status="zero_denominator")
    return _tested(_estimated(plain, st, nt, sc, nc, weights, relative), st, nt, sc, nc, weights)


def _estimated(
    plain: TwoSample, st: Int64, nt: Int64, sc: Int64, nc: Int64, weights: Float64, relative: bool
) -> TwoSample:
    """Return the result with its interval and standard error."""
    p, q, z = plain.treatment, plain.control, z_quantile(plain.confidence)
    bounds = relative_bounds if relative else difference_bounds
    low, high = bounds(p, q, _distances(st, nt, weights, z), _distances(sc, nc, weights, z))
    left, right = (float(weights**2 @ (s * (n - s) / n.astype(np.float64) ** 3)) for s, n in ((st, nt), (sc, nc)))
    if not relative:
        return plain._replace(ci_low=low, ci_high=high, standard_error=sqrt(left + right))
    error = sqrt(left + (p / q) ** 2 * right) / q
    return plain._replace(estimate=(p - q) / q, ci_low=low, ci_high=high, standard_error=error)


def _tested(plain: TwoSample, st: Int64, nt: Int64, sc: Int64, nc: Int64, weights: Float64) -> TwoSample:
    """Return the result with the score test, whose variance is that of equal shares within every stratum."""
    pooled = (st + sc) / (nt + nc)
    variance = float(weights**2 @ (pooled * (1 - pooled) * (1 / nt + 1 / nc)))
    if not variance:
        return plain._replace(status="zero_variance")
    z = (plain.treatment - plain.control) / sqrt(variance)
    return plain._replace(pvalue=z_pvalue(z), statistic=z, df=inf, status="ok")


def _counts(name: str, successes: Counts, n: Counts) -> tuple[Int64, Int64]:
    found = []
    for given in (successes, n):
        values = np.atleast_1d(np.asarray(given))
        if values.ndim != 1 or not len(values) or values.dtype.kind not in "iu" or values.min() < 0:
            raise ArgumentError(f"{name} or its n is {given!r}", "whole numbers of at least 0 were expected")
        found.append(values.astype(np.int64))
    if len(found[0]) != len(found[1]) or (found[0] > found[1]).any():
        raise ArgumentError(f"{name} is {successes!r} of {n!r}", "at most one success a unit was expected")
    return found[0], found[1]


def _wilson(successes: Int64, n: Int64, z: float) -> tuple[Float64, Float64]:
    share, square = successes / n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n.astype(np.float64)))
    low = np.where(successes == 0, 0.0, centre - half)  # exact at the ends, where rounding would leave 1e-18
    return low, np.where(successes == n, 1.0, centre + half)


def _distances(successes: Int64, n: Int64, weights: Float64, z: float) -> tuple[float, float]:
    """Return how far Wilson's bounds lie below and above the weighted share, strata squared and added."""
    low, high = _wilson(successes, n, z)
    share = successes / n
    down, up = weights * (share - low), weights * (high - share)
    return sqrt(float(down @ down)), sqrt(float(up @ up))
