"""From columns of a log to the features of a linear model, without a look ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError

MOST_LEVELS = 200
_LARGEST = 1e50


def numeric(context: pl.DataFrame, columns: Sequence[str]) -> bool:
    """Return whether any of the columns holds numbers, which need a scale; refuse columns that are not there."""
    for name in columns:
        if name not in context.columns:
            known = ", ".join(context.columns) or "none"
            raise NotFoundError(
                f"the log has no context column {name!r}",
                f"one of its columns ({known}) was expected",
                did_you_mean(name, context.columns),
            )
    return any(context[name].dtype.is_numeric() for name in columns)


def features(context: pl.DataFrame, columns: Sequence[str], earlier: pl.DataFrame) -> NDArray[np.float64]:
    """Return a constant, then the columns: (n, d) float64.

    Numbers are centred and divided by their standard deviation in the rows of `earlier` (by 1 where it is 0).
    Booleans are 0 and 1. Everything else becomes an indicator for each value, null being one. Which values there are
    is taken from the whole log: one that has not yet come has no part in any score.

    Raises
    ------
    DataError
        A number is null, NaN, infinite or too large to be squared, or a column holds lists or the like.
    ArgumentError
        A column of texts has too many values.
    """
    parts = [np.ones((len(context), 1))]
    for name in columns:
        column = context[name]
        if column.dtype == pl.Boolean and not column.null_count():
            parts.append(column.to_numpy().astype(np.float64)[:, None])
        elif column.dtype.is_nested() or column.dtype == pl.Binary:
            raise DataError(f"{name} is of the type {column.dtype}", "numbers, texts or booleans were expected")
        elif column.dtype.is_numeric():
            parts.append(_standardised(name, column, earlier[name])[:, None])
        else:
            parts.append(_indicators(name, column))
    return np.hstack(parts)


def _standardised(name: str, column: pl.Series, earlier: pl.Series) -> NDArray[np.float64]:
    values, first = (one.cast(pl.Float64).to_numpy() for one in (column, earlier))
    wrong = int((~np.isfinite(values)).sum() + (~np.isfinite(first)).sum())
    if wrong:
        hint = "fill them, or turn the column into text so that a missing value is one of its own"
        raise DataError(f"{wrong:,} values of {name} are null, NaN or infinite", "finite numbers were expected", hint)
    huge = int((np.abs(values) > _LARGEST).sum() + (np.abs(first) > _LARGEST).sum())
    if huge:
        raise DataError(f"{huge:,} values of {name} are beyond {_LARGEST:g}", "numbers to be squared were expected")
    n = max(len(first), 1)
    centre = math.fsum(first) / n  # exactly rounded: no order of summation, so no version of numpy, has a say
    spread = math.sqrt(math.fsum((first - centre) ** 2) / n)
    return np.asarray((values - centre) / (spread if spread > 0 else 1.0), np.float64)


def _indicators(name: str, column: pl.Series) -> NDArray[np.float64]:
    codes = column.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64)
    levels, place = np.unique(codes, return_inverse=True)
    if len(levels) > MOST_LEVELS:
        raise ArgumentError(
            f"{name} has {len(levels):,} different values",
            f"at most {MOST_LEVELS} were expected of a column that becomes indicators",
            "join rare values into one",
        )
    found = np.zeros((len(codes), len(levels)))
    found[np.arange(len(codes)), place.ravel()] = 1.0
    return found
