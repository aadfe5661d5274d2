"""Quantiles: order-statistic intervals, for independent values and for values in clusters."""

from __future__ import annotations

from math import ceil, inf, isfinite, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.stats._mover import Distances, difference_bounds, quotient_bounds
from recsys.stats._samples import Float64, level, sample, t_pvalue, t_quantile
from recsys.stats.results import Interval, Status, TwoSample

_STEPS = 60  # halvings of the critical value: to the last digit
_LARGEST = 40.0  # standard errors; a p-value of 1e-300


def quantile_interval(values: ArrayLike, q: float, *, confidence: float = 0.95) -> Interval:
    """Return a quantile with the interval between two order statistics, exact by the binomial distribution.

    It covers with at least this confidence whatever the distribution, ties included (Conover 1999, 3.2). A quantile too
    far out for the sample has an infinite bound, and the status ``unbounded``.

    Parameters
    ----------
    values : (n,) array_like
        Finite and independent.
    q : float
        Between 0 and 1.
    confidence : float

    Raises
    ------
    ArgumentError
        For NaN or infinite values.

    Examples
    --------
    >>> found = quantile_interval(range(1, 11), 0.5)
    >>> found.estimate, found.ci_low, found.ci_high
    (5.5, 2.0, 9.0)
    """
    data, confidence, method = np.sort(sample("values", values)), level(confidence), "order statistics"
    q, n = finite_float("q", q, above=0, below=1), len(data)
    if n < 2:
        return Interval(float(data[0]) if n else nan, nan, nan, nan, n, confidence, method, "too_few")
    from scipy.stats import binom

    tail = (1 - confidence) / 2
    low = _order_statistic(data, int(binom.ppf(tail, n, q)))
    high = _order_statistic(data, int(binom.isf(tail, n, q)) + 1)
    status: Status = "ok" if isfinite(low) and isfinite(high) else "unbounded"
    error = (high - low) / (2 * t_quantile(confidence, inf))
    return Interval(float(np.quantile(data, q)), low, high, error, n, confidence, method, status)


def difference_in_quantiles(
    treatment: ArrayLike,
    control: ArrayLike,
    q: float,
    *,
    treatment_clusters: ArrayLike | None = None,
    control_clusters: ArrayLike | None = None,
    relative: bool = False,
    confidence: float = 0.95,
) -> TwoSample:
    """Return the difference of two quantiles, with no density estimated.

    Each arm has Woodruff's interval (1952): the order statistics at q plus or minus t standard errors of the share of
    values at or below the quantile. Distances to its bounds are squared and added (Donner & Zou 2012). The p-value is
    that of the widest interval without 0, so that test and intervals, absolute and relative, agree. Atoms (half of the
    units at 0) and ties make the interval wider or of no width, never wrong.

    With clusters, values are events of units: the share's standard error is that of a ratio over clusters (Deng,
    Knoblich & Lu 2018), and t has as many degrees of freedom as the smaller number of clusters less 1.

    Parameters
    ----------
    treatment : (n,) array_like
        Finite.
    control : (m,) array_like
        Finite.
    q : float
        Between 0 and 1.
    treatment_clusters, control_clusters : array_like, optional
        The unit of each value, any numbers or text. Both or none.
    relative : bool
        Over the absolute value of the control's quantile.
    confidence : float

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or clusters of one arm only.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> found = difference_in_quantiles(rng.gamma(2, 1.5, size=900), rng.gamma(2, size=900), 0.9)
    >>> round(found.estimate, 1), found.ci_low > 0, found.pvalue < 0.001
    (1.7, True, True)
    """
    q, confidence = finite_float("q", q, above=0, below=1), level(confidence)
    if (treatment_clusters is None) != (control_clusters is None):
        raise ArgumentError("one arm has clusters and the other none", "clusters of both arms were expected")
    left = _arm("treatment", treatment, q, treatment_clusters)
    right = _arm("control", control, q, control_clusters)
    df = inf if treatment_clusters is None else min(left.clusters, right.clusters) - 1.0
    plain = TwoSample(
        *(left.estimate - right.estimate, nan, nan, nan, nan, nan, nan),
        treatment=left.estimate,
        control=right.estimate,
        n_treatment=len(left.values),
        n_control=len(right.values),
        confidence=confidence,
        method="order statistics" if treatment_clusters is None else "order statistics, clustered",
        status="empty_arm" if not len(left.values) or not len(right.values) else "too_few",
    )
    if min(left.clusters, right.clusters) < 2:
        return plain
    if relative and right.estimate == 0:
        return plain._replace(estimate=nan, status="zero_denominator")
    if relative:
        plain = plain._replace(estimate=plain.estimate / abs(right.estimate))
    if left.values[0] == left.values[-1] and right.values[0] == right.values[-1]:
        return plain._replace(status="zero_variance")
    low, high = _bounds(left, right, t_quantile(confidence, df), relative)
    status: Status = "ok" if isfinite(low) and isfinite(high) else "unbounded"
    error = (high - low) / (2 * t_quantile(confidence, df))
    statistic = _critical(left, right)
    return plain._replace(
        ci_low=low, ci_high=high, standard_error=error, pvalue=t_pvalue(statistic, df), statistic=statistic, df=df,
        status=status,
    )  # fmt: skip


