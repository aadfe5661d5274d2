"""What a `Series` and a `Chart` must be, so that no picture shows something else than the numbers say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.display.chart import Axis, Chart, Series

MARKS = ("point", "line", "step", "bar", "interval", "band")
KINDS = ("linear", "log", "category", "time")


def check_series(series: Series) -> None:
    """Raise ArgumentError where marks do not fit their numbers."""
    who = f"series {series.name!r}"
    if series.mark not in MARKS:
        raise ArgumentError(f"{who} has mark {series.mark!r}", f"one of {', '.join(MARKS)} was expected")
    lengths = {name: len(getattr(series, name)) for name in ("x", "y", "low", "high")}
    ended = series.mark in ("interval", "band") or (series.mark == "bar" and (series.low or series.high))
    wanted = dict.fromkeys(("x", "y"), lengths["x"]) | dict.fromkeys(("low", "high"), lengths["x"] if ended else 0)
    if lengths != wanted:
        found = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise ArgumentError(f"{who}, marks of kind {series.mark!r}, has {found}", _lengths_expected(series.mark))
    for low, high in zip(series.low, series.high, strict=True):
        for end in (low, high):
            if end is not None and not _is_number(end):
                raise ArgumentError(f"{who} has an end {end!r}", "a number or None was expected")
        if low is not None and high is not None and low > high:
            raise ArgumentError(f"{who} has an end low = {low} above its high = {high}", "low <= high was expected")


def check_chart(chart: Chart) -> None:
    """Raise ArgumentError where series or rules do not fit the axes."""
    if not chart.title:
        raise ArgumentError("a chart has no title", "what is to be seen, in a line, was expected")
    who = f"chart {chart.title!r}"
    for name, axis in (("x", chart.x), ("y", chart.y)):
        _check_axis(f"{who}: axis {name}", axis)
    for series in chart.series:
        _check_marks(f"{who}: series {series.name!r}", series, chart)
    for rule in chart.rules:
        if rule.axis not in ("x", "y"):
            raise ArgumentError(f"{who}: a rule is on axis {rule.axis!r}", "'x' or 'y' was expected")
        _check_rule(f"{who}: the rule {rule.label or rule.at!r}", rule.at, getattr(chart, rule.axis))


def _lengths_expected(mark: str) -> str:
    if mark in ("interval", "band"):
        return "as many x, y, low and high were expected"
    if mark == "bar":
        return "as many x and y, and as many low and high or none, were expected"
    return "as many x and y, and neither low nor high, were expected"


def _check_axis(who: str, axis: Axis) -> None:
    if not axis.label:
        raise ArgumentError(f"{who} has no label", "the quantity that it measures was expected")
    if axis.kind not in KINDS:
        raise ArgumentError(f"{who} is of kind {axis.kind!r}", f"one of {', '.join(KINDS)} was expected")
    if axis.percent and axis.kind in ("category", "time"):
        raise ArgumentError(f"{who} is of kind {axis.kind!r} and percent", "percent on a linear or log axis")


def _check_marks(who: str, series: Series, chart: Chart) -> None:
    x, y = chart.x, chart.y
    values = "x" if y.kind == "category" else "y"  # where None may stand: the axis that does not say which mark it is
    for name, axis in (("x", x), ("y", y)):
        places = getattr(series, name)
        if name != values and any(place is None for place in places):
            raise ArgumentError(f"{who} has a None in {name}", f"None in {values} only was expected")
        _check_places(f"{who} has in {name}", places, axis)
    along = getattr(chart, values)
    if series.mark in ("interval", "bar", "band") and along.kind in ("category", "time"):
        raise ArgumentError(
            f"{who} draws marks of kind {series.mark!r} along a {along.kind} axis", "a linear or log axis was expected"
        )
    if series.mark == "band" and y.kind == "category":
        raise ArgumentError(f"{who} is a band on a y axis of kind 'category'", "a band lies along a linear or log y")
    if series.mark == "bar" and series.low and (x.kind not in ("linear", "log") or y.kind == "category"):
        raise ArgumentError(f"{who} has bars with bounds", "they are bins of a linear or log x axis, heights along y")
    ends = x if series.mark == "bar" else along
    _check_places(f"{who} has an end", (*series.low, *series.high), ends)


def _check_places(who: str, places: Iterable[Any], axis: Axis) -> None:
    for place in _known(places):
        if not _is_of(axis.kind, place):
            raise ArgumentError(f"{who} {place!r}", f"{_PLACES[axis.kind]} was expected on a {axis.kind} axis")
        if axis.kind == "log" and place <= 0:
            raise ArgumentError(f"{who} {place!r}", "a number above 0 was expected on a log axis", "None leaves it out")


def _check_rule(who: str, at: Any, axis: Axis) -> None:
    if axis.kind == "category":
        raise ArgumentError(f"{who} stands on a category axis", "a linear, log or time axis was expected")
    _check_places(f"{who} stands at", (at,), axis)
    if axis.kind != "time" and not math.isfinite(at):
        raise ArgumentError(f"{who} stands at {at}", "a finite number was expected")


_PLACES = {
    "linear": "a number",
    "log": "a number",
    "category": "a text or whole number",
    "time": "a datetime without zone, meaning UTC,",
}


def _is_of(kind: str, place: Any) -> bool:
    if kind == "category":
        return isinstance(place, str | Integral)
    return (isinstance(place, datetime) and place.tzinfo is None) if kind == "time" else _is_number(place)


def _is_number(place: Any) -> bool:
    return isinstance(place, Real) and not isinstance(place, bool)


def _known(places: Iterable[Any]) -> Iterator[Any]:
    return (place for place in places if place is not None)
