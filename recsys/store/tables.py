"""The methods of `Store` that read and write the tables of the log: events, impressions, exposures, items, users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import utc_now
from recsys.store import reading
from recsys.store.changes import Reverted, revert
from recsys.store.folder import StoreFolder
from recsys.store.ingest import IngestResult, ingest, parse_request

if TYPE_CHECKING:
    import polars as pl

    from recsys.store.describe import Description
    from recsys.store.forget import Forgotten
    from recsys.store.reading import Instant


class Tables(StoreFolder):
    """Log data in, out, and taken back."""

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
        >>> from pathlib import Path
        >>> from recsys.store import Store
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
            return revert(con, ingest_id, utc_now())

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
            erased = erase(con, self.path, user_id, utc_now())
        compact(self._broker, self.lock_timeout)
        return erased
