"""Times of a frame in microseconds."""

from __future__ import annotations

import polars as pl

from recsys.core.errors import DataError


def micros_or_null(column: pl.Series, name: str) -> pl.Series:
    """Return dates or times as Int64 microseconds since 1970 UTC; null stays null.

    Raises
    ------
    DataError
        The column holds neither dates nor times.

    Examples
    --------
    >>> micros_or_null(pl.Series(["1970-01-02"]).str.to_date(), "ts").to_list()
    [86400000000]
    """
    if column.dtype == pl.Null:
        return column.cast(pl.Int64)
    if column.dtype not in (pl.Datetime, pl.Date):
        raise DataError(
            f"{name} has type {column.dtype}",
            "dates or times were expected",
            "use pl.from_epoch(...) or str.to_datetime()",
        )
    return column.cast(pl.Datetime("us")).cast(pl.Int64)
