"""Confidence sequences guaranteed at any size: betting against a proportion, two of them, or a bounded mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.stats._quadrature import root, roots
from recsys.stats._samples import Float64, level, sample
from recsys.stats.results import Status
from recsys.stats.sequential.mixture import AnytimeInterval

Excess = Callable[[Float64, NDArray[np.intp]], Float64]

_GOLDEN = (5**0.5 - 1) / 2
_EDGE = 1e-15  # proportions nearer to 0 or 1 are not told apart from them
_CUT = 0.5  # the largest share of the wealth that one value may cost (c of Waudby-Smith & Ramdas)


def proportion_sequence(successes: int, n: int, *, optimal_at: int, confidence: float = 0.95) -> AnytimeInterval:
    """Return one look of a confidence sequence for one proportion, guaranteed at every size and every look.

    The wealth against p is the beta-binomial martingale B(c p + s, c q + n − s) / B(c p, c q) / (p^s q^(n − s)) (Howard
    et al. 2021; a mixture of bets in the sense of Waudby-Smith & Ramdas 2024). The interval holds all p against which
    the wealth is below 1 / (1 − confidence). It depends on the counts alone, not on the order of the units.

    Parameters
    ----------
    successes, n : int
        Units with the event, and units, so far.
    optimal_at : int
        n at which the sequence shall be narrowest (about); to be fixed before the first look.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Returns
    -------
    AnytimeInterval
        Without a p-value (NaN): one proportion has no null.

    Raises
    ------
    ArgumentError
        Counts that are no counts.

    Examples
    --------
    >>> found = proportion_sequence(190, 1000, optimal_at=1000)
    >>> round(found.ci_low, 3), round(found.ci_high, 3)
    (0.154, 0.229)
    """
    confidence, optimal_at = level(confidence), positive_int("optimal_at", optimal_at)
    s, n = _counts("successes", successes, n)
    method = f"beta-binomial confidence sequence, narrowest at n = {optimal_at}"
    if n == 0:
        return AnytimeInterval(np.nan, 0.0, 1.0, np.nan, np.nan, n, confidence, method, "too_few")
    strength = prior_strength(optimal_at, (1 - confidence) ** 2)

    def excess(p: Float64, _: NDArray[np.intp]) -> Float64:
        return log_wealth(s, n, p, strength) + log(1 - confidence)

    low, high = (float(end[0]) for end in _edges(excess, np.array([s / n]), 0.0, 1.0))
    return AnytimeInterval(s / n, low, high, np.nan, np.nan, n, confidence, method)


def proportion_difference_sequence(
    successes: int,
    n: int,
    control_successes: int,
    control_n: int,
    *,
    optimal_at: int,
    share: float = 0.5,
    confidence: float = 0.95,
) -> AnytimeInterval:
    """Return one look of a confidence sequence for a difference of two proportions, guaranteed at every size.

    The product of the two arms' wealths (`proportion_sequence`) is a martingale under the true pair, in whatever order
    units enter the arms. A difference is inside when against some pair with this difference the wealth is below
    1 / (1 − confidence). The logarithm of the wealth is convex, so that this pair is found surely. The sequence is
    about an eighth wider than the asymptotic one: the price of the guarantee.

    Parameters
    ----------
    successes, n : int
        Of the treated arm: units with the event, and units, so far.
    control_successes, control_n : int
        Those of the control.
    optimal_at : int
        Units of both arms at which the sequence shall be narrowest (about); to be fixed before the first look.
    share : float
        Planned share of the treated arm among them.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        Counts that are no counts.

    Examples
    --------
    >>> found = proportion_difference_sequence(260, 1000, 190, 1000, optimal_at=2000)
    >>> round(found.estimate, 3), round(found.ci_low, 3), round(found.ci_high, 3), round(found.pvalue, 3)
    (0.07, 0.007, 0.133, 0.017)
    """
    return proportion_difference_sequences(
        [successes], [n], [control_successes], [control_n], optimal_at=optimal_at, share=share, confidence=confidence
    )[0]


def proportion_difference_sequences(
    successes: Sequence[int],
    n: Sequence[int],
    control_successes: Sequence[int],
    control_n: Sequence[int],
    *,
    optimal_at: int,
    share: float = 0.5,
    confidence: float = 0.95,
) -> tuple[AnytimeInterval, ...]:
    """Return many looks of `proportion_difference_sequence` at once: the same bounds, far faster.

    Parameters
    ----------
    successes, n, control_successes, control_n : (n_looks,) sequence of int
        Running totals of both arms at each look.
    optimal_at : int
        The number of units at which the sequence is narrowest.
    share, confidence : float
        Planned share of the treated arm, and confidence of the intervals.

    Raises
    ------
    ArgumentError
        Counts that are no counts.

    Examples
    --------
    >>> found = proportion_difference_sequences([120, 260], [500, 1000], [100, 190], [500, 1000], optimal_at=2000)
    >>> [(round(look.ci_low, 3), round(look.ci_high, 3)) for look in found]
    [(-0.051, 0.131), (0.007, 0.133)]
    """
    confidence, optimal_at = level(confidence), positive_int("optimal_at", optimal_at)
    share = finite_float("share", share, above=0, below=1)
    treated = [_counts("successes", *pair) for pair in zip(successes, n, strict=True)]
    control = [_counts("control_successes", *pair) for pair in zip(control_successes, control_n, strict=True)]
    counts = np.array([(*one, *other) for one, other in zip(treated, control, strict=True)], np.int64).reshape(-1, 4)
    method = f"beta-binomial confidence sequence of a difference, narrowest at n = {optimal_at}"
    known = (counts[:, 1] > 0) & (counts[:, 3] > 0)
    s1, n1, s0, n0 = counts[known].T
    strengths = (
        prior_strength(optimal_at * share, 1 - confidence),
        prior_strength(optimal_at * (1 - share), 1 - confidence),
    )

    def excess(difference: Float64, rows: NDArray[np.intp]) -> Float64:
        wealth = log_wealth_of_difference(s1[rows], n1[rows], s0[rows], n0[rows], difference, strengths)
        return wealth + log(1 - confidence)

    estimates = s1 / n1 - s0 / n0
    low, high = _edges(excess, estimates, -1.0, 1.0)
    pvalues = np.exp(-np.maximum(log_wealth_of_difference(s1, n1, s0, n0, np.zeros(len(s1)), strengths), 0.0))
    bounds = iter(np.column_stack([estimates, low, high, pvalues]).tolist())
    looks = []
    for told, size in zip(known.tolist(), (counts[:, 1] + counts[:, 3]).tolist(), strict=True):
        estimate, begin, end, pvalue = next(bounds) if told else (np.nan, -1.0, 1.0, 1.0)
        status: Status = "ok" if told else "too_few"
        looks.append(AnytimeInterval(estimate, begin, end, pvalue, np.nan, size, confidence, method, status))
    return tuple(looks)


def bounded_mean_sequence(
    values: ArrayLike,
    *,
    low: float = 0.0,
    high: float = 1.0,
    looks: Sequence[int] | None = None,
    confidence: float = 0.95,
) -> tuple[AnytimeInterval, ...]:
    """Return looks of the hedged betting confidence sequence for a mean of bounded values.

    Waudby-Smith & Ramdas (2024), theorem 3. Guaranteed at every size for any distribution between the bounds. The bets
    are the predictable plug-in ones (their equation 24), cut at 1/2. Their order matters: it must be that in
    which they became known.

    Parameters
    ----------
    values : (n,) array_like
        One a unit, final, within the bounds.
    low, high : float
        Bounds that no value can ever leave: known beforehand, not taken from the data.
    looks : sequence of int, optional
        Numbers of values after which to look; by default all of them, once.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Returns
    -------
    tuple of AnytimeInterval
        One a look, without p-values.

    Raises
    ------
    ArgumentError
        Values outside the bounds, looks that the values do not reach.

    Examples
    --------
    >>> found = bounded_mean_sequence([0.0, 1.0, 1.0, 0.5] * 100)[0]
    >>> round(found.estimate, 3), round(found.ci_low, 3), round(found.ci_high, 3)
    (0.625, 0.55, 0.696)
    """
    confidence = level(confidence)
    low, high = finite_float("low", low), finite_float("high", high, above=low)
    scaled = (sample("values", values) - low) / (high - low)
    if len(scaled) and (scaled.min() < 0 or scaled.max() > 1):
        raise ArgumentError("a value lies outside the bounds", f"values between {low:g} and {high:g} were expected")
    bets, totals = plug_in_bets(scaled, confidence), np.cumsum(scaled)
    found = []
    for n in (len(scaled),) if looks is None else looks:
        if positive_int("a look", n, minimum=0) > len(scaled):
            raise ArgumentError(f"a look is at {n} values", f"at most {len(scaled)} were expected")
        method = "hedged betting confidence sequence"
        if n == 0:
            found.append(AnytimeInterval(np.nan, low, high, np.nan, np.nan, 0, confidence, method, "too_few"))
            continue
        begin, end = _bounded_edges(scaled[:n], bets[:n], confidence)
        estimate, begin, end = (low + (high - low) * one for one in (float(totals[n - 1]) / n, begin, end))
        found.append(AnytimeInterval(estimate, begin, end, np.nan, np.nan, n, confidence, method))
    return tuple(found)


def log_wealth(successes: ArrayLike, n: ArrayLike, p: ArrayLike, strength: float) -> Float64:
    """Return the log of the beta-binomial martingale against p; convex in p."""
    from scipy.special import betaln

    s, p = np.asarray(successes, np.float64), np.clip(np.asarray(p, np.float64), _EDGE, 1 - _EDGE)
    f = np.asarray(n, np.float64) - s
    a, b = strength * p, strength * (1 - p)
    return np.asarray(betaln(a + s, b + f) - betaln(a, b) - s * np.log(p) - f * np.log1p(-p))


def log_wealth_of_difference(
    s1: ArrayLike, n1: ArrayLike, s0: ArrayLike, n0: ArrayLike, difference: Float64, strengths: tuple[float, float]
) -> Float64:
    """Return the smallest log wealth over all pairs of proportions with this difference (by golden section)."""
    left = np.broadcast_to(np.maximum(0.0, -difference), np.broadcast(s1, difference).shape).copy()
    right = np.broadcast_to(np.minimum(1.0, 1.0 - difference), left.shape).copy()

    def wealth(p: Float64) -> Float64:
        return log_wealth(s1, n1, p + difference, strengths[0]) + log_wealth(s0, n0, p, strengths[1])

    inner, outer = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    at_inner, at_outer = wealth(inner), wealth(outer)
    for _ in range(48):  # 0.618^48 < 1e-10, and the value errs by its square
        lower = at_inner < at_outer
        left, right = np.where(lower, left, inner), np.where(lower, outer, right)
        fresh = np.where(lower, right - _GOLDEN * (right - left), left + _GOLDEN * (right - left))
        inner, outer, found = np.where(lower, fresh, outer), np.where(lower, inner, fresh), wealth(fresh)
        at_inner, at_outer = np.where(lower, found, at_outer), np.where(lower, at_inner, found)
    return np.minimum(at_inner, at_outer)


def prior_strength(optimal_at: float, alpha: float) -> float:
    """Return the strength of the beta prior whose sequence is narrowest at n: n / v − 1, at least 1.

    v = −W(−alpha / e) − 1 minimises (1 + v) / v × log((1 + v) / alpha), the squared width in the normal limit; alpha is
    that of the sequence for two arms, and its square for one.
    """
    from scipy.special import lambertw

    v = float(-lambertw(-alpha / np.e, -1).real - 1)
    return max(optimal_at / v - 1, 1.0)


def plug_in_bets(values: Float64, confidence: float) -> Float64:
    """Return the predictable bets λ_t on values in 0…1 along the last axis, before they are cut."""
    t = np.arange(1, values.shape[-1] + 1)
    means = (0.5 + values.cumsum(axis=-1)) / (t + 1)
    variances = (0.25 + np.square(values - means).cumsum(axis=-1)) / (t + 1)
    before = np.concatenate([np.full((*values.shape[:-1], 1), 0.25), variances[..., :-1]], axis=-1)
    return np.asarray(np.sqrt(2 * np.log(2 / (1 - confidence)) / (before * t * np.log(t + 1))))


def log_capital(values: Float64, bets: Float64, mean: float, side: int) -> Float64:
    """Return the log of the capital that bets on values above (side 1) or below (−1) a mean have made, each step."""
    cut = _CUT / max(mean if side > 0 else 1 - mean, _EDGE)
    return np.asarray(np.log1p(side * np.minimum(bets, cut) * (values - mean)))


def _bounded_edges(values: Float64, bets: Float64, confidence: float) -> tuple[float, float]:
    """Return the means at which each side's capital, monotone in the mean, reaches its limit."""
    limit = log(2 / (1 - confidence))

    def excess(side: int, mean: float) -> float:
        return float(log_capital(values, bets, mean, side).sum()) - limit

    low = root(partial(excess, 1), 0.0, 1.0) if excess(1, 0.0) > 0 else 0.0
    high = root(partial(excess, -1), 0.0, 1.0) if excess(-1, 1.0) > 0 else 1.0
    return low, high


def _edges(excess: Excess, inside: Float64, low: float, high: float) -> tuple[Float64, Float64]:
    """Return where convex functions that are negative inside become positive, or the end of the range."""
    ends = []
    for end in (low, high):
        near, found = end + (inside - end) * 1e-12, np.full(len(inside), end)
        rows = np.flatnonzero(inside != end)
        rows = rows[excess(near[rows], rows) > 0]
        if len(rows):
            found[rows] = roots(partial(_of_rows, excess, rows), inside[rows], near[rows])
        ends.append(found)
    return ends[0], ends[1]


def _of_rows(
    excess: Excess,
    rows: NDArray[np.intp],
    at: Float64,
    places: NDArray[np.intp],
) -> Float64:
    return excess(at, rows[places])


def _counts(name: str, successes: int, n: int) -> tuple[int, int]:
    n, s = positive_int("n", n, minimum=0), positive_int(name, successes, minimum=0)
    if s > n:
        raise ArgumentError(f"{name} is {s} of {n}", "at most as many as there are units were expected")
    return s, n
