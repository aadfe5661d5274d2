"""Estimators that need nothing but weights and rewards: IPS, clipped IPS, SNIPS and rejection."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.core.seeds import Seed, generator
from recsys.ope.units import Units
from recsys.ope.valuing import CUT, Valued, valued
from recsys.ope.weights import checked


def ips(weights: ArrayLike, rewards: ArrayLike, units: Units | None = None) -> Valued:
    """Return the value by inverse propensity scores, Σ w r over the units (Horvitz & Thompson 1952).

    Unbiased when the target policy does only what the logging policy may do.

    Parameters
    ----------
    weights : (n,) array_like
        `importance_weights` of the rows.
    rewards : (n,) array_like
        Finite.
    units : Units, optional
        What the value is the mean over, and clusters; by default each row by itself.

    Raises
    ------
    ArgumentError
        For other lengths, NaN, infinite values or negative weights.

    Examples
    --------
    >>> found = ips([2.0, 0.0, 2.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    >>> found.value, found.effective_n, round(found.standard_error, 3)
    (0.5, 2.0, 0.5)
    """
    w, r = checked(weights, rewards)
    return valued("ips", units or Units.impressions(len(w)), plain=w * r, importance=w)


def clipped_ips(weights: ArrayLike, rewards: ArrayLike, units: Units | None = None, *, clip: float) -> Valued:
    """Return the value by IPS with weights of at most `clip` (Ionides 2008): less variance, biased towards 0.

    The effective sample size is that of the clipped weights.

    Raises
    ------
    ArgumentError
        For a clip that is not above 0, and as `ips`.

    Examples
    --------
    >>> clipped_ips([10.0, 1.0], [1.0, 1.0], clip=3.0).value
    2.0
    """
    w, r = checked(weights, rewards)
    cut = np.minimum(w, finite_float("clip", clip, above=0))
    return ips(cut, r, units).named("clipped_ips", *([CUT] if (cut < w).any() else []), clip=float(clip))


def snips(weights: ArrayLike, rewards: ArrayLike, units: Units | None = None) -> Valued:
    """Return the self-normalised value, Σ w r / Σ w (Swaminathan & Joachims 2015), times the rows a unit.

    Consistent, with a bias of order 1/n; a constant reward comes out exactly.

    Examples
    --------
    >>> found = snips([3.0, 1.0, 0.5], [1.0, 1.0, 1.0])
    >>> found.value, found.standard_error, found.status
    (1.0, 0.0, 'zero_variance')
    """
    w, r = checked(weights, rewards)
    return valued("snips", units or Units.impressions(len(w)), normalised=w * r, weights=w, importance=w)


def rejection(
    weights: ArrayLike, rewards: ArrayLike, units: Units | None = None, *, bound: float | None = None, seed: Seed = 0
) -> Valued:
    """Return the mean reward of the rows that rejection sampling keeps (Li, Chu, Langford & Wang 2011).

    A row is kept with probability w / bound: what is kept is distributed as if the target policy had chosen it. Under
    uniform logging over K actions with ``bound=K`` this is the replay of the paper: an action is drawn from the target
    policy, and the row is kept when it was shown; the weights carry the correction for other loggers.

    Parameters
    ----------
    weights, rewards, units
        As of `ips`.
    bound : float, optional
        At least the largest weight. By default the largest weight in the log, which keeps the most rows; a bound known
        beforehand, such as 1 over the least logging propensity, keeps the rows exactly independent.
    seed : int
        The same seed keeps the same rows.

    Returns
    -------
    Valued
        `effective_n` is the number of rows kept.

    Raises
    ------
    ArgumentError
        For a bound below the largest weight, and as `ips`.

    Examples
    --------
    A policy that always does the same, on a log that chose among two at random:

    >>> found = rejection([2.0, 0.0, 2.0, 0.0], [1.0, 1.0, 0.0, 0.0], bound=2)
    >>> found.value, found.effective_n
    (0.5, 2.0)
    """
    w, r = checked(weights, rewards)
    top = float(w.max(initial=0.0))
    at_most = top if bound is None else finite_float("bound", bound, above=0)
    if at_most < top:
        raise ArgumentError(f"bound is {at_most:g}", f"at least the largest weight, {top:g}, was expected")
    kept = (generator(seed).random(len(w)) * at_most < w).astype(np.float64)
    found = valued("rejection", units or Units.impressions(len(w)), normalised=kept * r, weights=kept, importance=kept)
    return found.named("rejection", bound=at_most)
