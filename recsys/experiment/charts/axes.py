"""Axes, names and notes that the charts of experiments share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Literal, TypeVar

from recsys.display import Axis, Rule

NO_DIFFERENCE = "no difference"
MOST_PLACES = 200
_UNITS = {"mean": "mean per unit", "ratio": "ratio of sums", "quantile": "quantile over units"}
T = TypeVar("T")


def difference_axis(metric: str, form: str) -> Axis:
    """Return the axis of absolute differences on a metric.

    Examples
    --------
    >>> difference_axis("minutes", "mean").text(), difference_axis("returned", "proportion").text()
    ('difference in minutes (mean per unit)', 'difference in returned (percentage points)')
    """
    if form == "proportion":
        return Axis(f"difference in {metric}", "percentage points", percent=True)
    return Axis(f"difference in {metric}", _UNITS[form])


def zero(axis: Literal["x", "y"]) -> Rule:
    """Return the line of no difference; along y, where its name would stand on the marks, the 0 of the axis says it."""
    return Rule("y", 0.0) if axis == "y" else Rule("x", 0.0, NO_DIFFERENCE)


def interval_name(confidence: float, *, all_looks: bool = False) -> str:
    """Return what intervals are called in a legend.

    Examples
    --------
    >>> interval_name(0.95), interval_name(0.95, all_looks=True)
    ('95 % interval of a single look', '95 % interval at all looks')
    """
    return f"{100 * confidence:g} % interval {'at all looks' if all_looks else 'of a single look'}"


def thinned(rows: Sequence[T], most: int = MOST_PLACES) -> list[T]:
    """Return at most so many of the rows, evenly, the last one among them.

    Examples
    --------
    >>> thinned(range(7), 3)
    [0, 3, 6]
    """
    step = -(-(len(rows) - 1) // (most - 1)) if len(rows) > most else 1
    return list(rows[(len(rows) - 1) % step :: step])


def known(value: float) -> float | None:
    """Return a number that a mark can stand at, or None."""
    return value if isfinite(value) else None


def named(what: str, names: Iterable[str], most: int = 6) -> str:
    """Return a sentence that lists names, or nothing where there are none.

    Examples
    --------
    >>> named("Not drawn", ["a", "b"]), named("Not drawn", [])
    ('Not drawn: a, b.', '')
    """
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f"{what}: {', '.join(found[:most])}{more}." if found else ""


def note(*sentences: str) -> str:
    """Return the sentences that there are, as one text."""
    return " ".join(filter(None, sentences))
