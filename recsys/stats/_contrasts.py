"""Two independent arms as means with covariances, and the comparison of smooth functions of those means."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan, sqrt
from typing import NamedTuple

import numpy as np

from recsys.core.errors import ArgumentError
from recsys.stats._fieller import Quotient
from recsys.stats._samples import Float64, t_pvalue, t_quantile
from recsys.stats.moments import Moments
from recsys.stats.results import Status, TwoSample

Strata = Moments | Sequence[Moments]
"""The moments of an arm: of all its units, or of each stratum, in the same order in both arms."""

_EPS = float(np.finfo(np.float64).eps)


class Arm(NamedTuple):
    """The means of an arm and the covariance matrix of those means, a sum of independent parts (one a stratum)."""

    n: int
    mean: Float64
    parts: tuple[tuple[Float64, int], ...]  # covariance of the part (k, k), degrees of freedom

    @property
    def covariance(self) -> Float64:
        """Of the means, (k, k)."""
        return np.sum([part for part, _ in self.parts], axis=0)  # type: ignore[no-any-return]


class Arms(NamedTuple):
    """Both arms over the strata that can be used."""

    treatment: Arm
    control: Arm
    status: Status
    left_out: int


class Function(NamedTuple):
    """A number computed from the means of an arm, with its gradient."""

    value: float
    gradient: Float64


class Contrast(NamedTuple):
    """A difference, and the control value that relative effects are relative to."""

    treatment: float
    control: float
    variance: float
    df: float
    control_variance: float
    covariance: float  # of the difference and the control value


def arms(treatment: Strata, control: Strata) -> Arms:
    """Return both arms; strata are weighted by their units in both arms together (post-stratification).

    A stratum in which an arm has fewer than two units says nothing of the difference: it is left out and counted.
    """
    left, right = _parts(treatment), _parts(control)
    if len(left) != len(right):
        raise ArgumentError(f"treatment has {len(left)} strata and control {len(right)}", "the same were expected")
    if len({len(part.mean) for part in left + right}) > 1:
        raise ArgumentError("the moments are of different columns", "the same columns in every part were expected")
    used = [(one, other) for one, other in zip(left, right, strict=True) if one.n > 1 and other.n > 1]
    total = sum(part.n for part in left + right)
    if not used:
        empty = not sum(part.n for part in left) or not sum(part.n for part in right)
        return Arms(_arm(left, None), _arm(right, None), "empty_arm" if empty else "too_few", 0)
    sizes = np.array([one.n + other.n for one, other in used], np.float64)
    weights = sizes / sizes.sum()
    return Arms(
        _arm([one for one, _ in used], weights), _arm([other for _, other in used], weights), "ok",
        total - int(sizes.sum()),
    )  # fmt: skip


def _parts(given: Strata) -> list[Moments]:
    parts = [given] if isinstance(given, Moments) else list(given)
    if not parts or not all(isinstance(part, Moments) for part in parts):
        raise ArgumentError("an arm is no moments", "Moments, or one Moments a stratum, were expected")
    return parts


def _arm(strata: list[Moments], weights: Float64 | None) -> Arm:
    n = sum(part.n for part in strata)
    if weights is None:  # nothing to estimate: the means are all that can be told
        mean = strata[0].merge(*strata[1:]).mean if n else np.full(len(strata[0].mean), nan)
        return Arm(n, mean, ())
    mean = weights @ np.array([part.mean for part in strata])
    parts = tuple(
        (weight**2 * part.covariance() / part.n, part.n - 1) for weight, part in zip(weights, strata, strict=True)
    )
    return Arm(n, mean, parts)


def mean_of(arm: Arm, column: int) -> Function:
    """Return the mean of a column."""
    _check_columns(arm, column)
    gradient = np.zeros(len(arm.mean))
    gradient[column] = 1.0
    return Function(float(arm.mean[column]), gradient)


def ratio_of(arm: Arm, numerator: int, denominator: int) -> Function:
    """Return the ratio of two means; NaN when the denominator is 0."""
    _check_columns(arm, numerator, denominator)
    top, bottom = float(arm.mean[numerator]), float(arm.mean[denominator])
    gradient = np.zeros(len(arm.mean))
    if bottom == 0 or bottom != bottom:
        return Function(nan, gradient)
    gradient[numerator] += 1 / bottom
    gradient[denominator] -= top / bottom**2
    return Function(top / bottom, gradient)


def _check_columns(arm: Arm, *columns: int) -> None:
    for column in columns:
        if not 0 <= column < len(arm.mean):
            raise ArgumentError(f"column {column} was asked for", f"one of 0 to {len(arm.mean) - 1} was expected")


def quadratic(gradient: Float64, covariance: Float64) -> float:
    """Return gᵀ V g; 0 when it is no more than the rounding of its terms."""
    terms = gradient[:, None] * covariance * gradient
    found = float(terms.sum())
    return found if found > 64 * _EPS * float(np.abs(terms).sum()) else 0.0


def varies(arm: Arm, gradient: Float64, variance: float) -> bool:
    """Return whether the values of an arm differ by more than the rounding of their means."""
    return variance > (8 * _EPS * float(np.abs(gradient) @ np.abs(arm.mean))) ** 2 / arm.n


def contrast(
    both: Arms, left: Function, right: Function, base_gradients: tuple[Float64, Float64] | None = None
) -> Contrast:
    """Return the difference of a function of the means, with Satterthwaite's degrees of freedom.

    `base_gradients` are those of the control value in the means of treatment and control, when it depends on both.
    """
    treatment, control = both.treatment, both.control
    pieces = [(quadratic(left.gradient, part), df) for part, df in treatment.parts]
    pieces += [(quadratic(right.gradient, part), df) for part, df in control.parts]
    left_variance = quadratic(left.gradient, treatment.covariance)
    right_variance = quadratic(right.gradient, control.covariance)
    varying = varies(treatment, left.gradient, left_variance) or varies(control, right.gradient, right_variance)
    variance = left_variance + right_variance if varying else 0.0
    df = variance / sum((piece / variance) * piece / df for piece, df in pieces) if variance else nan
    if base_gradients is None:
        return Contrast(left.value, right.value, variance, df, right_variance, -right_variance)
    above, below = base_gradients
    base = quadratic(above, treatment.covariance) + quadratic(below, control.covariance)
    covariance = left.gradient @ treatment.covariance @ above - right.gradient @ control.covariance @ below
    return Contrast(left.value, right.value, variance, df, base, float(covariance))


def result(both: Arms, found: Contrast, confidence: float, method: str, *, relative: bool) -> TwoSample:
    """Return the absolute difference with its t interval, or the relative one with Fieller's.

    Fieller's interval excludes 0 exactly when the t test rejects, so that the two never disagree.
    """
    difference = found.treatment - found.control
    plain = unestimable(both, found.treatment, found.control, confidence, method, "zero_variance")
    if relative and found.control == 0:
        return plain._replace(estimate=nan, status="zero_denominator")
    if relative:
        plain = plain._replace(estimate=difference / abs(found.control), method=f"{method}, Fieller")
    if not found.variance:
        return plain._replace(standard_error=0.0)
    error = sqrt(found.variance)
    statistic, quantile = difference / error, t_quantile(confidence, found.df)
    plain = plain._replace(pvalue=t_pvalue(statistic, found.df), statistic=statistic, df=found.df, status="ok")
    if not relative:
        half = quantile * error
        return plain._replace(ci_low=difference - half, ci_high=difference + half, standard_error=error)
    covariance = found.covariance if found.control > 0 else -found.covariance
    quotient = Quotient(difference, abs(found.control), found.variance, found.control_variance, covariance)
    low, high = quotient.interval(quantile)
    status: Status = "unbounded" if low == -inf else "ok"
    return plain._replace(ci_low=low, ci_high=high, standard_error=quotient.standard_error, status=status)


def unestimable(both: Arms, left: float, right: float, confidence: float, method: str, status: Status) -> TwoSample:
    """Return what can be told without an estimate of the variance: the values of the arms and their difference."""
    return TwoSample(
        *(left - right, nan, nan, nan, nan, nan, nan),
        treatment=left,
        control=right,
        n_treatment=both.treatment.n,
        n_control=both.control.n,
        confidence=confidence,
        method=method,
        status=status,
        left_out=both.left_out,
    )
