"""Events of the store to a `Dataset`: a short read of keys and numbers, then arrays only.

The store keeps 32-bit keys in order of arrival; a Dataset's codes are ranks of external ids. So the ids of the keys
that are present are sorted once, and a permutation table turns keys into codes: no join, no hash of 20 million ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.core.threads import row_chunks, run_chunks
from recsys.dataset import Dataset, Vocabulary, align_attributes
from recsys.display import counted
from recsys.kernels.csr import count_codes
from recsys.store import sql
from recsys.store.arrow import fetch_frame
from recsys.store.events import Events, fetch_events
from recsys.store.schema import KEY_TABLES, KEYED, TABLES, columns_of, high_water, live_rows, view_query

if TYPE_CHECKING:
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from recsys.store.recipes import DataRecipe

_KEYS_PER_CHUNK = 1 << 20
_PRIVATE = ("user_key", "item_key", "ingest_id")
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN", "U")


class RawLog(NamedTuple):
    """What one read transaction takes out of the store.

    Attributes
    ----------
    events : Events
        The rows.
    user_ids, item_ids : polars.DataFrame
        ``key`` and ``id``.
    user_attributes, item_attributes : polars.DataFrame or None
        One row an id, in force at the recipe's time.
    high_water : int
        The last change that was looked at.
    warnings : tuple of str
        What a reader should know.
    """

    events: Events
    user_ids: pl.DataFrame
    item_ids: pl.DataFrame
    user_attributes: pl.DataFrame | None
    item_attributes: pl.DataFrame | None
    high_water: int
    warnings: tuple[str, ...]


def read_log(con: DuckDBPyConnection, recipe: DataRecipe, mark: int | None = None) -> RawLog:
    """Return the rows that a recipe asks for, as the store knew them at a high-water mark.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor in a read transaction.
    recipe : DataRecipe
        Which rows.
    mark : int, optional
        The high-water mark. Default: the recipe's `as_of`, else the newest.

    Raises
    ------
    NotFoundError
        There is no such event type or column.
    ArgumentError
        `event` is missing and the store holds several types, or a column is not numeric.
    DataError
        No event is left, some events have a time and others none, or a value is not finite.
    """
    limit = _mark(con, recipe) if mark is None else mark
    alive = live_rows(con, "events", as_of=limit)
    _check_columns(con, recipe)
    if recipe.event is None:
        _check_one_type(con, alive)
    in_time, warnings = not_in_the_future(con, recipe, alive, limit)
    events = fetch_events(con, recipe, f"{alive} AND {in_time} AND {_asked(recipe)}", _params(recipe))
    if not len(events.user_keys):
        raise _no_events(con, recipe, alive)
    return RawLog(
        events,
        _ids(con, "user_id"),
        _ids(con, "item_id"),
        attributes(con, "users", until=recipe.end, mark=limit),
        attributes(con, "items", until=recipe.end, mark=limit),
        limit,
        warnings,
    )


def build_dataset(log: RawLog, recipe: DataRecipe) -> Dataset:
    """Return the canonical Dataset of what `read_log` took out; no connection is needed.

    The log is used up: its arrays become the Dataset's, which halves the memory.

    Raises
    ------
    DataError
        No user and item has as many events as the recipe asks for.
    """
    kept = _core(log.events, recipe)
    users, user_codes = _encode(kept.user_keys, log.user_ids)
    items, item_codes = _encode(kept.item_keys, log.item_ids)
    return Dataset.from_codes(
        users,
        items,
        user_codes,
        item_codes,
        values=kept.values,
        times=kept.times,
        relevance_values=kept.relevance_values,
        label=recipe.label,
        relevance=recipe.relevance,
        user_attributes=_aligned(users, log.user_attributes, "user_id"),
        item_attributes=_aligned(items, log.item_attributes, "item_id"),
        in_place=True,
    )


def attributes(
    con: DuckDBPyConnection, table: str, *, until: datetime | None = None, mark: int | None = None
) -> pl.DataFrame | None:
    """Return the versions of `users` or `items` in force: one row an id, or None when the table is empty.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    table : {"users", "items"}
        The table.
    until : datetime, optional
        Versions valid before this instant. Default: those valid when the last change up to `mark` arrived.
    mark : int, optional
        The ingest high-water mark. Default: the newest.
    """
    spec = TABLES[table]
    limit = high_water(con) if mark is None else mark
    bound = f"< TIMESTAMP '{until}'"
    if until is None:
        bound = f"<= (SELECT max(received_at) FROM ingests WHERE ingest_id <= {limit})"
    in_force = f"(r.valid_from IS NULL OR r.valid_from {bound})"
    rows = fetch_frame(con, view_query(con, spec, as_of=limit, where=in_force))
    return rows.drop("valid_from", "ingest_id") if len(rows) else None


def _mark(con: DuckDBPyConnection, recipe: DataRecipe) -> int:
    if recipe.as_of is None:
        return high_water(con)
    query = "SELECT coalesce(max(ingest_id), 0) FROM ingests WHERE received_at <= ?"
    return int(sql.one_row(con, query, [recipe.as_of])[0])


def _check_columns(con: DuckDBPyConnection, recipe: DataRecipe) -> None:
    known = columns_of(con, "event_rows")
    numeric = [name for name, kind in known.items() if kind.startswith(_NUMERIC) and name not in _PRIVATE]
    for argument in ("value", "relevance_column"):
        name = getattr(recipe, argument)
        if name is None or name in numeric:
            continue
        if name in known and name not in _PRIVATE:
            raise ArgumentError(
                f"{argument} is {name!r}, a column of type {known[name]}",
                f"a column of numbers was expected ({', '.join(numeric)})",
            )
        raise NotFoundError(
            f"events have no column {name!r}",
            f"{argument} takes one of {', '.join(numeric)}",
            did_you_mean(name, numeric),
        )


def _check_one_type(con: DuckDBPyConnection, alive: str) -> None:
    types = _types(con, alive)
    if len(types) > 1:
        raise ArgumentError(
            f"the store holds {len(types)} types of event: {', '.join(map(repr, types))}",
            "the one to learn from was expected",
            f"use event={types[0]!r} (--event {types[0]})",
        )


def _types(con: DuckDBPyConnection, alive: str) -> list[str]:
    found = con.execute(f"SELECT DISTINCT event FROM event_rows r WHERE {alive} ORDER BY event").fetchall()
    return [name for (name,) in found]


def not_in_the_future(
    con: DuckDBPyConnection, recipe: DataRecipe, alive: str, limit: int
) -> tuple[str, tuple[str, ...]]:
    """Return the condition that an event is not later than its arrival, and a warning if some are.

    Only changes with such an event (known from `ingests`) cost anything.
    """
    ahead = con.execute(
        "SELECT ingest_id, received_at::VARCHAR FROM ingests WHERE ingest_id <= ? AND table_name = 'events'"
        " AND last_ts > received_at ORDER BY ingest_id",
        [limit],
    ).fetchall()
    if not ahead:
        return "true", ()
    later = " OR ".join(f"(r.ingest_id = {number} AND r.ts > TIMESTAMP '{received}')" for number, received in ahead)
    (count, newest), *_ = con.execute(
        f"SELECT count(*), max(ts) FROM event_rows r WHERE {alive} AND ({later}) AND {_asked(recipe)}",
        _params(recipe),
    ).fetchall()
    rows, was = (
        ("1 event lies later than its", "was") if count == 1 else (f"{count:,} events lie later than their", "were")
    )
    warning = f"{rows} arrival (up to {newest:%Y-%m-%d %H:%M}) and {was} left out" if count else ""
    return f"NOT coalesce({later}, false)", (warning,) if warning else ()


def _asked(recipe: DataRecipe) -> str:
    conditions = ["true"]
    if recipe.event is not None:
        conditions.append("r.event = $event")
    if recipe.until is not None:
        conditions.append("r.ts < $until")
    return " AND ".join(conditions)


def _params(recipe: DataRecipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in ("event", "until") if getattr(recipe, name) is not None}


def _no_events(con: DuckDBPyConnection, recipe: DataRecipe, alive: str) -> RecsysError:
    types = _types(con, alive)
    if recipe.event is not None and recipe.event not in types:
        return NotFoundError(
            f"there is no event of type {recipe.event!r}",
            f"the store holds {', '.join(types)}" if types else "the store holds no events",
            did_you_mean(recipe.event, types) or "recsys describe shows what there is",
        )
    count, first, last = sql.one_row(con, f"SELECT count(*), min(ts), max(ts) FROM event_rows r WHERE {alive}")
    if not count and recipe.as_of is not None:
        return ArgumentError(
            f"the store had received no events by {recipe.as_of}",
            "events to learn from were expected",
            "use a later as_of",
        )
    if not count:
        shown = sql.one_row(con, "SELECT count(*) FROM impression_rows")[0]
        seen = f", only {counted(shown, 'impression')}: what was shown and not what users did" if shown else ""
        return DataError(
            f"the store holds no events{seen}", "events to learn from were expected", "recsys ingest events FILE"
        )
    return ArgumentError(
        f"no event is left (until={recipe.until}, as_of={recipe.as_of})",
        f"the events span {first} to {last}" if first is not None else "the events have no times",
    )


def _ids(con: DuckDBPyConnection, entity: str) -> pl.DataFrame:
    return fetch_frame(con, f"SELECT {KEYED[entity]} AS key, {entity} AS id FROM {KEY_TABLES[entity]}")


def _encode(keys: NDArray[np.int32], ids: pl.DataFrame) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Return the vocabulary of the keys that are present, and the keys turned into codes in place."""
    known = ids["key"].to_numpy()
    counts = count_codes(keys, int(known.max()) + 1)
    present = ids.filter(pl.Series(counts[known] > 0)).sort("id")
    code_of_key = np.full(len(counts), -1, dtype=np.int32)
    code_of_key[present["key"].to_numpy()] = np.arange(len(present), dtype=np.int32)

    def encode(chunk: tuple[int, int]) -> None:
        keys[slice(*chunk)] = code_of_key[keys[slice(*chunk)]]

    run_chunks(encode, row_chunks(len(keys), _KEYS_PER_CHUNK))
    return Vocabulary(present["id"]), keys


def _core(events: Events, recipe: DataRecipe) -> Events:
    """Leave out users and items with too few events until all that are left have enough."""
    if recipe.min_user_events == recipe.min_item_events == 1:
        return events
    while True:
        enough = np.ones(len(events.user_keys), dtype=np.bool_)
        for keys, least in ((events.user_keys, recipe.min_user_events), (events.item_keys, recipe.min_item_events)):
            enough &= np.bincount(keys)[keys] >= least
        if enough.all():
            return events
        events = events.take(np.flatnonzero(enough))
        if not len(events.user_keys):
            raise ArgumentError(
                f"no event is left with min_user_events={recipe.min_user_events},"
                f" min_item_events={recipe.min_item_events}",
                "at least one user and item with as many events was expected",
                "lower the numbers",
            )


def _aligned(vocabulary: Vocabulary, frame: pl.DataFrame | None, key: str) -> pl.DataFrame | None:
    return None if frame is None else align_attributes(vocabulary, frame, key)
