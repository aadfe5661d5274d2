"""Filters and columns of measures on a polars frame: checked, and null and NaN are no values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.times import parse_instant
from recsys.experiment.units.measures import DAY, Condition

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_MICROS_A_DAY = 86_400_000_000


def column(frame: pl.DataFrame, table: str, name: str) -> pl.Series:
    """Return a column; NaN becomes null.

    Raises
    ------
    NotFoundError
        There is no such column.
    """
    if name not in frame.columns:
        raise NotFoundError(
            f"{table} has no column {name!r}",
            f"it has {', '.join(frame.columns) or 'none'}",
            did_you_mean(name, frame.columns),
        )
    return frame[name].fill_nan(None) if frame[name].dtype.is_float() else frame[name]


def passes(frame: pl.DataFrame, table: str, where: Sequence[Condition]) -> NDArray[np.bool_] | None:
    """Return which rows fulfil all conditions, (n,) bool; None without conditions.

    Raises
    ------
    NotFoundError
        A column does not exist.
    ArgumentError
        A value cannot be compared with its column.
    """
    if not where:
        return None
    kept = np.ones(len(frame), dtype=bool)
    for one in where:
        kept &= _condition(column(frame, table, one.column), table, one).fill_null(False).to_numpy()
    return kept


def numbers(frame: pl.DataFrame, table: str, name: str) -> NDArray[np.float64]:
    """Return a column as (n,) float64, NaN where there is no value.

    Raises
    ------
    NotFoundError
        The column does not exist.
    DataError
        It does not hold numbers.
    """
    values = column(frame, table, name)
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"{table}.{name} is {values.dtype}", "a column of numbers was expected", f"cast {name} first")
    return np.ascontiguousarray(values.cast(pl.Float64).fill_null(float("nan")).to_numpy())


def codes(frame: pl.DataFrame, table: str, name: str, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) int64 from 0 that are equal where the values of a column are; −1 for no value.

    Raises
    ------
    NotFoundError
        The column does not exist.
    """
    if name == DAY and name not in frame.columns:
        days = times // _MICROS_A_DAY
        from_first: NDArray[np.int64] = days - days.min(initial=0)
        return from_first
    ranks = column(frame, table, name).rank("dense").cast(pl.Int64)
    places: NDArray[np.int64] = (ranks - 1).fill_null(-1).to_numpy()
    return places


def _condition(values: pl.Series, table: str, one: Condition) -> pl.Series:
    wanted = [_comparable(values, table, one, value) for value in one.values]
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)  # or the order would be that of the categories
    if one.operator == "in":
        return values.is_in(pl.Series(wanted).implode())
    found: pl.Series = _COMPARE[one.operator](values, wanted[0])
    return found


def _comparable(values: pl.Series, table: str, one: Condition, value: object) -> object:
    kind = values.dtype
    if isinstance(value, bool):
        fits = kind == pl.Boolean
    elif isinstance(value, int | float):
        fits = kind.is_numeric()
    else:
        fits = kind in (pl.String, pl.Categorical, pl.Enum, pl.Date, pl.Datetime)
    if not fits and kind != pl.Null:
        raise ArgumentError(
            f"the filter on {one.column} compares with {value!r}",
            f"{table}.{one.column} is {kind}, and a value like that was expected",
        )
    if kind in (pl.Date, pl.Datetime):
        instant: datetime = parse_instant(f"the filter on {one.column}", str(value))
        return date(instant.year, instant.month, instant.day) if kind == pl.Date else instant
    return value
