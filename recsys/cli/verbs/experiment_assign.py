"""`recsys experiment assign`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.arguments import ExperimentName
from recsys.cli.sinks import STDOUT, check_sink, written

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment assign als-vs-pop --out arms.csv
recsys experiment assign als-vs-pop --units new.txt --at 2026-06-08 --out arms.parquet
recsys experiment assign als-vs-pop --units new.txt --out - | head
"""


def command(
    ctx: typer.Context,
    experiment: ExperimentName,
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
    check_sink(session, out)
    from recsys import workflows
    from recsys.cli.requests import read_ids

    ids = None if units is None else read_ids("--units", units, "unit_id")
    store = session.open_store()
    done = written(out, lambda sink: workflows.assign(store, experiment, sink, units=ids, at=at, format=format))
    if done is None:
        return
    counts = ", ".join(f"{count:,} {arm}" for arm, count in done.arms.items())
    outside = "".join(f", {count:,} {reason.replace('_', ' ')}" for reason, count in done.left_out.items())
    if out != STDOUT:
        session.emit("experiment-assign", done._asdict(), str(out))
    session.note(f"{counts}{outside}")
