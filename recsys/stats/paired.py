"""Two arms on the same units: paired tests, effect sizes, wins and losses."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import positive_int
from recsys.core.seeds import Seed, generator
from recsys.stats._samples import (
    Float64,
    is_constant,
    largest,
    level,
    pair,
    t_pvalue,
    t_quantile,
    z_quantile,
)
from recsys.stats.results import Interval, PairedResult, PermutationResult, Status, WinTieLoss


def paired_t(treatment: ArrayLike, control: ArrayLike, *, confidence: float = 0.95) -> PairedResult:
    """Return the paired t test of a mean difference of 0, with the t interval of the mean difference.

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

    Notes
    -----
    Differences that are equal up to rounding have the status ``zero_variance`` and no p-value.

    Examples
    --------
    >>> found = paired_t([3.0, 4.0, 6.0, 8.0], [2.0, 4.0, 5.0, 5.0])
    >>> found.estimate, round(found.pvalue, 4), found.status
    (1.25, 0.1411, 'ok')
    """
    left, right = pair(treatment, control)
    difference, confidence = left - right, level(confidence)
    n, n_zero = len(difference), int((difference == 0).sum())
    estimate = float(difference.mean()) if n else np.nan
    tail = (n, n_zero, confidence, "paired t")
    if n < 2:
        return PairedResult(estimate, np.nan, np.nan, np.nan, np.nan, np.nan, *tail, "too_few")
    if is_constant(difference, largest(left, right)):
        return PairedResult(estimate, np.nan, np.nan, np.nan, np.nan, np.nan, *tail, "zero_variance")
    spread = float(difference.std(ddof=1))
    error = spread / sqrt(n)
    half, t = t_quantile(confidence, n - 1) * error, estimate / error
    return PairedResult(estimate, estimate - half, estimate + half, t_pvalue(t, n - 1), t, estimate / spread, *tail)


def cohens_dz(treatment: ArrayLike, control: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return Cohen's d_z, the mean difference over the standard deviation of the differences, with a normal interval.

    The standard error is the square root of 1/n + d_z²/(2 n) (Goulet-Pelletier & Cousineau 2018, large samples).

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
    >>> round(cohens_dz([3.0, 4.0, 6.0, 8.0], [2.0, 4.0, 5.0, 5.0]).estimate, 3)
    0.993
    """
    found = paired_t(treatment, control, confidence=confidence)
    d, n, method = found.effect_size, found.n, "Cohen's d_z"
    if found.status != "ok":
        return Interval(np.nan, np.nan, np.nan, np.nan, n, confidence, method, found.status)
    error = sqrt(1 / n + d * d / (2 * n))
    half = z_quantile(confidence) * error
    return Interval(d, d - half, d + half, error, n, confidence, method)


def paired_permutation(
    treatment: ArrayLike, control: ArrayLike, *, resamples: int = 9999, seed: Seed = 0
) -> PermutationResult:
    """Return the sign-flip test of the mean difference: under the null each difference is as likely to be its negative.

    The p-value is (b + 1) / (m + 1), b of m random flips being at least as extreme (Phipson & Smyth 2010). Means that
    agree up to rounding count as equally extreme.

    Parameters
    ----------
    treatment, control : (n,) array_like
        Values of the same units in the same order, finite.
    resamples : int
        m; the smallest possible p-value is 1 / (m + 1).
    seed : int
        The same seed gives the same p-value.

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or samples of different lengths.

    Examples
    --------
    >>> paired_permutation(range(1, 11), [0] * 10, resamples=999, seed=7).pvalue < 0.02
    True
    """
    left, right = pair(treatment, control)
    difference, rng, resamples = left - right, generator(seed), positive_int("resamples", resamples)
    n, method = len(difference), "sign-flip permutation"
    changed = difference[difference != 0]
    estimate = float(difference.mean()) if n else np.nan
    if n < 2 or not len(changed):
        status: Status = "too_few" if n < 2 else "zero_variance"
        return PermutationResult(estimate, np.nan, n, n - len(changed), resamples, 0, method, status)
    sums = _flipped_sums(changed, resamples, rng)
    tolerance = 1e-12 * float(np.abs(changed).sum())
    as_extreme = int((np.abs(sums) >= abs(float(changed.sum())) - tolerance).sum())
    pvalue = (as_extreme + 1) / (resamples + 1)
    return PermutationResult(estimate, pvalue, n, n - len(changed), resamples, as_extreme, method)


def win_tie_loss(treatment: ArrayLike, control: ArrayLike) -> WinTieLoss:
    """Return on how many units the treatment is above, level with, below the control.

    Examples
    --------
    >>> win_tie_loss([1, 2, 3], [1, 1, 4])
    WinTieLoss(wins=1, ties=1, losses=1)
    """
    left, right = pair(treatment, control)
    return WinTieLoss(int((left > right).sum()), int((left == right).sum()), int((left < right).sum()))


def _flipped_sums(difference: Float64, resamples: int, rng: np.random.Generator) -> Float64:
    """Return sums under random signs, eight differences at a time: a random byte picks one of the 256 sums."""
    signs = 2.0 * (np.arange(256)[:, None] >> np.arange(8) & 1) - 1
    sums = np.zeros(resamples)
    for start in range(0, len(difference), 8):
        eight = difference[start : start + 8]
        table = signs[:, : len(eight)] @ eight
        sums += table[np.frombuffer(rng.bytes(resamples), np.uint8)]
    return sums
