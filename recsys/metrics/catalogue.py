"""Catalogue metrics: one value for all the lists together, with an interval from a bootstrap over users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.seeds import Seed, generator
from recsys.metrics.context import MetricContext
from recsys.metrics.lists import item_means, list_matrix
from recsys.metrics.spec import MetricSpec, parse_metrics

Weighted = Callable[[NDArray[np.float32]], NDArray[np.float64]]
_CELLS = 1 << 24  # items × resamples held at once


class CatalogueValue(NamedTuple):
    """A catalogue metric with its uncertainty.

    Attributes
    ----------
    estimate : float
        NaN when the status is not ``ok`` or ``too_few``.
    ci_low, ci_high : float
        Bounds of the interval; NaN when the status is not ``ok``.
    standard_error : float
        From the bootstrap over users; NaN when the status is not ``ok``.
    n : int
        Users whose lists entered.
    status : {"ok", "too_few", "undefined"}
        ``too_few``: fewer than two users; ``undefined``: nothing to measure, e.g. only empty lists.
    """

    estimate: float
    ci_low: float
    ci_high: float
    standard_error: float
    n: int
    status: Literal["ok", "too_few", "undefined"] = "ok"


def catalogue_metrics(
    lists: NDArray[np.int32],
    specs: Sequence[str | MetricSpec],
    context: MetricContext,
    *,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: Seed = 0,
) -> dict[str, CatalogueValue]:
    """Return each catalogue metric of the lists, by its canonical name.

    The interval is estimate ± z × the standard deviation over bootstrap resamples of users, kept inside the range of
    the metric. A percentile interval would be wrong here: a resample holds about 63 % of the users, so it covers fewer
    items than the lists themselves. The standard deviation does not suffer from that shift.

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
    resamples : int
        Bootstrap resamples, at least 2; 200 know the standard error to 5 %.
    seed : int
        The same seed gives the same interval.

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
    resamples = positive_int("resamples", resamples, minimum=2)
    found: dict[str, CatalogueValue] = {}
    for spec in parse_metrics(specs):
        if spec.kind != "catalogue":
            raise ArgumentError(f"{spec} is a user metric", "a catalogue metric was expected", "use user_metrics")
        measure, n_users, cells, bounds = _prepare(spec, lists, context)
        if measure is None:
            found[spec.name] = CatalogueValue(np.nan, np.nan, np.nan, np.nan, n_users, "undefined")
            continue
        estimate = float(measure(np.ones((n_users, 1), np.float32))[0])
        if n_users < 2:
            found[spec.name] = CatalogueValue(estimate, np.nan, np.nan, np.nan, n_users, "too_few")
            continue
        error = float(np.std(_resampled(measure, n_users, resamples, cells, seed), ddof=1))
        low, high = max(estimate - z * error, bounds[0]), min(estimate + z * error, bounds[1])
        found[spec.name] = CatalogueValue(estimate, low, high, error, n_users)
    return found


def catalogue_resamples(
    lists: NDArray[np.int32],
    specs: Sequence[str | MetricSpec],
    context: MetricContext,
    *,
    resamples: int = 200,
    seed: Seed = 0,
) -> dict[str, NDArray[np.float64]]:
    """Return the values of each catalogue metric, (resamples,) float64, in bootstrap resamples of users.

    Lists of equally many users get the same resamples from the same seed, so the differences between two models are
    paired. A metric with nothing to measure, or fewer than two users, gives an empty array.

    Parameters
    ----------
    lists, specs, context, resamples, seed
        As in `catalogue_metrics`.

    Examples
    --------
    >>> context = MetricContext(item_events=np.array([5, 3, 2, 1]))
    >>> lists = np.array([[0, 1], [0, 2]], np.int32)
    >>> catalogue_resamples(lists, ["coverage@2"], context, resamples=3)["coverage@2"].shape
    (3,)
    """
    found: dict[str, NDArray[np.float64]] = {}
    for spec in parse_metrics(specs):
        measure, n_users, cells, _ = _prepare(spec, lists, context)
        found[spec.name] = np.empty(0)
        if measure is not None and n_users >= 2:
            found[spec.name] = _resampled(measure, n_users, positive_int("resamples", resamples), cells, seed)
    return found


def gini(counts: NDArray[np.floating] | NDArray[np.integer]) -> float:
    """Return the Gini index of counts that are not negative: 0 = all equal, (n − 1)/n = all on one; NaN without any.

    Examples
    --------
    >>> gini(np.array([0, 0, 0, 4]))
    0.75
    """
    return float(_ginis(np.asarray(counts, np.float64)[:, None])[0])


def _prepare(
    spec: MetricSpec, lists: NDArray[np.int32], context: MetricContext
) -> tuple[Weighted | None, int, int, tuple[float, float]]:
    """Return (statistic of user weights (n_users, b) or None, users, cells a resample, range of the metric)."""
    events = np.asarray(context.need("item_events", spec.name), np.float64)
    listed = list_matrix(lists, len(events), spec)
    if spec.metric.name == "popularity_lift":
        history = context.need("history", spec.name)
        if history.shape != listed.shape:
            raise ArgumentError(f"history has the shape {history.shape}", f"{listed.shape} was expected, as the lists")
        got, own = item_means(listed, events), item_means(history, events)
        known = ~(np.isnan(got) | np.isnan(own))
        got, own = got[known], own[known]
        lift: Weighted = lambda weights: (got @ weights) / (own @ weights) - 1  # noqa: E731
        return (lift if own.sum() > 0 else None), len(got), len(got), (-1.0, np.inf)
    candidates = context.candidates()
    if len(candidates) != len(events):
        raise ArgumentError(f"catalogue has {len(candidates)} items", f"{len(events)} were expected")
    by_item = listed[:, np.flatnonzero(candidates)].T.astype(np.float32).tocsr()
    if by_item.shape[0] == 0 or (spec.metric.name == "gini" and by_item.nnz == 0):
        return None, len(lists), 0, (0.0, 1.0)
    if spec.metric.name == "coverage":
        return lambda weights: (by_item @ weights > 0).mean(axis=0), len(lists), by_item.shape[0], (0.0, 1.0)
    return lambda weights: _ginis(by_item @ weights), len(lists), by_item.shape[0], (0.0, 1.0)


def _resampled(measure: Weighted, n_users: int, resamples: int, cells: int, seed: Seed) -> NDArray[np.float64]:
    rng, block = generator(seed), max(1, _CELLS // max(cells, n_users))
    values = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        draws = [np.bincount(rng.integers(n_users, size=n_users), minlength=n_users) for _ in range(size)]
        values.append(measure(np.stack(draws, axis=1).astype(np.float32)))
    return np.concatenate(values)


def _ginis(counts: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the Gini index of each column: sum of (2 i − n − 1) x_(i) over n times the sum, x rising, i from 1."""
    rising, n = np.sort(counts, axis=0).astype(np.float64), len(counts)
    with np.errstate(invalid="ignore"):
        return np.asarray(((2 * np.arange(1, n + 1) - n - 1) @ rising) / (n * rising.sum(axis=0)), np.float64)
