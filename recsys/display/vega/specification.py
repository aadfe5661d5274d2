"""`specification`: a chart as Vega-Lite, plain values that need no library."""

from __future__ import annotations

import textwrap
from typing import Any

from recsys.display.chart import Chart
from recsys.display.vega.looks import add_legend
from recsys.display.vega.marks import INK, Layer, Pen, layers
from recsys.display.vega.rules import rule_layers
from recsys.display.vega.scales import scales

WIDTH, HEIGHT = 540, 260
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK, "gridColor": INK,
        "domainOpacity": 0.4, "tickOpacity": 0.4, "gridOpacity": 0.12, "labelFontSize": 11, "titleFontSize": 12,
        "titleFontWeight": "normal", "labelOverlap": True,
    },
    "title": {
        "color": INK, "subtitleColor": INK, "anchor": "start", "frame": "group", "fontSize": 14, "subtitleFontSize": 11,
        "subtitlePadding": 4,
    },
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "symbolOpacity": 1},
}  # fmt: skip


def specification(chart: Chart) -> dict[str, Any]:
    """Return a chart as a layered Vega-Lite specification without schema and settings.

    Examples
    --------
    >>> from recsys.display import Axis, Series
    >>> chart = Chart("clicks", Axis("day"), Axis("clicks", "per user"), (Series("als", "line", (1, 2), (2, 3)),))
    >>> specification(chart)["layer"][0]["encoding"]["y"]["title"]
    'clicks (per user)'
    """
    pen = Pen(chart, *scales(chart))
    drawn = [layer for series in chart.series for layer in layers(pen, series) if layer["data"]["values"]]
    add_legend(chart, drawn)
    rules = rule_layers(pen, WIDTH)
    text: dict[str, Any] = {"text": chart.title}
    if chart.note:
        text["subtitle"] = textwrap.wrap(chart.note, 95)
    return {
        "title": text,
        "description": ". ".join(part.rstrip(".") for part in (chart.title, chart.note) if part) + ".",
        "width": WIDTH,
        "height": _height(pen),
        "layer": [*rules, *drawn] or [_nothing(pen)],
    }


def _height(pen: Pen) -> int:
    if pen.chart.y.kind != "category":
        return HEIGHT
    return max(60, len(pen.y.categories) * (14 + 14 * max(1, len(pen.lanes))))


def _nothing(pen: Pen) -> Layer:
    """Return axes without marks: nothing could be estimated."""
    mark = {"type": "text", "text": "nothing to draw", "color": INK, "opacity": 0.6}
    middle = {"x": {"value": WIDTH / 2}, "y": {"value": _height(pen) / 2}}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": middle}
