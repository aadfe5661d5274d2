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

    With --json, the whole result of an evaluation or comparison too.
    """
    session: Session = ctx.obj
    from recsys.cli.results import fields_view

    found = session.open_store().run(run)
    shown = {name: value for name, value in found.to_dict().items() if name != "result"}
    session.emit("runs-show", found, fields_view(shown, f"run {found.run_id}"))
