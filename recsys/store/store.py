"""`Store`: a folder with everything that a recommendation team has logged and computed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys._version import __version__
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.progress import ProgressCallback, silent
from recsys.display import Card, View
from recsys.store import migrations, reading, schema
from recsys.store.broker import broker_for, lock_timeout_seconds
from recsys.store.changes import Reverted, revert
from recsys.store.ingest import IngestResult, ingest, parse_request
from recsys.store.jobs import Jobs

if TYPE_CHECKING:
    import polars as pl
    from duckdb import DuckDBPyConnection

    from recsys.dataset import Dataset
    from recsys.ledger import Ledger, Outcome, Prediction
    from recsys.models import Recommender
    from recsys.store.describe import Description
    from recsys.store.forget import Forgotten
    from recsys.store.reading import Instant
    from recsys.store.registered import RegisteredExperiment
    from recsys.store.runs import Run
    from recsys.store.snapshots import Snapshot
    from recsys.store.units import StoreUnits

DATABASE = "store.duckdb"
ARTIFACTS = "artifacts"


class Store(Card, Jobs):
    """A store folder: ``store.duckdb`` and ``artifacts/``.

    Opening it holds no lock; each method opens the database for one short transaction. A `Store` may be used from many
    threads.

    Parameters
    ----------
    path : str or path-like
        The folder.
    create : bool, optional
        None (default) opens the store, or creates it when the folder is absent or empty; True creates it and refuses
        one that exists; False opens it and refuses to create it.
    lock_timeout : float, optional
        Seconds to wait when another process holds the store; by default ``RECSYS_LOCK_TIMEOUT``, else 10.

    Raises
    ------
    NotFoundError
        `create` is False and there is no store.
    ArgumentError
        The path is not a store, or `create` is True and there is one already.
    RecsysError
        The store was written by a newer recsys.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()) / "shop")
    >>> store.path.name
    'shop'
    """

    def __init__(
        self, path: str | PathLike[str], *, create: bool | None = None, lock_timeout: float | None = None
    ) -> None:
        self.path = Path(path)
        self.database = self.path / DATABASE
        self.artifacts = self.path / ARTIFACTS
        self.lock_timeout = lock_timeout_seconds(lock_timeout)
        exists = _store_exists(self.path, create)
        self._broker = broker_for(self.database)
        if not exists:
            self.artifacts.mkdir(parents=True, exist_ok=True)
            with self.write() as con:
                if not schema.has_tables(con):  # else another process created it a moment ago
                    schema.create_tables(con, __version__, uuid.uuid4().hex)
        with self.read() as con:
            version = migrations.schema_version(con, self.path)
        if version < schema.SCHEMA_VERSION:
            migrations.migrate(self._broker, __version__, timeout=self.lock_timeout)

    @classmethod
    def create(cls, path: str | PathLike[str], *, lock_timeout: float | None = None) -> Store:
        """Create a store in a folder that is absent or empty; see `Store` for the errors."""
        return cls(path, create=True, lock_timeout=lock_timeout)

    def read(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Return a context that yields a cursor in a short read transaction."""
        return self._broker.read(self.lock_timeout)

    def write(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Return a context that yields a cursor in a short write transaction: all of it is committed, or nothing."""
        return self._broker.write(self.lock_timeout)

    # ---- rows

    def events(
        self,
        *,
        since: Instant | None = None,
        until: Instant | None = None,
        as_of: Instant | None = None,
        event: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return events as a polars frame, in no particular order.

        Parameters
        ----------
        since, until : str, datetime or date, optional
            The span of event time, half-open, UTC.
        as_of : str, datetime or date, optional
            Only what the store had received by then.
        event : str, optional
            Only events of this kind.
        columns : sequence of str, optional
            The columns wanted; by default all.

        Raises
        ------
        NotFoundError
            There is no such column.
        """
        with self.read() as con:
            return reading.read_rows(con, "events", since=since, until=until, as_of=as_of, event=event, columns=columns)

    def impressions(
        self, *, since: Instant | None = None, until: Instant | None = None, as_of: Instant | None = None
    ) -> pl.DataFrame:
        """Return impressions as a polars frame; the arguments are those of `events`.

        Parameters
        ----------
        since, until : str, datetime or date, optional
            The span of time, half-open, UTC.
        as_of : str, datetime or date, optional
            Only what the store had received by then.
        """
        with self.read() as con:
            return reading.read_rows(con, "impressions", since=since, until=until, as_of=as_of)

    def exposures(
        self, *, since: Instant | None = None, until: Instant | None = None, as_of: Instant | None = None
    ) -> pl.DataFrame:
        """Return exposures as a polars frame; the arguments are those of `events`.

        Parameters
        ----------
        since, until : str, datetime or date, optional
            The span of time, half-open, UTC.
        as_of : str, datetime or date, optional
            Only what the store had received by then.
        """
        with self.read() as con:
            return reading.read_rows(con, "exposures", since=since, until=until, as_of=as_of)

    def items(self, *, at: Instant | None = None, as_of: Instant | None = None) -> pl.DataFrame:
        """Return one row for each item of the table `items`, ordered by `item_id`.

        Parameters
        ----------
        at : str, datetime or date, optional
            The version in force at this time (`valid_from`, UTC); by default now.
        as_of : str, datetime or date, optional
            Only what the store had received by then.
        """
        with self.read() as con:
            return reading.read_versions(con, "items", at=at, as_of=as_of)

    def users(self, *, at: Instant | None = None, as_of: Instant | None = None) -> pl.DataFrame:
        """Return one row for each user of the table `users`; the arguments are those of `items`."""
        with self.read() as con:
            return reading.read_versions(con, "users", at=at, as_of=as_of)

    def quarantine(self, table: str | None = None) -> pl.DataFrame:
        """Return the bad rows that ingests have set aside: why, from which file, and the row as it came."""
        with self.read() as con:
            return reading.read_quarantine(con, table)

    def ingests(self) -> pl.DataFrame:
        """Return the log of changes, the newest first."""
        with self.read() as con:
            return reading.read_ingests(con)

    def watermark(self, table: str) -> datetime | None:
        """Return the time (UTC) through which a table is complete; None when nothing tells.

        It is what `set_watermark` said, else the time of the newest row that is not later than its own arrival.
        """
        with self.read() as con:
            return reading.watermark(con, table)

    def set_watermark(self, table: str, through: Instant) -> None:
        """Say that a table is complete through an instant."""
        with self.write() as con:
            reading.set_watermark(con, table, through)

    def describe(self) -> Description:
        """Return a profile of the data: size, density, skew, span, and warnings."""
        from recsys.store.describe import describe

        with self.read() as con:
            return describe(con, str(self.path))

    # ---- taking back

    def revert(self, ingest_id: int) -> Reverted:
        """Undo an ingest: its rows go out of sight. Snapshots taken before still see them and stay repeatable.

        Parameters
        ----------
        ingest_id : int
            The number that `ingest` returned. The number of a revert undoes the revert.

        Raises
        ------
        NotFoundError
            There is no such ingest.
        ArgumentError
            It was reverted already.
        """
        with self.write() as con:
            return revert(con, ingest_id, _utc_now())

    def forget(self, user_id: int | str) -> Forgotten:
        """Erase a person from all tables and from the bytes of the database file.

        Snapshots and runs that the person was part of are marked as not repeatable. Fitted models of those runs still
        know the person; they are named in the result.

        Parameters
        ----------
        user_id : int or str
            The person.

        Raises
        ------
        NotFoundError
            The store holds nothing of this user.
        LockedError
            The store was busy.
        """
        from recsys.store.forget import compact, erase

        with self.write() as con:
            erased = erase(con, self.path, user_id, _utc_now())
        compact(self._broker, self.lock_timeout)
        return erased

    # ---- datasets and snapshots

    def dataset(self, **recipe: Any) -> Dataset:
        """Return the Dataset of a recipe, with the attributes of its users and items.

        Parameters
        ----------
        **recipe
            ``event, value, label, relevance, relevance_column, until, as_of, min_user_events, min_item_events``; see
            `recsys.store.DataRecipe`.

        Raises
        ------
        NotFoundError
            There is no such event type or column.
        ArgumentError
            `event` is missing and the store holds several types, or an argument is not usable.
        DataError
            No event is left.
        """
        from recsys.store.recipes import DataRecipe
        from recsys.store.snapshots import extract

        return extract(self, DataRecipe.of(**recipe))[0]

    def snapshot(self, name: str | None = None, **recipe: Any) -> Snapshot:
        """Freeze the Dataset of a recipe under a name, or only under its id; `recipe` as in `dataset`.

        Raises
        ------
        ArgumentError
            The name belongs to other data.
        """
        from recsys.store.recipes import DataRecipe
        from recsys.store.snapshots import freeze, keep_snapshot

        fresh = freeze(self, DataRecipe.of(**recipe), name).snapshot
        with self.write() as con:
            return keep_snapshot(con, fresh)

    def load_snapshot(self, ref: str) -> Dataset:
        """Return the Dataset of a snapshot (name, id, beginning of an id, ``@latest``), rebuilt and checked.

        Raises
        ------
        NotFoundError
            There is no such snapshot.
        DataError
            The rows no longer give the same content hash.
        """
        from recsys.store.snapshots import find_snapshot, rebuild

        with self.read() as con:
            found = find_snapshot(con, ref)
        return rebuild(self, found)

    def snapshots(self) -> list[Snapshot]:
        """Return all snapshots, the newest first."""
        from recsys.store.snapshots import list_snapshots

        with self.read() as con:
            return list_snapshots(con)

    # ---- runs and models

    def runs(self, *, kind: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """Return one row a run, the newest first; the trials of tunings only if `kind` is ``"trial"``."""
        from recsys.store.runs import list_runs

        with self.read() as con:
            return list_runs(con, kind, limit)

    def run(self, ref: str | Run) -> Run:
        """Return a run by its id, a unique beginning of it, ``@latest``, or ``@latest:train``.

        Wherever a run is named, a `Run` may stand for its id.

        Raises
        ------
        NotFoundError
            There is none.
        ArgumentError
            Several ids begin so.
        """
        from recsys.store.runs import find_run

        with self.read() as con:
            return find_run(con, ref)

    def diff_runs(self, first: str | Run, second: str | Run) -> pl.DataFrame:
        """Return what differs between two runs: field, first, second, as text."""
        from recsys.store.runs import diff

        return diff(self.run(first), self.run(second))

    def user_metrics(self, ref: str | Run) -> pl.DataFrame:
        """Return the per-user metrics of a run: user_id, metric, value."""
        from recsys.store.runs import read_user_metrics

        found = self.run(ref)
        with self.read() as con:
            return read_user_metrics(con, found.run_id)

    def load_model(self, ref: str | Run) -> Recommender:
        """Return the fitted model of a training run.

        Raises
        ------
        NotFoundError
            There is no such run, or its model is gone.
        DataError
            The model's files were changed.
        """
        from recsys.store.artifacts import load_artifact
        from recsys.store.runs import find_run

        with self.read() as con:
            found = find_run(con, ref, kinds=("train",))
        if found.artifact is None:
            raise NotFoundError(f"run {found.run_id} keeps no model", "a training run with a model was expected")
        return load_artifact(self.artifacts, found.artifact)

    # ---- experiments

    def experiments(self) -> list[RegisteredExperiment]:
        """Return all registered experiments, the newest first."""
        from recsys.store.experiments import list_experiments

        with self.read() as con:
            return list_experiments(con, _utc_now())

    def experiment(self, name: str) -> RegisteredExperiment:
        """Return a registered experiment: its declaration, the plan that was frozen, deviations, overrides, history.

        Raises
        ------
        NotFoundError
            There is no such experiment.
        """
        from recsys.store.experiments import find_experiment

        with self.read() as con:
            return find_experiment(con, name, _utc_now())

    def units(self) -> StoreUnits:
        """Return the store as a source of units for experiments, as it is now however much arrives meanwhile."""
        from recsys.store.units import StoreUnits

        return StoreUnits(self)

    def stop_experiment(self, name: str, reason: str | None = None) -> RegisteredExperiment:
        """Write down that an experiment is over; it can still be analysed. One that is over stays as it is.

        Raises
        ------
        NotFoundError
            There is no such experiment.
        """
        from recsys.store.experiments import stop

        with self.write() as con:
            return stop(con, name, _utc_now(), reason)

    def record_prediction(self, prediction: Prediction) -> None:
        """Write down an offline estimate of two policies; an earlier one of the same things gives way.

        The predictions of a run for an experiment are written by ``store.decide(name, predicted_by=run)``.
        """
        from recsys.store.ledger import record

        with self.write() as con:
            record(con, prediction, _utc_now())

    def record_outcome(self, outcome: Outcome) -> None:
        """Write down what an A/B test found, such as one that ran elsewhere; `store.decide` does so by itself."""
        from recsys.store.ledger import record

        with self.write() as con:
            record(con, outcome, _utc_now())

    def ledger(self, *, confidence: float = 0.95) -> Ledger:
        """Return the predictions of offline estimates beside what A/B tests found; see `recsys.ledger.ledger`."""
        from recsys.store.ledger import read_ledger

        with self.read() as con:
            return read_ledger(con, confidence)

    def override_units(self, name: str, units: Mapping[int | str, str | None]) -> RegisteredExperiment:
        """Put units into an arm of an experiment by hand, whatever their hash says; None takes it back.

        Raises
        ------
        NotFoundError
            There is no such experiment.
        ArgumentError
            It has no such arm.
        """
        from recsys.store.experiments import find_experiment, override

        with self.write() as con:
            override(con, name, units, _utc_now())
            return find_experiment(con, name, _utc_now())

    def ingest(
        self,
        table: str,
        source: Any,
        *,
        map: Mapping[str, str] | None = None,  # noqa: A002 - the public word
        set: Mapping[str, object] | None = None,  # noqa: A002 - the public word
        timezone: str | None = None,
        time_unit: str | None = None,
        id_types: Mapping[str, str] | None = None,
        on_bad_rows: str = "stop",
        replace_partition: str | date | None = None,
        expect_rows: int | str | None = None,
        fresh: str | timedelta | None = None,
        max_bad: float | None = None,
        format: str | None = None,  # noqa: A002 - the public word
        delimiter: str | None = None,
        progress: ProgressCallback = silent,
    ) -> IngestResult:
        """Read files or a frame into a table.

        Files are read and checked outside the lock, then each is stored in one short transaction. A whole file adds
        nothing the second time: it is known by a hash of its rows as they are stored, in whatever order. So other
        values of `map` or `set` make other rows of it. Single rows are known by `event_id`, where that column is
        there; without it, rows of a file that overlaps an earlier one are stored again, with a warning.

        Parameters
        ----------
        table : str
            `events`, `items`, `users`, `impressions` or `exposures`.
        source : str, path, frame, or a list of them
            CSV (any delimiter), Parquet or JSON files, ``.gz`` and ``.zst`` too; globs; polars, pandas or Arrow frames.
        map : mapping of str to str, optional
            ``{table column: source column}`` for columns that are called otherwise.
        set : mapping of str to object, optional
            ``{table column: value}`` for columns that the source lacks, e.g. ``{"event": "play"}``.
        timezone : str, optional
            The zone of times that do not say theirs, e.g. ``"Europe/Berlin"``; by default UTC.
        time_unit : str, optional
            The unit of epoch times, ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``; by default judged by their size.
        id_types : mapping of str to str, optional
            ``{"user_id": "text"}`` or ``"int"``, for the first ids that a store receives; by default what they look
            like.
        on_bad_rows : str
            ``"stop"`` stores nothing if a row is bad; ``"quarantine"`` stores the others and sets it aside.
        replace_partition : str or date, optional
            A day (UTC): the rows of that day that are there are replaced by these.
        expect_rows : int or str, optional
            Gate: the fewest rows, or a range ``"1000..2000"``.
        fresh : str or timedelta, optional
            Gate: how old the newest row may be, e.g. ``"36h"``; rows in the future do not count.
        max_bad : float, optional
            Gate: the greatest share (below 1) or number (from 1) of bad rows.
        format : str, optional
            ``"csv"``, ``"parquet"`` or ``"json"``, when the file name does not say.
        delimiter : str, optional
            What separates the columns of a CSV file; by default what its header line suggests.
        progress : callable
            Receives `Progress`.

        Returns
        -------
        IngestResult
            What was read, stored, known already and bad.

        Raises
        ------
        ArgumentError
            An argument cannot be used.
        NotFoundError
            A file or a column does not exist.
        DataError
            A file cannot be read, or rows are bad and `on_bad_rows` is ``"stop"``; nothing was stored.
        GateError
            A gate does not hold; nothing was stored.
        LockedError
            Another process holds the store.

        Examples
        --------
        >>> import polars as pl, tempfile
        >>> store = Store(Path(tempfile.mkdtemp()) / "shop")
        >>> plays = pl.DataFrame({"member": [1, 1, 2], "item_id": [10, 11, 10], "ts": ["2026-06-01T20:15:00Z"] * 3})
        >>> store.ingest("events", plays, map={"user_id": "member"}, set={"event": "play"}).rows_ingested
        3
        """
        request = parse_request(
            table,
            map=map,
            set=set,
            timezone=timezone,
            time_unit=time_unit,
            id_types=id_types,
            on_bad_rows=on_bad_rows,
            replace_partition=replace_partition,
            expect_rows=expect_rows,
            fresh=fresh,
            max_bad=max_bad,
            format=format,
            delimiter=delimiter,
            progress=progress,
        )
        return ingest(self, request, source)

    def card(self) -> View:
        """Return what a notebook shows: how many rows, snapshots, runs and experiments there are."""
        from recsys.store.cards import store_card

        return store_card(self)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _store_exists(path: Path, create: bool | None) -> bool:
    if (path / DATABASE).is_file():
        if create:
            raise ArgumentError(
                f"{path} is a store already", "an absent or empty folder was expected", "open it as it is"
            )
        return True
    if create is False:
        raise NotFoundError(f"there is no store at {path}", "", f"create one with recsys init {path}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ArgumentError(
            f"{path} is not a store", "a store, or an absent or empty folder, was expected", "choose another folder"
        )
    return False
