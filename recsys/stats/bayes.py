"""Bayesian comparison of two arms: the probability to beat, and what a wrong choice would cost."""

from __future__ import annotations

from functools import cache
from math import inf, nan, pi, sqrt
from typing import NamedTuple

import numpy as np

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.stats._contrasts import Strata
from recsys.stats._samples import Float64, level, z_quantile
from recsys.stats.differences import difference_in_means
from recsys.stats.results import Status

_NODES = 200  # of the quadrature; a beta density over its own range needs fewer
_RANGE = 1e-15  # of probability beyond the range that is integrated over


class BayesResult(NamedTuple):
    """The posterior of a difference.

    Attributes
    ----------
    estimate : float
        Posterior mean of treatment − control.
    ci_low, ci_high : float
        Equal-tailed credible interval.
    standard_deviation : float
        Of the posterior.
    probability_to_beat : float
        Of a difference above 0.
    loss_treatment, loss_control : float
        What is lost on the average by choosing the treatment (the control): the posterior mean of how far it lies below
        the other, 0 where it does not.
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
    standard_deviation: float
    probability_to_beat: float
    loss_treatment: float
    loss_control: float
    confidence: float
    method: str
    status: Status = "ok"


def bayesian_means(
    treatment: Strata,
    control: Strata,
    *,
    column: int = 0,
    prior_mean: float = 0.0,
    prior_deviation: float = inf,
    confidence: float = 0.95,
) -> BayesResult:
    """Return the posterior of a difference of means with a normal prior; flat when `prior_deviation` is infinite.

    The likelihood of the difference is taken as normal with its standard error known: for samples large enough that a
    z interval would do.

    Parameters
    ----------
    treatment, control : Moments or sequence of Moments
        As in `difference_in_means`.
    column : int
        Place of the column in the moments.
    prior_mean, prior_deviation : float
        Of the difference, in the units of the metric.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For a prior deviation that is not above 0.

    Examples
    --------
    >>> from recsys.stats import Moments
    >>> rng = np.random.default_rng(7)
    >>> treatment, control = Moments.of(rng.normal(0.1, 1, size=2000)), Moments.of(rng.normal(size=2000))
    >>> found = bayesian_means(treatment, control, prior_deviation=0.1)
    >>> found.probability_to_beat > 0.9, found.loss_treatment < found.loss_control
    (True, True)
    """
    found = difference_in_means(treatment, control, column=column, confidence=confidence)
    return bayesian_effect(
        found.estimate,
        found.standard_error if found.status == "ok" else nan,
        prior_mean=prior_mean,
        prior_deviation=prior_deviation,
        confidence=confidence,
    )._replace(status=found.status)


def bayesian_effect(
    estimate: float,
    standard_error: float,
    *,
    prior_mean: float = 0.0,
    prior_deviation: float = inf,
    confidence: float = 0.95,
) -> BayesResult:
    """Return the posterior of any effect with a normal likelihood (adjusted, relative, a ratio) and a normal prior.

    Parameters
    ----------
    estimate, standard_error : float
        NaN, infinite or zero standard errors have no posterior: the status is ``zero_variance``.
    prior_mean, prior_deviation : float
        Of the effect, in its units.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For a prior deviation that is not above 0.

    Examples
    --------
    >>> round(bayesian_effect(1.96, 1.0).probability_to_beat, 3)
    0.975
    """
    from scipy.special import ndtr

    confidence, centre, method = level(confidence), finite_float("prior_mean", prior_mean), "normal"
    if not prior_deviation > 0:
        raise ArgumentError(f"prior_deviation is {prior_deviation!r}", "a number above 0, or infinity, was expected")
    if not 0 < standard_error < inf:
        return BayesResult(nan, nan, nan, nan, nan, nan, nan, confidence, method, "zero_variance")
    precision, prior = standard_error**-2.0, prior_deviation**-2.0
    deviation = (precision + prior) ** -0.5
    mean = estimate + (centre - estimate) * prior / (precision + prior)
    z = mean / deviation
    density = np.exp(-z * z / 2) / sqrt(2 * pi)
    losses = (deviation * (density - z * ndtr(-z)), deviation * (density + z * ndtr(z)))
    half = z_quantile(confidence) * deviation
    return BayesResult(
        mean, mean - half, mean + half, deviation, float(ndtr(z)), max(float(losses[0]), 0.0),
        max(float(losses[1]), 0.0), confidence, method,
    )  # fmt: skip


def bayesian_proportions(
    successes_treatment: int,
    n_treatment: int,
    successes_control: int,
    n_control: int,
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    confidence: float = 0.95,
) -> BayesResult:
    """Return the posterior of a difference of two shares, each with a beta prior; exact up to quadrature.

    Parameters
    ----------
    successes_treatment, n_treatment, successes_control, n_control : int
        How many of how many, in each arm.
    prior : (float, float)
        Successes and failures that are assumed before, in each arm; (1, 1) is flat, (0.5, 0.5) Jeffreys's.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For more successes than units, or a prior that is not above 0.

    Examples
    --------
    >>> found = bayesian_proportions(8279, 45489, 8502, 44700)
    >>> round(found.probability_to_beat, 4), round(found.loss_control, 7) < 1e-5
    (0.0008, True)
    """
    from scipy.special import betainc

    confidence = level(confidence)
    left = _posterior("treatment", successes_treatment, n_treatment, prior)
    right = _posterior("control", successes_control, n_control, prior)
    mean = left.mean - right.mean
    deviation = sqrt(left.variance + right.variance)
    x, weights = _nodes(min(left.low, right.low), max(left.high, right.high))
    below_left, below_right = betainc(left.a, left.b, x), betainc(right.a, right.b, x)
    beats = float(weights @ (left.density(x) * below_right))
    loss_treatment = float(weights @ (below_left * (1 - below_right)))
    loss_control = float(weights @ (below_right * (1 - below_left)))
    low, high = (_quantile(left, right, tail) for tail in ((1 - confidence) / 2, (1 + confidence) / 2))
    return BayesResult(
        mean, low, high, deviation, min(beats, 1.0), loss_treatment, loss_control, confidence, "beta-binomial"
    )  # fmt: skip


class _Beta(NamedTuple):
    a: float
    b: float
    low: float  # the range outside which there is next to nothing
    high: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        total = self.a + self.b
        return self.a * self.b / (total * total * (total + 1))

    def density(self, x: Float64) -> Float64:
        from scipy.special import betaln, xlog1py, xlogy

        found: Float64 = np.exp(xlogy(self.a - 1, x) + xlog1py(self.b - 1, -x) - betaln(self.a, self.b))
        return found


def _posterior(name: str, successes: int, n: int, prior: tuple[float, float]) -> _Beta:
    from scipy.special import betaincinv

    if not (isinstance(successes, int | np.integer) and isinstance(n, int | np.integer)) or not 0 <= successes <= n:
        raise ArgumentError(f"{name} has {successes!r} successes of {n!r}", "whole numbers were expected, 0 <= s <= n")
    a, b = (finite_float("prior", one, above=0) for one in prior)
    a, b = a + int(successes), b + int(n) - int(successes)
    return _Beta(a, b, float(betaincinv(a, b, _RANGE)), 1 - float(betaincinv(b, a, _RANGE)))


@cache
def _legendre() -> tuple[Float64, Float64]:
    return np.polynomial.legendre.leggauss(_NODES)


def _nodes(low: float, high: float) -> tuple[Float64, Float64]:
    """Return nodes and weights of an interval: Gauss and Legendre in s, x = 3 s² − 2 s³.

    The substitution flattens what a density may do at the ends of its range (x^(−1/2) for Jeffreys's prior).
    """
    nodes, weights = _legendre()
    s = (nodes + 1) / 2
    return low + s * s * (3 - 2 * s) * (high - low), weights * 3 * s * (1 - s) * (high - low)


def _quantile(left: _Beta, right: _Beta, tail: float) -> float:
    """Return the quantile of left − right, whose distribution function is ∫ f_right(y) F_left(x + y) dy."""
    from scipy.optimize import brentq
    from scipy.special import betainc

    y, weights = _nodes(right.low, right.high)
    mass = weights * right.density(y)
    mass /= mass.sum()

    def excess(x: float) -> float:
        return float(mass @ betainc(left.a, left.b, np.clip(y + x, 0, 1))) - tail

    return float(brentq(excess, left.low - right.high, left.high - right.low, xtol=1e-15))
