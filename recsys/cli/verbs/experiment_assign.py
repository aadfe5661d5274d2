"""`recsys experiment assign`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment assign als-vs-pop --out arms.csv
recsys experiment assign als-vs-pop --units new.txt --at 2026-06-08 --out arms.parquet
recsys experiment assign als-vs-pop --units new.txt --out - | head
"""


def command(
    ctx: typer.Context,
    experiment: Annotated[
        str, typer.Argument(help="Its name.", metavar="EXPERIMENT", autocompletion=completion.experiments)
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .csv, .parquet or .jsonl file; - for stdout.")],
    units: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only these units: a table with unit_id, or one id a line."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="The time that counts for the ramp (UTC).  [now]")
    ] = None,
    format: Annotated[  # noqa: A002 - the word that users type
        str | None, typer.Option(metavar="csv|parquet|jsonl", help="The format, where the name does not say.")
    ] = None,
) -> None:
    """Write the arm of each unit to a file.

    Columns unit_id and variant, of the units that come in. The arm depends on the id, the declaration and the time
    alone: nothing is recorded, and any other system can compute the same (docs/assignment.md). `expose` records who
    really entered.
    """
    session: Session = ctx.obj
    stream = out == Path("-")
    if stream and session.as_json:
        raise ArgumentError("--out - and --json were both given", "stdout takes one of them", "--out - --format jsonl")
    from recsys import workflows
    from recsys.cli.requests import read_ids

    ids = None if units is None else read_ids("--units", units, "unit_id")
    where = sys.stdout.buffer if stream else out
    try:
        done = workflows.assign(session.open_store(), experiment, where, units=ids, at=at, format=format)
    except BrokenPipeError:  # a reader that has left does not want the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    counts = ", ".join(f"{count:,} {arm}" for arm, count in done.arms.items())
    outside = "".join(f", {count:,} {reason.replace('_', ' ')}" for reason, count in done.left_out.items())
    if not stream:
        session.emit("experiment-assign", done._asdict(), str(out))
    session.note(f"{counts}{outside}")
