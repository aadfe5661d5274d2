"""`recsys experiment plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys experiment plan experiments/als-vs-pop.toml --effect 0.02
recsys experiment plan als-vs-pop --effect minutes=0.02 --effect rated=0.05 --power 0.9
recsys experiment plan als-vs-pop --weeks 2 --exclude-dates 2026-12-24/2026-12-26
"""


def command(
    ctx: typer.Context,
    experiment: Annotated[
        str,
        typer.Argument(
            help="A TOML file, or the name of an experiment.",
            metavar="FILE|EXPERIMENT",
            autocompletion=completion.experiments,
        ),
    ],
    effect: Annotated[
        list[str] | None,
        typer.Option(metavar="[METRIC=]SHARE", help="Relative change to be found, 0.02 is 2 %; may be repeated."),
    ] = None,
    units: Annotated[int | None, typer.Option(metavar="N", help="Units of all arms: what do they find?")] = None,
    weeks: Annotated[int | None, typer.Option(metavar="N", help="Weeks of enrolment: what do they find?")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Begin of the reference period.  [28 days before its end]")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="End of the reference period.  [the last complete day]")
    ] = None,
    exclude_dates: Annotated[
        list[str] | None,
        typer.Option("--exclude-dates", metavar="DATE[/DATE]", help="Days that do not count; may be repeated."),
    ] = None,
    power: Annotated[float, typer.Option(metavar="SHARE", help="Of each goal.")] = 0.8,
    traffic: Annotated[float, typer.Option(metavar="SHARE", help="Share of the units that the experiment gets.")] = 1.0,
    units_a_day: Annotated[
        float | None, typer.Option("--units-a-day", metavar="N", help="New units a day.  [as in the reference period]")
    ] = None,
) -> None:
    """Say how large and long an experiment must be.

    Baselines, variances, correlations with the pre-period and traffic come from the events of a reference period.
    With --effect the plan is as large as the most demanding metric needs; with --units or --weeks as large as you say.
    """
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.words import joined

    found = workflows.plan(
        session.open_store(),
        experiment,
        since=since,
        until=until,
        exclude_dates=joined(exclude_dates),
        effect=_effects(effect or []),
        units=units,
        weeks=weeks,
        power=power,
        traffic=traffic,
        units_a_day=units_a_day,
    )
    session.emit("experiment-plan", found.to_dict(), found.view())


def _effects(words: list[str]) -> float | dict[str, float] | None:
    """Return one effect for all goals, or one by metric."""
    from recsys.cli.words import pairs

    if not words:
        return None
    if len(words) == 1 and "=" not in words[0]:
        return _share(words[0])
    return {name: _share(text) for name, text in pairs("--effect", words).items()}


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentError(f"--effect is {text!r}", "a share such as 0.02, or METRIC=0.02, was expected") from None
