"""`recsys datasets load`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys datasets load movielens-1m ml-1m.zip
recsys datasets load auto ~/Downloads/ml-latest-small
"""


def command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name of recsys datasets list, or auto.", metavar="NAME")],
    path: Annotated[Path, typer.Argument(help="The archive, folder or file, as downloaded.", metavar="PATH")],
) -> None:
    """Ingest a downloaded public data set.

    All of it is parsed before the first row is stored: a damaged download leaves nothing behind.
    """
    session: Session = ctx.obj
    store = session.open_store()

    from recsys.cli.verbs.ingest import summary
    from recsys.workflows.loading import load_dataset

    loaded = load_dataset(store, name, path, progress=session.progress)
    if "events" not in loaded.tables:
        session.warn(
            f"{loaded.name} holds no events to train on: impressions are what a policy has shown, with its"
            " propensities; other policies are replayed on them: recsys replay uniform, or a file of probabilities"
        )
    session.note("\n".join((loaded.name, *(summary(result) for result in loaded.tables.values()))))
    session.emit("datasets-load", loaded, "")
