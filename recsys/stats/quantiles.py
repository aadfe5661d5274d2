"""Quantiles: order-statistic intervals, for independent values and for values in clusters."""

from __future__ import annotations

from math import hypot, inf, isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.stats._mover import Distances, difference_bounds, relative_bounds
from recsys.stats._samples import Float64, level, sample, t_pvalue, t_quantile
from recsys.stats.results import Interval, Status, TwoSample

Sample = ArrayLike | tuple[ArrayLike, ...]
"""Values of an arm; a tuple of them has one sample a stratum."""

_STEPS = 44  # halvings of the critical value: to twelve digits
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
        Of the intervals: 0.95 is 95 %.

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
    treatment: Sample,
    control: Sample,
    q: float,
    *,
    treatment_clusters: Sample | None = None,
    control_clusters: Sample | None = None,
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

    Given a tuple of samples an arm, one a stratum (ramp stages), quantiles are those of distributions in which every
    stratum has the weight of its values in both arms. Strata where an arm has fewer than two values (or clusters) are
    left out and counted.

    Parameters
    ----------
    treatment, control : (n,) array_like, or a tuple of them
        Finite.
    q : float
        Between 0 and 1.
    treatment_clusters, control_clusters : array_like, or a tuple of them, optional
        The unit of each value, any numbers or text. Both or none.
    relative : bool
        Over the absolute value of the control's quantile.
    confidence : float
        Of the intervals: 0.95 is 95 %.

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
    given = _strata("treatment", treatment, treatment_clusters), _strata("control", control, control_clusters)
    if len(given[0]) != len(given[1]):
        raise ArgumentError(
            f"treatment has {len(given[0])} strata and control {len(given[1])}", "the same were expected"
        )
    total = sum(len(one.values) for arm in given for one in arm)
    empty = not all(sum(len(one.values) for one in arm) for arm in given)
    if len(given[0]) > 1:
        used = [pair for pair in zip(*given, strict=True) if min(one.clusters for one in pair) > 1]
        given = [one for one, _ in used], [other for _, other in used]
    sizes = np.array([len(one.values) + len(other.values) for one, other in zip(*given, strict=True)], np.float64)
    left, right = (_arm(arm, sizes / max(sizes.sum(), 1), q, treatment_clusters is not None) for arm in given)
    df = inf if treatment_clusters is None else float(min(left.clusters, right.clusters) - max(len(sizes), 1))
    plain = TwoSample(
        *(left.estimate - right.estimate, nan, nan, nan, nan, nan, nan),
        treatment=left.estimate,
        control=right.estimate,
        n_treatment=len(left.values),
        n_control=len(right.values),
        confidence=confidence,
        method="order statistics" if treatment_clusters is None else "order statistics, clustered",
        status="empty_arm" if empty else "too_few",
        left_out=total - int(sizes.sum()),
    )
    if min(left.clusters, right.clusters) < 2:
        return plain
    if relative and right.estimate == 0:
        return plain._replace(estimate=nan, status="zero_denominator")
    if relative:
        plain = plain._replace(estimate=plain.estimate / abs(right.estimate))
    if left.values[0] == left.values[-1] and right.values[0] == right.values[-1]:
        return plain._replace(status="zero_variance")
    bounds, t = relative_bounds if relative else difference_bounds, t_quantile(confidence, df)
    low, high = bounds(left.estimate, right.estimate, left.distances(t), right.distances(t))
    status: Status = "ok" if isfinite(low) and isfinite(high) else "unbounded"
    error = (high - low) / (2 * t)
    statistic = _critical(left, right)
    return plain._replace(
        ci_low=low, ci_high=high, standard_error=error, pvalue=t_pvalue(statistic, df), statistic=statistic, df=df,
        status=status,
    )  # fmt: skip


class _Stratum(NamedTuple):
    values: Float64
    codes: NDArray[np.intp] | None
    clusters: int

    def share_variance(self, estimate: float) -> float:
        """Return the variance of the share of values at or below the estimate; over clusters, as a ratio of sums."""
        inside = self.values <= estimate
        share = float(inside.mean())
        if self.codes is None:
            return share * (1 - share) / len(inside)
        totals = np.bincount(self.codes, weights=inside - share, minlength=self.clusters)
        return float(self.clusters / (self.clusters - 1) * (totals @ totals)) / len(inside) ** 2


class _Arm(NamedTuple):
    values: Float64  # ascending
    ranks: Float64  # the weight of the values up to each one: 1, 2, …, n when all weigh the same
    estimate: float
    q: float
    error: float  # standard error of the share of values at or below the quantile
    clusters: int

    def distances(self, quantile: float) -> Distances:
        return self.distance(-1, quantile), self.distance(1, quantile)

    def distance(self, side: int, quantile: float) -> float:
        """Return how far the bound below (−1) or above (1) lies from the estimate."""
        share = self.q + side * quantile * self.error
        if share <= 0 or share > 1:
            return inf
        bound = float(self.values[self.ranks.searchsorted(len(self.values) * share)])
        return max(side * (bound - self.estimate), 0.0)


def _order_statistic(rising: Float64, rank: int) -> float:
    """Return the rank-th smallest value, from 1; infinite outside."""
    return -inf if rank < 1 else inf if rank > len(rising) else float(rising[rank - 1])


def _strata(name: str, values: Sample, clusters: Sample | None) -> list[_Stratum]:
    parts = [sample(name, part) for part in (values if isinstance(values, tuple) else (values,))]
    if clusters is None:
        return [_Stratum(part, None, len(part)) for part in parts]
    labels = [np.asarray(part) for part in (clusters if isinstance(clusters, tuple) else (clusters,))]
    if [one.shape for one in labels] != [one.shape for one in parts]:
        raise ArgumentError(f"{name} and its clusters have different shapes", "one cluster a value was expected")
    found = []
    for part, label in zip(parts, labels, strict=True):
        names, codes = np.unique(label, return_inverse=True)
        found.append(_Stratum(part, codes, len(names)))
    return found


def _arm(strata: list[_Stratum], weights: Float64, q: float, clustered: bool) -> _Arm:
    values = np.concatenate([one.values for one in strata]) if strata else np.zeros(0)
    n, clusters = len(values), sum(one.clusters for one in strata)
    if len(strata) < 2:
        values = np.sort(values)
        estimate = float(np.quantile(values, q)) if n else nan
        ranks = np.arange(1.0, n + 1)
    else:
        order = np.argsort(values, kind="stable")
        each = [np.full(len(one.values), n * w / len(one.values)) for one, w in zip(strata, weights, strict=True)]
        values, ranks = values[order], np.cumsum(np.concatenate(each)[order])
        ranks *= n / ranks[-1]
        ranks[-1] = n  # whatever rounding did
        estimate = _order_statistic(values, int(np.searchsorted(ranks, n * q)) + 1)
    if clusters < 2:
        return _Arm(values, ranks, estimate, q, nan, clusters)
    if len(strata) < 2 and not clustered:
        error = sqrt(q * (1 - q) / n)
    else:
        error = sqrt(sum(w * w * one.share_variance(estimate) for one, w in zip(strata, weights, strict=True)))
    return _Arm(values, ranks, estimate, q, error, clusters)


def _critical(left: _Arm, right: _Arm) -> float:
    """Return how many standard errors the interval may be wide before it holds 0, with the sign of the difference."""
    difference = left.estimate - right.estimate
    side = 1 if difference > 0 else -1
    low, high = 0.0, _LARGEST if difference else 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if hypot(left.distance(-side, middle), right.distance(side, middle)) < abs(difference):
            low = middle
        else:
            high = middle
    return side * low
