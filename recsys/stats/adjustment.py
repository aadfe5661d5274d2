"""CUPED: differences adjusted for what was known of the units before, from moments alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from recsys.stats._contrasts import (
    Arm,
    Arms,
    Contrast,
    Function,
    Strata,
    arms,
    contrast,
    mean_of,
    quadratic,
    ratio_of,
    result,
    unestimable,
    varies,
)
from recsys.stats._samples import Float64, level
from recsys.stats.results import Adjusted

Column = int | tuple[int, int]
"""A column of the moments, or the columns of a numerator and a denominator."""

_COLLINEAR = 1e-10  # of the largest eigenvalue of the covariates' correlations
_NOTHING_LEFT = 1e-13  # of the variance: what rounding leaves of an outcome that is one of its covariates


def adjusted_difference(
    treatment: Strata,
    control: Strata,
    *,
    outcome: Column,
    covariates: Sequence[Column],
    relative: bool = False,
    confidence: float = 0.95,
) -> Adjusted:
    """Return the difference adjusted for covariates measured before the treatment (CUPED, Deng et al. 2013).

    Both arms' outcomes y become y − θᵀ(x − x̄) with one θ, the one that makes the variance of the difference least:
    θ = S_xx⁻¹ S_xy, where S sums over the arms the covariance of units over n. With equal arms that is the pooled
    regression; with unequal ones or slopes that differ it is what Lin's (2013) interacted regression amounts to, so
    that adjustment never costs precision in large samples. One covariate reduces the variance by ρ².

    Outcome and covariates may be ratios of sums; they enter linearised, as in `difference_in_ratios`.

    Parameters
    ----------
    treatment, control : Moments or sequence of Moments
        Of outcome and covariates, one row a unit; or one Moments a stratum.
    outcome : int or (int, int)
        Its column, or those of numerator and denominator.
    covariates : sequence of int or (int, int)
        What does not vary, or repeats another one, is ignored.
    relative : bool
        Over the absolute value of the adjusted control.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For arms with other columns or strata.

    Examples
    --------
    >>> from recsys.stats import Moments
    >>> rng = np.random.default_rng(7)
    >>> before = rng.normal(10, 2, size=(2, 500))
    >>> after = before + rng.normal(size=(2, 500)) + [[0.5], [0.0]]
    >>> treatment, control = (Moments.of(np.column_stack(arm)) for arm in zip(after, before))
    >>> found = adjusted_difference(treatment, control, outcome=0, covariates=[1])
    >>> round(found.variance_reduction, 1), found.effect.standard_error < found.unadjusted.standard_error
    (0.8, True)
    """
    both, confidence = arms(treatment, control), level(confidence)
    left, right = (_functions(arm, [outcome, *covariates]) for arm in (both.treatment, both.control))
    name = ("stratified " if len(both.treatment.parts) > 1 else "") + (
        "delta" if isinstance(outcome, tuple) else "Welch"
    )
    method = f"CUPED, {name}"
    status = both.status
    if status == "ok" and any(one.value != one.value for one in left + right):
        status = "zero_denominator"
    if status != "ok":
        plain = unestimable(both, left[0].value, right[0].value, confidence, name, status)
        return Adjusted(plain._replace(method=method), plain, (nan,) * len(covariates), nan)
    unadjusted = contrast(both, left[0], right[0])
    plain = result(both, unadjusted, confidence, name, relative=relative)
    theta = _theta(both, left, right)
    found = _adjusted(both, left, right, theta)
    if found.variance <= _NOTHING_LEFT * unadjusted.variance:
        found = found._replace(variance=0.0)
    reduction = 1 - found.variance / unadjusted.variance if unadjusted.variance else nan
    effect = result(both, found, confidence, method, relative=relative)
    return Adjusted(effect, plain, tuple(theta.tolist()), reduction)


def _functions(arm: Arm, columns: Sequence[Column]) -> list[Function]:
    return [ratio_of(arm, *column) if isinstance(column, tuple) else mean_of(arm, column) for column in columns]


def _theta(both: Arms, left: list[Function], right: list[Function]) -> Float64:
    """Return S_xx⁻¹ S_xy by those eigenvectors of the covariates' correlations that are more than rounding."""
    products = []
    for arm, functions in ((both.treatment, left), (both.control, right)):
        gradients = np.array([one.gradient for one in functions])
        covariance = gradients @ arm.covariance @ gradients.T
        for place, one in enumerate(functions):
            if not varies(arm, one.gradient, quadratic(one.gradient, arm.covariance)):
                covariance[place, :] = covariance[:, place] = 0.0
        products.append(covariance)
    s = products[0] + products[1]
    scale = np.sqrt(np.diagonal(s)[1:])
    theta, varying = np.zeros(len(scale)), scale > 0
    if varying.any():
        inner = scale[varying]
        correlations = s[1:, 1:][np.ix_(varying, varying)] / np.outer(inner, inner)
        sizes, vectors = np.linalg.eigh(correlations)
        kept = sizes > _COLLINEAR * sizes[-1]
        basis = vectors[:, kept]
        theta[varying] = basis @ ((basis.T @ (s[1:, 0][varying] / inner)) / sizes[kept]) / inner
    return theta


def _adjusted(both: Arms, left: list[Function], right: list[Function], theta: Float64) -> Contrast:
    """Return the contrast of y − θᵀ(x − x̄), where x̄ is the mean of the covariates over both arms."""
    n = both.treatment.n + both.control.n
    shares = (both.treatment.n / n, both.control.n / n)
    slopes = [sum(t * one.gradient for t, one in zip(theta, arm[1:], strict=True)) for arm in (left, right)]
    values = [sum(t * one.value for t, one in zip(theta, arm[1:], strict=True)) for arm in (left, right)]
    common = shares[0] * values[0] + shares[1] * values[1]
    above, below = (
        Function(arm[0].value - value + common, arm[0].gradient - slope)
        for arm, value, slope in zip((left, right), values, slopes, strict=True)
    )
    found = contrast(both, above, below, (shares[0] * slopes[0], below.gradient + shares[1] * slopes[1]))
    # θ was estimated as well: one degree of freedom for each covariate, as in a regression.
    spent = int(np.count_nonzero(theta))
    factor = (n - 2) / max(n - 2 - spent, 1)
    return found._replace(variance=found.variance * factor)
