"""Rows that say the same as another row: kept, because two plays may look alike, and counted.

A file that overlaps an earlier one is stored twice where it overlaps, unless an `event_id` tells a row from its copy.

The rows are compared inside the write transaction of an ingest, after they went in. A large file is judged by a sample
of rows chosen by their hash, so that equal rows are in the sample together or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recsys.store import sql
from recsys.store.schema import KEYED, TableSpec, live_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from duckdb import DuckDBPyConnection

SAMPLE = 50_000
_TELLING = (*KEYED.values(), "ts")  # enough to choose by, and quick to hash
_MANY = 0.01  # of a file's rows; fewer may be chance where times are coarse


class Repeats(NamedTuple):
    """Rows of a file that equal other rows in every column that recsys knows.

    Attributes
    ----------
    rows : int
        Rows of the file.
    within : int
        Rows that equal an earlier row of the same file.
    before : int
        Rows that equal a row which the store had before.
    sampled : bool
        Whether the numbers were estimated from a part of the rows.
    """

    rows: int
    within: int
    before: int
    sampled: bool

    def note(self, label: str) -> str:
        """Return what to tell of the repeats inside a file; empty when there are none."""
        if not self.within:
            return ""
        return f"{label}: {self._count(self.within)} equal to an earlier row of the file; all rows are kept"

    def warning(self, label: str, ingest_id: int | None) -> str:
        """Return the warning that a file overlaps what the store has; empty when few rows do."""
        if self.before < max(1, _MANY * self.rows):
            return ""
        return (
            f"{label}: {self._count(self.before)} equal to rows that the store had already, and now count twice; "
            f"if the files overlap, revert ingest {ingest_id}, then map a column to event_id or replace whole days "
            "(replace_partition)"
        )

    def _count(self, count: int) -> str:
        about = "about " if self.sampled else ""
        return f"{about}{count:,} of {self.rows:,} rows {'is' if count == 1 else 'are'}"


def find_repeats(
    con: DuckDBPyConnection,
    spec: TableSpec,
    columns: Iterable[str],
    ingest_id: int,
    rows: int,
    span: tuple[datetime | None, datetime | None],
) -> Repeats:
    """Count the rows of an ingest, which is in the table already, that equal others.

    Parameters
    ----------
    con : DuckDBPyConnection
        The write cursor.
    spec : TableSpec
        The table.
    columns : iterable of str
        What the source fills.
    ingest_id : int
        The ingest.
    rows : int
        How many rows it brought.
    span : (datetime or None, datetime or None)
        Their first and last time.
    """
    names = [sql.name(KEYED.get(name, name)) for name in columns if name in spec.typed]
    picked, one_in = ", ".join(f"r.{name}" for name in names), max(1, rows // SAMPLE)
    few = ", ".join(f"r.{name}" for name in names if name.strip('"') in _TELLING)
    chosen = [f"hash({few}) % {one_in} = 0"] if one_in > 1 else []
    new = " AND ".join([f"r.ingest_id = {ingest_id}", *chosen])
    first, last = span
    spanned = [] if first is None else [f"r.ts BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"]
    old = " AND ".join([f"r.ingest_id < {ingest_id}", f"({live_rows(con, spec.name)})", *spanned, *chosen])
    same = " AND ".join(f"n.{name} IS NOT DISTINCT FROM r.{name}" for name in names)
    query = (
        f"WITH fresh AS (SELECT {picked}, count(*) AS times FROM {spec.rows} r WHERE {new} GROUP BY ALL),"
        f" stored AS (SELECT DISTINCT {picked} FROM {spec.rows} r WHERE {old}),"
        f" shared AS (SELECT times FROM fresh n SEMI JOIN stored r ON {same})"
        " SELECT (SELECT coalesce(sum(times - 1), 0) FROM fresh), (SELECT coalesce(sum(times), 0) FROM shared)"
    )
    within, before = sql.one_row(con, query)
    return Repeats(rows, int(within) * one_in, min(rows, int(before) * one_in), one_in > 1)
