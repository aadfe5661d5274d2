"""`assign`: which unit gets which arm, into a file; and what exposures need of it."""

from __future__ import annotations

from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from recsys._version import __version__
from recsys.core.errors import ArgumentError, DataError
from recsys.core.times import parse_instant, to_micros, utc_now
from recsys.experiment import Experiment
from recsys.store.experiments import find_experiment
from recsys.store.registered import RegisteredExperiment
from recsys.store.runs import new_run_id
from recsys.store.schema import id_type
from recsys.workflows.exporting import ListWriter, StreamWriter, format_of

if TYPE_CHECKING:
    from recsys.dataset.vocabulary import Ids
    from recsys.store import Store
    from recsys.store.reading import Instant


class Assigned(NamedTuple):
    """What `assign` did.

    Attributes
    ----------
    experiment : str
        Its name.
    out : str
        The file, or ``-``.
    arms : dict of str to int
        Units by arm, the control first.
    left_out : dict of str to int
        Units that get no arm, by reason.
    """

    experiment: str
    out: str
    arms: dict[str, int]
    left_out: dict[str, int]


def assign(
    store: Store,
    name: str,
    out: str | PathLike[str] | IO[bytes],
    *,
    units: Ids | None = None,
    at: Instant | None = None,
    format: str | None = None,  # noqa: A002 - the public word
) -> Assigned:
    """Write the arm of each unit that comes into an experiment: ``unit_id``, ``variant``.

    The arm depends on the id, the declaration and the time alone; nothing is recorded. The file appears whole, with a
    manifest beside it, or not at all.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        The experiment.
    out : path or binary file
        A ``.csv``, ``.parquet`` or ``.jsonl`` file, or an open stream.
    units : ids, optional
        By default all units that the store knows.
    at : str or datetime, optional
        The time that counts for the ramp (UTC); by default now.
    format : str, optional
        ``"csv"``, ``"parquet"`` or ``"jsonl"`` where the name does not say.

    Raises
    ------
    NotFoundError
        There is no such experiment, or no such folder.
    ArgumentError
        The experiment was stopped, or the format is not known.
    DataError
        An id is missing or not like those of the store.
    """
    known = running(store, name)
    experiment = known.experiment
    moment = datetime.now(UTC).replace(tzinfo=None) if at is None else parse_instant("at", at)
    writer: ListWriter | StreamWriter
    if isinstance(out, str | PathLike):
        writer = ListWriter(Path(out), format_of(Path(out), format), new_run_id())
    else:
        writer = StreamWriter(out, format or "csv")
    if units is None:
        ids = store.units().known(experiment.unit)
    else:
        ids = unit_ids_like(store, experiment, pl.Series(units)).unique(maintain_order=True)
    rows = assigned(store, experiment, ids, moment)
    inside = rows.filter(pl.col("variant").is_not_null()).select("unit_id", "variant")
    counts = dict(inside["variant"].value_counts().iter_rows())
    arms = {arm: counts.get(arm, 0) for arm in experiment.arm_names}
    outside = rows.filter(pl.col("variant").is_null())["reason"].value_counts().sort("reason")
    with writer:
        writer.write(inside)
        writer.publish(
            lambda checksum: {
                "recsys": __version__,
                "experiment": name,
                "plan_hash": known.plan_hash,
                "at": moment.isoformat(),
                "rows": len(inside),
                "arms": arms,
                "sha256": checksum,
            }
        )
    return Assigned(name, writer.name, arms, dict(outside.iter_rows()))


def assigned(store: Store, experiment: Experiment, units: pl.Series, at: datetime) -> pl.DataFrame:
    """Return what `recsys.experiment.assign` says of units; what a targeting asks of them, the store knows.

    Parameters
    ----------
    store : Store
        The store.
    experiment : Experiment
        The declaration.
    units : Series
        Distinct ids.
    at : datetime
        The time that counts (UTC).
    """
    attributes = None
    if experiment.targets:
        names = tuple(dict.fromkeys(one.column for one in experiment.targets))
        times = np.full(len(units), to_micros(at))
        found = store.units().attributes(names, unit=experiment.unit, unit_ids=units, at=times)
        attributes = found.with_columns(units.alias("unit_id"))
    return experiment.assign(units, attributes=attributes, at=at)


def running(store: Store, name: str) -> RegisteredExperiment:
    """Return an experiment that was not stopped.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    ArgumentError
        It was stopped.
    """
    with store.read() as con:
        known = find_experiment(con, name, utc_now())
    if known.stopped_at is not None:
        raise ArgumentError(
            f"experiment {name!r} was stopped at {known.stopped_at:%Y-%m-%d %H:%M} UTC",
            "one that runs was expected",
        )
    return known


def unit_ids_like(store: Store, experiment: Experiment, ids: pl.Series) -> pl.Series:
    """Return ids in the type that the store's units have: ``"42"`` out of a file is 42 where they are whole numbers.

    Raises
    ------
    DataError
        An id is missing, or no whole number where the units are whole numbers.
    """
    if ids.null_count():
        raise DataError(f"{ids.null_count():,} of {len(ids):,} rows have no unit_id", "a unit in each was expected")
    with store.read() as con:
        kind = id_type(con, "unit_id") or (id_type(con, "user_id") if experiment.unit == "user_id" else None)
    if kind is None:
        return ids
    if kind != "BIGINT":
        return ids.cast(pl.String)
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count():
        wrong = ids.filter(numbers.is_null())[0]
        raise DataError(f"unit_id {wrong!r} is no whole number", "ids like those in the store were expected")
    return numbers
