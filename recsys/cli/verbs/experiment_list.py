"""`recsys experiment list`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment list
recsys experiment list --json
"""


def command(ctx: typer.Context) -> None:
    """List the experiments, newest first."""
    session: Session = ctx.obj
    from recsys.display import Table, View, counted

    found = session.open_store().experiments()
    columns = ("experiment", "status", "created (UTC)", "arms", "units exposed", "deviations")
    rows = tuple(
        (
            one.name,
            one.status,
            f"{one.created_at:%Y-%m-%d %H:%M}",
            ", ".join(one.declaration.get("arms", {})),
            one.exposed,
            len(one.deviations),
        )
        for one in found
    )
    states = Counter(one.status for one in found)
    told = ", ".join(f"{count} {status}" for status, count in states.items())
    shown = View(f"{counted(len(rows), 'experiment')}, newest first: {told}", (Table(columns, rows),))
    none = View("no experiments yet", (), ("register one with recsys experiment create FILE.toml",))
    session.emit("experiment-list", [one.to_dict() for one in found], shown if rows else none)
