"""Sample-ratio tests: whether the arms have the units that their weights promise."""

from __future__ import annotations

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
    status : Status
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
