"""`recsys demo`: a first look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys demo
recsys demo /tmp/look --json
"""


def command(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier demo.")] = Path("recsys-demo"),
) -> None:
    """Run the whole job on a simulated streaming service.

    Simulates logs, ingests them, trains four models, compares them on held-out days and writes recommendations for
    everybody. Needs no network. Everything stays in the folder, to go on with.
    """
    session: Session = ctx.obj
    session.apply_settings()
    from recsys.workflows.demo import demo

    done = demo(folder, progress=session.progress)
    session.emit("demo", done, done.view())
