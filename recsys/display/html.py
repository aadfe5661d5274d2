"""A `View` as HTML, for notebooks: every text escaped, a small style of its own, nothing from elsewhere.

Colours are those of the page and greys that are seen on white and on black, so that one output serves both.
"""

from __future__ import annotations

import math
from html import escape

from recsys.display.drawing import interval_svg, spark_svg
from recsys.display.view import Cell, Plot, Spark, Table, View, cell_text

_STYLE = "".join(
    f"div.recsys {selector}{{{rules}}}"
    for selector, rules in (
        ("p", "margin:.3em 0;max-width:60em"),
        ("div", "overflow-x:auto;max-width:100%;margin:.5em 0"),
        ("table", "border-collapse:collapse;margin:0;font-variant-numeric:tabular-nums"),
        ("caption", "caption-side:top;text-align:left;font-style:italic;padding:.2em 0"),
        ("th,div.recsys td", "text-align:left;vertical-align:baseline;padding:.2em .8em .2em 0;border:0"),
        ("th", "font-weight:600"),
        ("tbody th", "font-weight:400"),
        ("thead th", "border-bottom:1px solid #8888"),
        (".n", "text-align:right;white-space:nowrap"),
        ("small,div.recsys ul", "font-size:.85em;opacity:.8"),
        ("ul", "margin:.3em 0;padding-left:1.2em"),
        ("svg", "vertical-align:middle;overflow:visible"),
    )
)


def to_html(view: View) -> str:
    """Return the view as one ``<div>``; every text of the view is escaped.

    Examples
    --------
    >>> to_html(View("a < b")).rpartition("</style>")[2]
    '<p><strong>a &lt; b</strong></p></div>'
    """
    title = f"<p><strong>{escape(view.title)}</strong></p>" if view.title else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in view.notes)
    told = [f"<ul>{notes}</ul>"] if notes else []
    if view.charts:
        titles = ", ".join(f"“{chart.title}”" for chart in view.charts)
        told.append(f"<p><small>.plot() draws {escape(titles)}</small></p>")
    tables = "".join(_table(table) for table in view.tables)
    return f'<div class="recsys"><style>{_STYLE}</style>{title}{tables}{"".join(told)}</div>'


def _table(table: Table) -> str:
    right = table.right_aligned()
    named = bool(right) and not right[0]  # a first column of texts names its rows
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    header = "".join(
        f'<th scope="col"{_side(at_right)}>{escape(name)}</th>'
        for name, at_right in zip(table.columns, right, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(_cell(cell, right[place], named and place == 0) for place, cell in enumerate(row)) + "</tr>"
        for row in table.rows
    )
    # What scrolls sideways can be reached by the keyboard.
    region = f'<div tabindex="0" role="region" aria-label="{escape(table.caption or "table")}">'
    head = f"<thead><tr>{header}</tr></thead>" if any(table.columns) else ""
    return f"{region}<table>{caption}{head}<tbody>{rows}</tbody></table></div>"


def _cell(cell: Cell, at_right: bool, names_row: bool) -> str:
    tag, scope = ("th", ' scope="row"') if names_row else ("td", "")
    return f"<{tag}{scope}{_side(at_right)}>{_content(cell)}</{tag}>"


def _content(cell: Cell) -> str:
    text = cell_text(cell)
    if isinstance(cell, Plot):
        return escape(text) if any(map(math.isnan, cell[:3])) else interval_svg(cell)
    if isinstance(cell, Spark) and " " in text:
        return f"{spark_svg(cell)} {escape(text.partition(' ')[2])}"
    return escape(text)


def _side(at_right: bool) -> str:
    return ' class="n"' if at_right else ""
