"""One source made ready outside the lock: read to the end, its bad rows counted, its content known by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from recsys.core.hashing import canonical_json
from recsys.store import sql
from recsys.store.arrow import fetch_frame
from recsys.store.schema import KEYED, TableSpec
from recsys.store.shaping import Shape, Wishes, shape_reading
from recsys.store.staging import Reading, Stage, unreadable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_EXAMPLES = 3


@dataclass(frozen=True)
class BadRows:
    """Rows that cannot be stored, for one reason.

    Attributes
    ----------
    reason : str
        What is wrong.
    count : int
        How many rows.
    examples : tuple of str
        A few of them, as JSON.
    """

    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class StagedFile:
    """A source that is ready to be published.

    Attributes
    ----------
    reading : Reading
        The source.
    shape : Shape
        How it fills the table.
    rows_good, rows_read : int
        Rows to store, and rows in all.
    bad : tuple of BadRows
        The others.
    content_hash : str
        The same for the same good rows in any order.
    first, last : datetime or None
        The span of the good rows' times.
    last_by_now : datetime or None
        The last of these times that is not in the future.
    new_ids : dict of str to polars.DataFrame
        The distinct ids of `user_id` and `item_id`.
    """

    reading: Reading
    shape: Shape
    rows_read: int
    rows_good: int
    bad: tuple[BadRows, ...]
    content_hash: str
    first: datetime | None
    last: datetime | None
    last_by_now: datetime | None
    new_ids: dict[str, pl.DataFrame]

    @property
    def rows_bad(self) -> int:
        """Rows that cannot be stored."""
        return sum(bad.count for bad in self.bad)

    def good_rows(self) -> str:
        """Return the SELECT of the rows to store."""
        return f"SELECT * EXCLUDE (_reason, _row) FROM ({self.shape.normalised(self.reading.relation)}) {self.where()}"

    def where(self) -> str:
        """Return the condition that leaves out bad rows; empty when there are none."""
        return "WHERE _reason IS NULL" if self.rows_good < self.rows_read - len(self.reading.rejected) else ""


def stage_file(
    stage: Stage, spec: TableSpec, reading: Reading, wishes: Wishes, fixed: Mapping[str, str], now: datetime
) -> StagedFile:
    """Read a source to its end and return what is known of it.

    Raises
    ------
    DataError
        The source cannot be read.
    """
    import duckdb

    try:
        shape = shape_reading(stage.con, spec, reading, wishes, fixed)
        return _survey(stage.con, spec, reading, shape, now)
    except duckdb.Error as error:
        raise unreadable(reading.source.label, error) from error


def _survey(con: DuckDBPyConnection, spec: TableSpec, reading: Reading, shape: Shape, now: datetime) -> StagedFile:
    rows = shape.normalised(reading.relation)
    good = "FILTER (_reason IS NULL)"
    timed = spec.time in shape.columns
    span = f"min({spec.time}) {good}, max({spec.time}) {good}" if timed else "NULL, NULL"
    n_read, n_bad, total, first, last = sql.one_row(
        con,
        f"SELECT count(*), count(_reason), coalesce(sum({row_hash(shape.columns)}) {good}, 0)::VARCHAR, {span}"
        f" FROM ({rows})",
    )
    bad = _bad_rows(con, rows) if n_bad else ()
    bad += tuple(_rejected(reading))
    clean = "WHERE _reason IS NULL" if n_bad else ""
    ids = {
        entity: fetch_frame(con, f"SELECT DISTINCT {entity} FROM ({rows}) {clean}").drop_nulls()
        for entity in KEYED
        if entity in shape.columns
    }
    return StagedFile(
        reading=reading,
        shape=shape,
        rows_read=n_read + len(reading.rejected),
        rows_good=n_read - n_bad,
        bad=bad,
        content_hash=content_hash(shape.columns, n_read - n_bad, total),
        first=first,
        last=last,
        last_by_now=last if last is None or last <= now else _last_until(con, spec, rows, now),
        new_ids=ids,
    )


def _last_until(con: DuckDBPyConnection, spec: TableSpec, rows: str, now: datetime) -> datetime | None:
    query = f"SELECT max({spec.time}) FROM ({rows}) WHERE _reason IS NULL AND {spec.time} <= ?"
    last: datetime | None = sql.one_row(con, query, [now])[0]
    return last


def hash_family(con: DuckDBPyConnection) -> str:
    """Return what tells one version of DuckDB's ``hash`` from another: its answer to a fixed question.

    The function is fast, but DuckDB does not promise that it never changes; so the answer is kept beside each content
    hash.
    """
    return str(sql.one_row(con, "SELECT hash(7::BIGINT, 'a', 1.5::DOUBLE, TIMESTAMP '2000-01-01', NULL)")[0])


def row_hash(columns: Iterable[str]) -> str:
    """Return the SQL for a row's 64-bit hash."""
    return f"hash({', '.join(sql.name(name) for name in sorted(columns))})"


def content_hash(columns: Iterable[str], n_rows: int, total: str) -> str:
    """Return a hash of a set of rows from the sum of their hashes, so that their order does not matter."""
    content = canonical_json({"columns": sorted(columns), "rows": n_rows, "sum": total})
    return hashlib.sha256(content.encode()).hexdigest()


def _bad_rows(con: DuckDBPyConnection, rows: str) -> tuple[BadRows, ...]:
    found = con.execute(
        f"SELECT _reason, count(*), arg_min(to_json(_row)::VARCHAR, _place, {_EXAMPLES})"
        f" FROM (SELECT _reason, _row, row_number() OVER () AS _place FROM ({rows})) WHERE _reason IS NOT NULL"
        " GROUP BY _reason ORDER BY count(*) DESC, _reason"
    ).fetchall()
    return tuple(BadRows(str(reason), int(count), tuple(examples)) for reason, count, examples in found)


def _rejected(reading: Reading) -> list[BadRows]:
    reasons = sorted({reason for reason, _ in reading.rejected})
    lines = {reason: [line for why, line in reading.rejected if why == reason] for reason in reasons}
    return [BadRows(reason, len(lines[reason]), tuple(lines[reason][:_EXAMPLES])) for reason in reasons]
