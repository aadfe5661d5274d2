"""A profile of the data: how much, how dense, how skewed, from when to when, and what looks wrong."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recsys.display import Cell, Percent, Spark, Table, View, Viewable, counted
from recsys.metrics import Concentration, concentration
from recsys.store import sql
from recsys.store.describe_charts import describe_charts
from recsys.store.over_time import OverTime, over_time
from recsys.store.reading import watermark
from recsys.store.schema import TABLES, live_rows, whole_ingests

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NONE = np.empty(0, np.int64)
QUANTILES = {"min": 0.0, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True)
class EventKind:
    """One kind of event: how many, and from when to when."""

    event: str
    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, repr=False)
class Description(Viewable):
    """A profile of a store.

    Attributes
    ----------
    path : str
        The store.
    rows, users, items : int
        Events, and the distinct users and items in them.
    pairs : int
        Distinct pairs of user and item.
    density : float or None
        Pairs per possible pair; None without events.
    repeats : int
        Events of a user on an item beyond the first.
    identical : int
        Events that equal an earlier one in all of user, item, time, kind and value.
    first, last : datetime or None
        The span of the events' times (UTC).
    events : tuple of EventKind
        The kinds of events, the most frequent first.
    activity, popularity : dict of str to int
        Quantiles of the events per user and per item.
    tables : dict of str to int
        Rows in sight of each table.
    watermarks : dict of str to datetime
        The time through which each table is complete.
    ingests : int
        Ingests in sight.
    quarantined : int
        Bad rows that were set aside.
    warnings : tuple of str
        What a user should look at before training.
    over_time : OverTime or None
        Events by day, or by a longer stretch where that makes more than 120; None where no event has a time.
    user_sizes, item_sizes : tuple of (int, int)
        How many users (items) have 1 event, 2 to 3, 4 to 7, …: (least events, users).
    user_curve, item_curve : Concentration or None
        Which share of the events the most active users (the most popular items) have.
    """

    path: str
    rows: int
    users: int
    items: int
    pairs: int
    density: float | None
    repeats: int
    identical: int
    first: datetime | None
    last: datetime | None
    events: tuple[EventKind, ...]
    activity: dict[str, int]
    popularity: dict[str, int]
    tables: dict[str, int]
    watermarks: dict[str, datetime]
    ingests: int
    quarantined: int
    warnings: tuple[str, ...]
    over_time: OverTime | None = None
    user_sizes: tuple[tuple[int, int], ...] = ()
    item_sizes: tuple[tuple[int, int], ...] = ()
    user_curve: Concentration | None = None
    item_curve: Concentration | None = None

    @property
    def name(self) -> str:
        """The store's folder, without where it lies: a report is sent around."""
        return PurePath(self.path).name or self.path

    @property
    def conclusion(self) -> str:
        """Say how much the store holds, of whom and from when."""
        if not self.rows:
            return f"{self.name} holds no events yet."
        span = "" if self.first is None or self.last is None else f", {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}"
        users, items = counted(self.users, "user"), counted(self.items, "item")
        return f"{self.name} holds {counted(self.rows, 'event')} of {users} on {items}{span}."

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, times in ISO 8601."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def view(self) -> View:
        """Return the profile as tables and charts."""
        over = self.over_time
        size = Table(
            ("events", "users", "items", "density", "repeats", "from", "to"),
            (
                (
                    self.rows,
                    self.users,
                    self.items,
                    Percent(self.density),
                    self.repeats,
                    _day(self.first),
                    _day(self.last),
                ),
            ),
        )
        kinds = tuple((kind.event, kind.rows, _day(kind.first), _day(kind.last)) for kind in self.events)
        counts = {"user": self.activity, "item": self.popularity}
        skew: tuple[tuple[Cell, ...], ...] = tuple((name, *row.values()) for name, row in counts.items() if row)
        return View(
            self.conclusion,
            (
                size,
                *([Table((f"events {over.stretch}",), ((Spark(over.counts),),))] if over else []),
                Table(("event", "rows", "from", "to"), kinds),
                Table(("events per", *QUANTILES), skew),
                Table(("table", "rows"), tuple(self.tables.items())),
            ),
            (*self.warnings, *([f"{self.quarantined:,} rows in quarantine"] if self.quarantined else [])),
            describe_charts(self),
        )


class Spread(NamedTuple):
    """How events fall on users, or on items.

    Attributes
    ----------
    parts : int
        Users (items) with an event.
    quantiles : dict of str to int
        Of their events.
    sizes : tuple of (int, int)
        As `Description.user_sizes`.
    curve : Concentration or None
        As `Description.user_curve`.
    """

    parts: int
    quantiles: dict[str, int]
    sizes: tuple[tuple[int, int], ...]
    curve: Concentration | None


