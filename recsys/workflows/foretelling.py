"""What a run had predicted of an experiment, and what the experiment found: the entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.core.errors import ArgumentError
from recsys.ledger import Outcome, Prediction, Scale

if TYPE_CHECKING:
    from recsys.experiment import Analysis
    from recsys.experiment.effects import Effect
    from recsys.store import Run

KINDS = ("compare", "replay")


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
            "a run that estimates a difference was expected: compare or replay",
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
            per=found.experiment.unit.removesuffix("_id"), scale=scale, estimate=estimate,
            ci_low=low if known else nan, ci_high=high if known else nan, confidence=found.experiment.confidence,
            at=run.created_at, run=run.run_id,
        )  # fmt: skip


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
