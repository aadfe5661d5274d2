"""`recsys similar`: neighbours of an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys similar @latest:train --item 318
recsys similar 3f2a --item 318 --item 296 --k 5 --json
"""


def command(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            help="A run id, a unique prefix, or @latest:train.", metavar="RUN", autocompletion=completion.runs
        ),
    ],
    item: Annotated[list[str], typer.Option(metavar="ID", help="The item; may be repeated.")],
    k: Annotated[int, typer.Option("--k", "-k", metavar="N", help="How many neighbours.")] = 10,
) -> None:
    """Show the items most similar to an item."""
    session: Session = ctx.obj
    from recsys import workflows

    found = workflows.similar(session.open_store(), run, item, k)
    session.emit("similar", found, found.view())
