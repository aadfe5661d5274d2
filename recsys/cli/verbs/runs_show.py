"""`recsys runs show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys runs show @latest
recsys runs show 3f2a --json
"""


def command(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(help="A run id, a unique prefix, or @latest.", metavar="RUN", autocompletion=completion.runs),
    ],
) -> None:
    """Show all that is known of a run.

    First what it concluded, then what it was made from.

    With --json, the whole result of an evaluation or comparison too.
    """
    session: Session = ctx.obj
    from recsys.cli.results import fields_view
    from recsys.display import View

    found = session.open_store().run(run)
    fields = {name: value for name, value in found.to_dict().items() if name not in ("result", "view")}
    shown = fields_view(fields, f"run {found.run_id}")
    if found.view is not None:
        concluded = View.from_dict(found.view)
        title = f"run {found.run_id}: {concluded.title}"
        shown = View(title, (*concluded.tables, *shown.tables), concluded.notes, concluded.charts)
    session.emit("runs-show", found, shown)
