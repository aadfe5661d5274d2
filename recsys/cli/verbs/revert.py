"""`recsys revert`: an ingest taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys revert 7           # recsys ingests tells the numbers
"""


def command(
    ctx: typer.Context,
    ingest: Annotated[int, typer.Argument(help="The number of the ingest, or of a revert.", metavar="NUMBER")],
) -> None:
    """Take an ingest back.

    Its rows go out of sight. Snapshots taken before still see them, so that runs can be repeated. Reverting the revert
    brings the rows back.
    """
    session: Session = ctx.obj
    done = session.open_store().revert(ingest)
    session.emit("revert", done, "")
    session.note(
        f"change {done.target} taken back: {done.rows:,} rows of {done.table}. Undo: recsys revert {done.ingest_id}"
    )