def describe(con: DuckDBPyConnection, path: str) -> Description:
    """Profile a store in one read transaction."""
    alive = live_rows(con, "events")
    rows, first, last, timeless, midnight = sql.one_row(
        con,
        "SELECT count(*), min(r.ts), max(r.ts), count(*) - count(r.ts),"
        f" count(*) FILTER (r.ts = date_trunc('day', r.ts)) FROM event_rows r WHERE {alive}",
    )
    users, activity, user_sizes, user_curve = _spread(con, alive, "user_key")
    items, popularity, item_sizes, item_curve = _spread(con, alive, "item_key")
    # One 64-bit number for a pair, and one for a row, are counted much faster than their columns.
    pairs = _distinct(con, alive, "(r.user_key::BIGINT << 32) | r.item_key")
    identical = rows - _distinct(con, alive, "hash(r.user_key, r.item_key, r.ts, r.event, r.value)")
    kinds = con.execute(
        f"SELECT coalesce(r.event, ''), count(*), min(r.ts), max(r.ts) FROM event_rows r WHERE {alive}"
        " GROUP BY r.event ORDER BY count(*) DESC, r.event"
    ).fetchall()
    marks = {table: mark for table in TABLES if (mark := watermark(con, table)) is not None}
    tables = {
        name: int(sql.one_row(con, f"SELECT count(*) FROM {spec.rows} r WHERE {live_rows(con, name)}")[0])
        for name, spec in TABLES.items()
    }
    warnings = _warnings(con, alive, rows, first, last, timeless, midnight, identical)
    return Description(
        path=path,
        rows=rows,
        users=users,
        items=items,
        pairs=pairs,
        density=pairs / (users * items) if rows else None,
        repeats=rows - pairs,
        identical=identical,
        first=first,
        last=last,
        events=tuple(EventKind(*kind) for kind in kinds),
        activity=activity,
        popularity=popularity,
        tables=tables,
        watermarks=marks,
        ingests=sum(
            int(sql.one_row(con, f"SELECT count(*) FROM ingests r WHERE {whole_ingests(con, name)}")[0])
            for name in TABLES
        ),
        quarantined=int(sql.one_row(con, "SELECT count(*) FROM quarantine")[0]),
        warnings=warnings,
        over_time=over_time(con, alive, first, last),
        user_sizes=user_sizes,
        item_sizes=item_sizes,
        user_curve=user_curve,
        item_curve=item_curve,
    )


def _spread(con: DuckDBPyConnection, alive: str, key: str) -> Spread:
    """Return how many users (or items) have events, the quantiles of how many, and how unevenly they fall on them."""
    found = con.execute(
        "SELECT n, count(*) FROM"
        f" (SELECT count(*) AS n FROM event_rows r WHERE {alive} GROUP BY r.{key}) GROUP BY n ORDER BY n"
    ).fetchall()
    events, parts = (np.array(column, np.int64) for column in zip(*found, strict=True)) if found else (_NONE, _NONE)
    count = int(parts.sum())
    if not count:
        return Spread(0, {}, (), None)
    # The place of a quantile is that of quantile_disc: the first value that at least this share does not exceed.
    places = np.searchsorted(np.cumsum(parts), [max(1, math.ceil(share * count)) for share in QUANTILES.values()])
    classes = np.floor(np.log2(events)).astype(np.int64)
    sizes = np.bincount(classes, weights=parts).astype(np.int64)
    return Spread(
        count,
        dict(zip(QUANTILES, events[places].tolist(), strict=True)),
        tuple((1 << place, int(size)) for place, size in enumerate(sizes)),
        concentration(np.repeat(events, parts)),
    )


def _distinct(con: DuckDBPyConnection, alive: str, expression: str) -> int:
    query = f"SELECT count(*) FROM (SELECT DISTINCT {expression} FROM event_rows r WHERE {alive})"
    return int(sql.one_row(con, query)[0])


def _warnings(
    con: DuckDBPyConnection,
    alive: str,
    rows: int,
    first: datetime | None,
    last: datetime | None,
    timeless: int,
    midnight: int,
    identical: int,
) -> tuple[str, ...]:
    if not rows:
        return ("the store holds no events: recsys ingest events FILE",)
    found = []
    if timeless:
        found.append(
            f"{_rows(timeless)} no time" if timeless < rows else "no event has a time: it cannot be split by time"
        )
    if first is not None and first == last and rows > 1:
        found.append(f"all timestamps equal {first}")
    elif first is not None and last is not None:
        if midnight == rows - timeless and rows > 1:
            found.append("all times are at midnight: the order within a day is unknown")
        if last - datetime(1970, 1, 1) < timedelta(days=365):
            found.append("all times lie in 1970: is the time unit right? (time_unit=, --time-unit)")
    (future,) = sql.one_row(
        con,
        f"SELECT count(*) FROM event_rows r JOIN ingests i USING (ingest_id) WHERE r.ts > i.received_at AND ({alive})",
    )
    if future:
        found.append(f"{future:,} {'row lies' if future == 1 else 'rows lie'} in the future, up to {last}")
    if identical:
        verb = "event equals" if identical == 1 else "events equal"
        found.append(f"{identical:,} {verb} an earlier one in user, item, time, kind and value")
    if sql.has_rows(con, "SELECT 1 FROM item_rows LIMIT 1"):
        (bare,) = sql.one_row(
            con,
            f"SELECT count(*) FROM (SELECT DISTINCT r.item_key FROM event_rows r WHERE {alive})"
            f" ANTI JOIN (SELECT r.item_key FROM item_rows r WHERE {live_rows(con, 'items')}) USING (item_key)",
        )
        if bare:
            verb = "item with events is" if bare == 1 else "items with events are"
            found.append(f"{bare:,} {verb} not in the table items")
    return tuple(found)


def _rows(count: int) -> str:
    return f"{count:,} {'event has' if count == 1 else 'events have'}"


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return value