class _Arm(NamedTuple):
    values: Float64  # ascending
    estimate: float
    q: float
    error: float  # standard error of the share of values at or below the quantile
    clusters: int

    def distances(self, quantile: float) -> Distances:
        n = len(self.values)
        low, high = (ceil(n * (self.q + side * quantile * self.error)) for side in (-1, 1))
        below = self.estimate - _order_statistic(self.values, low)
        return max(below, 0.0), max(_order_statistic(self.values, high) - self.estimate, 0.0)

    def negative(self) -> _Arm:
        return _Arm(-self.values[::-1], -self.estimate, 1 - self.q, self.error, self.clusters)


def _order_statistic(rising: Float64, rank: int) -> float:
    """Return the rank-th smallest value, from 1; infinite outside."""
    return -inf if rank < 1 else inf if rank > len(rising) else float(rising[rank - 1])


def _arm(name: str, values: ArrayLike, q: float, clusters: ArrayLike | None) -> _Arm:
    data = sample(name, values)
    n = len(data)
    if clusters is None:
        estimate = float(np.quantile(data, q)) if n else nan
        return _Arm(np.sort(data), estimate, q, float(np.sqrt(q * (1 - q) / max(n, 1))), n)
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise ArgumentError(f"{name} has {n} values and clusters of the shape {labels.shape}", "one each was expected")
    found, codes = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        return _Arm(np.sort(data), float(np.quantile(data, q)) if n else nan, q, nan, len(found))
    estimate = float(np.quantile(data, q))
    return _Arm(np.sort(data), estimate, q, _share_error(data <= estimate, codes, len(found)), len(found))


def _share_error(inside: NDArray[np.bool_], codes: NDArray[np.intp], n_clusters: int) -> float:
    """Return the standard error of a share over clusters of different sizes (a ratio of sums)."""
    residual = inside - inside.mean()
    totals = np.bincount(codes, weights=residual, minlength=n_clusters)
    return float(np.sqrt(n_clusters / (n_clusters - 1) * (totals @ totals)) / len(inside))


def _bounds(left: _Arm, right: _Arm, quantile: float, relative: bool) -> tuple[float, float]:
    if relative and right.estimate < 0:  # over |control|: that of the negatives, turned around
        low, high = _bounds(left.negative(), right.negative(), quantile, True)
        return -high, -low
    distances = left.distances(quantile), right.distances(quantile)
    if not relative:
        return difference_bounds(left.estimate, right.estimate, *distances)
    if not all(isfinite(side) for pair in distances for side in pair):
        return -inf, inf
    low, high = quotient_bounds(left.estimate, right.estimate, *distances)
    return low - 1, high - 1


def _critical(left: _Arm, right: _Arm) -> float:
    """Return how many standard errors the interval may be wide before it holds 0, with the sign of the difference."""
    low, high = 0.0, _LARGEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below, above = _bounds(left, right, middle, relative=False)
        if below <= 0 <= above:
            high = middle
        else:
            low = middle
    return float(np.copysign(low, left.estimate - right.estimate))
