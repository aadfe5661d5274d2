"""`recsys experiment analyze`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.arguments import ExperimentName, Holidays, Through
from recsys.cli.words import joined
from recsys.core.errors import GateError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment analyze als-vs-pop
recsys experiment analyze als-vs-pop --through 2026-07-06 --by country
recsys experiment analyze als-vs-pop --fail-on srm,guardrail      # a gate for a schedule: exit code 6
recsys experiment analyze als-vs-pop --holidays 2026-12-24/2026-12-26 --json
"""


def command(
    ctx: typer.Context,
    experiment: ExperimentName,
    through: Through = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Also by this attribute of units; may be repeated.")
    ] = None,
    final: Annotated[
        bool,
        typer.Option("--final", help="Tell p-values of a single look before the planned size; the result says so."),
    ] = False,
    holidays: Holidays = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="srm,guardrail", help="Exit with 6 when one of these does not hold; any check's name."),
    ] = None,
) -> None:
    """Analyse an experiment: integrity, effects, what they amount to.

    Every analysis is recorded as a run. P-values of a single look are withheld before the planned size.
    """
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.experiment.integrity.checks import parse_gates

    gates = parse_gates(joined(fail_on))  # a slip is told before the work
    run, found = workflows.analyze(
        session.open_store(),
        experiment,
        through=through,
        look="final" if final else "planned",
        by=joined(by),
        holidays=joined(holidays),
        progress=session.progress,
    )
    failed = found.failed(gates)
    data = {"run_id": run.run_id, **found.to_dict(), **({"failed": list(failed)} if gates else {})}
    session.emit("experiment-analyze", data, found.view())
    if failed:
        raise GateError(f"{experiment} did not hold: {'; '.join(failed)}")
    session.note(f"run {run.run_id}")
