"""What a run had predicted of an experiment, and what the experiment found: the entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.core.errors import ArgumentError
from recsys.experiment import Ratio
from recsys.ledger import Outcome, Prediction, Scale

if TYPE_CHECKING:
    from recsys.experiment import Analysis
    from recsys.experiment.effects import Effect
    from recsys.store import Run

KINDS = ("compare", "replay")
_OF_THE_MODEL = ("runs", "run", "model", "models")


class _Row(NamedTuple):
    """One difference that a run estimated; `interval` is missing where there is none."""

    candidate: str
    baseline: str
    source: str
    quantity: str
    per: str
    scale: Scale
    estimate: float | None
    interval: tuple[float | None, float | None]
    confidence: float


def predictions_of_all(runs: Sequence[Run], experiment: str, arms: Sequence[str]) -> list[Prediction]:
    """Return what comparisons, replays and pairs of evaluations said of the arms of an experiment, control first.

    Raises
    ------
    ArgumentError
        A run says nothing of the arms, or evaluations are not of one test part.
    """
    evaluations = [run for run in runs if run.kind == "evaluate"]
    found = [one for run in runs if run.kind != "evaluate" for one in predictions_of(run, experiment, arms)]
    return found + (_evaluated(evaluations, experiment, arms) if evaluations else [])


def _evaluated(runs: Sequence[Run], experiment: str, arms: Sequence[str]) -> list[Prediction]:
    """Return relative differences of the metrics of evaluations: without intervals, for users are not paired."""
    asked = "recsys compare CONTROL_RUN CANDIDATE_RUN pairs the users, and gives intervals"
    if len(runs) < 2:
        raise ArgumentError(
            f"run {runs[0].run_id} evaluates one model", "evaluations of both arms were expected", asked
        )
    exams = [
        (run.snapshot_id, {key: value for key, value in run.recipe.items() if key not in _OF_THE_MODEL}) for run in runs
    ]
    for run, exam in zip(runs, exams, strict=True):
        if exam != exams[0]:
            raise ArgumentError(
                f"the evaluations {runs[0].run_id} and {run.run_id} are not of one test part, or differ in an option",
                "evaluations on the same data were expected",
                asked,
            )
    models = [str(run.recipe["model"]) for run in runs]
    control, *others = runs
    if arms[0] in models:
        control = runs[models.index(arms[0])]
        others = [run for run in runs if run is not control]
    pairs = {(str(run.recipe["model"]), str(control.recipe["model"])) for run in others}
    names = _arms_of(pairs, others[0], arms)
    return [
        Prediction(
            source=metric, experiment=experiment, candidate=names[pair], baseline=arms[0], quantity=metric, per="user",
            scale="relative", estimate=value / base - 1, at=run.created_at, run=run.run_id,
        )
        for run in others
        if (pair := (str(run.recipe["model"]), str(control.recipe["model"]))) in names
        for metric, value in run.metrics.items()
        if value is not None and (base := control.metrics.get(metric))
    ]  # fmt: skip


def predictions_of(run: Run, experiment: str, arms: Sequence[str]) -> list[Prediction]:
    """Return what a comparison or a replay said of the arms of an experiment, control first.

    A model is the arm of its name. Where the run has one pair and the experiment two arms, names do not matter.

    Raises
    ------
    ArgumentError
        The run is of another kind, or none of its pairs is one of the arms against the control.
    """
    if run.kind not in KINDS:
        raise ArgumentError(
            f"run {run.run_id} is of kind {run.kind!r}",
            "a run that estimates a difference was expected: compare, replay, or the evaluations of both arms",
            "recsys compare CONTROL_RUN CANDIDATE_RUN",
        )
    rows = [row for row in (_compared if run.kind == "compare" else _replayed)(run.result) if row.estimate is not None]
    names = _arms_of({(row.candidate, row.baseline) for row in rows}, run, arms)
    return [
        Prediction(
            source=row.source, experiment=experiment, candidate=names[row.candidate, row.baseline], baseline=arms[0],
            quantity=row.quantity, per=row.per, scale=row.scale, estimate=float(row.estimate or 0.0),
            ci_low=_number(row.interval[0]), ci_high=_number(row.interval[1]), confidence=row.confidence,
            at=run.created_at, run=run.run_id,
        )
        for row in rows
        if (row.candidate, row.baseline) in names
    ]  # fmt: skip


def outcomes_of(found: Analysis, run: Run) -> list[Outcome]:
    """Return the effects of an analysis that can be estimated, absolute and relative."""
    return [outcome for effect in found.effects for outcome in _outcomes(effect, found, run)]


def _outcomes(effect: Effect, found: Analysis, run: Run) -> Iterator[Outcome]:
    parts: tuple[tuple[Scale, str, float, float, float], ...] = (
        ("absolute", effect.status, effect.difference, effect.ci_low, effect.ci_high),
        ("relative", effect.relative_status, effect.relative, effect.relative_ci_low, effect.relative_ci_high),
    )
    for scale, status, estimate, low, high in parts:
        if status != "ok" or not isfinite(estimate):
            continue
        known = low <= estimate <= high
        yield Outcome(
            experiment=found.experiment.name, candidate=effect.arm, baseline=effect.control, quantity=effect.metric,
            per=_per(effect, found), scale=scale, estimate=estimate,
            ci_low=low if known else nan, ci_high=high if known else nan, confidence=found.experiment.confidence,
            at=run.created_at, run=run.run_id,
        )  # fmt: skip


_ROWS = {"count()": "impression", "count_distinct(request_id)": "request"}


def _per(effect: Effect, found: Analysis) -> str:
    """Return what an effect is a mean over: the unit, or what the denominator of a ratio counts."""
    unit = found.experiment.unit.removesuffix("_id")
    metric = next((one for one in found.experiment.metrics if one.name == effect.metric), None)
    if not isinstance(metric, Ratio):
        return unit
    table = metric.denominator_table or metric.table
    return _ROWS.get(metric.denominator, metric.denominator) if table == "impressions" else metric.denominator


def _compared(result: Mapping[str, Any]) -> Iterator[_Row]:
    confidence = 1 - result["alpha"]
    for row in result["differences"]:
        interval = row["relative_ci_low"], row["relative_ci_high"]
        metric = row["metric"]
        yield _Row(
            row["model"], row["baseline"], metric, metric, "user", "relative", row["relative"], interval, confidence
        )


def _replayed(result: Mapping[str, Any]) -> Iterator[_Row]:
    for row in result["differences"]:
        interval, per = (row["ci_low"], row["ci_high"]), row["estimand"]
        said = (row["policy"], row["baseline"], row["estimator"], row["reward"], per)
        yield _Row(*said, "absolute", row["estimate"], interval, row["confidence"])


def _arms_of(pairs: set[tuple[str, str]], run: Run, arms: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the arm that the candidate of each pair is."""
    control, *others = arms
    by_name = {pair: pair[0] for pair in pairs if pair[0] in others and pair[1] == control}
    if by_name:
        return by_name
    turned = any(candidate == control or baseline in others for candidate, baseline in pairs)
    if len(pairs) == 1 and len(others) == 1 and not turned:
        return dict.fromkeys(pairs, others[0])
    said = ", ".join(f"{candidate} − {baseline}" for candidate, baseline in sorted(pairs)) or "nothing"
    raise ArgumentError(
        f"run {run.run_id} says something of {said}",
        f"a pair such as {others[0]} − {control} was expected: the arms, by the names of the models",
        "the control comes first: recsys compare CONTROL_RUN CANDIDATE_RUN",
    )


def _number(value: float | None) -> float:
    return nan if value is None else value
