"""`recsys runs list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys runs list
recsys runs list --kind train --limit 5 --json
"""


def command(
    ctx: typer.Context,
    kind: Annotated[
        str | None,
        typer.Option(metavar="train|evaluate|compare|backtest|recommend", help="Only runs of this kind."),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many.")] = 20,
) -> None:
    """List the runs, newest first."""
    session: Session = ctx.obj
    from recsys.cli.results import frame_view
    from recsys.core.checks import positive_int

    positive_int("--limit", limit)
    frame = session.open_store().runs(kind=kind, limit=limit)
    session.emit(
        "runs-list",
        frame,
        frame_view(frame, f"{len(frame)} runs, newest first", empty="no runs yet: recsys train als --holdout 14d"),
    )
