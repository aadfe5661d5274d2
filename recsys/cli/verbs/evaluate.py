"""`recsys evaluate`: the numbers of one trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys evaluate @latest
recsys evaluate 3f2a --metrics ndcg@10,recall@50,coverage@10 --by country
recsys evaluate 3f2a --fail-on "ndcg@10 < 0.12"          # exit code 6 when it is
"""


def command(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(help="A run id, a unique prefix, or @latest.", metavar="RUN", autocompletion=completion.runs),
    ],
    metrics: Annotated[list[str] | None, typer.Option(metavar="ndcg@10,…", help="Metrics; may be repeated.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Also by this user attribute; may be repeated.")
    ] = None,
    on_cold: Annotated[
        str, typer.Option(metavar="fallback|skip", help="What users without training events get.")
    ] = "fallback",
    seen_data: Annotated[
        str, typer.Option(metavar="refuse|allow", help="Whether days that the model has learned from may be tested on.")
    ] = "refuse",
    fail_on: Annotated[
        list[str] | None, typer.Option(metavar="GATE", help="Exit with code 6 when this is true; may be repeated.")
    ] = None,
) -> None:
    """Measure a trained model on the held-out part."""
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.requests import eligibility_from
    from recsys.cli.results import emit_measured, parse_gates
    from recsys.cli.words import joined

    gates = parse_gates(fail_on)
    store = session.open_store()
    recorded = workflows.evaluate(
        store,
        run,
        **({"metrics": joined(metrics)} if metrics else {}),
        by=joined(by),
        on_cold=on_cold,
        eligibility=eligibility_from(session.options),
        seen_data=seen_data,
        progress=session.progress,
    )
    emit_measured(session, "evaluate", recorded.run, recorded.result, gates)
