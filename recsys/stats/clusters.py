"""Cluster-randomised and switchback designs: what was randomised is what is compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.errors import ArgumentError
from recsys.stats._samples import sample
from recsys.stats.differences import shifted_ratios
from recsys.stats.moments import Moments
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

    Each arm's mean is a ratio of sums over its clusters, sum of the values over number of rows, with the delta method
    between clusters and t with as many degrees of freedom as the clusters allow. `n_treatment` and `n_control` count
    clusters.

    In a switchback the clusters are the cells that were drawn: give the period and the region of every row. Cells are
    assigned independently, so the interval holds even if outcomes of neighbouring periods go together; what spills over
    from one period to the next does bias it, so leave out the rows at the beginning of a period. If whole regions were
    drawn, give the region alone.

    Parameters
    ----------
    values : (n,) array_like
        Finite, one a row (unit, trip, session).
    treated : (n,) array_like of bool
    clusters : (n,) array_like, or a tuple of them
        The cluster of every row; a tuple of columns makes one cluster of each combination.
    relative : bool
        Over the absolute value of the control's mean.
    confidence : float

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
    shift = float(data.mean()) if len(data) else 0.0  # sums of large values over clusters of many sizes lose digits
    totals = np.column_stack(
        [np.bincount(codes, data - shift, minlength=n_clusters), np.bincount(codes, minlength=n_clusters)]
    )
    found = shifted_ratios(
        Moments.of(totals[arm_of]), Moments.of(totals[~arm_of]), 0, 1,
        relative=relative, confidence=confidence, shift=shift,
    )  # fmt: skip
    return found._replace(method=f"clusters, {found.method}")


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
