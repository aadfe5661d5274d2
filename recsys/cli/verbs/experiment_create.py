"""`recsys experiment create`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment create experiments/als-vs-pop.toml
recsys experiment create experiments/als-vs-pop.toml --amend     # it runs already: the deviation is listed
"""


def command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A TOML file with its declaration.", metavar="FILE")],
    amend: Annotated[
        bool, typer.Option("--amend", help="Change an experiment that runs; later results list the deviations.")
    ] = False,
    allow_unseen: Annotated[
        bool,
        typer.Option("--allow-unseen", help="Events that have never occurred are meant, however like another's name."),
    ] = False,
) -> None:
    """Register an experiment from a TOML file, checked against the data.

    The columns, units and events that its metrics name must be there. Until it begins (its start, or its first
    exposure) the file may be changed and registered again; then its plan is frozen.
    """
    session: Session = ctx.obj
    from recsys import workflows

    created = workflows.create_experiment(session.open_store(), file, amend=amend, allow_unseen=allow_unseen)
    for warning in created.warnings:
        session.warn(warning)
    known = created.experiment
    session.emit("experiment-create", known.to_dict(), known.name)
    session.note(
        f"experiment {known.name} is {known.status}, plan {known.plan_hash[:12]}. Next: recsys experiment assign"
        f" {quote(known.name)} --out arms.csv"
    )
