"""`View`: what a result shows — a title, tables of typed cells, notes — without saying how it is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from recsys.display.chart import Chart
from recsys.display.legible import legible, made_legible
from recsys.display.plot import interval_plot
from recsys.display.spark import sparkline

if TYPE_CHECKING:
    from altair import LayerChart, VConcatChart


class Percent(NamedTuple):
    """A share, drawn times 100: ``Percent(0.123)`` is ``12.3 %``; `signed` draws ``+12.3 %``.

    Attributes
    ----------
    value : float or None
        The share; 1 is drawn as 100 %.
    signed : bool
        Whether a plus is drawn.
    """

    value: float | None
    signed: bool = False


class PValue(NamedTuple):
    """A p-value, drawn as ``.032`` or ``<.001``.

    Attributes
    ----------
    value : float or None
        From 0 to 1.
    """

    value: float | None


class Interval(NamedTuple):
    """An interval, drawn as ``[0.1190, 0.1310]``, or ``[8.1, 16.0] %`` when it is of shares.

    Attributes
    ----------
    low, high : float or None
        The ends.
    percent : bool
        Drawn times 100.
    """

    low: float | None
    high: float | None
    percent: bool = False


class Marked(NamedTuple):
    """A number with marks behind it, drawn as ``0.1234 ab``; `width` keeps a column of them aligned.

    Attributes
    ----------
    value : float or None
        The number.
    marks : str
        What stands behind it.
    width : int
        Characters kept for the marks, blanks included; 0: no marks are drawn.
    """

    value: float | None
    marks: str = ""
    width: int = 0


class Plot(NamedTuple):
    """An interval drawn on an axis that the rows of a table share (`shared_axis`), as ``···│·├──●──┤···``.

    Attributes
    ----------
    low, estimate, high : float
        The interval and the point in it.
    axis : (float, float)
        The ends of the axis.
    """

    low: float
    estimate: float
    high: float
    axis: tuple[float, float]


class Spark(NamedTuple):
    """A series of numbers in time order, drawn as ``▂▁▃▅█ 12–340 a day``: smallest to largest, with their unit.

    None, NaN and infinite are gaps (``·``). A series longer than 30 is drawn as the means of 30 runs.

    Attributes
    ----------
    values : tuple of float or None
        In time order.
    unit : str
        What stands behind the numbers.
    """

    values: tuple[float | None, ...]
    unit: str = ""


Cell = str | int | float | Percent | PValue | Interval | Marked | Plot | Spark | None
"""What stands in a cell of a `Table`; None is drawn as a dash."""
MISSING = "–"
MOST_DECIMALS = 6


@dataclass(frozen=True)
class Table:
    """Rows of typed cells under named columns.

    Parameters
    ----------
    columns : tuple of str
        The header.
    rows : tuple of tuples of cells
        Text, whole numbers, floats, `Percent`, `PValue`, `Interval`, `Marked`, `Plot`, `Spark`; a dash for None and
        NaN.
    caption : str
        A line above the table.

    Examples
    --------
    >>> Table(("model", "ndcg@10"), (("als", 0.12), ("pop", None))).right_aligned()
    (False, True)
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        made_legible(self, "columns", "caption")

    def right_aligned(self) -> tuple[bool, ...]:
        """Return for every column whether it holds numbers only, so that its cells end at the right."""
        return tuple(
            any(row[place] is not None for row in self.rows)
            and not any(isinstance(row[place], str) for row in self.rows)
            for place in range(len(self.columns))
        )

    def texts(self) -> tuple[tuple[str, ...], ...]:
        """Return the cells as text."""
        return tuple(tuple(cell_text(cell) for cell in row) for row in self.rows)


