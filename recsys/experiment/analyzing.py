"""`analyze`: from a source, through the table of units, to checks, effects and what they amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError
from recsys.experiment.analysis import Analysis
from recsys.experiment.assignment import arms_by_hash
from recsys.experiment.declared import names
from recsys.experiment.effects import all_effects
from recsys.experiment.experiment import Experiment
from recsys.experiment.integrity.checking import check_integrity
from recsys.experiment.integrity.checks import Thresholds
from recsys.experiment.monitoring import Monitor, monitor_effect
from recsys.experiment.outcomes import Outcome, outcome_of
from recsys.experiment.questions.answers import LookKind
from recsys.experiment.times import dates_of
from recsys.experiment.units.building import build_unit_table
from recsys.experiment.units.per_unit import PerUnit
from recsys.experiment.units.sources import UnitSource
from recsys.experiment.units.table import UnitTable
from recsys.experiment.verdicts import judge, planned_reached


@runtime_checkable
class HasUnits(Protocol):
    """What has a source of units, as a store does."""

    def units(self) -> UnitSource:
        """Return it."""
        ...


def analyze(
    experiment: Experiment,
    source: UnitSource | PerUnit | UnitTable | HasUnits,
    *,
    through: str | datetime | date | int | None = None,
    look: LookKind = "planned",
    by: Sequence[str] = (),
    holidays: Sequence[str | date] = (),
    limits: Thresholds | None = None,
    assigned: NDArray[np.int16] | None = None,
    deviations: Sequence[str] = (),
) -> Analysis:
    """Return the analysis of an experiment: integrity first, then effects, then what they amount to.

    Parameters
    ----------
    experiment : Experiment
        The declaration.
    source : UnitSource, PerUnit, UnitTable or Store
        `Frames`, `PerUnit`, a store or its `units()`, or a table that was built before.
    through : str or datetime, optional
        Only data before this instant counts; by default all there is.
    look : {"planned", "final"}
        ``planned``: the p-value of a single look is withheld before the planned size, because whoever looks often
        finds something. ``final`` asks for it by name, and says so in the result.
    by : sequence of str
        Attributes of units to look at beside the segments that are declared; nothing is adjusted for having looked.
    holidays : sequence of str or date
        Days unlike others: dates, or spans such as ``2026-12-24/2026-12-26``.
    limits : Thresholds, optional
        Where checks warn and fail.
    assigned : (n,) int16, optional
        The arm that the assignment gives each unit of the table; by default the hash's, if the experiment says that
        it assigns.
    deviations : sequence of str
        Known differences from the frozen plan; they are listed in the result.

    Raises
    ------
    ArgumentError
        An argument is not usable.

    Examples
    --------
    >>> from recsys.experiment import Count, Experiment, Frames, analyze
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01", end="2026-06-15",
    ...                   metrics=[Count("plays", event="play", window="7d")])
    >>> from datetime import datetime
    >>> users, first, then = list(range(200)), [datetime(2026, 6, 2)] * 200, [datetime(2026, 6, 3)] * 200
    >>> exposures = {"unit_id": users, "experiment": ["x"] * 200, "variant": ["a", "b"] * 100, "ts": first}
    >>> events = {"user_id": users, "item_id": users, "event": ["play"] * 200, "ts": then}
    >>> analyze(test, Frames(events=events, exposures=exposures)).effects[0].arm
    'b'
    """
    look = cast("LookKind", one_of("look", look, ("planned", "final")))
    if limits is not None and not isinstance(limits, Thresholds):
        raise ArgumentError(f"limits is {limits!r}", "Thresholds were expected", "use Thresholds(srm=0.001)")
    by, days = names("by", by), dates_of(holidays)
    table = source if isinstance(source, UnitTable) else _built(experiment, source, through, by)
    if assigned is None and experiment.assignment == "hash":
        assigned = arms_by_hash(experiment, table.unit_ids)
    return analyze_table(
        experiment, table, look=look, by=tuple(dict.fromkeys([*experiment.segments, *by])),
        holidays=days, limits=limits, assigned=assigned, deviations=tuple(deviations),
    )  # fmt: skip


def analyze_table(
    experiment: Experiment,
    table: UnitTable,
    *,
    look: LookKind,
    by: tuple[str, ...],
    holidays: tuple[date, ...],
    limits: Thresholds | None,
    assigned: NDArray[np.int16] | None,
    deviations: tuple[str, ...],
    reached: Mapping[str, bool] | None = None,
) -> Analysis:
    """Return the analysis of a table; `reached` is that of the whole when the table is a part."""
    outcomes = {one.name: outcome_of(one, table) for one in experiment.metrics}
    matured = {name: int(one.sizes.sum()) for name, one in outcomes.items()}
    if reached is None:
        reached = {one.name: planned_reached(experiment, table, one, matured[one.name]) for one in experiment.metrics}
    effects = all_effects(outcomes.values(), experiment.confidence)
    monitors = _monitors(experiment, outcomes, reached) if experiment.monitoring is not None else {}
    early = [name for name, done in reached.items() if not done]
    told = list(deviations)
    if look == "final" and early:
        told.append(f"p-values of a single look were asked for before the planned size ({', '.join(early)})")
    if experiment.planned_units is None and experiment.ends is None and experiment.monitoring is None:
        told.append("neither a size nor an end was planned: p-values hold only if this is the one look")
    return Analysis(
        experiment=experiment,
        table=table,
        look=look,
        outcomes=outcomes,
        checks=check_integrity(
            experiment,
            table,
            limits=limits,
            by=by,
            holidays=holidays,
            assigned=assigned,
            outcomes=outcomes,
            over=all(reached.values()),
        ),
        effects=judge(effects, experiment, reached, monitors, final=look == "final"),
        reached=reached,
        matured=matured,
        monitors=monitors,
        deviations=tuple(dict.fromkeys(told)),
        by=by,
        limits=limits,
        holidays=holidays,
        assigned=assigned,
    )


def _built(
    experiment: Experiment,
    source: UnitSource | PerUnit | HasUnits,
    through: str | datetime | date | int | None,
    by: Sequence[str],
) -> UnitTable:
    request = experiment.request(through)
    units = source.units() if isinstance(source, HasUnits) else source
    if not isinstance(units, PerUnit) and not all(hasattr(units, one) for one in ("exposures", "batches", "seen")):
        raise ArgumentError(
            f"the source is a {type(source).__name__}",
            "a store, Frames, PerUnit or a table of units was expected",
            "PerUnit(frame, …) reads a frame with one row a unit",
        )
    return build_unit_table(units, replace(request, attributes=tuple(dict.fromkeys([*request.attributes, *by]))))


def _monitors(
    experiment: Experiment, outcomes: Mapping[str, Outcome], reached: Mapping[str, bool]
) -> dict[tuple[str, str], Monitor]:
    found = {}
    table = next(iter(outcomes.values())).table
    comparisons = sum(one.role == "goal" for one in experiment.metrics) * (len(table.arms) - 1)
    for metric in experiment.metrics:
        outcome = outcomes[metric.name]
        for arm in range(1, len(table.arms)):
            many = comparisons if metric.role == "goal" and experiment.correction != "none" else 1
            found[metric.name, table.arms[arm]] = monitor_effect(
                outcome, arm, experiment, comparisons=many, over=reached[metric.name]
            )
    return found
