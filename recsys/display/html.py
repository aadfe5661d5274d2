"""A `View` as HTML, for notebooks: every text escaped, no style sheet needed."""

from __future__ import annotations

from html import escape

from recsys.display.view import Table, View


def to_html(view: View) -> str:
    """Return the view as one ``<div>``; every text of the view is escaped.

    Examples
    --------
    >>> to_html(View("a < b"))
    '<div class="recsys"><p><strong>a &lt; b</strong></p></div>'
    """
    title = f"<p><strong>{escape(view.title)}</strong></p>" if view.title else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in view.notes)
    tables = "".join(_table(table) for table in view.tables)
    return f'<div class="recsys">{title}{tables}{f"<ul>{notes}</ul>" if notes else ""}</div>'


def _table(table: Table) -> str:
    sides = ["right" if at_right else "left" for at_right in table.right_aligned()]
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    header = "".join(_cell("th", name, side) for name, side in zip(table.columns, sides, strict=True))
    rows = "".join(
        "<tr>" + "".join(_cell("td", text, side) for text, side in zip(row, sides, strict=True)) + "</tr>"
        for row in table.texts()
    )
    return f"<table>{caption}<thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(tag: str, text: str, side: str) -> str:
    return f'<{tag} style="text-align:{side}">{escape(text)}</{tag}>'
