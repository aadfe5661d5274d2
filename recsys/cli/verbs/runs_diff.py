"""`recsys runs diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

# What differs between any two runs, and says nothing of what was done: shown last.
_OF_THE_MACHINE = ("run_id", "created_at", "wall_s", "peak_rss_mb")
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
    import polars as pl

    from recsys.cli.results import frame_view
    from recsys.display import counted

    changes = session.open_store().diff_runs(first, second)
    changes = changes.sort(pl.col("field").is_in(_OF_THE_MACHINE), maintain_order=True)
    title = f"{first} and {second} differ in {counted(len(changes), 'field')}"
    session.emit("runs-diff", changes, frame_view(changes, title, empty="the same run"))
