"""Cells that are drawings, as small SVG in the colour of the text around them."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from recsys.display.spark import thinned
from recsys.display.view import Plot, Spark, number_text, numbers_text

WIDTH, HEIGHT = 136, 16
MIDDLE = HEIGHT / 2
MOST = 120
"""Points of a sparkline; a longer series is drawn as the means of so many runs."""


def interval_svg(cell: Plot, zero: float = 0.0) -> str:
    """Return an interval on the axis that its table shares; an end outside of it is an arrow head.

    Examples
    --------
    >>> "aria-label" in interval_svg(Plot(-0.5, 0.25, 1.0, (-1.0, 1.0)))
    True
    """
    low, high = cell.axis

    def at(value: float) -> float:
        return (min(max(value, low), high) - low) / (high - low) * (WIDTH - 8) + 4

    parts = [_line(4, MIDDLE, WIDTH - 4, MIDDLE, "opacity=.25")]
    if low <= zero <= high:
        parts.append(_line(at(zero), 0, at(zero), HEIGHT, "opacity=.6"))
    if cell.low <= high and cell.high >= low:
        parts.append(_line(at(cell.low), MIDDLE, at(cell.high), MIDDLE, "stroke-width=2"))
    for end in (cell.low, cell.high):
        x = at(end)
        if low <= end <= high:
            parts.append(_line(x, MIDDLE - 4, x, MIDDLE + 4, "stroke-width=2"))
        else:
            away = -4 if end < low else 4
            points = f"{_n(x)},{_n(MIDDLE - 4)} {_n(x + away)},{_n(MIDDLE)} {_n(x)},{_n(MIDDLE + 4)}"
            parts.append(f'<polygon points="{points}" fill="currentColor"/>')
    if low <= cell.estimate <= high:
        parts.append(f'<circle cx="{_n(at(cell.estimate))}" cy="{_n(MIDDLE)}" r="3.5" fill="currentColor"/>')
    label = f"{number_text(cell.estimate)}, from {number_text(cell.low)} to {number_text(cell.high)}"
    return _svg(parts, label)


def spark_svg(cell: Spark) -> str:
    """Return a series as a line that breaks at gaps; a number between two gaps is a dot.

    Examples
    --------
    >>> spark_svg(Spark((1, 2, None, 4))).count("<circle")
    1
    """
    values = thinned(cell.values, MOST)
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    step = (WIDTH - 4) / max(1, len(values) - 1)

    def place(at: int, value: float) -> str:
        share = 0.5 if low == high else (value / 2 - low / 2) / (high / 2 - low / 2)
        return f"{_n(2 + at * step)},{_n(HEIGHT - 2 - share * (HEIGHT - 4))}"

    parts = []
    for run in _runs(values):
        points = [place(at, value) for at, value in run]
        x, y = points[-1].split(",")
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
            if len(points) > 1
            else f'<circle cx="{x}" cy="{y}" r="1.5" fill="currentColor"/>'
        )
    return _svg(parts, "from {} to {}".format(*numbers_text(*(float(run[1]) for run in _ends(values)))))


def _runs(values: list[float | None]) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for at, value in enumerate([*values, None]):
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []


def _ends(values: list[float | None]) -> tuple[tuple[int, float], tuple[int, float]]:
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    return known[0], known[-1]


def _line(x: float, y: float, x2: float, y2: float, look: str) -> str:
    name, value = look.split("=")
    places = f'x1="{_n(x)}" y1="{_n(y)}" x2="{_n(x2)}" y2="{_n(y2)}"'
    return f'<line {places} stroke="currentColor" {name}="{value}"/>'


def _svg(parts: list[str], label: str) -> str:
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg {size} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
