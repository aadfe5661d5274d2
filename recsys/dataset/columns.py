"""Columns of a frame from outside, checked: ids, finite numbers, times, attributes by code."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.dataset.vocabulary import Vocabulary, id_series


def align_attributes(vocabulary: Vocabulary, frame: object, key: str) -> pl.DataFrame:
    """Return attributes with row ``c`` for code ``c``; ids without a row get nulls, unknown ids are left out.

    Parameters
    ----------
    vocabulary : Vocabulary
        The ids and their codes.
    frame : frame
        Polars, pandas, Arrow or a mapping of columns; one row an id.
    key : str
        The column of ids.

    Raises
    ------
    NotFoundError
        The key column is missing.
    DataError
        An id has two rows.

    Examples
    --------
    >>> frame = pl.DataFrame({"user_id": [2], "country": ["SE"]})
    >>> align_attributes(Vocabulary.from_ids([1, 2]), frame, "user_id")["country"].to_list()
    [None, 'SE']
    """
    table = as_polars(frame, ids=(key,))
    ids = id_series(column_of(table, key), name=key)
    if ids.n_unique() != len(ids):
        twice = ids.filter(ids.is_duplicated())[0]
        raise DataError(
            f"{key} {twice!r} has more than one row of attributes",
            "one row an id was expected",
            "keep the newest row of each id",
        )
    codes = vocabulary.encode(ids)
    known = pl.Series(codes >= 0)
    rows = table.drop(key).filter(known).with_columns(pl.Series("__code", codes).filter(known))
    every = pl.DataFrame({"__code": np.arange(len(vocabulary), dtype=np.int32)})
    return every.join(rows, on="__code", how="left", maintain_order="left").drop("__code")


def column_of(table: pl.DataFrame, name: str) -> pl.Series:
    """Return a column, or raise NotFoundError with the columns that are there."""
    if name not in table.columns:
        raise NotFoundError(
            f"column {name!r} is missing (found: {', '.join(table.columns) or 'none'})",
            f"a column {name!r} was expected",
            "rename the column first",
        )
    return table[name]


def known_codes(vocabulary: Vocabulary, ids: pl.Series, name: str) -> NDArray[np.int32]:
    """Return the int32 codes of ids, or raise NotFoundError for an unknown one."""
    codes = vocabulary.encode(ids)
    unknown = codes < 0
    if unknown.any():
        first = ids[int(np.argmax(unknown))]
        raise NotFoundError(
            f"{name} {first!r} and {int(unknown.sum()) - 1:,} other rows are not in the vocabulary",
            "ids known to `like` were expected",
            "filter the frame first",
        )
    return codes


def finite_numbers(table: pl.DataFrame, name: str) -> NDArray[np.float32]:
    """Return a column as float32, or raise DataError for nulls, NaN and infinities."""
    column = column_of(table, name)
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise DataError(f"{name} has type {column.dtype}", "numbers were expected", f"cast {name} first")
    numbers = column.cast(pl.Float32).fill_null(float("nan")).to_numpy()
    wrong = int((~np.isfinite(numbers)).sum())
    if wrong:
        raise DataError(
            f"{name} is null, NaN or infinite in {wrong:,} of {len(numbers):,} rows",
            "finite numbers were expected",
            "drop or fill these rows first",
        )
    return np.ascontiguousarray(numbers)


def micros_of(column: pl.Series) -> NDArray[np.int64]:
    """Return dates or times as int64 microseconds since 1970 UTC, or raise DataError."""
    if column.dtype not in (pl.Datetime, pl.Date):
        raise DataError(
            f"ts has type {column.dtype}", "dates or times were expected", "use pl.from_epoch(...) or str.to_datetime()"
        )
    if column.null_count():
        raise DataError(
            f"ts is null in {column.null_count():,} of {len(column):,} rows",
            "a time in every row was expected",
            "drop these rows first",
        )
    return column.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()
