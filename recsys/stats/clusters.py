"""Cluster-randomised and switchback designs: what was randomised is what is compared."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.errors import ArgumentError
from recsys.stats._contrasts import Arm, Arms, Contrast, result, unestimable
from recsys.stats._samples import Float64, largest, level, sample
from recsys.stats.results import TwoSample


def cluster_difference(
    values: ArrayLike,
    treated: ArrayLike,
    clusters: ArrayLike | tuple[ArrayLike, ...],
    *,
    relative: bool = False,
    confidence: float = 0.95,
) -> TwoSample:
    """Return the difference of means when whole clusters were assigned (accounts, regions, hours of a switchback).

    Each arm's mean is that of its rows; the variance is between clusters, with the correction CR2 for clusters that
    weigh much, and t has Bell & McCaffrey's (2002) degrees of freedom: a dozen clusters an arm will do.
    `n_treatment` and `n_control` count clusters. With covariates: `regression_adjusted`.

    In a switchback the clusters are the cells that were drawn: give the period and the region of every row. Cells are
    assigned independently, so the interval holds even if outcomes of neighbouring periods go together; what spills over
    from one period to the next does bias it, so leave out the rows at the beginning of a period. If whole regions were
    drawn, give the region alone.

    Parameters
    ----------
    values : (n,) array_like
        Finite, one a row (unit, trip, session).
    treated : (n,) array_like of bool
        Which units are in the treated arm.
    clusters : (n,) array_like, or a tuple of them
        The cluster of every row; a tuple of columns makes one cluster of each combination.
    relative : bool
        Over the absolute value of the control's mean.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or a cluster in both arms.

    Examples
    --------
    >>> values, treated = [3.0, 4.0, 2.0, 6.0, 8.0, 5.0], [False, False, False, True, True, True]
    >>> found = cluster_difference(values, treated, ["a", "a", "b", "c", "c", "d"])
    >>> round(found.estimate, 3), found.n_treatment, found.n_control
    (3.333, 2, 2)
    """
    data, arms = sample("values", values), np.asarray(treated)
    if arms.shape != data.shape or arms.dtype.kind != "b":
        raise ArgumentError(
            f"treated has the shape {arms.shape} and the type {arms.dtype}",
            f"{len(data)} times true or false was expected",
        )
    codes, n_clusters = cluster_codes(clusters, len(data))
    arm_of = np.zeros(n_clusters, np.bool_)
    arm_of[codes] = arms
    mixed = len(np.unique(codes[arm_of[codes] != arms]))
    if mixed:
        hint = "a switchback cell is a period and a region: clusters=(period, region)"
        raise ArgumentError(f"{mixed} clusters have rows in both arms", "clusters of one arm were expected", hint)
    sides = [
        _side(data[arms == side], np.unique(codes[arms == side], return_inverse=True)[1]) for side in (True, False)
    ]
    left, right = sides
    treatment, control = (Arm(side.clusters, np.array([side.mean]), ()) for side in sides)
    both = Arms(treatment, control, "too_few" if left.clusters and right.clusters else "empty_arm", 0)
    confidence, method = level(confidence), "clusters, CR2"
    if min(left.clusters, right.clusters) < 2:
        return unestimable(both, left.mean, right.mean, confidence, method, both.status)
    trace, square = left.trace + right.trace, left.square + right.square
    found = Contrast(
        left.mean, right.mean, left.variance + right.variance, trace * trace / square, right.variance, -right.variance
    )
    return result(both, found, confidence, method, relative=relative)


class _Side(NamedTuple):
    """One arm: its mean, the variance of that, and what degrees of freedom are made of."""

    clusters: int
    mean: float
    variance: float
    trace: float
    square: float


def _side(values: Float64, codes: NDArray[np.intp]) -> _Side:
    """Return CR2 in closed form: without covariates the leverage of a cluster is its part of the rows."""
    n = len(values)
    if not n:
        return _Side(0, nan, nan, nan, nan)
    mean = float(values[0] + (values - values[0]).mean())
    part = np.bincount(codes) / n
    if len(part) < 2:
        return _Side(1, mean, nan, nan, nan)
    sums = np.bincount(codes, weights=values - mean)
    variance = float((sums**2 / (1 - part)).sum()) / n**2
    if variance <= (8 * np.finfo(np.float64).eps * largest(values)) ** 2:
        variance = 0.0
    own, weight = part / (1 - part) / n, part**2 / (1 - part) / n
    square = float((own**2 - 2 * own * weight).sum() + weight.sum() ** 2)
    return _Side(len(part), mean, variance, float((own - weight).sum()), square)


def cluster_codes(clusters: ArrayLike | tuple[ArrayLike, ...], n: int) -> tuple[NDArray[np.intp], int]:
    """Return a code from 0 for the cluster of each row, and how many clusters there are; columns are combined.

    Raises
    ------
    ArgumentError
        For columns that are not of n rows.

    Examples
    --------
    >>> codes, count = cluster_codes((["mon", "mon", "tue"], ["north", "south", "north"]), 3)
    >>> codes.tolist(), count
    ([0, 1, 2], 3)
    """
    codes, count = np.zeros(n, np.intp), min(n, 1)
    for column in clusters if isinstance(clusters, tuple) else (clusters,):
        labels = np.asarray(column)
        if labels.shape != (n,):
            raise ArgumentError(f"clusters have the shape {labels.shape}", f"{n} labels were expected")
        found, places = np.unique(labels, return_inverse=True)
        kept, codes = np.unique(codes * max(len(found), 1) + places, return_inverse=True)
        count = len(kept)
    return codes, count
