"""Colours by role, and how series are told apart without them: dashes and shapes.

Matplotlib writes a colour as a number. Here it writes numbers that stand for roles, and `svg` puts CSS variables in
their place: one picture serves light, dark and paper.
"""

from __future__ import annotations

from typing import NamedTuple

from recsys.display import Chart

INK, QUIET, HAIR, RULE, PAPER = "#fd0001", "#fd0002", "#fd0003", "#fd0004", "#fd0005"
HUES = 6
ROLES = {INK: "ink", QUIET: "quiet", HAIR: "hair", RULE: "rule", PAPER: "paper"} | {
    f"#fe00{place + 1:02x}": f"s{place + 1}" for place in range(HUES)
}
# Four dashes and five shapes beside six hues: the first 60 series differ in more than one of them.
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 3), (2, 2), (8, 3, 2, 3))
MARKERS = ("o", "s", "^", "D", "v")


class Style(NamedTuple):
    """How a series is drawn: the number that stands for its hue, dashes in px (none: solid), a marker's shape."""

    hue: str
    dash: tuple[float, ...]
    marker: str


def styles(chart: Chart) -> dict[str, Style]:
    """Return the style of each name, in the order in which they first come.

    Examples
    --------
    >>> from recsys.display import Axis, Series
    >>> two = tuple(Series(name, "line", (), ()) for name in ("als", "pop"))
    >>> [style.marker for style in styles(Chart("two", Axis("x"), Axis("y"), two)).values()]
    ['o', 's']
    """
    names = dict.fromkeys(series.name for series in chart.series)
    hues = [number for number, role in ROLES.items() if role.startswith("s")]
    return {
        name: Style(hues[at % HUES], DASHES[at % len(DASHES)], MARKERS[at % len(MARKERS)])
        for at, name in enumerate(names)
    }
