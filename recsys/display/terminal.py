"""A `View` for rich, which is loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.display.text import table_blocks
from recsys.display.view import Table, View

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group, RenderResult


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
    return Group(*parts, *(_Fitted(table) for table in view.tables), *notes)


class _Fitted:
    """A table in the layout of plain text: where the line is too narrow, no column is squeezed out of sight."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        yield ""
        if self._table.caption:
            yield Text(self._table.caption, style="italic")
        for block in table_blocks(self._table, options.max_width):
            yield Text("\n".join(block.header), style="bold", no_wrap=True)
            yield Text("\n".join([block.rule, *block.rows, ""]), no_wrap=True)
