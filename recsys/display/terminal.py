"""A `View` for rich, which is loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.display.view import Table, View

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table as RichTable


def to_rich(view: View) -> Group:
    """Return the view as a rich renderable; texts are taken literally, never as markup.

    Examples
    --------
    >>> len(to_rich(View("title", (), ("a note",))).renderables)
    2
    """
    from rich.console import Group
    from rich.text import Text

    parts = [Text(view.title, style="bold")] if view.title else []
    notes = [Text(f"· {note}", style="dim") for note in view.notes]
    return Group(*parts, *(_table(table) for table in view.tables), *notes)


def _table(table: Table) -> RichTable:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=SIMPLE_HEAD, title=Text(table.caption) if table.caption else None, title_justify="left")
    for name, at_right in zip(table.columns, table.right_aligned(), strict=True):
        drawn.add_column(Text(name), justify="right" if at_right else "left", no_wrap=at_right, overflow="fold")
    for row in table.texts():
        drawn.add_row(*(Text(text) for text in row))
    return drawn
