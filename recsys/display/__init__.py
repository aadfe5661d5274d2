"""A small frozen View (tables of typed cells, notes) and how it is drawn: text, rich, HTML."""

from recsys.display.card import Card, facts, settings_text
from recsys.display.chart import Axis, Chart, Rule, Series
from recsys.display.forest import Estimated, drawn, forest
from recsys.display.html import to_html
from recsys.display.plain import in_ascii
from recsys.display.plot import interval_plot, shared_axis
from recsys.display.tabular import Tabular
from recsys.display.terminal import to_rich
from recsys.display.text import to_text
from recsys.display.view import (
    Cell,
    Interval,
    Marked,
    Percent,
    Plot,
    PValue,
    Spark,
    Table,
    View,
    cell_text,
    counted,
    number_text,
)
from recsys.display.viewable import Viewable

__all__ = [
    "Axis",
    "Card",
    "Cell",
    "Chart",
    "Estimated",
    "Interval",
    "Marked",
    "PValue",
    "Percent",
    "Plot",
    "Rule",
    "Series",
    "Spark",
    "Table",
    "Tabular",
    "View",
    "Viewable",
    "cell_text",
    "counted",
    "drawn",
    "facts",
    "forest",
    "in_ascii",
    "interval_plot",
    "number_text",
    "settings_text",
    "shared_axis",
    "to_html",
    "to_rich",
    "to_text",
]
