"""Independent arms compared from their moments: means and ratios of sums, absolute and relative."""

from __future__ import annotations

from math import inf

from recsys.stats._contrasts import (
    Arm,
    Arms,
    Strata,
    arms,
    contrast,
    mean_of,
    ratio_of,
    result,
    unestimable,
)
from recsys.stats._fieller import Quotient
from recsys.stats._mover import difference_bounds, relative_bounds
from recsys.stats._samples import level, t_quantile
from recsys.stats.results import Status, TwoSample

_DELTA_BELOW = 0.05  # Fieller's g; beyond, the delta method's symmetric interval misses


def difference_in_means(
    treatment: Strata, control: Strata, *, column: int = 0, relative: bool = False, confidence: float = 0.95
) -> TwoSample:
    """Return the difference of two means by Welch's t (1947), or that over the control mean by Fieller (1954).

    Given several moments an arm, one a stratum (ramp stages, platforms, …), differences are taken within strata and
    weighted by the units of both arms: a share of treatment that changed between ramp stages biases nothing.

    Parameters
    ----------
    treatment, control : Moments or sequence of Moments
        Of independent units.
    column : int
        The column of the outcome.
    relative : bool
        Over the absolute value of the control mean. The interval excludes 0 exactly when the absolute one does; it is
        ``unbounded`` when the control mean does not differ from 0 at this confidence.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For arms with other columns or strata.

    Examples
    --------
    >>> from recsys.stats import Moments
    >>> treatment, control = Moments.of([3.0, 4.0, 6.0, 8.0]), Moments.of([2.0, 4.0, 5.0, 5.0, 3.0])
    >>> found = difference_in_means(treatment, control)
    >>> round(found.estimate, 3), round(found.pvalue, 3), found.status
    (1.45, 0.303, 'ok')
    >>> round(difference_in_means(treatment, control, relative=True).estimate, 3)
    0.382
    """
    both, confidence = arms(treatment, control), level(confidence)
    left, right = mean_of(both.treatment, column), mean_of(both.control, column)
    method = "Welch" if len(both.treatment.parts) < 2 else "stratified Welch"
    if both.status != "ok":
        return unestimable(both, left.value, right.value, confidence, method, both.status)
    return result(both, contrast(both, left, right), confidence, method, relative=relative)


def difference_in_ratios(
    treatment: Strata,
    control: Strata,
    *,
    numerator: int = 0,
    denominator: int = 1,
    relative: bool = False,
    confidence: float = 0.95,
) -> TwoSample:
    """Return the difference of two ratios of sums (minutes a session, clicks an impression), units being independent.

    The variance is the delta method's: that of the linearised values (numerator − R denominator) / mean denominator
    (Deng, Knoblich & Lu 2018). When a mean denominator is uncertain (g = t² × its squared standard error over its
    square is above 0.05) the interval is made of Fieller's intervals of both arms by square-and-add (Donner & Zou
    2012), the relative one too; the test stays that of the delta method. Else relative differences are as in
    `difference_in_means`.

    Parameters
    ----------
    treatment, control : Moments or sequence of Moments
        Of numerators and denominators, one row a unit of randomisation (or a cluster); or one Moments a stratum.
    numerator, denominator : int
        Columns.
    relative : bool
        Over the absolute value of the control's ratio.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For arms with other columns or strata.

    Examples
    --------
    >>> from recsys.stats import Moments
    >>> treatment = Moments.of([[3.0, 1.0], [4.0, 2.0], [9.0, 3.0], [8.0, 2.0]])
    >>> control = Moments.of([[2.0, 1.0], [4.0, 2.0], [5.0, 3.0], [5.0, 2.0]])
    >>> found = difference_in_ratios(treatment, control)
    >>> found.treatment, found.control, found.estimate
    (3.0, 2.0, 1.0)
    """
    both, confidence = arms(treatment, control), level(confidence)
    left = ratio_of(both.treatment, numerator, denominator)
    right = ratio_of(both.control, numerator, denominator)
    method = "delta" if len(both.treatment.parts) < 2 else "stratified delta"
    if both.status != "ok":
        return unestimable(both, left.value, right.value, confidence, method, both.status)
    if left.value != left.value or right.value != right.value:
        return unestimable(both, left.value, right.value, confidence, method, "zero_denominator")
    found = contrast(both, left, right)
    plain = result(both, found, confidence, method, relative=relative)
    if plain.status in ("zero_variance", "zero_denominator"):
        return plain
    return _safe_interval(both, plain, numerator, denominator, relative)


def _safe_interval(both: Arms, plain: TwoSample, numerator: int, denominator: int, relative: bool) -> TwoSample:
    """Return the result with Fieller's intervals squared and added, when a denominator is uncertain."""
    t = t_quantile(plain.confidence, plain.df)
    quotients = [_quotient(arm, numerator, denominator) for arm in (both.treatment, both.control)]
    if max(one.uncertainty(t) for one in quotients) < _DELTA_BELOW:
        return plain
    method, distances = "square-and-add of Fieller", []
    for one in quotients:
        low, high = one.interval(t)
        if low == -inf:
            return plain._replace(ci_low=-inf, ci_high=inf, method=method, status="unbounded")
        ratio = one.top / one.bottom
        distances.append((ratio - low, high - ratio))
    bounds = relative_bounds if relative else difference_bounds
    low, high = bounds(plain.treatment, plain.control, *distances)
    status: Status = "unbounded" if low == -inf else "ok"
    return plain._replace(ci_low=low, ci_high=high, method=method, status=status)


def _quotient(arm: Arm, numerator: int, denominator: int) -> Quotient:
    covariance = arm.covariance
    return Quotient(
        float(arm.mean[numerator]),
        float(arm.mean[denominator]),
        float(covariance[numerator, numerator]),
        float(covariance[denominator, denominator]),
        float(covariance[numerator, denominator]),
    )
