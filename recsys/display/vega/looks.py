"""How series are told apart: by colour, and without it by shape and dash."""

from __future__ import annotations

from typing import Any

from recsys.display.chart import Chart

# Okabe and Ito (2008) without black and yellow, which cannot be seen on dark and on light paper.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))
DASHED = ("line", "step")


def add_legend(chart: Chart, layers: list[dict[str, Any]]) -> None:
    """Give a chart a legend of the channel that tells most of its series, unless the title and axes say it all."""
    told = names(chart)
    if len(told) == 1 and (told[0] in chart.title or told[0] in (chart.x.label, chart.y.label)):
        return
    channels = [layer["encoding"] for layer in layers]
    shown = next((name for name in ("shape", "strokeDash") if any(_tells(one, name) for one in channels)), "color")
    outline = {"symbolStrokeWidth": 0} if shown == "shape" else {}  # or a dashed line would outline the shapes
    for encoding in channels:
        for name in (shown, "color"):
            if _tells(encoding, name):
                encoding[name]["legend"] = {"orient": "top", "title": None, "columns": 3, "labelLimit": 240, **outline}


def names(chart: Chart) -> list[str]:
    """Return the names of the series, in the order in which they first come."""
    return list(dict.fromkeys(series.name for series in chart.series))


def looks(chart: Chart, mark: str) -> dict[str, Any]:
    """Return the channels that tell the series of a chart apart, for one kind of mark; none has a legend.

    Examples
    --------
    >>> from recsys.display import Axis, Series
    >>> chart = Chart("clicks", Axis("day"), Axis("clicks"), (Series("als", "line", (1,), (2,)),))
    >>> looks(chart, "line")["color"]["scale"]
    {'domain': ['als'], 'range': ['#0072B2']}
    """
    channels: dict[str, tuple[Any, ...]] = {"color": COLORS}
    if mark in ("point", "interval"):
        channels["shape"] = SHAPES
    if mark in DASHED:
        channels["strokeDash"] = DASHES
    return {channel: _told(chart, values) for channel, values in channels.items()}


def _told(chart: Chart, values: tuple[Any, ...]) -> dict[str, Any]:
    domain = names(chart)
    drawn = [value if isinstance(value, str) else list(value) for value in values]
    scale = {"domain": domain, "range": [drawn[place % len(drawn)] for place in range(len(domain))]}
    return {"field": "series", "type": "nominal", "scale": scale, "legend": None}


def _tells(encoding: dict[str, Any], channel: str) -> bool:
    return channel in encoding and encoding[channel]["field"] == "series"
