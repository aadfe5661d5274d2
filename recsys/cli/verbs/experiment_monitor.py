"""`recsys experiment monitor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from recsys.cli.arguments import ExperimentName, Through

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment monitor als-vs-pop
recsys experiment monitor als-vs-pop --through 2026-06-22 --json
"""


def command(
    ctx: typer.Context,
    experiment: ExperimentName,
    through: Through = None,
) -> None:
    """Show how the effects stood at every look so far.

    Intervals hold at all looks together, so that it may be asked as often as you like. Which statistics are used is
    declared by the experiment; without a declaration it is an asymptotic confidence sequence.
    """
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.experiment.analysis_view import monitors_view

    run, found = workflows.monitor(session.open_store(), experiment, through=through, progress=session.progress)
    data = {"run_id": run.run_id, "experiment": experiment, "monitors": [one.to_dict() for one in found]}
    session.emit("experiment-monitor", data, monitors_view(experiment, found))
    session.note(f"run {run.run_id}")
