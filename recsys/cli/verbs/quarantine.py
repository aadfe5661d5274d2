"""`recsys quarantine`: bad rows that were put aside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys quarantine
recsys quarantine --table events --limit 100
recsys quarantine --json
"""


def command(
    ctx: typer.Context,
    table: Annotated[
        str | None,
        typer.Option(metavar="TABLE", help="Only bad rows for this table.", autocompletion=completion.tables),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Show at most so many; --json has all.")] = 20,
) -> None:
    """Show the bad rows that an ingest put aside."""
    session: Session = ctx.obj
    from recsys.cli.results import frame_view
    from recsys.core.checks import positive_int
    from recsys.display import counted

    positive_int("--limit", limit)
    frame = session.open_store().quarantine(table)
    view = frame_view(frame.drop("received_at").head(limit), counted(len(frame), "bad row"), empty="no bad rows")
    session.emit("quarantine", [_plain(row) for row in frame.iter_rows(named=True)], view)


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with its row as an object; a line that could not be parsed stays the text that it is."""
    try:
        return {**entry, "row": json.loads(entry["row"])}
    except (TypeError, ValueError):
        return entry
