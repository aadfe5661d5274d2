"""Which metric orders the models, in which order, and which pairs of them are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from recsys.metrics import MetricSpec


def primary_metric(metrics: Sequence[MetricSpec]) -> MetricSpec:
    """Return the metric that orders the models: the first user metric where more is better.

    Without one the first user metric, without any the first metric.
    """
    users = [spec for spec in metrics if spec.kind == "user"] or list(metrics)
    return next((spec for spec in users if spec.metric.better == "higher"), users[0])


def best_first(means: Mapping[str, float | None], metric: MetricSpec) -> tuple[str, ...]:
    """Return the names of the models, the best first; where no side is better the highest first, unknown means last.

    Examples
    --------
    >>> from recsys.metrics import parse_metric
    >>> best_first({"pop": 0.1, "als": 0.2, "none": None}, parse_metric("ndcg@10"))
    ('als', 'pop', 'none')
    """
    sign = -1 if metric.metric.better == "lower" else 1

    def height(name: str) -> float:
        mean = means[name]
        return -math.inf if mean is None or math.isnan(mean) else sign * mean

    return tuple(sorted(means, key=height, reverse=True))


def model_pairs(ranking: Sequence[str], baseline: str | None) -> tuple[tuple[str, str], ...]:
    """Return who is compared with whom: each with the baseline, or without one each with every one ranked below it.

    Examples
    --------
    >>> model_pairs(["als", "bpr", "pop"], "bpr")
    (('als', 'bpr'), ('pop', 'bpr'))
    >>> model_pairs(["als", "bpr", "pop"], None)
    (('als', 'bpr'), ('als', 'pop'), ('bpr', 'pop'))
    """
    if baseline is None:
        return tuple(combinations(ranking, 2))
    return tuple((name, baseline) for name in ranking if name != baseline)
