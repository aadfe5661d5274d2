"""Rows of the store as polars frames, as the store knows them now or knew them at an earlier time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from recsys.core.checks import did_you_mean
from recsys.core.errors import NotFoundError
from recsys.core.times import parse_instant
from recsys.store import sql
from recsys.store.arrow import fetch_frame
from recsys.store.schema import TABLES, columns_of, live_rows, table_spec, view_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

Instant = str | datetime | date


def high_water_at(con: DuckDBPyConnection, as_of: Instant | None) -> int | None:
    """Return the last change that had arrived at an instant; None (now) for None."""
    if as_of is None:
        return None
    instant = parse_instant("as_of", as_of)
    query = "SELECT coalesce(max(ingest_id), 0) FROM ingests WHERE received_at <= ?"
    return int(sql.one_row(con, query, [instant])[0])


def read_rows(
    con: DuckDBPyConnection,
    table: str,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    as_of: Instant | None = None,
    mark: int | None = None,
    event: str | None = None,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return rows of `events`, `impressions` or `exposures`.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    table : str
        The table.
    since, until : str, datetime or date, optional
        The span of event time, half-open, UTC. Rows without a time are in no span.
    as_of : str, datetime or date, optional
        What the store had received by then.
    mark : int, optional
        The ingest high-water mark to look back to, in place of `as_of`.
    event : str, optional
        Only events of this kind.
    columns : sequence of str, optional
        The columns wanted; by default all but `ingest_id`.

    Raises
    ------
    NotFoundError
        There is no such column.
    """
    spec = table_spec(table)
    conditions = []
    if since is not None:
        conditions.append(f"r.ts >= TIMESTAMP '{parse_instant('since', since)}'")
    if until is not None:
        conditions.append(f"r.ts < TIMESTAMP '{parse_instant('until', until)}'")
    if event is not None:
        conditions.append(f"r.event = {sql.text(event)}")
    where = " AND ".join(conditions) or "true"
    rows = view_query(con, spec, as_of=high_water_at(con, as_of) if mark is None else mark, where=where)
    picked = _columns(con, table, columns)
    return fetch_frame(con, f"SELECT {picked} FROM ({rows})")


def read_versions(
    con: DuckDBPyConnection, table: str, *, at: Instant | None = None, as_of: Instant | None = None
) -> pl.DataFrame:
    """Return one row for each item or user: the version in force at an instant.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    table : str
        `items` or `users`.
    at : str, datetime or date, optional
        The version in force at this time (`valid_from`); by default now.
    as_of : str, datetime or date, optional
        What the store had received by then.
    """
    spec = table_spec(table)
    instant = datetime.now(UTC).replace(tzinfo=None) if at is None else parse_instant("at", at)
    in_force = f"r.valid_from IS NULL OR r.valid_from <= TIMESTAMP '{instant}'"
    rows = view_query(con, spec, as_of=high_water_at(con, as_of), where=in_force)
    return fetch_frame(con, f"SELECT * EXCLUDE (ingest_id) FROM ({rows}) ORDER BY {spec.versioned}")


def read_quarantine(con: DuckDBPyConnection, table: str | None = None) -> pl.DataFrame:
    """Return the bad rows that were set aside, the newest ingest first."""
    condition = "true" if table is None else f"q.table_name = {sql.text(table_spec(table).name)}"
    return fetch_frame(
        con,
        'SELECT q.ingest_id, i.received_at, q.table_name AS "table", q.source, q.reason, q.row_json AS row'
        f" FROM quarantine q JOIN ingests i USING (ingest_id) WHERE {condition}"
        " ORDER BY q.ingest_id DESC, q.reason, q.row_json",
    )


def read_ingests(con: DuckDBPyConnection) -> pl.DataFrame:
    """Return the log of changes, the newest first; `in_sight` is false for what was reverted or, in part, replaced."""
    from recsys.store.schema import whole_ingests

    whole = " OR ".join(f"({whole_ingests(con, table)})" for table in TABLES)
    return fetch_frame(
        con,
        'SELECT r.ingest_id, r.kind, r.table_name AS "table", r.source, r.received_at, r.rows_read, r.rows_ingested,'
        " r.rows_duplicate, r.rows_bad, r.first_ts, r.last_ts,"
        f" CASE WHEN r.kind = 'ingest' THEN ({whole}) END AS in_sight"
        " FROM ingests r ORDER BY r.ingest_id DESC",
    )


def watermark(con: DuckDBPyConnection, table: str) -> datetime | None:
    """Return the time through which a table is complete: as set, else the newest row's, at most its arrival."""
    spec = table_spec(table)
    said = said_watermark(con, table)
    if said is not None:
        return said
    newest = sql.one_row(
        con,
        f"SELECT max(least(r.last_ts, r.received_at)) FROM ingests r WHERE r.table_name = '{spec.name}'"
        " AND r.last_ts IS NOT NULL"
        f" AND r.ingest_id IN (SELECT DISTINCT r.ingest_id FROM {spec.rows} r WHERE {live_rows(con, spec.name)})",
    )[0]
    return _moment(newest)


def said_watermark(con: DuckDBPyConnection, table: str) -> datetime | None:
    """Return the time through which a table was said to be complete; None if nothing was said."""
    said = con.execute(
        "SELECT complete_through FROM watermarks WHERE table_name = ? ORDER BY set_at DESC LIMIT 1",
        [table_spec(table).name],
    ).fetchall()
    return _moment(said[0][0]) if said else None


def set_watermark(con: DuckDBPyConnection, table: str, through: Instant) -> None:
    """Say that a table is complete through an instant."""
    now = datetime.now(UTC).replace(tzinfo=None)
    instant = parse_instant("through", through)
    con.execute("DELETE FROM watermarks WHERE table_name = ?", [table_spec(table).name])
    con.execute("INSERT INTO watermarks VALUES (?, ?, ?)", [table, instant, now])


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _columns(con: DuckDBPyConnection, table: str, wanted: Sequence[str] | None) -> str:
    if wanted is None:
        return "* EXCLUDE (ingest_id)"
    known = columns_of(con, table)
    for column in wanted:
        if column not in known:
            raise NotFoundError(
                f"{table} has no column {column!r}", f"it has {', '.join(known)}", did_you_mean(column, known)
            )
    return ", ".join(map(sql.name, wanted))
