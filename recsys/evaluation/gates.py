"""Gates: conditions on a result under which a job shall fail, such as ``"ndcg@10 rel_ci_low < -0.01"``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError
from recsys.display import number_text
from recsys.evaluation.comparison import Comparison
from recsys.evaluation.evaluation import Evaluation
from recsys.metrics import MetricSpec, parse_metric

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PATTERN = re.compile(
    r"\s*(?P<metric>[^\s<>]+)\s+(?:(?P<field>\w+)\s*)?(?P<sign><=|>=|<|>)\s*"
    r"(?P<limit>[-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<percent>%?)\s*"
)
EVALUATION_FIELDS = {"mean": "estimate", "ci_low": "ci_low", "ci_high": "ci_high"}
CATALOGUE_FIELDS = {"mean": "value", "diff": "difference", "ci_low": "ci_low", "ci_high": "ci_high"}
COMPARISON_FIELDS = {
    "mean": "mean",
    "diff": "difference",
    "ci_low": "ci_low",
    "ci_high": "ci_high",
    "rel": "relative",
    "rel_ci_low": "relative_ci_low",
    "rel_ci_high": "relative_ci_high",
    "pvalue": "pvalue",
}


@dataclass(frozen=True)
class Gate:
    """A condition that shall not hold.

    Parameters
    ----------
    metric : MetricSpec
        What is looked at.
    field : str
        Which number of it: ``mean``; of a comparison also ``diff``, ``ci_low``, ``ci_high`` (of the difference),
        ``rel``, ``rel_ci_low``, ``rel_ci_high`` (shares: −0.01 is −1 %), ``pvalue`` (adjusted by Holm).
    sign : str
        ``<``, ``<=``, ``>`` or ``>=``.
    limit : float
        What it is held against.
    """

    metric: MetricSpec
    field: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric.name} {self.field} {self.sign} {self.limit:g}"

    def holds(self, value: float) -> bool:
        """Return whether the condition (the failure) holds."""
        return _OPERATORS[self.sign](value, self.limit)


@dataclass(frozen=True)
class GateOutcome:
    """What became of a gate.

    Parameters
    ----------
    expression : str
        The gate in canonical form.
    model, baseline : str
        What it was applied to; an evaluation has no baseline.
    value : float or None
        The number looked at; None: it could not be estimated, and the gate failed.
    failed : bool
        Whether the job shall fail.
    reason : str
        One sentence.
    """

    expression: str
    model: str
    baseline: str
    value: float | None
    failed: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dict(vars(self))


def parse_gate(text: str) -> Gate:
    """Read ``metric [field] sign number``; the field defaults to ``mean``, ``%`` divides by 100.

    Raises
    ------
    ArgumentError
        The text is no gate.

    Examples
    --------
    >>> str(parse_gate("NDCG@10 rel_ci_low < -1%"))
    'ndcg@10 rel_ci_low < -0.01'
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ArgumentError(
            f"gate is {text!r}", "metric, field, sign and number were expected", "use 'ndcg@10 rel_ci_low < -0.01'"
        )
    field = match["field"] or "mean"
    if field not in COMPARISON_FIELDS:
        fields = ", ".join(COMPARISON_FIELDS)
        hint = did_you_mean(field, COMPARISON_FIELDS)
        raise ArgumentError(f"gate {text!r} looks at {field!r}", f"one of {fields} was expected", hint)
    limit = float(match["limit"].replace("−", "-")) / (100 if match["percent"] else 1)
    return Gate(parse_metric(match["metric"]), field, match["sign"], limit)


def gate(result: Evaluation | Comparison, expressions: Sequence[str | Gate]) -> tuple[GateOutcome, ...]:
    """Return what becomes of each gate: of every model against the baseline, or of one evaluation.

    A number that could not be estimated fails its gate: what was not shown is not assumed.

    Parameters
    ----------
    result : Evaluation or Comparison
        A comparison needs a baseline: without one its pairs are ordered by the result, and no gate could fail.
    expressions : sequence of str or Gate
        Conditions of *failure*.

    Raises
    ------
    ArgumentError
        An expression is no gate, looks at something that was not measured, or needs a baseline.

    Examples
    --------
    >>> from recsys.dataset import Dataset, random_split
    >>> from recsys.evaluation import evaluate
    >>> from recsys.models import Popularity
    >>> log = Dataset.from_frame({"user_id": [1, 1, 2, 2], "item_id": ["a", "b", "b", "a"]})
    >>> train, test = random_split(log, 0.5, seed=1)
    >>> found = evaluate(Popularity().fit(train), test, metrics=["recall@1"])
    >>> [one.failed for one in gate(found, ["recall@1 < 0", "recall@1 < 1.1"])]
    [False, True]
    """
    if isinstance(expressions, str):
        raise ArgumentError(f"expressions is {expressions!r}", "a list was expected", f"use [{expressions!r}]")
    if not isinstance(result, Evaluation | Comparison):
        raise ArgumentError(
            f"a gate was given for a {type(result).__name__}", "an Evaluation or Comparison was expected"
        )
    gates = [parse_gate(text) if isinstance(text, str) else text for text in expressions]
    apply = _of_evaluation if isinstance(result, Evaluation) else _of_comparison
    return tuple(outcome for one in gates for outcome in apply(one, result))


def _of_evaluation(one: Gate, result: Any) -> Iterator[GateOutcome]:
    _check(one, result.metrics, EVALUATION_FIELDS)
    found = result.interval(one.metric.name)
    yield _outcome(one, result.model, "", getattr(found, EVALUATION_FIELDS[one.field]), found.status)


def _of_comparison(one: Gate, result: Any) -> Iterator[GateOutcome]:
    is_user = one.metric.kind == "user"
    fields = COMPARISON_FIELDS if is_user else CATALOGUE_FIELDS
    _check(one, result.metrics, fields)
    if result.baseline is None:
        raise ArgumentError(
            "the gate has nothing to hold the models against", "a baseline was expected", "use compare(…, baseline='…')"
        )
    for row in result.differences if is_user else result.catalogue:
        if row.metric == one.metric.name:
            status = row.status if is_user else "nothing to pair"
            yield _outcome(one, row.model, row.baseline, getattr(row, fields[one.field]), status)


def _check(one: Gate, metrics: Sequence[MetricSpec], fields: dict[str, str]) -> None:
    names = [spec.name for spec in metrics]
    if one.metric.name not in names:
        raise ArgumentError(
            f"the gate {str(one)!r} looks at {one.metric.name}, which was not measured",
            f"one of {', '.join(names)} was expected",
            did_you_mean(one.metric.name, names),
        )
    if one.field not in fields:
        raise ArgumentError(
            f"the gate {str(one)!r} looks at {one.field}, which this result does not have for {one.metric.name}",
            f"one of {', '.join(fields)} was expected",
        )


def _outcome(one: Gate, model: str, baseline: str, value: float, status: str) -> GateOutcome:
    who = f"{model} against {baseline}" if baseline else model
    looked_at = f"{one.metric.name} {one.field} of {who}"
    if not math.isfinite(value):
        why = f"could not be estimated ({status})" if status != "ok" else "could not be estimated"
        return GateOutcome(str(one), model, baseline, None, True, f"failed: {looked_at} {why}")
    failed = one.holds(value)
    word = "failed" if failed else "passed"
    shown = f"{looked_at} is {number_text(value)}"
    return GateOutcome(str(one), model, baseline, value, failed, f"{word}: {shown}, fails if {one.sign} {one.limit:g}")
