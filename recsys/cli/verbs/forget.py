"""`recsys forget`: a person erased."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys forget 42
recsys forget 42 --yes        # does not ask
"""


def command(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.", metavar="USER")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Erase a user for good.

    Every row of the user is erased, and its bytes from the database file. Snapshots and runs that held the user cannot
    be repeated any more; their models still know the user until they are trained again.
    """
    session: Session = ctx.obj
    store = session.open_store()
    if not yes:
        _ask(user, str(store.path))
    erased = store.forget(user)
    session.emit("forget", erased, "")
    rows = ", ".join(f"{count:,} {table}" for table, count in erased.rows.items())
    session.note(f"user {user} is forgotten: {rows}")
    if erased.artifacts:
        session.warn(f"{len(erased.artifacts)} models of these runs still know the user: {', '.join(erased.runs)}")
    if erased.backups:
        session.warn(f"backups that still hold the user: {', '.join(erased.backups)}")


def _ask(user: str, store: str) -> None:
    if not sys.stdin.isatty():
        raise ArgumentError("forget cannot be undone, and nobody is there to be asked", "--yes was expected")
    typer.confirm(f"Erase user {user} from {store} for good?", abort=True, err=True)
