"""`recsys ingests`: the log of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys ingests
recsys ingests --json
"""


def command(ctx: typer.Context) -> None:
    """List what was ingested, newest first.

    Reverts and erasures are changes too and have their numbers.
    """
    session: Session = ctx.obj
    from recsys.display import Table, View

    frame = session.open_store().ingests()
    columns = ("number", "what", "table", "source", "received (UTC)", "stored", "known", "bad", "in sight")
    rows = tuple(
        (
            str(row["ingest_id"]),
            row["kind"],
            row["table"],
            row["source"],
            f"{row['received_at']:%Y-%m-%d %H:%M}",
            row["rows_ingested"],
            row["rows_duplicate"],
            row["rows_bad"],
            {True: "yes", False: "no", None: None}[row["in_sight"]],
        )
        for row in frame.iter_rows(named=True)
    )
    shown = View(f"{len(rows)} changes, newest first", (Table(columns, rows),))
    none = View("nothing was ingested yet", (), ("ingest a file with recsys ingest events FILE",))
    session.emit("ingests", frame, shown if rows else none)
