"""Catalogue metrics: one value for all the lists together, with an interval from a jackknife over users."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.kernels import Csr
from recsys.metrics.context import MetricContext
from recsys.metrics.lists import item_means, list_matrix
from recsys.metrics.spec import MetricSpec, parse_metrics

Float64 = NDArray[np.float64]


class CatalogueValue(NamedTuple):
    """A catalogue metric with its uncertainty.

    Attributes
    ----------
    estimate : float
        NaN when the status is ``undefined``.
    ci_low, ci_high : float
        Bounds of the interval; NaN when the status is not ``ok``.
    standard_error : float
        From the jackknife over users; NaN when the status is not ``ok``.
    n : int
        Users whose lists entered.
    status : {"ok", "too_few", "undefined"}
        ``too_few``: fewer than two users with a list; ``undefined``: nothing to measure, e.g. an empty catalogue.
    """

    estimate: float
    ci_low: float
    ci_high: float
    standard_error: float
    n: int
    status: Literal["ok", "too_few", "undefined"] = "ok"


class _Measured(NamedTuple):
    """A statistic of all users, its values without each of them in turn, its range, and how many users entered."""

    estimate: float
    without: Float64
    n: int
    lowest: float = 0.0
    highest: float = 1.0


def catalogue_metrics(
    lists: NDArray[np.int32],
    specs: Sequence[str | MetricSpec],
    context: MetricContext,
    *,
    confidence: float = 0.95,
) -> dict[str, CatalogueValue]:
    """Return each catalogue metric of the lists, by its canonical name.

    The interval is estimate ± z × the jackknife standard error, from the exact value without each user in turn, kept
    inside the range of the metric. It says how much the value would vary over samples of as many users, and errs on the
    wide side (Efron & Stein 1981). A bootstrap over users does not do here: a resample holds about 63 % of the users,
    covers fewer items than the lists themselves, and its 95 % intervals held the truth in only about 80 % of trials.

    Parameters
    ----------
    lists : (n_users, width) int32
        Item codes, best first, −1 for the empty slots at the end.
    specs : sequence of str or MetricSpec
        Such as ``["coverage@10", "gini@10"]``.
    context : MetricContext
        With ``item_events`` (and ``history`` for ``popularity_lift``).
    confidence : float
        Of the interval, between 0 and 1.

    Raises
    ------
    ArgumentError
        For a user metric, something that the context lacks, or wrong arrays.
    DataError
        For codes out of range.

    Examples
    --------
    >>> context = MetricContext(item_events=np.array([5, 3, 2, 1]))
    >>> catalogue_metrics(np.array([[0, 1], [0, 2]], np.int32), ["coverage@2"], context)["coverage@2"].estimate
    0.75
    """
    z = NormalDist().inv_cdf((1 + finite_float("confidence", confidence, above=0, below=1)) / 2)
    return {spec.name: _with_interval(_measured(spec, lists, context), z) for spec in parse_metrics(specs)}


def catalogue_pseudo_values(
    lists: NDArray[np.int32], specs: Sequence[str | MetricSpec], context: MetricContext
) -> dict[str, NDArray[np.float64]]:
    """Return each user's jackknife pseudo-value of each catalogue metric, by its canonical name.

    With T the metric of n users and T_u that of all but user u it is n T − (n − 1) T_u. The standard error of the
    metric is the standard deviation of the pseudo-values over √n; that of the difference between two models on the same
    users comes likewise from the differences of their pseudo-values.

    Parameters
    ----------
    lists, specs, context
        As in `catalogue_metrics`.

    Returns
    -------
    dict of str to (n_users,) float64
        NaN where the metric is not defined without that user.

    Examples
    --------
    >>> context = MetricContext(item_events=np.array([5, 3, 2, 1]))
    >>> catalogue_pseudo_values(np.array([[0, 1], [0, 2]], np.int32), ["coverage@2"], context)
    {'coverage@2': array([1., 1.])}
    """
    found = {spec.name: _measured(spec, lists, context) for spec in parse_metrics(specs)}
    return {name: _pseudo_values(one) for name, one in found.items()}


def gini(counts: NDArray[np.floating[Any]] | NDArray[np.integer[Any]]) -> float:
    """Return the Gini index of counts that are not negative: 0 = all equal, (n − 1)/n = all on one; NaN without any.

    With x rising and i from 1 it is the sum of (2 i − n − 1) x_i over n times the sum of x.

    Examples
    --------
    >>> gini(np.array([0, 0, 0, 4]))
    0.75
    """
    rising, n = np.sort(counts).astype(np.float64), len(counts)
    total = n * float(rising.sum())
    return float((2 * np.arange(1, n + 1) - n - 1) @ rising) / total if total else np.nan


def _pseudo_values(found: _Measured) -> Float64:
    n = len(found.without)
    return n * found.estimate - (n - 1) * found.without


def _with_interval(found: _Measured, z: float) -> CatalogueValue:
    estimate, pseudo = found.estimate, _pseudo_values(found)
    if np.isnan(estimate):
        return CatalogueValue(np.nan, np.nan, np.nan, np.nan, found.n, "undefined")
    if found.n < 2 or np.isnan(pseudo).any():
        return CatalogueValue(estimate, np.nan, np.nan, np.nan, found.n, "too_few")
    error = float(pseudo.std(ddof=1)) / sqrt(len(pseudo))
    low, high = max(estimate - z * error, found.lowest), min(estimate + z * error, found.highest)
    return CatalogueValue(estimate, low, high, error, found.n)


def _measured(spec: MetricSpec, lists: NDArray[np.int32], context: MetricContext) -> _Measured:
    if spec.kind != "catalogue":
        raise ArgumentError(f"{spec} is a user metric", "a catalogue metric was expected", "use user_metrics")
    events = np.asarray(context.need("item_events", spec.name), np.float64)
    listed = list_matrix(lists, len(events), spec)
    if spec.metric.name == "popularity_lift":
        return _popularity_lift(listed, context.need("history", spec.name), events)
    candidates = context.candidates()
    if len(candidates) != len(events):
        raise ArgumentError(f"catalogue has {len(candidates)} items", f"{len(events)} were expected")
    listed = listed[:, np.flatnonzero(candidates)]
    return _coverage(listed) if spec.metric.name == "coverage" else _gini(listed)


def _popularity_lift(listed: Csr, history: Csr, events: Float64) -> _Measured:
    if history.shape != listed.shape:
        raise ArgumentError(f"history has the shape {history.shape}", f"{listed.shape} was expected, as the lists")
    got, own = item_means(listed, events), item_means(history, events)
    known = ~(np.isnan(got) | np.isnan(own))
    got, own = np.where(known, got, 0), np.where(known, own, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = (got.sum() - got) / (own.sum() - own) - 1
    estimate = float(got.sum() / own.sum() - 1) if own.any() else np.nan
    return _Measured(estimate, without, int(known.sum()), -1.0, np.inf)


def _coverage(listed: Csr) -> _Measured:
    """Without a user go the items that nobody else has."""
    n_users, n_items = listed.shape
    if not n_items:
        return _Measured(np.nan, np.zeros(n_users), n_users)
    counts = _counts(listed)
    covered = int(np.count_nonzero(counts))
    alone = listed @ (counts == 1).astype(np.float64)
    return _Measured(covered / n_items, (covered - alone) / n_items, n_users)


def _gini(listed: Csr) -> _Measured:
    """Use that G = D / (n sum of x), D the sum of |x_i − x_j| over all pairs i < j.

    Taking 1 from x_i alone adds 1 to D for each other item with a count of at least x_i and takes 1 for each with less.
    Two items of the same user both lose 1: their difference stays, while the two single changes add up to 2 if their
    counts are equal and to 0 if not.
    """
    n_users, n_items = listed.shape
    counts = _counts(listed)
    rising = np.sort(counts)
    total = rising.sum()
    below = np.searchsorted(rising, counts, side="left")
    differences = (2 * np.arange(1, n_items + 1) - n_items - 1) @ rising
    changes = listed @ (n_items - 1 - 2 * below).astype(np.float64) - 2 * _equal_pairs(listed, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = (differences + changes) / (n_items * (total - np.diff(listed.indptr)))
    return _Measured(gini(counts), without, n_users)


def _counts(listed: Csr) -> NDArray[np.int64]:
    return np.bincount(listed.indices, minlength=listed.shape[1]).astype(np.int64, copy=False)


def _equal_pairs(listed: Csr, counts: NDArray[np.int64]) -> Float64:
    """Return the number of pairs of equally frequent items in each list."""
    n_users = listed.shape[0]
    rows = np.repeat(np.arange(n_users), np.diff(listed.indptr))
    _, first, sizes = np.unique(rows * (counts.max(initial=0) + 1) + counts[listed.indices], True, False, True)
    return np.bincount(rows[first], weights=sizes * (sizes - 1) / 2, minlength=n_users).astype(np.float64, copy=False)
