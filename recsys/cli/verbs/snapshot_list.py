"""`recsys snapshot list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys snapshot list
"""


def command(ctx: typer.Context) -> None:
    """List the snapshots."""
    session: Session = ctx.obj
    from recsys.display import Table, View

    found = session.open_store().snapshots()
    columns = ("name", "id", "created (UTC)", "event", "until", "rows", "users", "items", "repeatable")
    rows = tuple(
        (
            snapshot.name,
            snapshot.snapshot_id,
            f"{snapshot.created_at:%Y-%m-%d %H:%M}",
            snapshot.recipe.event,
            None if snapshot.until is None else f"{snapshot.until:%Y-%m-%d %H:%M}",
            snapshot.rows,
            snapshot.users,
            snapshot.items,
            "yes" if snapshot.repeatable else "no",
        )
        for snapshot in found
    )
    shown = View(f"{len(rows)} snapshots", (Table(columns, rows),))
    none = View("no snapshots yet", (), ("take one with recsys snapshot create june --event play",))
    session.emit("snapshot-list", found, shown if rows else none)
