"""Each kind of mark as layers of a Vega-Lite specification."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from recsys.display.chart import Axis, Chart, Series
from recsys.display.vega.looks import DASHED, looks
from recsys.display.vega.scales import Scale, bounds, values_on
from recsys.display.view import number_text

LANED = ("bar", "interval", "point")
INK = "currentColor"
"""The colour of the notebook's own text: a chart is read on light and on dark paper."""
FEW = 40
"""Lines with at most so many places show each of them."""
Layer = dict[str, Any]
Row = dict[str, Any]


class Pen(NamedTuple):
    """What layers are drawn with."""

    chart: Chart
    x: Scale
    y: Scale

    @property
    def lanes(self) -> list[str]:
        """The series that stand beside one another within a category."""
        if "category" not in (self.x.axis.kind, self.y.axis.kind):
            return []
        return list(dict.fromkeys(series.name for series in self.chart.series if series.mark in LANED))

    @property
    def values(self) -> Scale:
        """The scale that heights are measured on."""
        return self.x if values_on(self.chart) == "x" else self.y

    def layer(self, rows: list[Row], mark: Row, channels: dict[str, Any], *, laned: bool = True) -> Layer:
        """Return one layer."""
        encoding = {side: {"field": side, **getattr(self, side).encoding()} for side in ("x", "y")} | channels
        if laned and len(self.lanes) > 1:
            offset = "yOffset" if self.chart.y.kind == "category" else "xOffset"
            encoding[offset] = {"field": "series", "type": "nominal", "scale": {"domain": self.lanes}}
        told = ["at", "is", *(["between"] if rows and "between" in rows[0] else [])]
        titles = {"at": self._across.label, "is": self.values.axis.label, "between": "interval"}
        encoding["tooltip"] = [{"field": "series", "type": "nominal", "title": "series"}] + [
            {"field": name, "type": "nominal", "title": titles[name]} for name in told
        ]
        return {"data": {"values": rows}, "mark": mark, "encoding": encoding}

    @property
    def _across(self) -> Axis:
        return self.y.axis if self.values is self.x else self.x.axis

    def rows(self, series: Series) -> list[Row]:
        """Return a row a mark: its place, and what the tooltip says."""
        across = self.y if self.values is self.x else self.x
        found = []
        for place, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
            value, at = (x, y) if self.values is self.x else (y, x)
            row = {"series": series.name, "x": self.x.json(x), "y": self.y.json(y)}
            row |= {"at": place_text(across.axis, at), "is": place_text(self.values.axis, value)}
            if series.low:
                scale = self.values if series.mark != "bar" else across
                row["between"] = "{} to {}".format(
                    *(place_text(scale.axis, end[place]) for end in (series.low, series.high))
                )
            found.append(row)
        return found


def layers(pen: Pen, series: Series) -> Iterator[Layer]:
    """Yield the layers of one series, from back to front."""
    rows = pen.rows(series)
    look = looks(pen.chart, series.mark)
    if series.mark == "band":
        yield _band(pen, series, rows, look)
    elif series.mark == "bar":
        yield _bars(pen, series, rows, look)
    elif series.mark in DASHED:
        yield from _line(pen, series, rows, look)
    else:
        if series.mark == "interval":
            yield from _whiskers(pen, series, rows, look)
        yield pen.layer(_known(rows), {"type": "point", "filled": True, "size": 64, "opacity": 1}, look)


def place_text(axis: Axis, place: Any) -> str:
    """Return a place as a person reads it, with the unit of its axis.

    Examples
    --------
    >>> place_text(Axis("effect", percent=True), 0.0123), place_text(Axis("cost", "CPU s"), 12)
    ('1.2300 %', '12 CPU s')
    """
    if axis.kind == "category":
        return "–" if place is None else str(place)
    if axis.kind == "time":
        return (
            f"{place:%Y-%m-%d}" if (place.hour, place.minute, place.second) == (0, 0, 0) else f"{place:%Y-%m-%d %H:%M}"
        )
    if place is None or math.isnan(place):
        return "–"
    value = place * 100 if axis.percent else place
    text = f"{value:,}" if isinstance(value, int) else number_text(float(value))
    return f"{text} {axis.unit or ('%' if axis.percent else '')}".rstrip()


