"""The two axes of a chart as Vega-Lite has them: which part of them is seen, and where a place stands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from recsys.display.chart import Axis, Chart, Series

MARGIN = 0.04
ENDS = 4.0
"""An end further from its estimate than so many median half-widths lies outside, so that the others are no dots."""


class Scale(NamedTuple):
    """An axis, its categories in their order, and the least and greatest place seen (µs on a time axis).

    `whole` says that its places are whole numbers, between which no tick has a meaning.
    """

    side: Literal["x", "y"]
    axis: Axis
    categories: tuple[str, ...]
    low: float
    high: float
    whole: bool = False

    def number(self, place: Any) -> float:
        """Return a place of a linear, log or time axis as a number; NaN for None."""
        return number(self.axis, place)

    def clipped(self, place: Any) -> float:
        """Return a place, or the edge for what lies beyond it."""
        value = self.number(place)
        return value if math.isnan(value) else min(max(value, self.low), self.high)

    def json(self, place: Any) -> Any:
        """Return how a place is written; None where it is left out."""
        if self.axis.kind == "category":
            return None if place is None else str(place)
        value = self.number(place)
        return self.written(value) if math.isfinite(value) else None

    def written(self, value: float) -> Any:
        """Return how a number of `number` is written: Vega-Lite reads milliseconds since 1970 on a time axis."""
        return value / 1000 if self.axis.kind == "time" else value

    def encoding(self) -> dict[str, Any]:
        """Return what a channel says of the axis."""
        kind = self.axis.kind
        if kind == "category":
            return {
                "type": "nominal",
                "scale": {"domain": list(self.categories)},
                "title": self.axis.text(),
                "axis": {"labelLimit": 240, "labelAngle": 0 if self._fits() else -40},
            }
        scale: dict[str, Any] = {"domain": [self.written(self.low), self.written(self.high)], "nice": False}
        ticks: dict[str, Any] = {"grid": kind != "time", "tickCount": 7}
        if kind == "time":
            scale["type"], ticks["format"] = "utc", self._clock()
        elif kind == "log":
            scale["type"], ticks["values"] = "log", self._decades()
        else:
            scale["zero"] = False
            ticks |= {"tickMinStep": 1} if self.whole else {}
        shown = "temporal" if kind == "time" else "quantitative"
        return {"type": shown, "scale": scale, "title": self.axis.text(), "axis": ticks}

    def _fits(self) -> bool:
        """Return whether the names of categories fit beside one another below the plot; on y they always do."""
        return len(self.categories) * max(map(len, self.categories), default=0) < 75 or self.side == "y"

    def _clock(self) -> str:
        days = (self.high - self.low) / 86_400e6
        return "%d %b %H:%M" if days < 3 else "%d %b" if days < 300 else "%b %Y"

    def _decades(self) -> list[float]:
        """Return places of ticks: powers of ten, with 2 and 5 between them where there are few."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = (1, 2, 5) if last - first <= 3 else (1,)
        every = max(1, (last - first) // 8)
        ticks = [step * 10.0**power for power in range(first, last + 1, every) for step in steps]
        seen = [tick for tick in ticks if self.low <= tick <= self.high]
        if len(seen) > 1:
            return seen
        ratio = self.high / self.low
        rounded = {float(f"{self.low * ratio ** (part / 5):.2g}") for part in range(1, 5)}
        return sorted(rounded) or seen


def scales(chart: Chart) -> tuple[Scale, Scale]:
    """Return the scales of x and y: every mark and rule is seen, and of intervals all but far ends."""
    return _scale(chart, "x"), _scale(chart, "y")


def number(axis: Axis, place: Any) -> float:
    """Return a place as a number: shares times 100, instants in µs since 1970, NaN for None."""
    if place is None:
        return math.nan
    if isinstance(place, datetime):
        return (place - datetime(1970, 1, 1)) / timedelta(microseconds=1)
    return float(place) * (100 if axis.percent else 1)


def values_on(chart: Chart) -> str:
    """Return "x" or "y": the axis that marks take their height or length from."""
    return "x" if chart.y.kind == "category" else "y"


def bounds(chart: Chart, axis: Axis, series: Series) -> tuple[list[float], list[float]]:
    """Return where bars begin and end on an axis that is no category: as they say, else so that neighbours touch."""
    if series.low:
        low, high = ([number(axis, end) for end in ends] for ends in (series.low, series.high))
        return [-math.inf if math.isnan(a) else a for a in low], [math.inf if math.isnan(b) else b for b in high]
    beside = list(dict.fromkeys(one.name for one in chart.series if one.mark == "bar"))
    lane, lanes = beside.index(series.name), len(beside)
    log = axis.kind == "log"
    found = [number(axis, place) for place in (series.x if values_on(chart) == "y" else series.y)]
    places = [math.log(place) if log else place for place in found]
    room = _gap(places) or (0.2 if log else 86_400e6 if axis.kind == "time" else 1.0)
    begins = [place + room * (lane / lanes - 0.5) for place in places]
    ends = [begin + room / lanes for begin in begins]
    return (list(map(math.exp, begins)), list(map(math.exp, ends))) if log else (begins, ends)


def _gap(places: list[float]) -> float:
    """Return the least distance between two of the places; 0 where there is one place only."""
    known = sorted({place for place in places if math.isfinite(place)})
    return min((after - before for before, after in pairwise(known)), default=0.0)


def _scale(chart: Chart, side: Literal["x", "y"]) -> Scale:
    axis: Axis = getattr(chart, side)
    if axis.kind == "category":
        places = (place for series in chart.series for place in getattr(series, side) if place is not None)
        return Scale(side, axis, tuple(dict.fromkeys(map(str, places))), 0, 0)
    seen = [value for value in _seen(chart, side) if math.isfinite(value)]
    low, high = (min(seen), max(seen)) if seen else (1.0, 10.0)
    known = [place for series in chart.series for place in getattr(series, side) if place is not None]
    whole = not axis.percent and all(isinstance(place, int) for place in known)
    return Scale(side, axis, (), *_with_margin(low, high, axis), whole)


def _seen(chart: Chart, side: str) -> Iterator[float]:
    axis: Axis = getattr(chart, side)
    for series in chart.series:
        places = [number(axis, place) for place in getattr(series, side)]
        yield from places
        if side == values_on(chart):
            yield from _ends(axis, series, places)
            if series.mark == "bar" and axis.kind == "linear":
                yield 0.0
        elif series.mark == "bar":
            yield from (end for ends in bounds(chart, axis, series) for end in ends)
    yield from (number(axis, rule.at) for rule in chart.rules if rule.axis == side)


def _ends(axis: Axis, series: Series, places: list[float]) -> Iterator[float]:
    """Yield the ends of intervals and bands; an end far from its estimate counts for no more than `ENDS` allows."""
    if series.mark not in ("interval", "band"):
        return
    sides = [[number(axis, end) for end in ends] for ends in (series.low, series.high)]
    if axis.kind == "log":
        yield from (*sides[0], *sides[1])
        return
    halves = sorted(half for low, high in zip(*sides, strict=True) if math.isfinite(half := (high - low) / 2))
    most = ENDS * halves[len(halves) // 2] if halves else math.inf
    for place, low, high in zip(places, *sides, strict=True):
        yield max(low, place - most) if math.isfinite(place) else low
        yield min(high, place + most) if math.isfinite(place) else high


def _with_margin(low: float, high: float, axis: Axis) -> tuple[float, float]:
    if axis.kind == "log":
        low, high = math.log10(low), math.log10(high)
        margin = MARGIN * (high - low) or 0.2
        return 10 ** (low - margin), 10 ** (high + margin)
    alone = 43_200e6 if axis.kind == "time" else 0.1 * abs(high) or 1.0  # half a day
    margin = MARGIN * (high - low) or alone
    return low - margin, high + margin
