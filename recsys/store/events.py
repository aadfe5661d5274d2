"""Events out of the store as arrays: ranges of rows at once, each put where it belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.core.threads import row_chunks, run_chunks
from recsys.store import sql
from recsys.store.arrow import fetch_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

    from recsys.store.recipes import DataRecipe

_ROWS_PER_RANGE = 16 * 122_880  # whole row groups of DuckDB
_TYPES = {"user_key": np.int32, "item_key": np.int32, "ts": np.int64, "value": np.float32, "relevance": np.float32}


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

    columns = {"user_key": "r.user_key", "item_key": "r.item_key", "ts": "epoch_us(r.ts)"}
    if recipe.value is not None:
        columns["value"] = f"coalesce(r.{sql.name(recipe.value)}, 1)::FLOAT"
    if recipe.relevance_column is not None and recipe.relevance_column != recipe.value:
        columns["relevance"] = f"coalesce(r.{sql.name(recipe.relevance_column)}, 0)::FLOAT"
    picked = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    try:
        found, without = _fetch(con, f"SELECT {picked} FROM event_rows r WHERE {condition}", params, list(columns))
    except duckdb.ConversionException:
        raise DataError(
            f"a number in {recipe.value!r} is beyond float32", "numbers below 3e38 were expected", "rescale the column"
        ) from None
    rows = len(found["user_key"])
    if 0 < without < rows:
        raise DataError(
            f"{without:,} of {rows:,} events have no time",
            "a time in all of them, or in none, was expected",
            "revert the ingest without times, or set until=, which keeps events with a time",
        )
    for name in ("value", "relevance"):
        _refuse_infinite(name, found.get(name))
    times = None if without else found["ts"]
    return Events(found["user_key"], found["item_key"], times, found.get("value"), found.get("relevance"))


def _fetch(
    con: DuckDBPyConnection, query: str, params: Mapping[str, Any], names: list[str]
) -> tuple[dict[str, NDArray[Any]], int]:
    """Return the columns of a query on `event_rows`, in order, and the number of rows without a time.

    DuckDB hands out a result on one thread, so ranges of rows are read at once, each on its own connection. All see
    the same rows, because nobody can write while the store is open for reading; inside a write transaction there is one
    connection. Ranges are small so that the memory of one serves for the next.
    """
    (mode, limit), *_ = con.execute(
        "SELECT current_setting('access_mode'), (SELECT coalesce(max(rowid) + 1, 0) FROM event_rows)"
    ).fetchall()
    apart = str(mode).lower() == "read_only"
    columns = {name: np.empty(limit, dtype=_TYPES[name]) for name in names}
    ranges = row_chunks(limit, _ROWS_PER_RANGE)
    counts, without = [0] * len(ranges), [0] * len(ranges)

    def fetch(place: int) -> None:
        first, last = ranges[place]
        own = con.cursor() if apart else con
        try:
            rows = fetch_frame(own, f"{query} AND r.rowid >= {first} AND r.rowid < {last}", params)
        finally:
            if apart:
                own.close()
        counts[place], without[place] = len(rows), rows["ts"].null_count()
        for name, column in columns.items():
            _copy(rows.drop_in_place(name), column[first:])

    run_chunks(fetch, range(len(ranges)), None if apart else 1)
    return {name: _closed_up(column, ranges, counts) for name, column in columns.items()}, sum(without)


def _copy(source: pl.Series, target: NDArray[Any]) -> None:
    start = 0
    for chunk in source.get_chunks():
        target[start : start + len(chunk)] = chunk.fill_null(0).to_numpy()
        start += len(chunk)


def _closed_up(column: NDArray[Any], ranges: list[tuple[int, int]], counts: list[int]) -> NDArray[Any]:
    """Move the rows of the ranges together: each range stands where it would stand if no row had been left out."""
    end = 0
    for (first, _), count in zip(ranges, counts, strict=True):
        if first != end:
            column[end : end + count] = column[first : first + count]
        end += count
    return column[:end] if 2 * end > len(column) else column[:end].copy()  # a copy lets go of what is not needed


def _refuse_infinite(name: str, numbers: NDArray[np.float32] | None) -> None:
    if numbers is None or not len(numbers) or np.isfinite([numbers.min(), numbers.max()]).all():
        return
    wrong = int((~np.isfinite(numbers)).sum())
    raise DataError(
        f"{wrong:,} events have a {name} that is NaN or infinite",
        "finite numbers were expected",
        "choose another column",
    )
