"""`draw`: one chart as SVG."""

from __future__ import annotations

import io
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import RecsysError
from recsys.display import Chart
from recsys.reporting.figure.legend import told_rule
from recsys.reporting.figure.marks import Lane, Pen, draw_series
from recsys.reporting.figure.palette import HAIR, INK, PAPER, QUIET, RULE, styles
from recsys.reporting.figure.room import STEP, Box, crowding, inked
from recsys.reporting.figure.scales import Scale, label, scale_of, wrapped
from recsys.reporting.figure.svg import finished

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER = 6.6  # px of a letter at 12 px, on average
ROW = 15  # px of a line of text
LABEL = 28  # letters of a label inside the picture
NAMED = 12  # points that bear their names
LANED = ("bar", "interval", "point")
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same sizes everywhere; `svg` gives texts the page's font
    "font.size": 12,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.use_locale": False,
    "grid.color": HAIR,
    "grid.linewidth": 1,
    "xtick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.color": RULE,
    "ytick.labelcolor": QUIET,
    "ytick.major.size": 0,
    "timezone": "UTC",
}


def draw(chart: Chart, key: str, width: int = 720) -> str:
    """Return the chart as an SVG element for a page whose style sheet names its colours.

    Parameters
    ----------
    chart : Chart
        What to show.
    key : str
        Begins every id in it, so that several pictures fit on one page.
    width : int
        In px, at which its texts are 12 px high.

    Raises
    ------
    RecsysError
        Matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("figures are drawn by matplotlib") from None
    settings: Any = {**mpl.rcParamsDefault, **_SETTINGS, "svg.hashsalt": key}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # The page's font has the signs that this one lacks; texts that take all room are drawn all the same.
        warnings.filterwarnings("ignore", "Glyph|constrained_layout")
        scales = scale_of(chart.x, chart, "x"), scale_of(chart.y, chart, "y")
        figure = Figure(figsize=(width / 72, _height(chart, scales[1], width) / 72), dpi=72, layout="constrained")
        figure.patch.set_visible(False)
        _draw(figure.add_subplot(), chart, *scales, width)
        raw = io.StringIO()
        FigureCanvasSVG(figure).print_svg(raw, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return finished(raw.getvalue(), key, chart.title, chart.note)


def missing(what: str) -> RecsysError:
    """Return the error for a library of the extra that is not there."""
    return RecsysError(what, "which is not installed here", 'pip install "recsys[report]"')


def _draw(axes: Axes, chart: Chart, x: Scale, y: Scale, width: int) -> None:
    axes.patch.set_visible(False)
    for scale, drawn, setter in ((x, axes.set_xscale, axes.set_xlim), (y, axes.set_yscale, axes.set_ylim)):
        if scale.axis.kind == "log":
            drawn("log")
        setter(*((scale.high, scale.low) if scale is y and y.axis.kind == "category" else (scale.low, scale.high)))
    upright = y.axis.kind != "category"
    axes.grid(axis="y" if upright else "x")
    beside = 60 if upright else width / LETTER * 0.32
    label(axes.xaxis, x, width / LETTER * (0.9 if upright else 0.68), upwards=False)
    label(axes.yaxis, y, beside, upwards=True)
    look = styles(chart)
    lanes = list(dict.fromkeys(series.name for series in chart.series if series.mark in LANED))
    for series in chart.series:
        lane = Lane(lanes.index(series.name), len(lanes)) if series.name in lanes else Lane(0, 1)
        draw_series(Pen(axes, x, y, look[series.name], lane), series)
    _name_points(axes, chart, x, y)
    rows = _rules(axes, chart, x, y, width)
    axes.set_xlabel(wrapped(chart.x.text(), int(width / LETTER * (0.9 if upright else 0.6))))
    # The name of y stands above its numbers, where it can be read without turning the head.
    axes.set_title(
        wrapped(chart.y.text(), int(width / LETTER * (0.9 if upright else 0.6))),
        loc="left",
        color=QUIET,
        fontsize=12,
        pad=8 + rows * ROW,
        x=0,
    )


def _name_points(axes: Axes, chart: Chart, x: Scale, y: Scale) -> None:
    """Write names beside points where every series is one point, as far as there is room."""
    series = chart.series
    lone = all(one.mark == "point" and len(one.x) == 1 for one in series)
    if not (lone and 1 < len(series) <= NAMED and "category" not in (chart.x.kind, chart.y.kind)):
        return
    places = [(x.place(one.x[0]), y.place(one.y[0])) for one in series]
    known = [(one.name, at) for one, at in zip(series, places, strict=True) if all(map(math.isfinite, at))]
    spots = [tuple(axes.transData.transform(at)) for _, at in known]
    taken = [(a - 6, b - 6, a + 6, b + 6) for a, b in spots]
    right_end = axes.bbox.x1
    for (name, at), (a, b) in zip(known, spots, strict=True):
        size = min(len(name), LABEL) * LETTER
        for side, (shift, rise) in (("left", (8, -4)), ("right", (-8, -4)), ("center", (0, 8)), ("center", (0, -16))):
            left = a + shift - {"left": 0.0, "center": 0.5, "right": 1.0}[side] * size
            box = (left, b + rise - 1, left + size, b + rise + 11)
            if left >= axes.bbox.x0 and box[2] <= right_end and not any(_meet(box, other) for other in taken):
                _say(axes, name, at, (shift, rise), ("data", "data"), side)
                taken.append(box)
                break


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _rules(axes: Axes, chart: Chart, x: Scale, y: Scale, width: int) -> int:
    """Draw the reference lines; return how many rows of labels stand above the axes."""
    taken: list[float] = []
    told = told_rule(chart)
    marks = inked(axes)
    for rule in sorted(chart.rules, key=lambda rule: (x if rule.axis == "x" else y).place(rule.at)):
        scale = x if rule.axis == "x" else y
        at = scale.place(rule.at)
        if not math.isfinite(at):
            continue
        line = axes.axvline if rule.axis == "x" else axes.axhline
        line(at, color=RULE, linewidth=1.25, dashes=(4, 2) if rule.label else (1, 0), zorder=1.5)
        if not rule.label or rule is told:
            continue
        if rule.axis == "y":
            marks = _name_level(axes, rule.label, at, marks)
            continue
        share = (axes.transData.transform((at, 0))[0] - axes.bbox.x0) / axes.bbox.width
        half = min(len(rule.label), LABEL) * LETTER / 2 / width
        row = next((row for row, end in enumerate(taken) if share - half > end), len(taken))
        taken[row : row + 1] = [share + half]
        side = "left" if share < half else "right" if share > 1 - half else "center"
        _say(axes, rule.label, (at, 1), (0, 4 + row * ROW), ("data", "axes fraction"), side)
    return len(taken)


def _name_level(axes: Axes, text: str, at: float, marks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Name a level line at its right or left end or in the middle, above or below it: where it covers the fewest marks.

    Returns the marks and the words, which the next ones leave free.
    """
    level, size = float(axes.transData.transform((1, at))[1]), min(len(text), LABEL) * LETTER
    box = axes.bbox
    best: tuple[int, float, float, str, Box] | None = None
    for share, side in ((1.0, "right"), (0.0, "left"), (0.5, "center")):
        left = box.x0 + share * (box.width - size)
        for rise in (4.0, -14.0):
            words = (left, level + rise, left + size, level + rise + 10)
            covered = crowding(words, marks)
            inside = box.y0 <= words[1] and words[3] <= box.y1
            if inside and (best is None or covered < best[0]):
                best = covered, share, rise, side, words
    _, share, rise, side, words = best or (0, 1.0, 4.0, "right", (0.0, level, 0.0, level))
    _say(axes, text, (share, at), (0, rise), ("axes fraction", "data"), side)
    across = np.arange(words[0], words[2], STEP)
    return np.concatenate((marks, np.column_stack((across, np.full(len(across), (words[1] + words[3]) / 2)))))


def _say(
    axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], system: tuple[str, str], side: str
) -> None:
    """Write a few words beside a place; they take no room from the marks."""
    box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1}
    said = axes.annotate(
        wrapped(text, LABEL, 1), at, offset, system, "offset points", ha=side, color=QUIET, bbox=box, fontsize=11.5
    )
    said.set_in_layout(False)


def _height(chart: Chart, y: Scale, width: int) -> float:
    """Return a height in px: of a landscape, or as much as the categories on y need."""
    if y.axis.kind != "category":
        return min(320, 0.75 * width)
    lanes = len({series.name for series in chart.series if series.mark in LANED}) or 1
    letters = int(width / LETTER * 0.32)
    lines = [wrapped(name, letters).count("\n") + 1 for name in y.categories]
    return 84 + sum(max(14 + ROW * max(rows, 1), 16 * lanes + 12) for rows in lines)
