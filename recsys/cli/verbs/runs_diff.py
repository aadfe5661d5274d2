"""`recsys runs diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys runs diff 3f2a 91bc
"""


def command(
    ctx: typer.Context,
    first: Annotated[
        str, typer.Argument(help="A run id or a unique prefix.", metavar="RUN", autocompletion=completion.runs)
    ],
    second: Annotated[str, typer.Argument(help="Another one.", metavar="RUN", autocompletion=completion.runs)],
) -> None:
    """Show in what two runs differ."""
    session: Session = ctx.obj
    from recsys.cli.results import frame_view

    changes = session.open_store().diff_runs(first, second)
    title = f"{first} and {second} differ in {len(changes)} fields"
    session.emit("runs-diff", changes, frame_view(changes, title, empty="the same run"))
