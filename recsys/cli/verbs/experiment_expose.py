"""`recsys experiment expose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.arguments import ExperimentName

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment expose als-vs-pop arms.csv                      # what assign wrote: they enter now
recsys experiment expose als-vs-pop entered.parquet               # unit_id, variant, ts: as they entered
recsys experiment expose als-vs-pop visitors.csv --at 2026-06-08  # unit_id alone: the arm is computed
"""


def command(
    ctx: typer.Context,
    experiment: ExperimentName,
    file: Annotated[Path, typer.Argument(help="A table with unit_id, and optionally variant and ts.", metavar="FILE")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When they entered (UTC), where the file has no ts.  [now]")
    ] = None,
) -> None:
    """Record that units have entered an experiment.

    The first exposure of a unit counts: the same file again adds nothing. Exposures that another system logs can also
    come through `recsys ingest exposures`.
    """
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.requests import read_table

    store = session.open_store()
    done = workflows.expose(store, experiment, read_table("expose", file), at=at, called=str(file))
    for warning in done.warnings:
        session.warn(warning)
    if done.in_several_arms:
        session.warn(
            f"{done.in_several_arms:,} units are exposed in several arms: an analysis leaves them out and says so"
        )
    session.emit("experiment-expose", done._asdict(), "")
    counts = ", ".join(f"{count:,} {arm}" for arm, count in done.recorded.items()) or "nothing new"
    outside = "".join(f", {count:,} {reason.replace('_', ' ')}" for reason, count in done.left_out.items())
    session.note(f"recorded {counts}; {done.known:,} known already{outside}")
