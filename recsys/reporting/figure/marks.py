"""Each kind of mark on matplotlib's axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.display import Series
from recsys.reporting.figure.palette import PAPER, Style
from recsys.reporting.figure.scales import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 1_000
MARKED_POINTS = 30
SPREAD = 0.72


class Lane(NamedTuple):
    """Which of how many series share a category, so that they stand beside one another."""

    at: int
    of: int

    @property
    def width(self) -> float:
        """The share of a category that is theirs."""
        return SPREAD / self.of

    @property
    def shift(self) -> float:
        """How far from the middle of the category."""
        return (self.at - (self.of - 1) / 2) * self.width


class Pen(NamedTuple):
    """Where to draw and how."""

    axes: Axes
    x: Scale
    y: Scale
    style: Style
    lane: Lane

    @property
    def upright(self) -> bool:
        """Whether values are on y; else y is the category."""
        return self.y.axis.kind != "category"


def draw_series(pen: Pen, series: Series) -> None:
    """Draw one series."""
    drawers = {"point": _points, "line": _line, "step": _line, "bar": _bars, "interval": _intervals, "band": _band}
    drawers[series.mark](pen, series)


def _points(pen: Pen, series: Series) -> None:
    x, y = _shifted(pen, series)
    every = max(1, math.ceil(len(x) / MOST_POINTS))
    pen.axes.plot(x[::every], y[::every], linestyle="none", **_marker(pen.style))


def _line(pen: Pen, series: Series) -> None:
    x, y = pen.x.places(series.x), pen.y.places(series.y)
    few = len(x) <= MARKED_POINTS
    marked = _marker(pen.style) | {"markevery": 1 if few else max(1, len(x) // 8)}
    bare = series.mark == "step" and few
    (drawn,) = pen.axes.plot(
        x,
        y,
        linewidth=2,
        drawstyle="steps-post" if series.mark == "step" else "default",
        solid_capstyle="round",
        **({"color": pen.style.hue} if bare else marked),
    )
    if pen.style.dash:
        drawn.set_dashes([length / 2 for length in pen.style.dash])  # in widths of the line


def _bars(pen: Pen, series: Series) -> None:
    along, across = (pen.x, pen.y) if pen.upright else (pen.y, pen.x)
    places = along.places(series.x if pen.upright else series.y)
    values = [across.clipped(value) for value in across.places(series.y if pen.upright else series.x)]
    start = across.low if across.axis.kind == "log" else 0.0
    left, widths = _bins(along, series) if series.low else _slots(pen, along, places)
    lengths = [value - start for value in values]
    draw = pen.axes.bar if pen.upright else pen.axes.barh
    sizes: dict[str, Any] = {"width" if pen.upright else "height": widths, "bottom" if pen.upright else "left": start}
    draw(left, lengths, align="edge", color=pen.style.hue, edgecolor=PAPER, linewidth=0.75, **sizes)


def _bins(along: Scale, series: Series) -> tuple[list[float], list[float]]:
    left, right = ([along.clipped(end) for end in along.places(side)] for side in (series.low, series.high))
    return left, [b - a for a, b in zip(left, right, strict=True)]


def _slots(pen: Pen, along: Scale, places: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return where bars begin and how wide they are: their lane of a category, or the room up to their neighbours."""
    if along.axis.kind == "category":
        return [at + pen.lane.shift - pen.lane.width / 2 for at in places], [pen.lane.width] * len(places)
    log = along.axis.kind == "log"
    known = sorted({math.log10(at) if log else at for at in places if math.isfinite(at)})
    gap = min((b - a for a, b in pairwise(known)), default=1.0)
    left, right = [], []
    for at in places:
        middle = math.log10(at) if log and math.isfinite(at) else at
        begin = middle - gap / 2 + gap * pen.lane.at / pen.lane.of
        end = begin + gap / pen.lane.of
        left.append(10**begin if log else begin)
        right.append(10**end if log else end)
    return left, [b - a for a, b in zip(left, right, strict=True)]


def _intervals(pen: Pen, series: Series) -> None:
    x, y = _shifted(pen, series)
    across = pen.y if pen.upright else pen.x
    for at, (place, middle) in enumerate(zip(*((x, y) if pen.upright else (y, x)), strict=True)):
        if not (math.isfinite(place) and math.isfinite(middle)):
            continue
        ends = [across.place(side[at]) if at < len(side) else math.nan for side in (series.low, series.high)]
        _whisker(pen, across, place, [middle if math.isnan(end) else end for end in ends])
    pen.axes.plot(x, y, linestyle="none", **_marker(pen.style, size=8))


def _whisker(pen: Pen, across: Scale, place: float, ends: Sequence[float]) -> None:
    low, high = (across.clipped(end) for end in ends)
    draw = pen.axes.vlines if pen.upright else pen.axes.hlines
    draw([place], [low], [high], colors=pen.style.hue, linewidth=2, capstyle="butt")
    arrows = ("v", "^") if pen.upright else ("<", ">")
    for end, drawn, arrow in zip(ends, (low, high), arrows, strict=True):
        # An arrow says that an end lies outside of the picture, a tick that it is here.
        shape = arrow if math.isinf(end) else "_" if pen.upright else "|"
        at = (place, drawn) if pen.upright else (drawn, place)
        pen.axes.plot(*at, marker=shape, markersize=7, color=pen.style.hue, markeredgewidth=2, clip_on=False)


def _band(pen: Pen, series: Series) -> None:
    across = pen.y if pen.upright else pen.x
    low, high = ([across.clipped(end) for end in across.places(side)] for side in (series.low, series.high))
    look: dict[str, Any] = {"color": pen.style.hue, "alpha": 0.18, "linewidth": 0}
    if pen.upright:
        pen.axes.fill_between(pen.x.places(series.x), low, high, **look)
    else:
        pen.axes.fill_betweenx(pen.y.places(series.y), low, high, **look)


def _shifted(pen: Pen, series: Series) -> tuple[list[float], list[float]]:
    x, y = pen.x.places(series.x), pen.y.places(series.y)
    if not pen.upright:
        y = [at + pen.lane.shift for at in y]
    elif pen.x.axis.kind == "category":
        x = [at + pen.lane.shift for at in x]
    return x, y


def _marker(style: Style, size: float = 7) -> dict[str, Any]:
    return {
        "marker": style.marker,
        "markersize": size,
        "color": style.hue,
        "markeredgecolor": PAPER,
        "markeredgewidth": 0.75,
    }
