"""Places of a chart as numbers on matplotlib's axes, and how those axes are labelled."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.display import Axis, Chart
from recsys.display.chart import Place

if TYPE_CHECKING:
    from matplotlib.axis import Axis as DrawnAxis

MARGIN = 0.04
MOST_LINES = 3


class Scale(NamedTuple):
    """One axis: what it measures, its categories in their order, their range, and whether all are whole."""

    axis: Axis
    categories: tuple[str, ...]
    low: float
    high: float
    whole: bool = False

    def place(self, value: Place | None) -> float:
        """Return where a value stands; NaN for what has no place."""
        if value is None:
            return math.nan
        if self.axis.kind == "category":
            return float(self.categories.index(str(value)))
        if isinstance(value, datetime):
            return value.replace(tzinfo=value.tzinfo or UTC).timestamp() / 86_400
        number = float(value) * (100 if self.axis.percent else 1)
        return math.nan if self.axis.kind == "log" and number <= 0 else number

    def places(self, values: Iterable[Place | None]) -> list[float]:
        """Return where values stand."""
        return [self.place(value) for value in values]

    def clipped(self, value: float) -> float:
        """Return a place, or the end of the axis for what lies beyond it."""
        return value if math.isnan(value) else min(max(value, self.low), self.high)


def scale_of(axis: Axis, chart: Chart, side: str) -> Scale:
    """Return the scale of the chart's x or y that has room for every finite mark, end of an interval and rule."""
    spread_out = [value for series in chart.series for value in getattr(series, side)]
    categories = tuple(dict.fromkeys(str(value) for value in spread_out if value is not None))
    if axis.kind == "category":
        return Scale(axis, categories, -0.5, len(categories) - 0.5)
    bare = Scale(axis, (), -math.inf, math.inf)
    values = bare.places(spread_out)
    values += bare.places(rule.at for rule in chart.rules if rule.axis == side)
    across = (side == "x") == (chart.y.kind == "category")  # along this axis, intervals and bars reach
    for series in chart.series:
        if across != (series.mark == "bar"):
            values += bare.places([*series.low, *series.high])
    if across and axis.kind == "linear" and any(series.mark == "bar" for series in chart.series):
        values.append(0.0)
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (1.0, 10.0)
    whole = not axis.percent and all(isinstance(value, int) for value in spread_out)
    return Scale(axis, (), *_with_margin(low, high, axis), whole)


def label(drawn: DrawnAxis, scale: Scale, room: float, *, upwards: bool) -> None:
    """Give an axis its scale, ticks and texts.

    Parameters
    ----------
    drawn : matplotlib Axis
        Of one side.
    scale : Scale
        What it measures.
    room : float
        Letters that fit beside (y) or along (x) the axis.
    upwards : bool
        Whether it is y.
    """
    from matplotlib import dates, ticker

    if scale.axis.kind == "category":
        _label_categories(drawn, scale, room, upwards=upwards)
    elif scale.axis.kind == "time":
        locator: Any = dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=max(4, int(room / 9)))  # type: ignore[no-untyped-call]
        drawn.set_major_locator(locator)
        drawn.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    elif scale.axis.kind == "log":
        within = scale.high / scale.low
        drawn.set_major_locator(ticker.LogLocator(subs=(1.0,) if within > 1e3 else (1.0, 2.0, 5.0)))
        drawn.set_major_formatter(ticker.FuncFormatter(lambda value, _: number(value, None)))
        drawn.set_minor_locator(ticker.NullLocator())
    else:
        nbins = max(3, min(7, int(room / 9)))
        drawn.set_major_locator(ticker.MaxNLocator(nbins=nbins, steps=[1, 2, 2.5, 5, 10], integer=scale.whole))
        drawn.set_major_formatter(ticker.FuncFormatter(lambda value, _: number(value, _step(drawn))))


def number(value: float, step: float | None) -> str:
    """Return the text of a tick with as many decimals as the step between ticks has.

    Examples
    --------
    >>> number(-0.5, 0.25), number(20000.0, 5000.0), number(2.5e6, 5e5), number(0.001, None)
    ('−0.50', '20,000', '2.5 M', '0.001')
    """
    size = max(abs(value), step or 0)
    if size >= 1e6 and math.isfinite(size):
        power, unit = next((power, unit) for power, unit in ((1e12, " T"), (1e9, " G"), (1e6, " M")) if size >= power)
        text = f"{value / power:,.4g}{unit}" if value else "0"
    elif step is None:
        text = f"{value:,.10g}" if abs(value) >= 1e-4 else f"{value:.0e}"
    else:
        text = f"{value:,.{_decimals(step)}f}"
    return text.replace("-", "−")


def wrapped(text: str, width: int, most: int = MOST_LINES) -> str:
    r"""Return a label in lines of `width` letters; what is longer than `most` lines ends in an ellipsis.

    Examples
    --------
    >>> wrapped("one two three", 7)
    'one two\nthree'
    """
    lines = textwrap.wrap(text, max(width, 4)) or [""]
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][: max(width - 1, 3)].rstrip() + "…"]
    return "\n".join(lines)


def _label_categories(drawn: DrawnAxis, scale: Scale, room: float, *, upwards: bool) -> None:
    names: Sequence[str] = scale.categories
    sideways: dict[str, Any] = {}
    if upwards:
        shown = range(len(names))
        texts = [wrapped(name, int(room)) for name in names]
    else:
        share = room / max(len(names), 1)
        longest = max((len(word) for name in names for word in name.split()), default=0)
        shown = range(0, len(names), max(1, math.ceil(2.6 * len(names) / room)))
        if share >= max(longest, 4) + 1:
            texts = [wrapped(name, int(share) - 1) for name in names]
        else:
            texts = [wrapped(name, 24, 1) for name in names]
            sideways = {"rotation": 90}
    drawn.set_ticks([float(at) for at in shown], [texts[at] for at in shown], **sideways)
    drawn.set_tick_params(length=0, pad=9 if upwards else 4)


def _with_margin(low: float, high: float, axis: Axis) -> tuple[float, float]:
    if axis.kind == "log":
        low, high = math.log10(low), math.log10(high)
        pad = MARGIN * (high - low) or 0.2
        return 10 ** (low - pad), 10 ** (high + pad)
    pad = MARGIN * (high - low) or 0.1 * abs(high) or (1.0 if axis.kind == "time" else 0.1)
    return low - pad, high + pad


def _step(drawn: DrawnAxis) -> float:
    ticks = drawn.get_majorticklocs()
    return float(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(float(ticks[0])) if len(ticks) else 1.0


def _decimals(step: float) -> int:
    text = f"{step:.10f}".rstrip("0")
    return len(text.partition(".")[2])
