"""Attributes and pre-periods of units as columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError
from recsys.experiment.metrics import PRE, Metric
from recsys.experiment.units.table import UnitTable

MOST_CATEGORIES = 20
MISSING = "(none)"
OTHER = "(other)"


class Covariates(NamedTuple):
    """Columns to adjust for, or to compare between arms.

    Attributes
    ----------
    names : tuple of str
        ``country=de`` for a category, ``age?`` for "the age is not known".
    columns : tuple of (n,) float64
        No NaN: a missing number is the mean of the others, with the column ``name?`` beside it.
    """

    names: tuple[str, ...]
    columns: tuple[NDArray[np.float64], ...]


def attribute_columns(table: UnitTable, names: Sequence[str]) -> Covariates:
    """Return attributes of the units as numbers: numeric ones as they are, text as one column a category.

    The most frequent category has no column (it is what the others are compared with); beyond the 20 most frequent
    ones they are one. A name that is a column of the table stands for that.

    Raises
    ------
    ArgumentError
        The table has no such attribute.
    """
    found: list[tuple[str, NDArray[np.float64]]] = []
    for name in names:
        if name in table.columns:  # another metric before exposure
            values = table.columns[name]
            found += [(name, values)] if len(values) and np.ptp(values) > 0 else []
            continue
        column = attribute(table, name)
        found += _numeric(name, column) if column.dtype.is_numeric() else _dummies(name, labels_of(column))
    return Covariates(tuple(name for name, _ in found), tuple(numbers for _, numbers in found))


def empty_pre_periods(metrics: Sequence[Metric], table: UnitTable) -> tuple[str, ...]:
    """Return, in words, which metrics have rows after exposure and none before: their data begins too late."""
    return tuple(
        f"{metric.name}: no unit has a row in the {metric.pre_period} before it came: nothing to adjust by"
        " (does the data begin later?)"
        for metric in metrics
        if metric.pre_period is not None
        and not any(values.any() for name, values in _own(metric, table) if name.endswith(PRE))
        and any(values.any() for name, values in _own(metric, table))
    )


def _own(metric: Metric, table: UnitTable) -> list[tuple[str, NDArray[np.float64]]]:
    return [(name, table.columns[name]) for name in metric.measures() if name in table.columns]


def attribute(table: UnitTable, name: str) -> pl.Series:
    """Return an attribute of the units, or raise ArgumentError with those there are."""
    if name not in table.attributes.columns:
        names = table.attributes.columns
        raise ArgumentError(
            f"the units have no attribute {name!r}",
            f"one of {', '.join(names)} was expected" if names else "attributes were expected in the table of units",
            did_you_mean(name, names) or "name it in the experiment's segments or in a metric's covariates",
        )
    return table.attributes[name]


def labels_of(column: pl.Series, most: int = MOST_CATEGORIES) -> pl.Series:
    """Return a column as text: null is ``(none)``, what lies beyond the `most` frequent values is ``(other)``."""
    text = column.cast(pl.String).fill_null(MISSING).rename("label")
    counts = text.value_counts().sort(["count", "label"], descending=[True, False])
    if len(counts) <= most:
        return text
    kept = counts["label"].head(most - 1)
    return (
        pl.select(pl.when(text.is_in(kept.implode())).then(text).otherwise(pl.lit(OTHER))).to_series().rename("label")
    )


def coded(labels: pl.Series) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct labels by name, and the place of each row's own.

    Examples
    --------
    >>> levels, places = coded(pl.Series(["b", "a", "b"]))
    >>> levels, places.tolist()
    (['a', 'b'], [1, 0, 1])
    """
    levels = labels.unique().sort()
    return levels.to_list(), labels.cast(pl.Enum(levels)).to_physical().to_numpy().astype(np.int64)


def _numeric(name: str, column: pl.Series) -> list[tuple[str, NDArray[np.float64]]]:
    values = column.cast(pl.Float64).to_numpy().astype(np.float64, copy=True)
    known = np.isfinite(values)
    if not known.any():
        return []
    values[~known] = values[known].mean()
    found = [(name, values)] if np.ptp(values) > 0 else []
    return found if known.all() else [*found, (f"{name}?", (~known).astype(np.float64))]


def _dummies(name: str, labels: pl.Series) -> list[tuple[str, NDArray[np.float64]]]:
    counts = labels.value_counts().sort(["count", "label"], descending=[True, False])
    return [
        (f"{name}={label}", (labels == label).to_numpy().astype(np.float64)) for label in counts["label"].to_list()[1:]
    ]
