"""What a chart shows as a table: for those who hear it read, and where pictures cannot be drawn."""

from __future__ import annotations

from datetime import datetime

from recsys.display import Axis, Cell, Chart, Percent, Series, Table
from recsys.display.chart import Place


def chart_table(chart: Chart) -> Table:
    """Return the places of all marks: series, x, y, and the ends of intervals where there are any.

    Examples
    --------
    >>> from recsys.display import Axis, Series
    >>> line = Series("als", "line", (1, 2), (0.1, 0.2))
    >>> chart_table(Chart("learning", Axis("epoch"), Axis("ndcg@10"), (line,))).rows[0]
    ('als', 1, 0.1)
    """
    ends = any(series.low or series.high for series in chart.series)
    value = chart.x if chart.y.kind == "category" else chart.y
    columns = ("series", chart.x.text(), chart.y.text(), *(("low", "high") if ends else ()))
    rows = [row for series in chart.series for row in _rows(series, chart, value, ends)]
    return Table(columns, tuple(rows), chart.title)


def _rows(series: Series, chart: Chart, value: Axis, ends: bool) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for place, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        row: tuple[Cell, ...] = (series.name, _cell(x, chart.x), _cell(y, chart.y))
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
