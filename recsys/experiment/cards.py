"""What a notebook shows of a declared experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.core.times import from_micros
from recsys.display import Cell, Percent, Table, View, counted, facts

if TYPE_CHECKING:
    from recsys.experiment.experiment import Experiment
    from recsys.experiment.looks import Monitoring


def experiment_card(experiment: Experiment) -> View:
    """Return arms, times, metrics and how an experiment will be decided."""
    arms: tuple[tuple[Cell, ...], ...] = tuple(
        (name, Percent(weight), "control" if name == experiment.control else "")
        for name, weight in experiment.arms.items()
    )
    metrics: tuple[tuple[Cell, ...], ...] = tuple(
        (one.name, one.form, one.role, one.direction, str(one.window or "to the end"),
         None if one.pre_period is None else str(one.pre_period), None if one.margin is None else Percent(one.margin))
        for one in experiment.metrics
    )  # fmt: skip
    ends = experiment.ends
    known: dict[str, Cell] = {
        "from": f"{from_micros(experiment.starts):%Y-%m-%d %H:%M} UTC",
        "until": None if ends is None else f"{from_micros(ends):%Y-%m-%d %H:%M} UTC",
        "unit": experiment.unit,
        "planned units": experiment.planned_units,
        "looks": _looks(experiment.monitoring),
        "confidence": Percent(experiment.confidence),
        "correction": experiment.correction,
        "layer": None if experiment.layer is None else experiment.layer.name,
        "segments": ", ".join(experiment.segments) or None,
        "plan": experiment.plan_hash[:12],
    }
    columns = ("metric", "form", "role", "good", "window", "pre-period", "margin")
    tables = (Table(("arm", "weight", ""), arms, "arms"), Table(columns, metrics, "metrics"))
    title = f"Experiment {experiment.name}: {counted(len(arms), 'arm')}, {counted(len(metrics), 'metric')}"
    return facts(title, known, tables)


def _looks(monitoring: Monitoring | None) -> str:
    return "one, at the planned size" if monitoring is None else repr(monitoring)
