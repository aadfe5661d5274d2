"""Times as they are given: columns of a frame, dates and spans of dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from recsys.core.errors import ArgumentError, DataError
from recsys.experiment.declared import as_list


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


def dates_of(holidays: Sequence[str | date]) -> tuple[date, ...]:
    """Return dates from ISO text; a span ``2026-12-24/2026-12-26`` counts with both ends.

    Raises
    ------
    ArgumentError
        One is no date, or a span ends before it begins or is longer than a year.
    """
    found: list[date] = []
    for one in as_list(holidays, "holidays"):
        first, _, last = str(one).partition("/")
        try:
            begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError:
            raise _no_holiday(one) from None
        if not 0 <= (end - begin).days <= 366:
            raise _no_holiday(one)
        found += [begin + timedelta(days=step) for step in range((end - begin).days + 1)]
    return tuple(found)


def _no_holiday(one: object) -> ArgumentError:
    return ArgumentError(
        f"a holiday is {str(one)!r}",
        "a date, or a span of at most a year whose first day comes first, was expected",
        "write 2026-12-25 or 2026-12-24/2026-12-26",
    )
