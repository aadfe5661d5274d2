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
    """Show all that is known of a run."""
    session: Session = ctx.obj
    from recsys.cli.encoding import to_json_value
    from recsys.cli.results import pairs_view

    found = session.open_store().run(run)
    session.emit(
        "runs-show", found, pairs_view(list(to_json_value(found).items()), f"run {found.run_id} ({found.kind})")
    )
