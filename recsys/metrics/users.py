"""User metrics: one value a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError
from recsys.kernels import Csr, RankCounts, RankMetric, ranking_metrics
from recsys.metrics.context import MetricContext
from recsys.metrics.debiased import debiased_metric
from recsys.metrics.lists import item_means, list_matrix
from recsys.metrics.spec import MetricSpec, parse_metrics

_RANKED = ("recall", "precision", "hit_rate", "ndcg", "map", "mrr")


def user_metrics(
    lists: NDArray[np.int32],
    relevance: Csr,
    specs: Sequence[str | MetricSpec],
    *,
    context: MetricContext | None = None,
    n_threads: int | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the value of each user metric for each user, by the metric's canonical name.

    Parameters
    ----------
    lists : (n_users, width) int32
        Item codes, best first, −1 for the empty slots at the end.
    relevance : csr_array (n_users, n_items) float32
        Gains (> 0) of the relevant items of the same users.
    specs : sequence of str or MetricSpec
        Such as ``["ndcg@10", "auc"]``.
    context : MetricContext, optional
        What the metrics need beside lists and relevance.
    n_threads : int, optional
        Threads; by default all cores.

    Returns
    -------
    dict of str to (n_users,) float64
        NaN where the metric has no value for the user: no relevant items, or for metrics of the list alone an empty
        list.

    Raises
    ------
    ArgumentError
        For a catalogue metric, something that the context lacks, a k beyond the width of the lists, or wrong arrays.
    DataError
        For codes out of range, or gains that are not above 0.

    Examples
    --------
    >>> relevance = csr_array(np.array([[1, 0, 0, 1], [0, 0, 0, 0]], np.float32))
    >>> user_metrics(np.array([[2, 3], [0, 1]], np.int32), relevance, ["recall@2", "mrr@2"])
    {'recall@2': array([0.5, nan]), 'mrr@2': array([0.5, nan])}
    """
    wanted, known = parse_metrics(specs), context or MetricContext()
    for spec in wanted:
        if spec.kind != "user":
            raise ArgumentError(f"{spec} is a catalogue metric", "a user metric was expected", "use catalogue_metrics")
    ranked = [spec for spec in wanted if spec.metric.name in _RANKED]
    values = ranking_metrics(lists, relevance, [_rank_metric(spec) for spec in ranked], n_threads=n_threads)
    columns = {spec: np.ascontiguousarray(values[:, place]) for place, spec in enumerate(ranked)}
    for spec in wanted:
        if spec not in columns:
            columns[spec] = _other_metric(spec, lists, relevance, known)
    return {spec.name: columns[spec] for spec in wanted}


def auc(counts: RankCounts, relevance: Csr) -> NDArray[np.float64]:
    """Return each user's area under the ROC curve from exact rank counts.

    Parameters
    ----------
    counts : RankCounts
        Of the relevant items, in the order of `relevance`.
    relevance : csr_array (n_users, n_items)
        The pattern counts.

    Returns
    -------
    (n_users,) float64
        NaN for users without relevant items, or without any candidate that is not relevant.

    Examples
    --------
    >>> from recsys.kernels import rank_counts
    >>> relevant = csr_array(np.array([[1, 0, 0]], np.float32))
    >>> auc(rank_counts(np.array([[2, 3, 1]], np.float32), relevant), relevant)
    array([0.5])
    """
    indptr = relevance.indptr
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    if len(counts.candidates) != len(indptr) - 1 or len(counts.greater) != len(rows):
        raise ArgumentError(
            "the rank counts do not fit the relevance", "counts of the same users and items were expected"
        )
    outside = counts.greater == counts.candidates[rows]
    n_users = len(indptr) - 1
    relevant = np.diff(indptr).astype(np.float64)
    missing = np.bincount(rows, weights=outside, minlength=n_users)
    placed = relevant - missing
    others = counts.candidates - placed
    lost: NDArray[Any] = np.bincount(rows, weights=counts.greater + 0.5 * counts.equal, minlength=n_users)
    lost = lost - placed * (placed - 1) / 2 - missing * placed  # without the pairs of two relevant items
    with np.errstate(divide="ignore", invalid="ignore"):
        area = 1 - lost / (relevant * others)
    return np.where((relevant > 0) & (others > 0), area, np.nan)


def _rank_metric(spec: MetricSpec) -> RankMetric:
    name, k = spec.metric.name, spec.k or 0
    if name == "ndcg" and spec.option("gain") != "binary":
        return RankMetric("graded_ndcg", k, spec.option("gain"))
    return RankMetric(name, k)


def _other_metric(
    spec: MetricSpec, lists: NDArray[np.int32], relevance: Csr, context: MetricContext
) -> NDArray[np.float64]:
    if spec.metric.name == "auc":
        return auc(context.need("rank_counts", spec.name), relevance)
    if spec.metric.name.startswith("debiased_"):
        return debiased_metric(spec, lists, relevance, context)
    if spec.metric.name == "ild":
        features = context.need("item_features", spec.name)
        return _diversity(list_matrix(lists, relevance.shape[1], spec), features)
    events = np.asarray(context.need("item_events", spec.name), np.float64)
    if spec.metric.name == "popularity":
        return item_means(list_matrix(lists, relevance.shape[1], spec), events)
    information = np.log2(max(events.sum(), 1)) - np.log2(np.maximum(events, 1))
    return item_means(list_matrix(lists, relevance.shape[1], spec), information)


def _diversity(listed: Csr, features: Csr) -> NDArray[np.float64]:
    """Return 1 − the mean cosine of all pairs: with unit rows x, the sum over ordered pairs is |Σx|² − n."""
    features = features.astype(np.float64)
    norms = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    scaled = features.data * np.repeat(scale, np.diff(features.indptr))
    unit = csr_array((scaled, features.indices, features.indptr), shape=features.shape)
    total = listed @ unit
    described = listed @ (norms > 0).astype(np.float64)
    squared = np.asarray(total.multiply(total).sum(axis=1)).ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = (squared - described) / (described * (described - 1))
    return np.where(described >= 2, np.clip(1 - cosine, 0, 1), np.nan)
