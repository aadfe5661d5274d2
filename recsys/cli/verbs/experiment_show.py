"""`recsys experiment show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from recsys.cli.arguments import ExperimentName

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment show als-vs-pop
recsys experiment show als-vs-pop --json
"""


def command(
    ctx: typer.Context,
    experiment: ExperimentName,
) -> None:
    """Show an experiment: its plan, deviations, what happened."""
    session: Session = ctx.obj
    found = session.open_store().experiment(experiment)
    session.emit("experiment-show", found.to_dict(), found.view())
