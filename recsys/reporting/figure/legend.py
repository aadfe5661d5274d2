"""The legend of a chart as small drawings beside names, so that a page can break the line where it must."""

from __future__ import annotations

from typing import NamedTuple

from recsys.display import Chart, Rule
from recsys.reporting.figure.palette import ROLES, Style, styles

_SHAPES = {
    "o": '<circle cx="14" cy="7" r="4"/>',
    "s": '<rect x="10" y="3" width="8" height="8"/>',
    "^": '<path d="M14 2.5 18.5 11H9.5Z"/>',
    "D": '<path d="M14 2 19 7 14 12 9 7Z"/>',
    "v": '<path d="M14 11.5 9.5 3H18.5Z"/>',
}


_FRAME = '<svg viewBox="0 0 28 14" width="28" height="14" aria-hidden="true">{}</svg>'
_RULE = _FRAME.format('<path d="M0 7H28" stroke="var(--rule)" stroke-width="1.5" stroke-dasharray="5 3"/>')


class Key(NamedTuple):
    """A name and the drawing (SVG, safe as it is) that stands for it."""

    name: str
    drawing: str


def legend(chart: Chart) -> tuple[Key, ...]:
    """Return the keys of a chart; none where one series tells no more than the axes do.

    Examples
    --------
    >>> from recsys.display import Axis, Series
    >>> two = tuple(Series(name, "line", (), ()) for name in ("als", "pop"))
    >>> [key.name for key in legend(Chart("two", Axis("x"), Axis("y"), two))]
    ['als', 'pop']
    """
    look = styles(chart)
    level = tuple(Key(rule.label, _RULE) for rule in (told_rule(chart),) if rule is not None)
    if len(look) == 1 and next(iter(look)) in ("", chart.x.label, chart.y.label, chart.title):
        return level
    marks: dict[str, set[str]] = {
        name: {series.mark for series in chart.series if series.name == name} for name in look
    }
    return (*(Key(name, _drawing(style, marks[name])) for name, style in look.items()), *level)


def told_rule(chart: Chart) -> Rule | None:
    """Return the one level line that the legend names: words beside it would lie over the marks."""
    level = [rule for rule in chart.rules if rule.axis == "y" and rule.label]
    return level[0] if len(level) == 1 else None


def _drawing(style: Style, marks: set[str]) -> str:
    hue = f"var(--{ROLES[style.hue]})"
    parts = []
    if "band" in marks:
        parts.append(f'<rect width="28" height="14" fill="{hue}" opacity=".2"/>')
    if marks & {"line", "step", "interval"}:
        dash = f' stroke-dasharray="{" ".join(map(str, style.dash))}"' if style.dash and "interval" not in marks else ""
        parts.append(f'<path d="M0 7H28" stroke="{hue}" stroke-width="2"{dash}/>')
    if "bar" in marks:
        parts.append(f'<rect x="8" y="1" width="12" height="12" fill="{hue}"/>')
    elif marks & {"line", "interval", "point"}:
        parts.append(f'<g fill="{hue}">{_SHAPES[style.marker]}</g>')
    return _FRAME.format("".join(parts))
