"""`recsys describe`: what the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys describe
recsys describe --store shop --json
"""


def command(ctx: typer.Context) -> None:
    """Profile the data of the store.

    Rows, users, items, density, span, repeats, how active users and how popular items are, and what looks wrong.
    """
    session: Session = ctx.obj
    profile = session.open_store().describe()
    session.emit("describe", profile, profile.view())
