"""What is demanded of the columns of a log; an error counts the bad rows and shows the first."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError

Mask = NDArray[np.bool_]
_LARGEST = 1e50  # squares and cubes of a million of these still are numbers


def refuse(table: pl.DataFrame, bad: Mask, what: str, expected: str, hint: str = "") -> None:
    """Raise DataError if any row is bad, with how many are, and where the first stands."""
    count = int(bad.sum())
    if not count:
        return
    place = int(np.argmax(bad))
    named = [name for name in ("request_id", "user_id", "item_id", "position") if name in table.columns]
    shown = ", ".join(f"{name} {table[name][place]!r}" for name in named)
    raise DataError(f"{what} in {count:,} of {len(bad):,} rows (first in row {place}: {shown})", expected, hint)


def finite_column(table: pl.DataFrame, name: str, meaning: str) -> NDArray[np.float64]:
    """Return a column as float64 without nulls, NaN and infinities."""
    column = table[name]
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"{name}, {meaning}, has type {column.dtype}", "numbers were expected", f"cast {name} first")
    bad = column.is_null().to_numpy()
    hint = "drop or fill these rows, or name the rewards that count with reward=" if meaning == "a reward" else ""
    refuse(table, bad, f"{name}, {meaning}, is null", "a number in every row was expected", hint)
    numbers = np.ascontiguousarray(column.cast(pl.Float64).to_numpy())
    refuse(table, np.isnan(numbers), f"{name}, {meaning}, is NaN", "finite numbers were expected", hint)
    refuse(table, np.isinf(numbers), f"{name}, {meaning}, is infinite", "finite numbers were expected", hint)
    beyond = np.abs(numbers) > _LARGEST
    refuse(table, beyond, f"{name}, {meaning}, is {_first(numbers, beyond)}", f"at most {_LARGEST:g} was expected")
    return numbers


def check_propensities(table: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column of propensities: 0 < p ≤ 1."""
    numbers = finite_column(table, name, "a propensity")
    expected = "0 < propensity <= 1 was expected"
    refuse(table, numbers < 0, f"{name} is negative ({_first(numbers, numbers < 0)})", expected)
    hint = "what was shown had a chance: log the probability with which it was drawn, or drop these rows"
    refuse(table, numbers == 0, f"{name} is 0", expected, hint)
    above = numbers > 1
    percent = "these look like percent: divide by 100" if numbers.max(initial=0) <= 100 else ""
    refuse(table, above, f"{name} is above 1 ({_first(numbers, above)})", expected, percent)
    return numbers


def whole_positions(table: pl.DataFrame) -> NDArray[np.int32]:
    """Return the positions: whole numbers from 1."""
    numbers = finite_column(table, "position", "the place in the list")
    bad = (numbers < 1) | (numbers != np.floor(numbers)) | (numbers >= 2**31)
    hint = "add 1: these count from 0" if len(numbers) and numbers.min() == 0 else ""
    refuse(table, bad, f"position is {_first(numbers, bad)}", "whole numbers from 1 (the top) were expected", hint)
    return numbers.astype(np.int32)


def _first(numbers: NDArray[np.float64], bad: Mask) -> str:
    return f"{numbers[np.argmax(bad)]:g}" if bad.any() else ""
