"""`recsys explain`: why a user gets an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys explain @latest:train --user 42 --item 318
"""


def command(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            help="A run id, a unique prefix, or @latest:train.", metavar="RUN", autocompletion=completion.runs
        ),
    ],
    user: Annotated[str, typer.Option(metavar="ID", help="The user.")],
    item: Annotated[str, typer.Option(metavar="ID", help="The item.")],
) -> None:
    """Say why a user gets an item.

    Shows which items of the user's history make up the score. A user whom the model does not know gets the most popular
    items; the answer says so.
    """
    session: Session = ctx.obj
    from recsys import workflows

    found = workflows.explain(session.open_store(), run, user, item)
    session.emit("explain", found, found.view())
