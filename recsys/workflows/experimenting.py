"""Experiments in the store: registered after a look at the data, units assigned into a file, exposures recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from recsys.core.checks import did_you_mean
from recsys.core.errors import DataError
from recsys.core.times import parse_instant, to_micros, utc_now
from recsys.display import counted
from recsys.experiment import Experiment
from recsys.store.experiment_checks import check_experiment
from recsys.store.experiments import exposed_pairs, register
from recsys.store.frames import to_polars
from recsys.store.registered import RegisteredExperiment
from recsys.store.sources import Source
from recsys.workflows.assigning import assigned, running, unit_ids_like

if TYPE_CHECKING:
    from recsys.store import Store
    from recsys.store.reading import Instant

_COLUMNS = ("unit_id", "variant", "ts", "experiment")


class Created(NamedTuple):
    """What `create_experiment` did.

    Attributes
    ----------
    experiment : RegisteredExperiment
        As it stands in the store.
    warnings : tuple of str
        What looks wrong about it before the data of the store.
    """

    experiment: RegisteredExperiment
    warnings: tuple[str, ...]


class ExposedUnits(NamedTuple):
    """What `expose` did.

    Attributes
    ----------
    experiment : str
        Its name.
    recorded : dict of str to int
        Rows recorded, by arm.
    known : int
        Rows that were there already.
    left_out : dict of str to int
        Units that get no arm, by reason; only where the arms were assigned here.
    ingest_id : int or None
        The change, for `Store.revert`; None: there was nothing to record.
    in_several_arms : int
        Units that are exposed in several arms now: an analysis leaves them out.
    warnings : tuple of str
        Rows before the start, after the end or in the future.
    """

    experiment: str
    recorded: dict[str, int]
    known: int
    left_out: dict[str, int]
    ingest_id: int | None
    in_several_arms: int
    warnings: tuple[str, ...] = ()


def create_experiment(
    store: Store, experiment: Experiment | str | PathLike[str], *, amend: bool = False, allow_unseen: bool = False
) -> Created:
    """Register an experiment, after a check that the store can answer what it asks.

    A draft is replaced by a new declaration. When the experiment runs, its plan is frozen.

    Parameters
    ----------
    store : Store
        The store.
    experiment : Experiment or path
        The declaration, or a TOML file with one.
    amend : bool
        Change the declaration of an experiment that runs; the deviations from its plan are listed in later results.

    allow_unseen : bool
        Register a metric of a kind of event that has never occurred although one of nearly the same spelling has.

    Raises
    ------
    NotFoundError
        There is no such file, or the store lacks a column that the experiment needs.
    ArgumentError
        The declaration cannot be used, its plan is frozen and `amend` is False, an event seems to be misspelled, or the
        experiment was stopped.
    DataError
        A column does not have the type that a metric needs.
    """
    declared = experiment if isinstance(experiment, Experiment) else Experiment.from_toml(Path(fspath(experiment)))
    with store.read() as con:
        warnings = check_experiment(con, declared, allow_unseen=allow_unseen)
    with store.write() as con:
        return Created(register(con, declared, utc_now(), amend=amend), warnings)


def expose(store: Store, name: str, source: Any, *, at: Instant | None = None, called: str = "frame") -> ExposedUnits:
    """Record that units have entered an experiment; the first exposure of a unit counts.

    Rows with a time are recorded as they are, and the same rows again add nothing. Of rows without a time those are
    recorded whose unit is not exposed in that arm yet.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        The experiment.
    source : frame
        ``unit_id``; ``variant`` (without it units get the arm that `assign` gives them); ``ts`` (without it `at`).
    at : str or datetime, optional
        When they entered (UTC); by default now.
    called : str
        What errors call the source, such as its file.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    ArgumentError
        It was stopped.
    DataError
        A unit or a variant is missing, a variant is none of the arms, rows are of another experiment, or a column is
        named much like one of those.
    """
    known = running(store, name)
    moment = datetime.now(UTC).replace(tzinfo=None) if at is None else parse_instant("at", at)
    rows, left_out = _with_arms(store, known.experiment, _checked(to_polars(source), name), moment)
    _refuse_other_arms(rows, known.experiment)
    before = 0
    if "ts" not in rows.columns:
        rows = rows.select("unit_id", "variant").unique(maintain_order=True)
        with store.read() as con:
            pairs = exposed_pairs(con, name).with_columns(pl.col("unit_id").cast(rows["unit_id"].dtype))
        fresh = rows.join(pairs, on=["unit_id", "variant"], how="anti", maintain_order="left")
        before = len(rows) - len(fresh)
        rows = fresh.with_columns(ts=pl.lit(moment))
    if rows.is_empty():
        return ExposedUnits(name, {}, before, left_out, None, _in_several_arms(store, name))
    source = Source(called, "frame", frame=rows.select("unit_id", "variant", "ts"))
    done = store.ingest("exposures", source, set={"experiment": name})
    added = bool(done.ingest_ids)
    counts = dict(rows["variant"].value_counts().sort("variant").iter_rows()) if added else {}
    return ExposedUnits(
        experiment=name,
        recorded=counts,
        known=before + done.rows_duplicate,
        left_out=left_out,
        ingest_id=done.ingest_ids[0] if added else None,
        in_several_arms=_in_several_arms(store, name),
        warnings=_odd_times(rows["ts"], known.experiment),
    )


def _odd_times(times: pl.Series, experiment: Experiment) -> tuple[str, ...]:
    """Return how many rows lie outside the experiment, or in the future."""
    if times.dtype == pl.String:
        times = times.str.to_datetime("%+", strict=False, time_zone="UTC").dt.replace_time_zone(None)
    if not isinstance(times.dtype, pl.Datetime | pl.Date):
        return ()
    micros = times.cast(pl.Datetime("us")).cast(pl.Int64)
    after = None if experiment.ends is None else micros >= experiment.ends
    odd = {
        f"before the start ({experiment.start:%Y-%m-%d %H:%M} UTC): an analysis leaves these units out": int(
            (micros < experiment.starts).sum()
        ),
        f"at or after the end ({experiment.end:%Y-%m-%d %H:%M} UTC): an analysis leaves them out"
        if after is not None
        else "": 0 if after is None else int(after.sum()),
        "in the future: see that the times are UTC": int((micros > to_micros(utc_now())).sum()),
    }
    return tuple(f"{counted(n, 'row')} {'lies' if n == 1 else 'lie'} {what}" for what, n in odd.items() if n)


def _checked(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    if "unit_id" not in rows.columns:
        raise DataError(
            f"the rows have no column unit_id (found: {', '.join(rows.columns)})",
            "unit_id, and optionally variant and ts, were expected",
        )
    for wanted in ("variant", "ts"):
        near = [one for one in rows.columns if one not in _COLUMNS and did_you_mean(one, [wanted])]
        if wanted not in rows.columns and near:
            raise DataError(
                f"the rows have no column {wanted} and one {near[0]!r}",
                "unit_id, and optionally variant and ts, were expected",
                did_you_mean(near[0], [wanted]),
            )
    if "experiment" in rows.columns:
        others = rows.filter(pl.col("experiment").cast(pl.String) != name)["experiment"]
        if len(others):
            verb = "names" if len(others) == 1 else "name"
            raise DataError(
                f"{counted(len(others), 'row')} {verb} another experiment, such as {str(others[0])!r}",
                f"rows of {name!r} were expected",
                "recsys ingest exposures takes those of several experiments",
            )
    if "variant" in rows.columns and rows["variant"].null_count():
        raise DataError(f"{rows['variant'].null_count():,} rows have no variant", "the arm of each was expected")
    return rows


def _with_arms(
    store: Store, experiment: Experiment, rows: pl.DataFrame, at: datetime
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows with the arm of each unit, and how many units get none, by reason."""
    rows = rows.with_columns(unit_ids_like(store, experiment, rows["unit_id"]).alias("unit_id"))
    if "variant" in rows.columns:
        return rows.with_columns(pl.col("variant").cast(pl.String)), {}
    arms = assigned(store, experiment, rows["unit_id"].unique(), at)
    inside = arms.filter(pl.col("variant").is_not_null()).select("unit_id", "variant")
    outside = arms.filter(pl.col("variant").is_null())["reason"].value_counts().sort("reason")
    return rows.join(inside, on="unit_id", maintain_order="left"), dict(outside.iter_rows())


def _refuse_other_arms(rows: pl.DataFrame, experiment: Experiment) -> None:
    unknown = rows.filter(~pl.col("variant").is_in(list(experiment.arms)))["variant"]
    if len(unknown):
        raise DataError(
            f"{len(unknown):,} rows have a variant that is no arm, such as {unknown[0]!r}",
            f"one of {', '.join(experiment.arms)} was expected",
        )


def _in_several_arms(store: Store, name: str) -> int:
    with store.read() as con:
        pairs = exposed_pairs(con, name)
    return len(pairs) - pairs["unit_id"].n_unique()
