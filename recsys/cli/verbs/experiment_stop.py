"""`recsys experiment stop`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.arguments import ExperimentName

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment stop als-vs-pop
recsys experiment stop als-vs-pop --reason "guardrail: errors up"
"""


def command(
    ctx: typer.Context,
    experiment: ExperimentName,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it stands in the history.")] = None,
) -> None:
    """Write down that an experiment is over.

    It keeps its plan and its exposures and can still be analysed. An experiment that is over stays over.
    """
    session: Session = ctx.obj
    store = session.open_store()
    over = store.experiment(experiment).status == "stopped"
    stopped = store.stop_experiment(experiment, reason)
    session.emit("experiment-stop", stopped.to_dict(), "")
    session.note(
        f"experiment {stopped.name} was stopped {'already, ' if over else ''}at {stopped.stopped_at:%Y-%m-%d %H:%M} UTC"
    )
