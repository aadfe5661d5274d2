"""Events by day, or by a longer stretch where the log is long."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST = 120
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


class OverTime(NamedTuple):
    """How many events each stretch of time has, from the first to the last one that has any.

    Attributes
    ----------
    stretch : str
        ``"by day"``, ``"by week"`` (from Monday), ``"by month"`` or ``"by year"``, in UTC.
    starts : tuple of datetime
        Where each begins.
    counts : tuple of int
        Its events; 0 where there are none.
    """

    stretch: str
    starts: tuple[datetime, ...]
    counts: tuple[int, ...]


def over_time(con: DuckDBPyConnection, alive: str, first: datetime | None, last: datetime | None) -> OverTime | None:
    """Return the events of each of at most 120 stretches (the last 120 where even years are more), or None.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    alive : str
        SQL that is true of the rows `r` in sight.
    first, last : datetime or None
        The span of their times.
    """
    if first is None or last is None:
        return None
    span = (last - first).days + 1
    unit = next((name for name, days in _DAYS.items() if span <= (MOST - 2) * days), "year")
    rows = con.execute(
        "WITH found AS (SELECT date_trunc($unit, r.ts)::TIMESTAMP AS start, count(*) AS n FROM event_rows r"
        f" WHERE {alive} AND r.ts IS NOT NULL GROUP BY 1)"
        " SELECT s.start, coalesce(found.n, 0) FROM (SELECT unnest(generate_series(min(start), max(start),"
        f" INTERVAL 1 {unit})) AS start FROM found) s LEFT JOIN found USING (start) ORDER BY s.start",
        {"unit": unit},
    ).fetchall()[-MOST:]
    return OverTime(f"by {unit}", tuple(start for start, _ in rows), tuple(int(count) for _, count in rows))
