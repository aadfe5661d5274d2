"""`recsys snapshot create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys snapshot create june --event play --until 2026-06-01
recsys snapshot create ratings --event rating --relevance-at-least 4 --min-user-events 5
"""


def command(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Its name.", metavar="[NAME]", show_default=False)] = None,
) -> None:
    """Freeze a view of the data under a name.

    Rows that arrive later do not change it. Its id is a hash of its content: the same data gives the same id.
    """
    session: Session = ctx.obj
    from dataclasses import fields

    from recsys.cli.requests import recipe_from
    from recsys.cli.results import fields_view

    recipe = recipe_from(session.options)
    parts = {} if recipe is None else {part.name: getattr(recipe, part.name) for part in fields(recipe)}
    snapshot = session.open_store().snapshot(name, **parts)
    title = f"snapshot {snapshot.name or snapshot.snapshot_id}"
    session.emit("snapshot-create", snapshot, fields_view(snapshot.to_dict(), title))
