"""Recall and NDCG of a log that shows popular items more often: hits weighted by the inverse of the exposure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.kernels import Csr
from recsys.metrics.context import MetricContext
from recsys.metrics.spec import MetricSpec

Float64 = NDArray[np.float64]
CLIP = 0.01  # of the largest propensity: no item weighs more than a hundred times the most exposed one


def item_weights(spec: MetricSpec, context: MetricContext) -> Float64:
    """Return 1 / propensity of each item, the most exposed item being 1.

    The propensity is the context's exposure where it is known, else (training events) ** power.
    """
    if context.exposure is not None:
        propensity = np.asarray(context.exposure, np.float64)
        if propensity.ndim != 1 or not np.isfinite(propensity).all() or (propensity < 0).any():
            raise ArgumentError("exposure is not one finite number of at least 0 an item", "a vector was expected")
    else:
        events = np.asarray(context.need("item_events", spec.name), np.float64)
        propensity = np.maximum(events, 1) ** float(spec.option("power"))
    largest = float(propensity.max(initial=0.0))
    if largest == 0:
        raise ArgumentError("exposure is 0 for every item", "items that were shown were expected")
    return np.asarray(1 / np.maximum(propensity / largest, CLIP))


def debiased_metric(
    spec: MetricSpec, lists: NDArray[np.int32], relevance: Csr, context: MetricContext
) -> NDArray[np.float64]:
    """Return self-normalised recall or NDCG of each user (Yang et al. 2018), NaN without a relevant item."""
    weights, k = item_weights(spec, context), spec.k or 0
    n_users, n_items = relevance.shape
    if len(weights) != n_items or k > lists.shape[1]:
        raise ArgumentError(
            f"{spec} has {len(weights)} items with an exposure and lists of {lists.shape[1]}",
            f"{n_items} items and lists of at least {k} were expected",
        )
    owners = np.repeat(np.arange(n_users, dtype=np.int64), np.diff(relevance.indptr))
    listed = np.ascontiguousarray(lists[:, :k], np.int64)
    keys = (np.arange(n_users)[:, None] * n_items + listed)[listed >= 0]
    users, ranks = np.nonzero(listed >= 0)
    _, first = np.unique(keys, return_index=True)  # an item counts once, at its best rank
    hit = first[np.isin(keys[first], owners * n_items + relevance.indices)]
    discounted = spec.metric.name == "debiased_ndcg"
    gains = weights[keys[hit] % n_items] / (np.log2(ranks[hit] + 2.0) if discounted else 1.0)
    reached = np.bincount(users[hit], weights=gains, minlength=n_users)
    possible = _ideal(weights[relevance.indices], owners, relevance.indptr, k if discounted else None)
    values: Float64 = np.divide(reached, possible, out=np.full(n_users, np.nan), where=possible > 0)
    return values


def _ideal(weights: Float64, owners: NDArray[np.int64], indptr: NDArray[Any], k: int | None) -> Float64:
    """Return the most that a list can reach: all weights, or the k largest ones in falling order, discounted."""
    if k is None:
        return np.bincount(owners, weights=weights, minlength=len(indptr) - 1).astype(np.float64, copy=False)
    order = np.lexsort((-weights, owners))
    rank = np.arange(len(owners)) - indptr[:-1][owners]
    gains = np.where(rank < k, weights[order] / np.log2(rank + 2.0), 0.0)
    return np.bincount(owners, weights=gains, minlength=len(indptr) - 1).astype(np.float64, copy=False)
