"""The store as a source of units for experiments: grouped in SQL what is one row a unit, in ranges of rows the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import NotFoundError
from recsys.core.threads import row_chunks, thread_count
from recsys.core.times import to_micros
from recsys.experiment.units.sources import Active, Batch, Exposures
from recsys.store import sql
from recsys.store.arrow import fetch_frame, offered
from recsys.store.filters import Columns
from recsys.store.reading import said_watermark, watermark
from recsys.store.schema import TABLES, columns_of, high_water, live_rows, view_query

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from recsys.experiment.units.measures import Condition, Measure, Table
    from recsys.store.folder import StoreFolder

Part = TypeVar("Part")
Made = TypeVar("Made")
_ROWS_PER_RANGE = 4 * 122_880  # whole row groups of DuckDB
_LARGEST_TIME = 2**61  # microseconds


class StoreUnits:
    """What a store answers about the units of an experiment; see `recsys.experiment.UnitSource`.

    All answers look at the rows in sight as of one change, however much arrives meanwhile.

    Parameters
    ----------
    store : Store
        The store.
    as_of : int, optional
        The change to look back to; by default the last one.

    Attributes
    ----------
    high_water : int
        That change.
    """

    def __init__(self, store: StoreFolder, as_of: int | None = None) -> None:
        self._store = store
        with store.read() as con:
            self.high_water = high_water(con) if as_of is None else as_of

    def __repr__(self) -> str:
        return f"<units of {self._store!r} as of change {self.high_water}>"

    def exposures(self, experiment: str, *, through: int) -> Exposures:
        """Return the exposures of an experiment before `through`, one row for each unit and variant."""
        with self._store.read() as con:
            rows = fetch_frame(
                con,
                "SELECT r.unit_id, r.variant, min(epoch_us(r.ts)) AS first, count(*) AS n FROM exposure_rows r"
                f" WHERE r.experiment = $experiment AND {self._live(con, 'exposures')}"
                f" AND (r.ts IS NULL OR r.ts < {_instant(through)})"
                " GROUP BY r.unit_id, r.variant, r.ts IS NULL ORDER BY r.unit_id, r.variant, first",
                {"experiment": experiment},
            )
        return Exposures(rows["unit_id"], rows["variant"], rows["first"], rows["n"].to_numpy())

    def active(self, population: Active, *, unit: str) -> Exposures:
        """Return the first event of every unit in a span, all with the variant ``all``."""
        outside = "".join(
            f" AND NOT (r.ts >= {_instant(since)} AND r.ts < {_instant(until)})" for since, until in population.exclude
        )
        with self._store.read() as con:
            rows = fetch_frame(
                con,
                "SELECT m.unit_id, 'all' AS variant, epoch_us(min(e.first)) AS first FROM"
                " (SELECT r.user_key, min(r.ts) AS first FROM event_rows r"
                f" WHERE {self._live(con, 'events')} AND r.ts >= {_instant(population.since)}"
                f" AND r.ts < {_instant(population.until)}{outside} GROUP BY r.user_key) e"
                f" JOIN ({self._mapping(con, unit)}) m USING (user_key)"
                " WHERE m.unit_id IS NOT NULL GROUP BY m.unit_id ORDER BY m.unit_id",
            )
        return Exposures(rows["unit_id"], rows["variant"], rows["first"])

    def batches(
        self, table: Table, measures: Sequence[Measure], *, unit: str, unit_ids: pl.Series, since: int, until: int
    ) -> Iterator[Batch]:
        """Yield the rows of a table in a span of time in order of arrival, with what the measures need of them.

        The store stays open for reading until the last one. Ranges of rows are read ahead, each on its own cursor.

        Raises
        ------
        NotFoundError
            A column does not exist.
        ArgumentError
            A column does not have the type that a measure needs.
        """
        with self._store.read() as con:
            wanted = _Wanted.of(con, table, measures)
            places = self._places(con, unit, unit_ids)
            query = (
                f"SELECT {wanted.picked} FROM {TABLES[table].rows} r WHERE {self._live(con, table)}"
                f" AND r.ts >= {_instant(since)} AND r.ts < {_instant(until)}"
            )
            mode, limit = sql.one_row(
                con,
                "SELECT current_setting('access_mode'),"
                f" (SELECT coalesce(max(rowid) + 1, 0) FROM {TABLES[table].rows})",
            )
            apart = str(mode).lower() == "read_only"  # inside a write transaction there is one cursor

            def fetch(rows: tuple[int, int]) -> Batch:
                own = con.cursor() if apart else con
                try:
                    found = fetch_frame(own, f"{query} AND r.rowid >= {rows[0]} AND r.rowid < {rows[1]}", wanted.params)
                finally:
                    if apart:
                        own.close()
                return wanted.batch(found, places)

            ranges = row_chunks(int(limit), _ROWS_PER_RANGE)
            for batch in _ahead(fetch, ranges, thread_count() if apart else 1):
                if len(batch.units):
                    yield batch

    def expression(
        self,
        measure: Measure,
        *,
        unit: str,
        unit_ids: pl.Series,
        starts: NDArray[np.int64],
        until: int,
        exclude: Sequence[tuple[int, int]] = (),
    ) -> NDArray[np.float64]:
        """Return the number that an SQL expression gives for each unit's rows: NaN for NULL, 0 without rows.

        Raises
        ------
        ArgumentError, NotFoundError
            The expression is refused; see `recsys.store.expressions`.
        """
        from recsys.store.expressions import evaluate_expression

        with self._store.read() as con:
            live, users = self._live(con, measure.table), self._known(con, unit, unit_ids)
            return evaluate_expression(
                con, measure, live=live, users=users, starts=starts, until=until, exclude=exclude
            )

    def attributes(
        self, names: Sequence[str], *, unit: str, unit_ids: pl.Series, at: NDArray[np.int64]
    ) -> pl.DataFrame:
        """Return attributes of units as they were known at a time each, one row a unit; null where nothing is known.

        Of a unit of several users it is the value of the first of them, by id, of whom it is known.

        Raises
        ------
        NotFoundError
            The table users has no such column.
        """
        asked = pl.DataFrame({"place": np.arange(len(unit_ids), dtype=np.int32), "at": at})
        if not names:
            return asked.select()
        with self._store.read() as con:
            columns = Columns(con, "users")
            for name in names:
                columns.type_of(name)
            picked = ", ".join(f"r.{sql.name(name)}" for name in names)
            first = "first(v.{0} ORDER BY v.user_id) FILTER (v.{0} IS NOT NULL) AS {0}"
            firsts = ", ".join(first.format(sql.name(name)) for name in names)
            known = self._known(con, unit, unit_ids)
            with offered(con, "asked_units", asked) as units, offered(con, "known_users", known) as users:
                return fetch_frame(
                    con,
                    f"WITH v AS (SELECT u.place, u.user_id, {picked} FROM {users} u JOIN {units} a USING (place)"
                    f" JOIN user_rows r ON r.user_key = u.user_key WHERE {self._live(con, 'users')}"
                    " AND coalesce(r.valid_from <= make_timestamp(a.at), true)"
                    " QUALIFY row_number() OVER (PARTITION BY u.place, u.user_key"
                    " ORDER BY r.valid_from DESC NULLS LAST, r.ingest_id DESC, r.rowid DESC) = 1),"
                    f" g AS (SELECT v.place, {firsts} FROM v GROUP BY v.place)"
                    f" SELECT g.* EXCLUDE (place) FROM {units} a LEFT JOIN g USING (place) ORDER BY a.place",
                )

    def seen(self, *, unit: str, unit_ids: pl.Series) -> NDArray[np.bool_]:
        """Return which units occur in the events or impressions at any time."""
        with self._store.read() as con:
            places = self._places(con, unit, unit_ids)
            found = np.zeros(len(unit_ids) + 1, dtype=bool)  # the last one stands for all others
            for table in ("events", "impressions"):
                keys = fetch_frame(
                    con,
                    f"SELECT DISTINCT r.user_key FROM {TABLES[table].rows} r"
                    f" WHERE r.user_key IS NOT NULL AND {self._live(con, table)}",
                )
                found[places[keys["user_key"].to_numpy()]] = True
        return found[:-1]

    def mapped(self, *, unit: str, unit_ids: pl.Series) -> NDArray[np.bool_]:
        """Return which units some user belongs to."""
        with self._store.read() as con:
            places = self._known(con, unit, unit_ids)["place"]
        found = np.zeros(len(unit_ids), dtype=bool)
        found[places.to_numpy()] = True
        return found

    def known(self, unit: str = "user_id") -> pl.Series:
        """Return the ids of all units that the store knows, in ascending order.

        Raises
        ------
        NotFoundError
            The table users has no such column.
        """
        with self._store.read() as con:
            mapping = self._mapping(con, unit)
            query = f"SELECT DISTINCT unit_id FROM ({mapping}) WHERE unit_id IS NOT NULL ORDER BY unit_id"
            return fetch_frame(con, query)["unit_id"]

    def complete_through(self, table: Table) -> int | None:
        """Return how far a table is complete (microseconds, not included); None when nothing tells.

        It is what `Store.set_watermark` said, else the end of the newest row that is not later than its own arrival.
        """
        with self._store.read() as con:
            through, said = watermark(con, table), said_watermark(con, table)
        return None if through is None else to_micros(through) + (said is None)

    def _live(self, con: DuckDBPyConnection, table: str) -> str:
        return f"({live_rows(con, table, as_of=self.high_water)})"

    def _mapping(self, con: DuckDBPyConnection, unit: str) -> str:
        """Return the query of (user_key, user_id, unit_id): who belongs to which unit, by the newest version of users.

        Raises
        ------
        NotFoundError
            The table users has no such column.
        """
        if unit == "user_id":
            return "SELECT user_key, user_id, user_id AS unit_id FROM user_keys"
        users = TABLES["users"]
        if unit not in columns_of(con, users.rows) or unit in ("user_key", "ingest_id"):
            raise NotFoundError(
                f"the unit is {unit!r}, and users has no such column",
                "user_id, or a column of users that maps them to units, was expected",
                "recsys ingest users FILE --map",
            )
        newest = view_query(con, users, as_of=self.high_water)
        quoted = sql.name(unit)
        return f"SELECT k.user_key, k.user_id, v.{quoted} AS unit_id FROM ({newest}) v JOIN user_keys k USING (user_id)"

    def _known(self, con: DuckDBPyConnection, unit: str, unit_ids: pl.Series) -> pl.DataFrame:
        """Return the users of the units that are asked for: user_key, user_id, place of the unit."""
        asked = pl.DataFrame({"unit_id": unit_ids, "place": np.arange(len(unit_ids), dtype=np.int32)})
        with offered(con, "asked_ids", asked) as ids:
            mapping = self._mapping(con, unit)
            kind = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {mapping}").fetchall()}["unit_id"]
            same = (sql.family(kind) == "integer") == unit_ids.dtype.is_integer()
            joined = "m.unit_id = a.unit_id" if same else "m.unit_id::VARCHAR = a.unit_id::VARCHAR"
            return fetch_frame(
                con, f"SELECT m.user_key, m.user_id, a.place FROM ({mapping}) m JOIN {ids} a ON {joined}"
            )

    def _places(self, con: DuckDBPyConnection, unit: str, unit_ids: pl.Series) -> NDArray[np.int32]:
        """Return the place of each user's unit in `unit_ids`, by the store's key; −1 for others, and at key −1."""
        (keys,) = sql.one_row(con, "SELECT coalesce(max(user_key), -1) FROM user_keys")
        places = np.full(int(keys) + 2, -1, dtype=np.int32)
        known = self._known(con, unit, unit_ids)
        places[known["user_key"].to_numpy()] = known["place"].to_numpy()
        return places


class _Wanted(NamedTuple):
    """The columns of a query of batches: what is picked, and which of them are what."""

    picked: str
    params: Mapping[str, Any]
    filters: tuple[tuple[Condition, ...], ...]
    values: tuple[str, ...]
    codes: tuple[str, ...]

    @classmethod
    def of(cls, con: DuckDBPyConnection, table: str, measures: Sequence[Measure]) -> _Wanted:
        """Return what a set of measures needs, each filter and column once."""
        columns = Columns(con, table)
        aggregates = [one.aggregate for one in measures]
        filters = tuple(dict.fromkeys(one.where for one in measures))
        values = tuple(dict.fromkeys(str(one.column) for one in aggregates if one.function in ("sum", "max")))
        codes = tuple(dict.fromkeys(str(one.column) for one in aggregates if one.function == "count_distinct"))
        picked = ["coalesce(r.user_key, -1)::INTEGER AS user_key", "epoch_us(r.ts) AS ts"]
        # A byte each: Arrow's bits would have to be spread again.
        picked += [f"({columns.passes(one)})::UTINYINT AS f{place}" for place, one in enumerate(filters) if one]
        picked += [f"{columns.number(one)} AS v{place}" for place, one in enumerate(values)]
        picked += [f"{columns.code(one)} AS c{place}" for place, one in enumerate(codes)]
        return cls(", ".join(picked), columns.params, filters, values, codes)

    def batch(self, rows: pl.DataFrame, places: NDArray[np.int32]) -> Batch:
        """Return the rows of the query as a batch."""
        return Batch(
            places[rows["user_key"].to_numpy()],
            rows["ts"].to_numpy(),
            {
                one: rows[f"f{place}"].to_numpy().view(np.bool_) if one else None
                for place, one in enumerate(self.filters)
            },
            {one: rows[f"v{place}"].to_numpy() for place, one in enumerate(self.values)},
            {one: rows[f"c{place}"].to_numpy() for place, one in enumerate(self.codes)},
        )


def _ahead(make: Callable[[Part], Made], parts: Sequence[Part], n_threads: int) -> Iterator[Made]:
    """Yield ``make(part)`` in the order of the parts, made a few ahead on threads."""
    if n_threads <= 1 or len(parts) <= 1:
        yield from map(make, parts)
        return
    waiting: deque[Future[Made]] = deque()
    left = iter(parts)
    with ThreadPoolExecutor(n_threads, thread_name_prefix="recsys") as pool:
        try:
            for part in left:
                waiting.append(pool.submit(make, part))
                if len(waiting) > n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _instant(micros: int) -> str:
    return f"make_timestamp({min(max(int(micros), -_LARGEST_TIME), _LARGEST_TIME)})"
