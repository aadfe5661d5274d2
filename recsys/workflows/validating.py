"""`validate`: the tests of an experiment tried on the past of its own units, recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import isfinite
from os import PathLike
from typing import TYPE_CHECKING, Any

from recsys import experiment as experiments
from recsys.core.errors import DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import from_micros, instant_micros
from recsys.experiment import Experiment, Validation
from recsys.workflows.recording import Job, Recorded

if TYPE_CHECKING:
    from recsys.store import Store

Instant = str | datetime | date
SPAN = timedelta(days=28)


def validate(
    store: Store,
    test: str | PathLike[str] | Experiment,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    through: Instant | None = None,
    exclude: Sequence[tuple[Instant, Instant]] = (),
    splits: int = 2000,
    lift: float | None = None,
    share: float | None = None,
    alpha: float | None = None,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Recorded[Validation]:
    """Try the tests of an experiment on the store's past, and record what came out; see `recsys.experiment.validate`.

    Parameters
    ----------
    store : Store
        The store.
    test : str, path or Experiment
        A registered experiment by name, a ``.toml`` file, or a declaration.
    since, until, through : str, datetime or date, optional
        By default `through` is the start of the experiment, or how far the events are complete if that is earlier;
        `until` lies the longest window of a metric before it, and `since` 28 days before that: all windows have ended
        before anybody is treated.
    exclude, splits, lift, share, alpha, seed, progress
        As there.

    Raises
    ------
    NotFoundError
        There is no such experiment, file, table or column.
    DataError
        There are no events that tell a span.
    """
    job = Job(store, "analysis")
    declared = _declared(store, test)
    units = store.units()
    end = _end(declared, units.complete_through("events")) if through is None else instant_micros("through", through)
    last = end - max((metric.span[1] or 0 for metric in declared.metrics), default=0)
    begin = last if until is None else instant_micros("until", until)
    since = from_micros(begin) - SPAN if since is None else since
    until = from_micros(begin) if until is None else until
    through = from_micros(end) if through is None else through
    asked: dict[str, Any] = {"splits": splits, "lift": lift, "share": share, "alpha": alpha, "seed": seed}
    found = experiments.validate(
        declared, units, since=since, until=until, through=through, exclude=exclude, **asked, progress=progress
    )
    recipe = {
        "experiment": declared.name,
        "asked_for": "validate",
        "plan_hash": declared.plan_hash,
        "high_water": units.high_water,
        "since": str(since),
        "until": str(until),
        "through": str(through),
        "exclude": [[str(one), str(other)] for one, other in exclude],
        **asked,
    }
    numbers = {f"{row.metric} {row.method} false positives": row.false_positives for row in found.rows}
    run = job.record(
        recipe=recipe,
        seed=seed,
        metrics={name: value if isfinite(value) else None for name, value in numbers.items()},
        result=found.to_dict(),
        view=found.view(),
        warnings=found.warnings,
    )
    return Recorded(run, found)


def _declared(store: Store, test: str | PathLike[str] | Experiment) -> Experiment:
    if isinstance(test, Experiment):
        return test
    if not isinstance(test, str) or test.endswith(".toml"):
        return Experiment.from_toml(str(test))
    return store.experiment(test).experiment


def _end(declared: Experiment, complete: int | None) -> int:
    if complete is None:
        raise DataError("the store has no events with a time", "a past was expected", "ingest events first")
    return min(declared.starts, complete)
