"""`recsys experiment decide`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.arguments import ExperimentName, Holidays, Through
from recsys.cli.words import joined
from recsys.core.errors import GateError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment decide als-vs-pop
recsys experiment decide als-vs-pop --through 2026-07-06 --json
recsys experiment decide als-vs-pop --predicted-by @latest:compare    # beside its outcome in recsys ledger
recsys experiment decide als-vs-pop --fail-on blocked      # exit code 6 unless an answer can be trusted
"""


def command(
    ctx: typer.Context,
    experiment: ExperimentName,
    through: Through = None,
    holidays: Holidays = None,
    predicted_by: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="A compare or replay that predicted it, for the ledger; may be repeated."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="blocked,stop,…", help="Exit with 6 when this is the decision; may be repeated."),
    ] = None,
) -> None:
    """Ship, stop, continue or blocked, and why."""
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.core.checks import one_of
    from recsys.experiment.deciding import ACTIONS

    gates = [one_of("--fail-on", word, ACTIONS) for word in joined(fail_on)]
    run, found = workflows.decide(
        session.open_store(),
        experiment,
        through=through,
        holidays=joined(holidays),
        predicted_by=joined(predicted_by),
        progress=session.progress,
    )
    session.emit("experiment-decide", {"run_id": run.run_id, **found.to_dict()}, found.view())
    if found.action in gates:
        raise GateError(f"the decision on {experiment} is {found.action}: {' '.join(found.reasons)}")
    session.note(f"run {run.run_id}")
