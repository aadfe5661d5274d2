"""The metrics that exist, with their conventions, and the grammar ``"ndcg@10"``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from recsys.core.checks import did_you_mean, one_of, positive_int
from recsys.core.errors import ArgumentError

Need = Literal["relevance", "rank_counts", "item_events", "item_features", "history"]
_PATTERN = re.compile(r"\s*([A-Za-z_]+)\s*(?:\(([^()]*)\))?\s*(?:@\s*(\S+))?\s*")


@dataclass(frozen=True, slots=True)
class Metric:
    """A family of metrics.

    Attributes
    ----------
    name : str
        As written before ``@``.
    kind : {"user", "catalogue"}
        A user metric has one value a user and enters paired tests; a catalogue metric has one value for all the lists.
    convention : str
        Formula, denominators and choices, in one or two sentences.
    better : {"higher", "lower", "neither"}
        Which direction is an improvement.
    needs : tuple of str
        What must be known beside the lists (fields of `MetricContext`, or ``relevance``).
    takes_k : bool
        Whether ``@k`` must follow.
    options : mapping of str to tuple of str
        Options with their values; the first is the default.
    unit : str
        Of its values, for axes.
    reading : str
        What it says, for those to whom the formula says little.
    """

    name: str
    kind: Literal["user", "catalogue"]
    convention: str
    better: Literal["higher", "lower", "neither"] = "higher"
    needs: tuple[Need, ...] = ("relevance",)
    takes_k: bool = True
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    unit: str = "0 to 1"
    reading: str = ""


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "recall", "user", "relevant items among the first k, over all relevant items of the user (not min(k, ·))"
        ),
        Metric("precision", "user", "relevant items among the first k, over k (also when the list is shorter)"),
        Metric("hit_rate", "user", "1 if at least one relevant item is among the first k, else 0"),
        Metric(
            "ndcg",
            "user",
            "DCG over the ideal DCG of min(k, relevant) items; discount 1/log2(rank + 1); gain 1 by default, the "
            "relevance value with gain=value, 2^value − 1 with gain=exp "
            "(Järvelin & Kekäläinen 2002; Burges et al. 2005)",
            options={"gain": ("binary", "value", "exp")},
            reading="how well the first k hit, weighted by rank, 1 = perfect",
        ),
        Metric(
            "map",
            "user",
            "sum of the precisions at the ranks of the hits among the first k, over min(k, relevant)",
            reading="how well the first k hit, weighted by rank, 1 = perfect",
        ),
        Metric("mrr", "user", "1 / rank of the first relevant item among the first k, 0 without one"),
        Metric(
            "debiased_recall",
            "user",
            "recall with each relevant item weighted by 1 / its propensity, self-normalised (Yang et al. 2018); "
            "propensity = (training events)^power (an item without events counts as one), or the known exposure; "
            "clipped at 1/100 of the largest, so that no item weighs more than 100 times another",
            needs=("relevance", "item_events"),
            options={"power": ("0.5", "1", "1.5")},
        ),
        Metric(
            "debiased_ndcg",
            "user",
            "DCG of gains 1 / propensity over that of the k largest such gains; discount 1/log2(rank + 1); propensity "
            "= (training events)^power (an item without events counts as one), or the known exposure; clipped at 1/100 "
            "of the largest (Yang et al. 2018)",
            needs=("relevance", "item_events"),
            options={"power": ("0.5", "1", "1.5")},
            reading="as ndcg, hits on rarer items counting more",
        ),
        Metric(
            "auc",
            "user",
            "share of (relevant, not relevant) candidate pairs in the right order, ties count half; a relevant "
            "item that is no candidate ranks below all",
            needs=("relevance", "rank_counts"),
            takes_k=False,
        ),
        Metric(
            "ild",
            "user",
            "intra-list diversity: mean over the pairs of the first k items of 1 − cosine of their attributes; items "
            "without attributes are left out, lists with fewer than two others have no value (Ziegler et al. 2005)",
            needs=("item_features",),
        ),
        Metric(
            "novelty",
            "user",
            "mean self-information of the first k items, −log2 of the item's share of the training events; an item "
            "without events counts as one event; empty lists have no value (Zhou et al. 2010)",
            better="neither",
            needs=("item_events",),
            unit="bits per item",
        ),
        Metric(
            "popularity",
            "user",
            "mean training events of the first k items (average recommendation popularity, Yin et al. 2012); empty "
            "lists have no value",
            better="neither",
            needs=("item_events",),
            unit="training events per item",
        ),
        Metric(
            "popularity_lift",
            "catalogue",
            "mean popularity of the lists over mean popularity of the users' own histories, − 1; popularity = training "
            "events; averaged within users first (Abdollahpouri et al. 2019)",
            better="neither",
            needs=("item_events", "history"),
            unit="relative to the users' histories",
        ),
        Metric(
            "coverage",
            "catalogue",
            "distinct items among all first k, over the items that could be recommended (the context's catalogue, or "
            "the items with at least one training event)",
            needs=("item_events",),
        ),
        Metric(
            "gini",
            "catalogue",
            "Gini index of how often each item of the catalogue is listed: 0 = all equally, near 1 = few items only; "
            "items that are never listed count",
            better="lower",
            needs=("item_events",),
        ),
    )
}
"""Every metric by its name, with its formula and conventions in words."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric to compute, e.g. NDCG at 10.

    Attributes
    ----------
    metric : Metric
        What is measured.
    k : int or None
        Length of the part of the list that counts.
    options : tuple of (str, str)
        Options that are not the default.

    Examples
    --------
    >>> spec = parse_metric("ndcg(gain=exp)@10")
    >>> spec.name, spec.k, spec.kind
    ('ndcg(gain=exp)@10', 10, 'user')
    """

    metric: Metric
    k: int | None = None
    options: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The canonical text; parsing it gives this spec again."""
        inside = f"({','.join(f'{key}={value}' for key, value in self.options)})" if self.options else ""
        return f"{self.metric.name}{inside}" + (f"@{self.k}" if self.k is not None else "")

    @property
    def kind(self) -> Literal["user", "catalogue"]:
        """``"user"`` or ``"catalogue"``."""
        return self.metric.kind

    @property
    def convention(self) -> str:
        """Formula, denominators and choices in words."""
        return self.metric.convention

    def option(self, key: str) -> str:
        """Return the value of an option, given or default."""
        return dict(self.options).get(key, self.metric.options[key][0])

    def __str__(self) -> str:
        return self.name


