"""Sample-ratio tests: whether the arms have the units that their weights promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.stats._samples import Float64
from recsys.stats.results import Status

_COCHRAN = 5.0  # below this expected count the chi-squared distribution does not describe the statistic


class SampleRatio(NamedTuple):
    """A sample-ratio test.

    Attributes
    ----------
    pvalue : float
        NaN when the status is not ``ok``.
    statistic : float
        χ², or the e-value of the sequential test.
    df : int
        Arms with a weight, less one.
    observed : tuple of int
        Units of every arm, in the order given.
    expected : tuple of float
        Of the units in arms with a weight.
    unexpected : int
        Units in arms of weight 0: any such unit is a fault of its own, and not part of the p-value.
    n : int
        Units in arms with a weight.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    pvalue: float
    statistic: float
    df: int
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    unexpected: int
    n: int
    method: str
    status: Status = "ok"


def sample_ratio(counts: ArrayLike, weights: ArrayLike) -> SampleRatio:
    """Return Pearson's χ² test that units fell into arms by the weights, for one look at a size planned beforehand.

    Arms of weight 0 are dropped with their degree of freedom; units in them are reported as `unexpected`.

    Parameters
    ----------
    counts : (n_arms,) array_like of int
        Units that entered each arm.
    weights : (n_arms,) array_like
        At least 0, in any scale.

    Returns
    -------
    SampleRatio
        Status ``too_few`` when fewer than two arms have a weight or a count of fewer than 5 is expected somewhere.

    Raises
    ------
    ArgumentError
        Counts or weights are negative or not finite, or no arm has a weight.

    Examples
    --------
    >>> found = sample_ratio([44_700, 45_489], [0.5, 0.5])  # Cookie Cats
    >>> round(found.statistic, 2), round(found.pvalue, 4)
    (6.9, 0.0086)
    """
    observed, shares = _checked(counts, weights)
    kept, _, expected, head = _expected(observed, shares)
    method = "Pearson's chi-squared"
    if len(kept) < 2 or expected[kept].min() < _COCHRAN:
        return SampleRatio(np.nan, np.nan, *head, method, "too_few")
    from scipy.special import chdtrc

    statistic = float(((observed[kept] - expected[kept]) ** 2 / expected[kept]).sum())
    return SampleRatio(float(chdtrc(len(kept) - 1, statistic)), statistic, *head, method)


def sequential_sample_ratio(counts: ArrayLike, weights: ArrayLike, *, concentration: float = 1000.0) -> SampleRatio:
    """Return the sequential multinomial test (Lindon & Malek 2022): its p-value may be looked at after every unit.

    The e-value is the Bayes factor of a Dirichlet(concentration × weights) prior against the weights themselves, a
    martingale when units fall by the weights; the p-value is its inverse, at most 1. By Ville's inequality
    P(any look ever has p ≤ α) ≤ α. The running p-value is the smallest so far (`running_pvalues`).

    Parameters
    ----------
    counts : (n_arms,) array_like of int
        Units that entered each arm so far.
    weights : (n_arms,) array_like
        At least 0, in any scale.
    concentration : float
        Of the prior: small values find gross faults soonest, large ones slight faults; about a tenth of the number of
        units at which the test should be most powerful. To be fixed before the first look.

    Raises
    ------
    ArgumentError
        Counts or weights are negative or not finite, or no arm has a weight.

    Examples
    --------
    >>> round(sequential_sample_ratio([44_700, 45_489], [0.5, 0.5]).pvalue, 4)  # a look costs; compare `sample_ratio`
    0.3145
    >>> sequential_sample_ratio([5_000, 5_600], [0.5, 0.5]).pvalue < 1e-6
    True
    """
    observed, shares = _checked(counts, weights)
    concentration = finite_float("concentration", concentration, above=0)
    kept, n, _, head = _expected(observed, shares)
    method = "sequential multinomial (Dirichlet mixture)"
    if len(kept) < 2 or n == 0:
        return SampleRatio(np.nan, np.nan, *head, method, "too_few")
    log_e = float(log_evalues(observed[kept][None], shares[kept], concentration)[0])
    return SampleRatio(float(np.exp(-max(log_e, 0.0))), float(np.exp(min(log_e, 700.0))), *head, method)


