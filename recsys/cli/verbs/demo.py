"""`recsys demo`: a first look."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
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
    lines = [next_lines(activation() | done.commands())]
    if done.report is not None:
        lines.append(f"the comparison as a page, to open in a browser or to send\n\n  {done.report}")
    session.emit("demo", done, done.view(), plain="\n\n".join(lines))


def activation() -> dict[str, str]:
    """Return the line after which a shell finds `recsys`, and why; nothing where it does so already."""
    if shutil.which("recsys") is not None:
        return {}
    folder = Path(sys.executable).parent
    near = Path(os.path.relpath(folder))
    place = shlex.quote(str(near if len(near.parts) < len(folder.parts) else folder))
    if (folder / "activate").is_file():
        return {f"source {place}/activate": "so that this shell finds recsys"}
    return {f"export PATH={shlex.quote(str(folder))}:$PATH": "so that this shell finds recsys"}


def next_lines(commands: Mapping[str, str]) -> str:
    """Return commands as lines to be copied, each below what it is for.

    Examples
    --------
    >>> print(next_lines({"recsys describe": "what the logs hold"}))
    what to type next
    <BLANKLINE>
      # what the logs hold
      recsys describe
    """
    return "\n".join(["what to type next", "", *(f"  # {why}\n  {line}" for line, why in commands.items())])
