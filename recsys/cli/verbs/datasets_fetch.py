"""`recsys datasets fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys datasets fetch movielens-1m
recsys datasets fetch amazon-2023 --url https://example.org/Books.csv.gz --folder data
"""


def command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name of recsys datasets list.", metavar="NAME")],
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to put it.", show_default=False)] = Path(),
    url: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Another address, e.g. a mirror.")] = None,
) -> None:
    """Download a public data set.

    Prints where it is. A download that broke off goes on where it stopped; its checksum is checked.
    """
    session: Session = ctx.obj
    session.apply_settings()
    from recsys.layouts import fetch, layout_info

    path = fetch(name, folder, url=url, progress=session.progress)
    terms = layout_info(name).terms
    session.emit("datasets-fetch", {"name": name, "path": path, "terms": terms}, str(path))
    session.note(f"Terms: {terms}. Next: recsys datasets load {name} {path}")
