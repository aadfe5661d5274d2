"""`recsys interleave analyze`: whom the clicks prefer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys interleave analyze lists.parquet --event play --since 2026-06-01 --until 2026-06-15
recsys interleave analyze lists.parquet --event play --since 2026-06-01 --value value       # by minutes, not plays
recsys interleave analyze lists.parquet --clicks clicks.parquet --confidence 0.99 --json
"""


def command(
    ctx: typer.Context,
    lists: Annotated[Path, typer.Argument(help="What recsys interleave generate wrote.", metavar="FILE")],
    clicks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Clicks: user_id, item_id, [request_id].  [default: events of the store]"),
    ] = None,
    event: Annotated[str | None, typer.Option(help="Only events of this kind.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Events from when the lists were shown (UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Events before this time (UTC).")] = None,
    value: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What a click is worth, such as minutes.  [default: 1]")
    ] = None,
    confidence: Annotated[float, typer.Option(metavar="SHARE", help="Of the intervals.")] = 0.95,
) -> None:
    """Say which of two interleaved models users prefer.

    A preference lies between -1 (all credit for the first model) and 1 (all for the second), one number a user; with
    a t interval, a bootstrap interval and a sign test over users.
    """
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.requests import read_table
    from recsys.cli.results import emit_measured

    recorded = workflows.analyze_interleaving(
        session.open_store(),
        lists,
        clicks=None if clicks is None else read_table("--clicks", clicks),
        event=event,
        since=since,
        until=until,
        value=value,
        confidence=confidence,
    )
    emit_measured(session, "interleave-analyze", recorded.run, recorded.result)
