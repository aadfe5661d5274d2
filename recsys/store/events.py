"""Events out of the store as arrays, fast: ranges of rows on threads of their own, then each column in one piece."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.core.threads import row_chunks, run_chunks, thread_count
from recsys.store import sql
from recsys.store.arrow import fetch_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

    from recsys.store.recipes import DataRecipe

_ROWS_PER_RANGE = 2_000_000  # below it a second connection costs more than it brings


class Events(NamedTuple):
    """Events in order of arrival.

    Attributes
    ----------
    user_keys, item_keys : (n,) int32
        The store's keys.
    times : (n,) int64 or None
        Microseconds since 1970-01-01 UTC; None when no event has a time.
    values, relevance_values : (n,) float32 or None
        None: every event counts 1; `relevance` looks at the values.
    """

    user_keys: NDArray[np.int32]
    item_keys: NDArray[np.int32]
    times: NDArray[np.int64] | None
    values: NDArray[np.float32] | None
    relevance_values: NDArray[np.float32] | None

    def take(self, places: NDArray[np.intp]) -> Events:
        """Return the events at these places."""
        return Events(
            self.user_keys[places],
            self.item_keys[places],
            None if self.times is None else self.times[places],
            None if self.values is None else self.values[places],
            None if self.relevance_values is None else self.relevance_values[places],
        )


def fetch_events(con: DuckDBPyConnection, recipe: DataRecipe, condition: str, params: Mapping[str, Any]) -> Events:
    """Return the events ``r`` of `event_rows` that a condition keeps, in order of arrival.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor in a read transaction.
    recipe : DataRecipe
        Which columns.
    condition : str
        SQL.
    params : mapping
        Its parameters.

    Raises
    ------
    DataError
        Some events have a time and others none, or a value is not a finite float32.
    """
    import duckdb

    columns = ["r.user_key", "r.item_key", "epoch_us(r.ts) AS ts"]
    if recipe.value is not None:
        columns.append(f"coalesce(r.{sql.name(recipe.value)}, 1)::FLOAT AS value")
    if recipe.relevance_column is not None and recipe.relevance_column != recipe.value:
        columns.append(f"coalesce(r.{sql.name(recipe.relevance_column)}, 0)::FLOAT AS relevance")
    try:
        parts = _fetch(con, f"SELECT {', '.join(columns)} FROM event_rows r WHERE {condition}", params)
    except duckdb.ConversionException:
        raise DataError(
            f"a number in {recipe.value!r} is beyond float32", "numbers below 3e38 were expected", "rescale the column"
        ) from None
    rows, without = (
        sum(counts) for counts in zip(*((len(part), part["ts"].null_count()) for part in parts), strict=True)
    )
    if 0 < without < rows:
        raise DataError(
            f"{without:,} of {rows:,} events have no time",
            "a time in all of them, or in none, was expected",
            "revert the ingest without times, or set until=, which keeps events with a time",
        )
    if without:
        parts = [part.drop("ts") for part in parts]
    whole = _joined(parts)
    for name in ("value", "relevance"):
        _refuse_infinite(name, whole.get(name))
    return Events(whole["user_key"], whole["item_key"], whole.get("ts"), whole.get("value"), whole.get("relevance"))


def _fetch(con: DuckDBPyConnection, query: str, params: Mapping[str, Any]) -> list[pl.DataFrame]:
    """Return the rows of a query on `event_rows` in order, as frames.

    DuckDB hands out a result on one thread, so each range of rows has a connection of its own. All of them see the same
    rows, because nobody can write while the store is open for reading. Inside a write transaction there is one range.
    """
    (mode, rows), *_ = con.execute(
        "SELECT current_setting('access_mode'), (SELECT coalesce(max(rowid) + 1, 0) FROM event_rows)"
    ).fetchall()
    n_ranges = max(1, min(thread_count(), rows // _ROWS_PER_RANGE)) if str(mode).lower() == "read_only" else 1
    if n_ranges == 1:
        return [fetch_frame(con, query, params)]
    ranges = row_chunks(rows, -(-rows // n_ranges))
    parts = [pl.DataFrame()] * len(ranges)

    def fetch(place: int) -> None:
        first, last = ranges[place]
        own = con.cursor()
        try:
            parts[place] = fetch_frame(own, f"{query} AND r.rowid >= {first} AND r.rowid < {last}", params)
        finally:
            own.close()

    run_chunks(fetch, range(len(ranges)))
    return parts


def _joined(parts: list[pl.DataFrame]) -> dict[str, NDArray[Any]]:
    """Return each column in one piece; the frames are emptied on the way, so that no two columns are held twice."""
    columns = {}
    for name in parts[0].columns:
        chunks = [chunk.to_numpy() for part in parts for chunk in part.drop_in_place(name).get_chunks()]
        starts = [0, *accumulate(map(len, chunks))]
        whole = np.empty(starts[-1], dtype=chunks[0].dtype)
        _copy(chunks, starts, whole)
        columns[name] = whole
    return columns


def _copy(chunks: list[NDArray[Any]], starts: list[int], whole: NDArray[Any]) -> None:
    def copy(group: tuple[int, int]) -> None:
        for place in range(*group):
            whole[starts[place] : starts[place + 1]] = chunks[place]

    run_chunks(copy, row_chunks(len(chunks), 8))


def _refuse_infinite(name: str, numbers: NDArray[np.float32] | None) -> None:
    if numbers is None or not len(numbers) or np.isfinite([numbers.min(), numbers.max()]).all():
        return
    wrong = int((~np.isfinite(numbers)).sum())
    raise DataError(
        f"{wrong:,} events have a {name} that is NaN or infinite",
        "finite numbers were expected",
        "choose another column",
    )
