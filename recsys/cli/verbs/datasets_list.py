"""`recsys datasets list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys datasets list
"""


def command(ctx: typer.Context) -> None:
    """List the public data sets that recsys reads as they are."""
    session: Session = ctx.obj
    from recsys.display import Table, View
    from recsys.layouts import known_layouts

    known = known_layouts()
    sizes = (None if info.size is None else f"{info.size / 1e6:,.0f} MB" for info in known)
    rows = tuple((info.name, info.title, size) for info, size in zip(known, sizes, strict=True))
    notes = ("download one with recsys datasets fetch NAME", "ingest it with recsys datasets load NAME PATH")
    session.emit("datasets-list", known, View("", (Table(("name", "what", "size"), rows),), notes))
