"""`recsys runs repeat`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys runs repeat 3f2a         # exit code 6 when the numbers do not come back
"""


def command(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(help="A run id, a unique prefix, or @latest.", metavar="RUN", autocompletion=completion.runs),
    ],
) -> None:
    """Do a run again and check that its numbers come back."""
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.results import emit_training

    store = session.open_store()
    recorded = workflows.repeat(store, run, progress=session.progress)
    emit_training(session, "runs-repeat", recorded.run)
    session.note("The same metrics came back.")
