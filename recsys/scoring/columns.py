"""Columns of the frames that rules are made of, checked and normalised."""

from __future__ import annotations

import polars as pl

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.times import parse_instant, to_micros
from recsys.dataset import id_series
from recsys.dataset.vocabulary import Ids


def text_column(ids: Ids, name: str) -> pl.Series:
    """Return ids as text, or raise.

    Examples
    --------
    >>> text_column([1, 2], "item_id").to_list()
    ['1', '2']
    """
    if isinstance(ids, str):
        raise ArgumentError(f"{name} is the single text {ids!r}", "a list of ids was expected", f"use [{ids!r}]")
    return id_series(ids, name=name).cast(pl.String).rename(name)


def required(table: pl.DataFrame, name: str, *, asked: bool = False) -> pl.Series:
    """Return a column, or raise DataError; NotFoundError where the user `asked` for a column of that name.

    Examples
    --------
    >>> required(pl.DataFrame({"a": [1]}), "a").to_list()
    [1]
    """
    if name not in table.columns:
        fault = NotFoundError if asked else DataError
        raise fault(
            f"column {name!r} is missing (found: {', '.join(table.columns) or 'none'})",
            f"a column {name!r} was expected",
        )
    return table[name]


def micros_column(table: pl.DataFrame, name: str) -> pl.Series:
    """Return a column of instants as int64 µs (UTC); nulls where the frame has no such column.

    Examples
    --------
    >>> micros_column(pl.DataFrame({"from": ["1970-01-01T00:00:01", None]}), "from").to_list()
    [1000000, None]
    """
    if name not in table.columns:
        return pl.repeat(None, len(table), dtype=pl.Int64, eager=True).rename(name)
    column = table[name]
    if column.dtype == pl.String:
        texts = column.to_list()
        micros = [None if text is None else to_micros(parse_instant(name, text)) for text in texts]
        return pl.Series(name, micros, dtype=pl.Int64)
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if column.dtype in (pl.Date, pl.Datetime):
        column = column.cast(pl.Datetime("us"))
    elif not (column.dtype.is_integer() or column.dtype == pl.Null):
        raise ArgumentError(f"{name} has type {column.dtype}", "times or whole microseconds were expected")
    return column.cast(pl.Int64)