def parse_metric(text: str | MetricSpec) -> MetricSpec:
    """Read ``name@k`` or ``name(option=value)@k``; capitals and spaces do not matter.

    Parameters
    ----------
    text : str or MetricSpec
        One of ``recall@k precision@k hit_rate@k ndcg@k ndcg(gain=value)@k ndcg(gain=exp)@k map@k mrr@k auc
        debiased_recall@k debiased_ndcg(power=1)@k ild@k novelty@k popularity@k`` (user metrics) and
        ``coverage@k gini@k popularity_lift@k`` (catalogue metrics).

    Raises
    ------
    ArgumentError
        For an unknown name or option, a missing or superfluous k, or a k below 1.

    Examples
    --------
    >>> parse_metric("NDCG@10").name
    'ndcg@10'
    """
    if isinstance(text, MetricSpec):
        return text
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ArgumentError(f"metric is {text!r}", "a metric such as 'ndcg@10' was expected")
    name = match[1].lower()
    if name not in METRICS:
        choices = f"one of {', '.join(METRICS)} was expected"
        raise ArgumentError(f"metric {text!r} is unknown", choices, did_you_mean(name, METRICS))
    metric = METRICS[name]
    return MetricSpec(metric, _parse_k(text, metric, match[3]), _parse_options(text, metric, match[2] or ""))


def parse_metrics(texts: Sequence[str | MetricSpec]) -> tuple[MetricSpec, ...]:
    """Read several metrics; repeats are dropped, the order stays.

    Examples
    --------
    >>> [spec.name for spec in parse_metrics(["ndcg@10", "NDCG@10", "auc"])]
    ['ndcg@10', 'auc']
    """
    if isinstance(texts, str):
        raise ArgumentError(f"metrics is {texts!r}", "a list of metrics was expected", f"use [{texts!r}]")
    return tuple(dict.fromkeys(parse_metric(text) for text in texts))


def _parse_k(text: str, metric: Metric, digits: str | None) -> int | None:
    if not metric.takes_k:
        if digits is not None:
            raise ArgumentError(f"metric {text!r} has a k", f"{metric.name} takes none", f"use {metric.name!r}")
        return None
    if digits is None:
        raise ArgumentError(f"metric {text!r} has no k", "name@k was expected", f"use '{metric.name}@10'")
    return positive_int(
        f"the k of metric {text!r}", int(digits) if digits.isdecimal() else digits, hint=f"use '{metric.name}@10'"
    )


def _parse_options(text: str, metric: Metric, inside: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in inside.split(","))):
        key, equals, value = (piece.strip().lower() for piece in part.partition("="))
        if not equals or key not in metric.options or key in found:
            known = ", ".join(f"{key}={'|'.join(values)}" for key, values in metric.options.items())
            expected = f"{metric.name} takes {known}" if known else f"{metric.name} takes no options"
            raise ArgumentError(f"metric {text!r} has the option {part!r}", expected)
        found[key] = one_of(f"{key} of metric {text!r}", value, metric.options[key])
    return tuple(sorted((key, value) for key, value in found.items() if value != metric.options[key][0]))
