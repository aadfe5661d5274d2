"""Experiments planned from the past that a store holds; a look, so nothing is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.core.errors import DataError
from recsys.core.times import from_micros, instant_micros
from recsys.experiment import Experiment, Metric, Plan
from recsys.experiment import plan as plan_from
from recsys.experiment.metrics import DAY
from recsys.experiment.reading import toml_table
from recsys.store.experiment_checks import check_experiment

if TYPE_CHECKING:
    from recsys.store import Store
    from recsys.store.reading import Instant

DEFAULT_DAYS = 28


def plan(
    store: Store,
    what: Experiment | str | PathLike[str] | Sequence[Metric],
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    exclude_dates: Sequence[str | date] = (),
    **options: Any,
) -> Plan:
    """Return how many units and days an experiment takes, and what it can find, from the past of a store.

    Parameters
    ----------
    store : Store
        The store.
    what : Experiment, name, path or sequence of Metric
        A registered experiment, or a TOML file; a file need not have `planned_units` yet.
    since, until : str or datetime, optional
        The reference period; by default the last 28 days before the day to which events are complete.
    exclude_dates : sequence of str or date
        UTC days that do not count.
    **options
        Of `recsys.experiment.plan`: ``effect``, ``units``, ``weeks``, ``power``, ….

    Raises
    ------
    NotFoundError
        There is no such experiment or file, or the store lacks a column.
    ArgumentError
        The declaration or an option cannot be used.
    DataError
        There are no events.
    """
    declared = _declared(store, what)
    if isinstance(declared, Experiment):
        with store.read() as con:
            check_experiment(con, declared, allow_unseen=True)
    source = store.units()
    if until is None:
        complete = source.complete_through("events")
        if complete is None:
            raise DataError("the store has no events", "a past to plan from was expected", "recsys ingest events FILE")
        until = from_micros(complete // DAY * DAY)
    if since is None:
        since = from_micros(instant_micros("until", until) - DEFAULT_DAYS * DAY)
    return plan_from(declared, source, since=since, until=until, exclude_dates=exclude_dates, **options)


def _declared(store: Store, what: Experiment | str | PathLike[str] | Sequence[Metric]) -> Experiment | Sequence[Metric]:
    if not isinstance(what, str | PathLike):
        return what
    path = Path(fspath(what))
    if path.suffix != ".toml" and not path.is_file():
        return store.experiment(fspath(what)).experiment
    return Experiment.from_dict({"planned_units": 2, **toml_table(path)})  # looks need a size, which is what is asked
