"""`analyze`, `monitor`, `decide`: a registered experiment on the data of the store, every look recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from recsys import experiment as experiments
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.experiment import Analysis, Decision, Monitor, Thresholds
from recsys.experiment.questions.answers import LookKind
from recsys.ledger import Outcome, Prediction
from recsys.store.ledger import record
from recsys.store.runs import Run
from recsys.workflows.foretelling import outcomes_of, predictions_of_all
from recsys.workflows.recording import Job, Recorded

if TYPE_CHECKING:
    from recsys.store import Store


def analyze(
    store: Store,
    name: str,
    *,
    through: str | datetime | date | None = None,
    look: LookKind = "planned",
    by: Sequence[str] = (),
    holidays: Sequence[str | date] = (),
    limits: Thresholds | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[Analysis]:
    """Analyse a registered experiment and record the look.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        The experiment.
    through : str or datetime, optional
        Only data before this instant (UTC); by default all there is.
    look : {"planned", "final"}
        ``final`` asks for p-values of a single look before the planned size; that is told in the result.
    by : sequence of str
        Attributes of units to look at beside the declared segments.
    holidays : sequence of str or date
        Days unlike others.
    limits : Thresholds, optional
        Where the checks warn and fail.
    progress : callable
        See `recsys.core.progress`.

    Raises
    ------
    NotFoundError
        There is no such experiment, table or column.
    ArgumentError
        An argument is not usable.
    """
    asked = {"through": through, "look": look, "by": list(by), "holidays": [str(day) for day in holidays]}
    return _recorded(store, name, "analyze", asked, limits, progress)


def monitor(
    store: Store,
    name: str,
    *,
    through: str | datetime | date | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[tuple[Monitor, ...]]:
    """Return the looks so far at every goal and guardrail of every arm, and record this one; see `analyze`.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        The experiment.
    through : str or datetime, optional
        Only data before this instant (UTC); by default all there is.
    progress : callable
        See `recsys.core.progress`.
    """
    run, found = _recorded(store, name, "monitor", {"through": through}, None, progress)
    wanted = [one for one in found.effects if one.role != "diagnostic"] or list(found.effects)
    return Recorded(run, tuple(found.monitor(one.metric, one.arm) for one in wanted))


def decide(
    store: Store,
    name: str,
    *,
    through: str | datetime | date | None = None,
    holidays: Sequence[str | date] = (),
    limits: Thresholds | None = None,
    predicted_by: str | Run | Sequence[str | Run] = (),
    progress: ProgressCallback = silent,
) -> Recorded[Decision]:
    """Return what to do with a registered experiment, and why, and record the look; see `analyze`.

    When the decision is to ship or to stop, its effects go into the ledger (`Store.ledger`).

    Parameters
    ----------
    store, name, through, holidays, limits, progress
        As in `analyze`.
    predicted_by : str or Run, or sequence of them
        Runs of kind ``compare`` or ``replay``, or evaluations of both arms, whose estimates go into the ledger as
        predictions for this experiment.

    Raises
    ------
    NotFoundError
        There is no such experiment or run.
    ArgumentError
        A run says nothing of the arms.
    """
    asked = {"through": through, "holidays": [str(day) for day in holidays]}
    arms = store.experiment(name).experiment.arm_names
    refs = [predicted_by] if isinstance(predicted_by, str | Run) else predicted_by
    said = predictions_of_all([store.run(ref) for ref in refs], name, arms)
    run, found = _recorded(store, name, "decide", asked, limits, progress)
    decision = found.decide()
    over = outcomes_of(found, run) if decision.action in ("ship", "stop") else []
    entries: list[Prediction | Outcome] = [*said, *over]
    if entries:
        with store.write() as con:
            for entry in entries:
                record(con, entry, run.created_at)
    return Recorded(run, decision)


def _recorded(
    store: Store, name: str, asked_for: str, asked: Mapping[str, Any], limits: Thresholds | None,
    progress: ProgressCallback,
) -> Recorded[Analysis]:  # fmt: skip
    job = Job(store, "analysis")
    registered = store.experiment(name)
    test, units = registered.experiment, store.units()
    progress(Progress(f"analyze {name}", 0, 1))
    told = [str(one) for one in registered.deviations]
    found = experiments.analyze(test, units, limits=limits, deviations=told, **asked)
    progress(Progress(f"analyze {name}", 1, 1))
    recipe = {
        "experiment": registered.name,
        "asked_for": asked_for,
        "plan_hash": registered.plan_hash,
        "high_water": units.high_water,
        **{key: value if value is None or isinstance(value, list) else str(value) for key, value in asked.items()},
    }
    run = job.record(
        recipe=recipe, metrics=_numbers(found), result=found.to_dict(), view=found.view(), warnings=found.warnings
    )
    return Recorded(run, found)


def _numbers(found: Analysis) -> dict[str, float | None]:
    """Return the numbers that a list of runs shows: effects of the goals, the p-value of the sample ratio."""
    numbers = {f"{one.metric} {one.arm}": one.difference for one in found.effects if one.role == "goal"}
    ratio = found.check("srm").number
    return {
        key: value if value is not None and isfinite(value) else None
        for key, value in {**numbers, "srm": ratio}.items()
    }
