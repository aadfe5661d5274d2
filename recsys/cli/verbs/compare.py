"""`recsys compare`: trained models against each other, user by user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys compare 3f2a 91bc
recsys compare 3f2a 91bc 07de --metrics ndcg@10,recall@50 --by country
recsys compare 3f2a 91bc --fail-on "ndcg@10 rel_ci_low < -0.01"      # a release gate: exit code 6
"""


def command(
    ctx: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Two runs or more with the same test part; the first one is the baseline.",
            metavar="RUN RUN…",
            autocompletion=completion.runs,
        ),
    ],
    metrics: Annotated[list[str] | None, typer.Option(metavar="ndcg@10,…", help="Metrics; may be repeated.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Also by this user attribute; may be repeated.")
    ] = None,
    on_cold: Annotated[
        str, typer.Option(metavar="fallback|skip", help="What users without training events get.")
    ] = "fallback",
    seen_data: Annotated[
        str, typer.Option(metavar="refuse|allow", help="Whether days that a model has learned from may be tested on.")
    ] = "refuse",
    fail_on: Annotated[
        list[str] | None, typer.Option(metavar="GATE", help="Exit with code 6 when this is true; may be repeated.")
    ] = None,
) -> None:
    """Compare trained models user by user, with significance."""
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.requests import eligibility_from
    from recsys.cli.results import emit_measured, parse_gates
    from recsys.cli.words import joined

    gates = parse_gates(fail_on)
    store = session.open_store()
    recorded = workflows.compare(
        store,
        runs,
        **({"metrics": joined(metrics)} if metrics else {}),
        by=joined(by),
        on_cold=on_cold,
        eligibility=eligibility_from(session.options),
        seen_data=seen_data,
        progress=session.progress,
    )
    emit_measured(session, "compare", recorded.run, recorded.result, gates)
