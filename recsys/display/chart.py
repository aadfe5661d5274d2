"""`Chart`: what a picture shows — named axes with units, series of typed marks — without saying how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from recsys.display.chart_checks import check_chart, check_series
from recsys.display.legible import legible, made_legible

Place = float | int | str | datetime
Mark = Literal["point", "line", "step", "bar", "interval", "band"]
AxisKind = Literal["linear", "log", "category", "time"]


class Axis(NamedTuple):
    """What an axis measures.

    Attributes
    ----------
    label : str
        The quantity.
    unit : str
        Its unit, in the field's words ("minutes per user", "CPU s"); empty where it has none.
    kind : {"linear", "log", "category", "time"}
        Category axes keep the order in which the places first come; time is UTC.
    percent : bool
        Values are shares, drawn times 100.
    """

    label: str
    unit: str = ""
    kind: AxisKind = "linear"
    percent: bool = False

    def text(self) -> str:
        """Return the label with its unit.

        Examples
        --------
        >>> Axis("watched", "minutes per user").text(), Axis("effect", percent=True).text()
        ('watched (minutes per user)', 'effect (%)')
        """
        unit = self.unit or ("%" if self.percent else "")
        return f"{self.label} ({unit})" if unit else self.label


@dataclass(frozen=True)
class Series:
    """One set of marks.

    Parameters
    ----------
    name : str
        What the legend says; series of one name have one colour.
    mark : {"point", "line", "step", "bar", "interval", "band"}
        An interval is a point with whiskers along the axis that is not a category (else along y); a band is the area
        between `low` and `high` along y. A step keeps its height until the next place. A bar begins at 0.
    x, y : tuple
        As many as there are marks; numbers, texts or whole numbers on a category axis, naive datetimes (UTC) on a time
        axis. None, NaN and infinite in `y` (in `x`, where y is the category): not estimable, left out.
    low, high : tuple of float or None
        Ends of intervals and bands, and the bounds along x of bars that are bins; may be infinite (drawn to the edge),
        or None where there is none.

    Raises
    ------
    ArgumentError
        What would be drawn wrong: lengths that differ, `low` without `high` or above it, ends of a mark without ends.
    """

    name: str
    mark: Mark
    x: tuple[Place | None, ...]
    y: tuple[Place | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        made_legible(self, "name", "x", "y")
        check_series(self)


class Rule(NamedTuple):
    """A straight line across the chart: no effect, the margin, the planned size, the day of a change.

    `axis` says on which axis `at` is: a number, or a naive datetime (UTC) on a time axis.

    Attributes
    ----------
    axis : {"x", "y"}
        The axis that `at` is on.
    at : float or datetime
        Where it stands; on a time axis a naive datetime (UTC).
    label : str
        What is written beside it.
    """

    axis: Literal["x", "y"]
    at: float | datetime
    label: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture.

    Parameters
    ----------
    title : str
        What is to be seen, in a line.
    x, y : Axis
        What the axes measure.
    series : tuple of Series
        Drawn in order.
    rules : tuple of Rule
        Reference lines.
    note : str
        How to read it, for those who see the picture and for those who hear it read.

    Raises
    ------
    ArgumentError
        A title or label is empty; a place is not of its axis's kind, or not above 0 on a log axis; a mark lacks the
        axis that it is drawn along.

    Examples
    --------
    >>> chart = Chart("clicks", Axis("day", kind="time"), Axis("clicks", "per user"), ())
    >>> chart.y.text()
    'clicks (per user)'
    """

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    rules: tuple[Rule, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        made_legible(self, "title", "note")
        axes = {
            name: axis._replace(label=legible(axis.label), unit=legible(axis.unit))
            for name, axis in (("x", self.x), ("y", self.y))
        }
        rules = tuple(rule._replace(label=legible(rule.label)) for rule in self.rules)
        vars(self).update(axes, rules=rules)
        check_chart(self)
