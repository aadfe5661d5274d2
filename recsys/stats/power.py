"""How many units a test takes, what it can find, and how surely: fixed and sequential, one arm or several."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from math import ceil, sqrt
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError, NotEstimableError
from recsys.stats._quadrature import root
from recsys.stats._samples import Float64, sample
from recsys.stats.sequential.crossing import crossing_probabilities
from recsys.stats.sequential.mixture import boundary, optimal_rho2
from recsys.stats.sequential.spending import RULES, Rule, group_sequential_bounds
from recsys.stats.several_arms import critical_value

Correction = Literal["none", "bonferroni", "dunnett"]
_FAR = 35.0  # standard errors; such an effect is found by any design


@dataclass(frozen=True)
class Baseline:
    """How uncertain one unit leaves an effect: what power needs to know of a metric.

    Make one with `of_mean`, `of_proportion`, `of_ratio` or `of_quantile`.

    Attributes
    ----------
    value : float
        The control's.
    variance : float
        Per unit: the squared standard error of an arm's value times its units.
    kind : {"mean", "proportion", "ratio", "quantile"}
        What kind of metric it is.
    """

    value: float
    variance: float
    kind: Literal["mean", "proportion", "ratio", "quantile"] = "mean"

    def __post_init__(self) -> None:
        finite_float("value", self.value)
        if not finite_float("variance", self.variance, minimum=0) > 0:
            raise NotEstimableError(
                "the values do not vary", "a variance above 0 was expected", "choose other units or another metric"
            )

    @classmethod
    def of_mean(cls, mean: float, sd: float, *, rho: float = 0.0) -> Baseline:
        """Return that of a mean; rho is the correlation with the covariate (CUPED keeps 1 − rho² of the variance).

        Parameters
        ----------
        mean : float
            Of the control, in the unit of the metric.
        sd : float
            Standard deviation of a unit.
        rho : float
            Correlation with the covariate, −1 to 1.
        """
        sd, rho = finite_float("sd", sd, minimum=0), finite_float("rho", rho, above=-1, below=1)
        return cls(finite_float("mean", mean), sd**2 * (1 - rho**2))

    @classmethod
    def of_proportion(cls, share: float, *, rho: float = 0.0) -> Baseline:
        """Return that of a share of units; the treated arm has the variance of its own share."""
        share, rho = finite_float("share", share, above=0, below=1), finite_float("rho", rho, above=-1, below=1)
        return cls(share, share * (1 - share) * (1 - rho**2), "proportion")

    @classmethod
    def of_ratio(
        cls, numerator: float, denominator: float, variances: tuple[float, float], covariance: float, *, rho: float = 0
    ) -> Baseline:
        """Return that of a ratio of two means over units, by the delta method.

        With R the ratio: (var(numerator) − 2 R cov + R² var(denominator)) / denominator²; `variances` are those of the
        two, and rho is the correlation of what is linearised, numerator − R × denominator, with its covariate.

        Parameters
        ----------
        numerator, denominator : float
            Means a unit.
        variances : (float, float)
            Of a unit's numerator and denominator.
        covariance : float
            Of the two.
        rho : float
            Correlation with the covariate, −1 to 1.
        """
        rho = finite_float("rho", rho, above=-1, below=1)
        if denominator == 0:
            raise NotEstimableError("the mean of the denominator is 0", "another mean was expected")
        ratio = numerator / denominator
        spread = variances[0] - 2 * ratio * covariance + ratio**2 * variances[1]
        return cls(ratio, max(spread, 0.0) / denominator**2 * (1 - rho**2), "ratio")

    @classmethod
    def of_quantile(cls, values: ArrayLike, q: float) -> Baseline:
        """Return that of a quantile over units: q (1 − q) over the squared density there (bandwidth of Bofinger 1975).

        The density is a difference quotient of the empirical quantiles. Many equal values at the quantile have no
        density: then there is nothing to plan with, and the error says so.
        """
        data, q = np.sort(sample("values", values)), finite_float("q", q, above=0, below=1)
        if len(data) < 20:
            raise NotEstimableError(f"there are {len(data)} values", "at least 20 were expected for a density")
        value, slope = float(np.quantile(data, q)), quantile_slope(data, q)
        return cls(value, q * (1 - q) * slope**2, "quantile")

    def treated(self, effect: float) -> float:
        """Return the variance per unit of an arm with this effect."""
        if self.kind != "proportion":
            return self.variance
        share = self.value + effect
        kept = self.variance / (self.value * (1 - self.value))
        return max(share * (1 - share), 0.0) * kept


@dataclass(frozen=True)
class PowerDesign:
    """How the arms will be compared with the control.

    Parameters
    ----------
    weights : tuple of float
        Shares of the units, the control first.
    alpha : float
        For all arms together; two-sided, or with `sides` 1 one-sided.
    sides : {1, 2}
        Of the test.
    correction : {"dunnett", "bonferroni", "none"}
        For several arms against the control; one-sided tests take Bonferroni's bound for Dunnett's.
    fractions : tuple of float
        Looks, as shares of the units at the end; one look: the fixed design.
    rule : str
        How the looks share alpha: a `Rule` of group-sequential bounds, or ``confidence-sequence`` (an asymptotic
        sequence narrowest at the end, looked at at the fractions).
    test : {"t", "z"}
        Of a fixed design for means: Student's with n − 2 degrees of freedom, or normal.

    Examples
    --------
    >>> round(PowerDesign().critical, 6)
    1.959964
    >>> round(PowerDesign(weights=(0.4, 0.3, 0.3)).critical, 3)
    2.219
    """

    weights: tuple[float, ...] = (0.5, 0.5)
    alpha: float = 0.05
    sides: Literal[1, 2] = 2
    correction: Correction = "dunnett"
    fractions: tuple[float, ...] = (1.0,)
    rule: Rule | Literal["confidence-sequence"] = "lan-demets-obrien-fleming"
    test: Literal["t", "z"] = "z"

    def __post_init__(self) -> None:
        given = sample("weights", self.weights)
        if len(given) < 2 or given.min() <= 0:
            raise ArgumentError(f"the weights are {self.weights!r}", "two or more numbers above 0 were expected")
        object.__setattr__(self, "weights", tuple((given / given.sum()).tolist()))
        finite_float("alpha", self.alpha, above=0, below=0.5)
        if self.sides not in (1, 2):
            raise ArgumentError(f"sides is {self.sides!r}", "1 or 2 was expected")
        one_of("correction", self.correction, get_args(Correction))
        one_of("rule", self.rule, (*RULES, "confidence-sequence"))
        one_of("test", self.test, ("t", "z"))
        if not self.fractions or abs(self.fractions[-1] - 1) > 1e-12:
            raise ArgumentError(f"the fractions are {self.fractions!r}", "looks that end with 1 were expected")

    @cached_property
    def critical(self) -> float:
        """What a standardised difference must reach when one looks once, in large samples."""
        from scipy.special import ndtri

        m = len(self.weights) - 1
        if m > 1 and self.correction == "dunnett" and self.sides == 2:
            control, treated = 1 / self.weights[0], 1 / np.asarray(self.weights[1:])
            return critical_value(1 - self.alpha, np.sqrt(control / (control + treated)))
        parts = m if self.correction != "none" else 1
        return -float(ndtri(self.alpha / self.sides / parts))

    @cached_property
    def bounds(self) -> Float64:
        """What it must reach at each look."""
        from scipy.special import ndtr

        tail = float(ndtr(-self.critical))
        if len(self.fractions) == 1 and self.rule != "confidence-sequence":
            return np.array([self.critical])
        if self.rule == "confidence-sequence":
            confidence = 1 - 2 * tail
            return boundary(np.asarray(self.fractions) * optimal_rho2(confidence, 1.0), confidence)
        return group_sequential_bounds(self.fractions, alpha=tail * self.sides, sides=self.sides, rule=self.rule)

    @property
    def fixed(self) -> bool:
        """Whether there is one look and no price for more."""
        return len(self.fractions) == 1 and self.rule != "confidence-sequence"

    def noncentral(self, baseline: Baseline) -> bool:
        """Return whether power comes from the noncentral t distribution."""
        return self.fixed and self.test == "t" and baseline.kind != "proportion"


def achieved_power(
    baseline: Baseline, effect: float, n: float, *, design: PowerDesign | None = None, margin: float = 0.0
) -> float:
    """Return the probability that the test of an arm finds an effect; with several arms, of the arm with the least.

    Both tails count in a two-sided test, as in statsmodels. A fixed t test uses the noncentral t distribution; all
    others are normal, with the variances of both arms as they are under the effect.

    Parameters
    ----------
    baseline : Baseline
        The metric in the control.
    effect : float
        True arm − control, in the unit of the metric.
    n : float
        Units of all arms.
    design : PowerDesign, optional
        By default two equal arms, two-sided .05, one look.
    margin : float
        Of a non-inferiority test (one-sided): the hypothesis is effect ≤ −margin.

    Raises
    ------
    ArgumentError
        Numbers out of their range.

    Examples
    --------
    >>> round(achieved_power(Baseline.of_mean(10, 4), 0.5, 2000), 4)
    0.7982
    """
    design, effect, margin = _checked(baseline, effect, design, margin)
    n = finite_float("n", n, above=0)
    return min(_power(baseline, effect, margin, n, design, weight) for weight in set(design.weights[1:]))


def sample_size(
    baseline: Baseline, effect: float, *, power: float = 0.8, design: PowerDesign | None = None, margin: float = 0.0
) -> int:
    """Return the smallest number of units of all arms together that reaches the power; see `achieved_power`.

    Parameters
    ----------
    baseline : Baseline
        The metric in the control.
    effect : float
        True arm − control, in the unit of the metric.
    power : float
        Probability of finding it, between 0 and 1.
    design : PowerDesign, optional
        By default two equal arms, two-sided .05, one look.
    margin : float
        Of a non-inferiority test (one-sided): the hypothesis is effect ≤ −margin.

    Raises
    ------
    ArgumentError
        There is no effect to find (effect + margin is 0, or below in a one-sided test), or numbers out of their range.

    Examples
    --------
    >>> sample_size(Baseline.of_mean(10, 4), 0.5)
    2010
    >>> sample_size(Baseline.of_mean(10, 4, rho=0.7), 0.5)
    1025
    """
    design, effect, margin = _checked(baseline, effect, design, margin)
    wanted = finite_float("power", power, above=design.alpha, below=1)
    if effect + margin == 0 or (design.sides == 1 and effect + margin < 0):
        raise ArgumentError(f"the effect is {effect + margin:g}", "an effect that the test can find was expected")

    if not design.noncentral(baseline):
        spread = max(baseline.treated(effect) / w for w in design.weights[1:]) + baseline.variance / design.weights[0]
        found = drift_needed(design, wanted) ** 2 * spread / (effect + margin) ** 2
        return max(ceil(found - 1e-7), 4)

    def short(n: float) -> float:
        return min(_power(baseline, effect, margin, n, design, weight) for weight in set(design.weights[1:])) - wanted

    low, high = 4.0, 8.0
    while short(high) < 0:
        low, high = high, high * 4
    return ceil(low if short(low) >= 0 else root(short, low, high) - 1e-7)


def detectable_effect(
    baseline: Baseline,
    n: float,
    *,
    power: float = 0.8,
    design: PowerDesign | None = None,
    margin: float = 0.0,
    decrease: bool = False,
) -> float:
    """Return the smallest true effect that n units find with this power (the minimum detectable effect), above 0.

    Parameters
    ----------
    baseline, n, power, design, margin
        As of `achieved_power`; with a margin the smallest effect that is shown not to be worse (it may be below 0).
    decrease : bool
        Whether the effect is a decrease; that matters for proportions. The size of the decrease is returned.

    Raises
    ------
    NotEstimableError
        No possible effect reaches the power.

    Examples
    --------
    >>> round(detectable_effect(Baseline.of_mean(10, 4), 2010), 3)
    0.5
    """
    design, _, margin = _checked(baseline, 0.0, design, margin)
    n, wanted = finite_float("n", n, minimum=4), finite_float("power", power, above=design.alpha, below=1)
    weight = min(design.weights[1:])
    if design.noncentral(baseline):

        def short(effect: float) -> float:
            return _power(baseline, effect, margin, n, design, weight) - wanted

        return root(short, -margin, 200 * sqrt(baseline.variance / n / min(design.weights)))
    sign, needed = -1.0 if decrease else 1.0, drift_needed(design, wanted)

    def missing(effect: float) -> float:
        error = sqrt((baseline.treated(sign * effect) / weight + baseline.variance / design.weights[0]) / n)
        return effect + margin - needed * error

    if baseline.kind != "proportion":
        return -missing(0.0)
    most = baseline.value if decrease else 1 - baseline.value
    if missing(most) < 0:
        raise NotEstimableError(f"{n:g} units cannot show any effect with a power of {wanted:g}")
    return root(missing, -margin, most)


@cache
def drift_needed(design: PowerDesign, power: float) -> float:
    """Return how many standard errors (of the end) an effect must be long to be found with this power."""
    return root(lambda drift: _normal_power(drift, design) - power, 0.0, _FAR)


def quantile_slope(rising: Float64, q: float) -> float:
    """Return the derivative of the quantile function of sorted values at q (one over the density)."""
    from scipy.special import ndtri

    n, z = len(rising), float(ndtri(q))
    density = float(np.exp(-z * z / 2) / sqrt(2 * np.pi))
    width = n ** (-1 / 5) * (4.5 * density**4 / (2 * z * z + 1) ** 2) ** (1 / 5)
    width = min(width, q, 1 - q)
    low, high = np.quantile(rising, [q - width, q + width]).tolist()
    return float((high - low) / (2 * width))


def _power(baseline: Baseline, effect: float, margin: float, n: float, design: PowerDesign, weight: float) -> float:
    """Return the power of one arm with this weight."""
    treated, control = n * weight, n * design.weights[0]
    error = sqrt(baseline.treated(effect) / treated + baseline.variance / control)
    drift = (effect + margin) / error
    if design.noncentral(baseline):
        return _t_power(drift, treated + control - 2, design)
    return _normal_power(drift, design)


def _normal_power(drift: float, design: PowerDesign) -> float:
    if design.fixed:
        from scipy.special import ndtr

        tails = (drift - design.critical, -drift - design.critical)
        return float(ndtr(tails[0]) + (ndtr(tails[1]) if design.sides == 2 else 0.0))
    if abs(drift) > _FAR:
        return 1.0 if drift > 0 or design.sides == 2 else 0.0
    high = design.bounds
    low = -high if design.sides == 2 else np.full(len(high), -np.inf)
    below, above = crossing_probabilities(design.fractions, low, high, drift=drift)
    return float(above.sum() + (below.sum() if design.sides == 2 else 0.0))


def _t_power(drift: float, df: float, design: PowerDesign) -> float:
    from scipy.special import nctdtr, ndtr, stdtrit

    if df <= 0:
        return 0.0
    tail = float(ndtr(-design.critical))
    critical = float(-stdtrit(df, tail))
    above = float(nctdtr(df, -drift, -critical))  # P(T > c | δ) = P(T < −c | −δ)
    return above + (float(nctdtr(df, drift, -critical)) if design.sides == 2 else 0.0)


def _checked(
    baseline: Baseline, effect: float, design: PowerDesign | None, margin: float
) -> tuple[PowerDesign, float, float]:
    design, margin = design or PowerDesign(), finite_float("margin", margin, minimum=0)
    effect = finite_float("effect", effect)
    if margin and design.sides == 2:
        raise ArgumentError("there is a margin and the test has two sides", "sides=1 was expected")
    if baseline.kind == "proportion" and not 0 <= baseline.value + effect <= 1:
        raise ArgumentError(f"the share would be {baseline.value + effect:g} with this effect", "0 to 1 was expected")
    return design, effect, margin
