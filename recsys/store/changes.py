"""Taking an ingest back: its rows go out of sight, and what was computed from them can still be repeated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.display import View, Viewable, counted
from recsys.store import sql
from recsys.store.schema import TABLES, high_water, refresh_views, tombstones

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, repr=False)
class Reverted(Viewable):
    """What a revert did.

    Attributes
    ----------
    ingest_id : int
        The number of the revert itself; reverting that brings the rows back.
    target : int
        The ingest that was taken back.
    table : str
        Its table.
    rows : int
        How many rows it had brought.
    """

    ingest_id: int
    target: int
    table: str
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def view(self) -> View:
        """Return what a reader should see: what went out of sight, and how to bring it back."""
        title = f"change {self.target} of {self.table} ({counted(self.rows, 'row')}) was taken back"
        return View(title, (), (f"this is change {self.ingest_id}: reverting it undoes this",))


def revert(con: DuckDBPyConnection, ingest_id: int, now: datetime) -> Reverted:
    """Take an ingest (or a revert) back, inside the caller's write transaction.

    Raises
    ------
    NotFoundError
        There is no such ingest.
    ArgumentError
        It was taken back already.
    """
    found = con.execute(
        "SELECT table_name, rows_ingested, kind FROM ingests WHERE ingest_id = ?", [ingest_id]
    ).fetchall()
    if not found:
        last = high_water(con)
        expected = f"a number from 1 to {last} was expected" if last else "the store is empty"
        raise NotFoundError(f"there is no ingest {ingest_id}", expected)
    table, rows, kind = found[0]
    if kind not in ("ingest", "revert"):
        raise ArgumentError(f"change {ingest_id} is a {kind}", "an ingest was expected")
    for stone in tombstones(con, table):
        if stone.target == ingest_id:
            raise ArgumentError(
                f"ingest {ingest_id} was reverted already (change {stone.ingest_id})",
                "",
                f"revert({stone.ingest_id}) brings its rows back",
            )
    change = high_water(con) + 1
    con.execute(
        "INSERT INTO ingests (ingest_id, kind, table_name, source, received_at, rows_read, rows_ingested,"
        " rows_duplicate, rows_bad) VALUES (?, 'revert', ?, ?, ?, 0, 0, 0, 0)",
        [change, table, f"revert {ingest_id}", now],
    )
    con.execute("INSERT INTO tombstones VALUES (?, ?, ?, NULL, NULL)", [change, table, ingest_id])
    con.execute("INSERT INTO audit VALUES (?, 'revert', ?, NULL)", [now, str(ingest_id)])
    refresh_views(con)
    return Reverted(change, ingest_id, table, int(rows))


def appeared_in(con: DuckDBPyConnection, conditions: dict[str, str]) -> int | None:
    """Return the first change that brought a row for which the condition of its table holds, or None."""
    firsts = [
        sql.one_row(con, f"SELECT min(ingest_id) FROM {TABLES[table].rows} r WHERE {condition}")[0]
        for table, condition in conditions.items()
    ]
    return min((int(first) for first in firsts if first is not None), default=None)
