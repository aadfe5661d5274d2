"""A `View` as plain JSON values, and back: cells and marks keep their types."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from recsys.core.errors import ArgumentError, DataError
from recsys.display.chart import Axis, Chart, Rule, Series
from recsys.display.view import Cell, Interval, Marked, Percent, Plot, PValue, Spark, Table, View

SCHEMA = "recsys/view/1"
LATER = "a later version of recsys has written it: upgrade"
_CELLS: dict[str, type[Any]] = {
    "percent": Percent,
    "pvalue": PValue,
    "interval": Interval,
    "marked": Marked,
    "plot": Plot,
    "spark": Spark,
}
_KINDS = {kind: name for name, kind in _CELLS.items()}
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def view_to_dict(view: View) -> dict[str, Any]:
    """Return a view as plain values for strict JSON.

    Examples
    --------
    >>> view_to_dict(View("two users"))
    {'schema': 'recsys/view/1', 'title': 'two users', 'tables': [], 'notes': [], 'charts': []}
    """
    return {
        "schema": SCHEMA,
        "title": view.title,
        "tables": [
            {
                "caption": table.caption,
                "columns": list(table.columns),
                "rows": [[_cell_to_plain(cell) for cell in row] for row in table.rows],
            }
            for table in view.tables
        ],
        "notes": list(view.notes),
        "charts": [_chart_to_plain(chart) for chart in view.charts],
    }


def view_from_dict(plain: Mapping[str, Any]) -> View:
    """Return the view that `view_to_dict` has written.

    Raises
    ------
    DataError
        It is none, or has parts that this version does not know.

    Examples
    --------
    >>> view_from_dict({"schema": "recsys/view/1", "title": "t", "tables": [], "notes": [], "charts": []}).title
    't'
    """
    schema = plain.get("schema") if isinstance(plain, Mapping) else None
    if schema != SCHEMA:
        raise DataError(f"a view has schema {schema!r}", f"{SCHEMA!r} was expected", LATER if schema else "")
    try:
        return View(
            plain["title"],
            tuple(_table(table) for table in plain["tables"]),
            tuple(plain["notes"]),
            tuple(_chart(chart) for chart in plain["charts"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        why = error.what if isinstance(error, ArgumentError) else f"{type(error).__name__}: {error}"
        raise DataError(f"a view cannot be read: {why}", "what View.to_dict has written was expected") from error


def _cell_to_plain(cell: Cell) -> Any:
    if type(cell) in _KINDS:
        fields = {name: _plain(value) for name, value in cell._asdict().items()}  # type: ignore[union-attr]
        return {"kind": _KINDS[type(cell)], **fields}
    number = _plain(cell)
    # A text cell may read "NaN" too: the number says that it is one.
    return {"kind": "number", "value": number} if isinstance(number, str) and not isinstance(cell, str) else number


def _table(plain: Mapping[str, Any]) -> Table:
    columns = tuple(plain["columns"])
    rows = tuple(tuple(_cell(cell) for cell in row) for row in plain["rows"])
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("rows are not as long as the header")
    return Table(columns, rows, plain["caption"])


def _cell(plain: Any) -> Cell:
    if not isinstance(plain, Mapping):
        if plain is None or isinstance(plain, str | int | float):
            return plain
        raise TypeError(f"a cell is a {type(plain).__name__}")
    kind, fields = plain["kind"], {name: value for name, value in plain.items() if name != "kind"}
    if kind == "number":
        value: float = _number(fields["value"])
        return value
    if kind not in _CELLS:
        raise DataError(f"a cell is of kind {kind!r}", f"one of {', '.join(_CELLS)} was expected", LATER)
    texts = {name: fields.pop(name) for name in ("marks", "unit") if name in fields}
    cell: Cell = _CELLS[kind](**{name: _numbers(value) for name, value in fields.items()}, **texts)
    return cell


def _chart_to_plain(chart: Chart) -> dict[str, Any]:
    return {
        "title": chart.title,
        "x": chart.x._asdict(),
        "y": chart.y._asdict(),
        "series": [
            {"name": series.name, "mark": series.mark}
            | {name: _plain(values) for name in ("x", "y", "low", "high") if (values := getattr(series, name))}
            for series in chart.series
        ],
        "rules": [{name: _plain(value) for name, value in rule._asdict().items()} for rule in chart.rules],
        "note": chart.note,
    }


def _chart(plain: Mapping[str, Any]) -> Chart:
    x, y = Axis(**plain["x"]), Axis(**plain["y"])
    axes = {"x": x, "y": y}
    return Chart(
        plain["title"],
        x,
        y,
        tuple(_series(series, axes) for series in plain["series"]),
        tuple(Rule(rule["axis"], _place_of(axes[rule["axis"]])(rule["at"]), rule["label"]) for rule in plain["rules"]),
        plain["note"],
    )


def _series(plain: Mapping[str, Any], axes: Mapping[str, Axis]) -> Series:
    return Series(
        plain["name"],
        plain["mark"],
        *(tuple(map(_place_of(axes[name]), plain.get(name, ()))) for name in ("x", "y")),
        *(tuple(map(_number, plain.get(name, ()))) for name in ("low", "high")),
    )


def _place_of(axis: Axis) -> Callable[[Any], Any]:
    """Return how a place on the axis is read: texts are instants, categories or numbers that JSON has no word for."""
    if axis.kind == "time":
        return lambda place: None if place is None else datetime.fromisoformat(place)
    return _number if axis.kind in ("linear", "log") else lambda place: place


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "item"):  # a scalar of numpy, which JSON does not know
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _numbers(value: Any) -> Any:
    return tuple(map(_number, value)) if isinstance(value, list) else _number(value)


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return _WORDS[value]
    if value is None or isinstance(value, int | float):
        return value
    raise TypeError(f"a {type(value).__name__} stands where a number was expected")
