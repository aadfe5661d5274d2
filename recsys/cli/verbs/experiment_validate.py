"""`recsys experiment validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion
from recsys.core.errors import ArgumentError, GateError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment validate als-vs-pop
recsys experiment validate experiments/als-vs-pop.toml --since 2026-05-01 --until 2026-05-15 --splits 5000
recsys experiment validate als-vs-pop --lift 0.02 --fail-on false-alarms      # a gate: exit code 6
"""


def command(
    ctx: typer.Context,
    experiment: Annotated[
        str,
        typer.Argument(help="Its name, or a .toml file.", metavar="EXPERIMENT", autocompletion=completion.experiments),
    ],
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Units active from this time.  [28 days before --until]")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Units active before it.  [one window before --through]")
    ] = None,
    through: Annotated[
        str | None, typer.Option(metavar="DATE", help="Data before it.  [the start of the experiment]")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="FROM/TO", help="A span that does not count; may be repeated.")
    ] = None,
    splits: Annotated[int, typer.Option(metavar="N", help="Random re-splits for each metric.")] = 2000,
    lift: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="The effect to inject.  [what the plain test finds in 80 %]"),
    ] = None,
    share: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Of the treatment.  [by the weights of the arms]")
    ] = None,
    alpha: Annotated[float | None, typer.Option(metavar="SHARE", help="Of the tests.  [1 - confidence]")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Makes the splits repeatable.")] = 0,
    fail_on: Annotated[
        str | None, typer.Option(metavar="false-alarms", help="Exit with 6 when a test cries wolf too often.")
    ] = None,
) -> None:
    """Try an experiment's tests on the past of its units.

    The units of a past span are split at random, again and again: without an effect a test must say "different" in 5 %
    of the splits; with a lift injected, the power and the coverage of its interval are told.
    """
    session: Session = ctx.obj
    if fail_on not in (None, "false-alarms"):
        raise ArgumentError(f"--fail-on is {fail_on!r}", "false-alarms was expected")
    from recsys import workflows

    run, found = workflows.validate(
        session.open_store(),
        experiment,
        since=since,
        until=until,
        through=through,
        exclude=[_span(text) for text in exclude or ()],
        splits=splits,
        lift=lift,
        share=share,
        alpha=alpha,
        seed=seed,
        progress=session.progress,
    )
    session.emit("experiment-validate", {"run_id": run.run_id, **found.to_dict()}, found.view())
    if fail_on is not None and found.failed:
        raise GateError(found.summary)
    session.note(f"run {run.run_id}")


def _span(text: str) -> tuple[str, str]:
    begin, slash, end = text.partition("/")
    if not slash:
        raise ArgumentError(f"--exclude is {text!r}", "FROM/TO was expected", "--exclude 2026-12-24/2026-12-27")
    return begin, end
