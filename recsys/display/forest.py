"""A forest plot: one row for each estimate, its interval along x."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from recsys.display.chart import Axis, Chart, Rule, Series
from recsys.display.view import counted

MOST_ROWS = 24
_MOST_NAMED = 6


class Estimated(NamedTuple):
    """A row of a forest plot.

    Attributes
    ----------
    label : str
        Its place on the category axis.
    estimate, low, high : float or None
        None or NaN: not known. Ends may be infinite.
    group : str
        Rows of one group are one series, with one name in the legend; groups that share a label stand side by side.
    """

    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    group: str = "estimate"


def forest(
    title: str,
    x: Axis,
    y: Axis,
    rows: Sequence[Estimated],
    *,
    rules: tuple[Rule, ...] = (),
    note: str = "",
    most: int = MOST_ROWS,
) -> Chart | None:
    """Return a forest plot, or None where no row has an estimate.

    What is not estimable keeps its row, without a mark. The note names it, and what else is not drawn: intervals that
    are not known, rows beyond `most`.

    Parameters
    ----------
    title, x, y, rules, note
        As in `Chart`; the kind of `y` is "category".
    rows : sequence of Estimated
        From top to bottom.
    most : int
        Draw so many rows, the first ones.

    Examples
    --------
    >>> rows = [Estimated("als", 0.2, 0.1, 0.3), Estimated("pop", math.nan)]
    >>> chart = forest("ndcg@10 by model", Axis("ndcg@10"), Axis("model", kind="category"), rows)
    >>> chart.series[0].x, chart.note
    ((0.2, None), 'Not estimable, so not drawn: pop.')
    """
    shown = [_checked(row) for row in rows[:most]]
    if all(row.estimate is None for row in shown):
        return None
    series = tuple(_series(group, shown) for group in dict.fromkeys(row.group for row in shown))
    hidden = len(rows) - len(shown)
    notes = (
        note,
        _named("Not estimable, so not drawn", [row for row in shown if row.estimate is None]),
        _named("No interval is known for", [row for row in shown if row.estimate is not None and _endless(row)]),
        "A line that runs to the edge has no bound there." if any(map(_unbounded, shown)) else "",
        f"{counted(hidden, 'further row')} not drawn: the tables have them." if hidden else "",
    )
    return Chart(title, x, y._replace(kind="category"), series, rules, " ".join(filter(None, notes)))


def drawn(*charts: Chart | None) -> tuple[Chart, ...]:
    """Return the charts that have something to show.

    Examples
    --------
    >>> drawn(None, None)
    ()
    """
    return tuple(chart for chart in charts if chart is not None)


def _checked(row: Estimated) -> Estimated:
    estimate = row.estimate if row.estimate is not None and math.isfinite(row.estimate) else None
    low, high = (None if end is None or math.isnan(end) or estimate is None else end for end in (row.low, row.high))
    return row._replace(estimate=estimate, low=low, high=high)


def _series(group: str, rows: Sequence[Estimated]) -> Series:
    ours = [row for row in rows if row.group == group]
    ends = (tuple(row.low for row in ours), tuple(row.high for row in ours))
    return Series(group, "interval", tuple(row.estimate for row in ours), tuple(row.label for row in ours), *ends)


def _named(what: str, rows: Sequence[Estimated]) -> str:
    if not rows:
        return ""
    more = len(rows) - _MOST_NAMED
    names = ", ".join(dict.fromkeys(row.label for row in rows[:_MOST_NAMED]))
    return f"{what}: {names}{f' and {more} more' if more > 0 else ''}."


def _endless(row: Estimated) -> bool:
    return row.low is None or row.high is None


def _unbounded(row: Estimated) -> bool:
    return any(end is not None and math.isinf(end) for end in (row.low, row.high))