def sample_ratio_bounds(
    n: ArrayLike, share: float, *, alpha: float = 0.01, concentration: float = 1000.0
) -> tuple[Float64, Float64]:
    """Return between which shares of n units an arm must stay for `sequential_sample_ratio` never to have p ≤ alpha.

    The test is that of the arm against all others. A share may be looked at after every unit: with the right ratio it
    leaves the bounds at any time in at most `alpha` of experiments.

    Parameters
    ----------
    n : (looks,) array_like of int
        Units of all arms so far.
    share : float
        Expected of the arm, between 0 and 1.
    alpha : float
        Level of the test.
    concentration : float
        As in `sequential_sample_ratio`.

    Returns
    -------
    low, high : (looks,) float64
        0 and 1 where so few units could not raise an alarm.

    Raises
    ------
    ArgumentError
        A number is not usable.

    Examples
    --------
    >>> low, high = sample_ratio_bounds([10, 10_000], 0.5)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.482], [1.0, 0.518])
    """
    share, alpha = (finite_float(name, one, above=0, below=1) for name, one in (("share", share), ("alpha", alpha)))
    concentration = finite_float("concentration", concentration, above=0)
    total, shares = np.atleast_1d(np.asarray(n, np.float64)), np.array([share, 1 - share])
    if not np.isfinite(total).all() or (total < 0).any():
        raise ArgumentError(f"n is {total.tolist()}", "whole numbers of at least 0 were expected")

    def alarm(part: Float64) -> NDArray[np.bool_]:
        counts = np.column_stack([part * total, (1 - part) * total])
        return np.asarray(log_evalues(counts, shares, concentration) >= -np.log(alpha))

    return _edge(alarm, np.full(len(total), share), 0.0), _edge(alarm, np.full(len(total), share), 1.0)


def _edge(alarm: Callable[[Float64], NDArray[np.bool_]], inside: Float64, end: float) -> Float64:
    """Return the last place on the way to the end at which there is no alarm: e-values rise away from the share."""
    outside = np.full(len(inside), end)
    silent = ~alarm(outside)
    for _ in range(50):
        middle = (inside + outside) / 2
        found = alarm(middle)
        outside, inside = np.where(found, middle, outside), np.where(found, inside, middle)
    return np.where(silent, end, inside)


def log_evalues(counts: Float64, shares: Float64, concentration: float) -> Float64:
    """Return the log e-values (looks,) of counts (looks, n_arms) against positive shares that sum to 1."""
    from scipy.special import gammaln

    prior, n = concentration * shares, counts.sum(axis=-1)
    each = gammaln(prior + counts) - gammaln(prior) - counts * np.log(shares)
    return np.asarray(gammaln(concentration) - gammaln(concentration + n) + each.sum(axis=-1))


def _checked(counts: ArrayLike, weights: ArrayLike) -> tuple[Float64, Float64]:
    observed, given = np.asarray(counts, np.float64), np.asarray(weights, np.float64)
    if observed.ndim != 1 or observed.shape != given.shape:
        raise ArgumentError(
            f"there are {observed.size} counts and {given.size} weights", "one each an arm was expected"
        )
    if not np.isfinite(observed).all() or (observed < 0).any() or (observed % 1 != 0).any():
        raise ArgumentError(f"the counts are {observed.tolist()}", "whole numbers of at least 0 were expected")
    if not np.isfinite(given).all() or (given < 0).any() or not given.sum() > 0:
        raise ArgumentError(f"the weights are {given.tolist()}", "numbers of at least 0, one above 0, were expected")
    return observed, given / given.sum()


_Head = tuple[int, tuple[int, ...], tuple[float, ...], int, int]


def _expected(observed: Float64, shares: Float64) -> tuple[NDArray[np.intp], int, Float64, _Head]:
    """Return the arms with a weight, their units, the expected counts, and the middle fields of the result."""
    kept = np.flatnonzero(shares > 0)
    n = int(observed[kept].sum())
    expected = shares * n
    unexpected = int(observed.sum()) - n
    counts = tuple(int(count) for count in observed)
    return kept, n, expected, (len(kept) - 1, counts, tuple(expected.tolist()), unexpected, n)