def _known(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["x"] is not None and row["y"] is not None]


def _line(pen: Pen, series: Series, rows: list[Row], look: dict[str, Any]) -> Iterator[Layer]:
    shape = {"interpolate": "step-after"} if series.mark == "step" else {}
    mark = {"type": "line", "strokeWidth": 2, "invalid": "break-paths-show-path-domains", **shape}
    ordered = [row | {"order": place} for place, row in enumerate(rows)]
    order = {"field": "order", "type": "quantitative"}
    yield pen.layer(ordered, mark, look | {"order": order}, laned=False)
    # A number between two gaps has no line: its point shows it. Where points are many, they are there for the tooltip.
    points = {"type": "point", "filled": True, "size": 28, "opacity": 1 if len(rows) <= FEW else 0}
    yield pen.layer(_known(rows), points, looks(pen.chart, "point"), laned=False)


def _band(pen: Pen, series: Series, rows: list[Row], look: dict[str, Any]) -> Layer:
    for row, low, high in zip(rows, series.low, series.high, strict=True):
        ends = [pen.y.clipped(end) for end in (low, high)]
        known = not any(map(math.isnan, ends))
        row["y"], row["y2"] = ends if known else (None, None)
    mark = {"type": "area", "opacity": 0.18, "invalid": "break-paths-show-path-domains"}
    return pen.layer(rows, mark, look | {"y2": {"field": "y2"}}, laned=False)


def _bars(pen: Pen, series: Series, rows: list[Row], look: dict[str, Any]) -> Layer:
    along = values_on(pen.chart)
    across, scale = ("y", pen.y) if along == "x" else ("x", pen.x)
    start = pen.values.low if pen.values.axis.kind == "log" else 0
    channels: dict[str, Any] = look | {f"{along}2": {"datum": start}}
    if scale.axis.kind != "category":
        for row, low, high in zip(rows, *bounds(pen.chart, scale.axis, series), strict=True):
            row[across], row[f"{across}2"] = (
                scale.written(min(max(end, scale.low), scale.high)) for end in (low, high)
            )
        channels[f"{across}2"] = {"field": f"{across}2"}
    # Bars are told apart without colour by a light edge and, where they share a category, by their order.
    mark: Row = {"type": "bar", "stroke": "white", "strokeWidth": 0.5, "opacity": 0.9}
    return pen.layer(_known(rows), mark, channels)


def _whiskers(pen: Pen, series: Series, rows: list[Row], look: dict[str, Any]) -> Iterator[Layer]:
    """Yield the lines, then their ends: a stroke, or an arrow head at the edge for an end that lies outside."""
    along = values_on(pen.chart)
    stroke, *arrows = ("M0,-0.7L0,0.7", "triangle-left", "triangle-right") if along == "x" else (
        "M-0.7,0L0.7,0", "triangle-down", "triangle-up")  # fmt: skip
    lines, caps = [], []
    for row, ends in zip(rows, zip(series.low, series.high, strict=True), strict=True):
        if row["x"] is None or row["y"] is None:
            continue
        drawn = [row[along] if end is None else pen.values.clipped(end) for end in ends]
        drawn = [row[along] if math.isnan(end) else end for end in drawn]
        lines.append(row | {along: drawn[0], f"{along}2": drawn[1]})
        for end, at, arrow in zip(ends, drawn, arrows, strict=True):
            if end is not None and not math.isnan(end):
                caps.append(row | {along: at, "cap": stroke if pen.values.number(end) == at else arrow})
    color: dict[str, Any] = {"color": look["color"]}
    yield pen.layer(lines, {"type": "rule", "strokeWidth": 2}, color | {f"{along}2": {"field": f"{along}2"}})
    cap = {"field": "cap", "type": "nominal", "scale": None, "legend": None}
    mark = {"type": "point", "filled": False, "size": 60, "strokeWidth": 2, "opacity": 1}
    yield pen.layer(caps, mark, color | {"shape": cap})
