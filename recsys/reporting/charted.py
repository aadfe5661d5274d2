"""What a chart shows as a table: for those who hear it read, and where pictures cannot be drawn."""

from __future__ import annotations

from datetime import datetime

from recsys.display import Axis, Cell, Chart, Percent, Series, Table
from recsys.display.chart import Place


def chart_table(chart: Chart) -> Table:
    """Return the places of all marks: series where there are several, category or x, value, the ends of intervals.

    Examples
    --------
    >>> from recsys.display import Axis, Series
    >>> line = Series("als", "line", (1, 2), (0.1, 0.2))
    >>> chart_table(Chart("learning", Axis("epoch"), Axis("ndcg@10"), (line,))).rows[0]
    (1, 0.1)
    """
    ends = any(series.low or series.high for series in chart.series)
    at, value = (chart.y, chart.x) if chart.y.kind == "category" else (chart.x, chart.y)
    several = len(chart.series) > 1
    columns = (*(("series",) if several else ()), at.text(), value.text(), *(("low", "high") if ends else ()))
    rows = [
        ((series.name, *row) if several else row)
        for series in chart.series
        for row in _rows(series, at, value, ends, lying=at is chart.y)
    ]
    return Table(columns, tuple(rows), chart.title)


def _rows(series: Series, at: Axis, value: Axis, ends: bool, *, lying: bool) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    where, what = (series.y, series.x) if lying else (series.x, series.y)
    for place, (one, other) in enumerate(zip(where, what, strict=True)):
        row: tuple[Cell, ...] = (_cell(one, at), _cell(other, value))
        if ends:
            row += tuple(_cell(side[place] if side else None, value) for side in (series.low, series.high))
        rows.append(row)
    return rows


def _cell(place: Place | None, axis: Axis) -> Cell:
    if isinstance(place, datetime):
        return place.strftime("%Y-%m-%d" if (place.hour, place.minute) == (0, 0) else "%Y-%m-%d %H:%M")
    if axis.percent and isinstance(place, int | float):
        return Percent(place)
    return place