@dataclass(frozen=True)
class View:
    """What a result shows.

    Parameters
    ----------
    title : str
        What was found, in a sentence.
    tables : tuple of Table
        From the most to the least important one.
    notes : tuple of str
        Conventions and warnings, one sentence each.
    charts : tuple of Chart
        From the most to the least important one; a terminal leaves them out.

    Examples
    --------
    >>> View("two users", (Table(("user",), (("ann",), ("bob",))),)).tables[0].rows
    (('ann',), ('bob',))
    """

    title: str
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __post_init__(self) -> None:
        made_legible(self, "title", "notes")

    def _repr_html_(self) -> str:
        from recsys.display.html import to_html

        return to_html(self)

    def plot(self, which: int | str | None = None) -> LayerChart | VConcatChart:
        """Return the charts as an altair chart, or one of them, by place or title: see `Viewable.plot`."""
        from recsys.display.vega import plot

        return plot(self, which)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for strict JSON, from which `from_dict` makes an equal view: cells keep their types.

        NaN and infinities are the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; instants are ISO 8601, in UTC.

        Examples
        --------
        >>> View("half", (Table(("share",), ((Percent(0.5),),)),)).to_dict()["tables"][0]["rows"]
        [[{'kind': 'percent', 'value': 0.5, 'signed': False}]]
        """
        from recsys.display.plain_view import view_to_dict

        return view_to_dict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> View:
        """Return the view that `to_dict` has written.

        Raises
        ------
        DataError
            It is none, or has cells or marks that this version does not know.

        Examples
        --------
        >>> View.from_dict(View("two users").to_dict())
        View(title='two users', tables=(), notes=(), charts=())
        """
        from recsys.display.plain_view import view_from_dict

        return view_from_dict(plain)


def cell_text(cell: Cell) -> str:
    """Return a cell as a person reads it.

    Examples
    --------
    >>> [cell_text(cell) for cell in (1234, 0.5, Percent(0.12, signed=True), PValue(0.0001), None)]
    ['1,234', '0.5000', '+12.0 %', '<.001', '–']
    """
    match cell:
        case Percent(value, signed):
            return f"{_hundredfold(value, signed)} %" if _present(value) else MISSING
        case PValue(value):
            return _pvalue(value) if _present(value) else MISSING
        case Interval(low, high, percent):
            if not (_present(low) and _present(high)):
                return MISSING
            if percent:
                return f"[{_hundredfold(low)}, {_hundredfold(high)}] %"
            return "[{}, {}]".format(*_bounds(low, high))
        case Marked(value, marks, width):
            return f"{number_text(value)} {marks:<{width}}" if width else number_text(value)
        case Plot(low, estimate, high, axis):
            return interval_plot(low, estimate, high, axis=axis)
        case Spark():
            return _spark(cell)
        case None:
            return MISSING
        case str():
            return legible(cell)
        case bool():
            return "yes" if cell else "no"
        case int():
            return f"{cell:,}"
        case _:
            return number_text(cell)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is due.

    Examples
    --------
    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def number_text(value: float | None) -> str:
    """Return a float with as many decimals as its size deserves.

    Examples
    --------
    >>> [number_text(value) for value in (0.12345, 12.5, 12345.6, 0.0000123, 0.0, -math.inf)]
    ['0.1235', '12.50', '12,346', '1.23e-05', '0.0000', '−∞']
    """
    if not _present(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return format(value, _format(abs(value)))


def numbers_text(*values: float) -> tuple[str, ...]:
    """Return finite numbers that are read together in one format: that of the largest.

    Examples
    --------
    >>> numbers_text(601.25, 1136.0), numbers_text(601, 1136), numbers_text(0.00002, 0.5)
    (('601', '1,136'), ('601', '1,136'), ('0.0000', '0.5000'))
    """
    whole = all(isinstance(value, int) for value in values)
    form = "," if whole else _format(max(map(abs, values)))
    return tuple(format(value, form) for value in values)


def _format(size: float) -> str:
    if 0 < size < 0.0001:
        return ".2e"
    return f",.{4 if size < 10 else 2 if size < 1000 else 0}f"


def _bounds(low: float, high: float) -> tuple[str, str]:
    """Return the ends of an interval alike: as the larger deserves, with more decimals for one that would vanish."""
    largest = max(abs(low), abs(high))
    if math.isinf(largest):
        return number_text(low), number_text(high)
    return _bound(low, _format(largest)), _bound(high, _format(largest))


def _bound(value: float, form: str) -> str:
    """Return a number in a format, or with as many decimals as it takes to see on which side of 0 it lies."""
    text = format(value, form)
    if value == 0 or any(sign in text for sign in "123456789"):
        return text
    decimals = math.ceil(-math.log10(abs(value)))
    return f"{value:.{decimals}f}" if decimals <= MOST_DECIMALS else f"{value:.0e}"


def _spark(cell: Spark) -> str:
    known = [value for value in cell.values if value is not None and math.isfinite(value)]
    if not known:
        return MISSING
    least, most = numbers_text(min(known), max(known))
    span = least if least == most else f"{least}–{most}"
    return f"{sparkline(cell.values)} {span} {cell.unit}".rstrip()


def _present(value: float | None) -> TypeGuard[float]:
    return value is not None and not math.isnan(value)


def _hundredfold(value: float, signed: bool = False) -> str:
    if math.isinf(value):
        return number_text(value)
    return f"{100 * value:{'+' if signed else ''},.1f}"


def _pvalue(value: float) -> str:
    if value < 0.001:
        return "<.001"
    return "1.00" if value >= 0.995 else f"{value:.{3 if value < 0.0995 else 2}f}".removeprefix("0")
