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
recsys evaluate 3f2a --metrics ndcg@10,ild@10 --rerank mmr --set-rerank attribute=genres
recsys evaluate 3f2a --fail-on "ndcg@10 < 0.12"          # exit code 6 when it is
"""


def command(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(help="A run id, a unique prefix, or @latest.", metavar="RUN", autocompletion=completion.runs),
    ],
    rerank: Annotated[
        str | None, typer.Option(metavar="mmr|calibrated", help="Measure re-ranked lists.", show_default=False)
    ] = None,
    set_rerank: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of --rerank; may be repeated.")
    ] = None,
) -> None:
    """Measure a trained model on the held-out part."""
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.requests import measuring_from, reranker_from
    from recsys.cli.results import emit_measured, parse_gates

    gates = parse_gates(session.options.get("fail_on"))
    asked = {**measuring_from(session.options), "rerank": reranker_from(rerank, set_rerank)}
    recorded = workflows.evaluate(session.open_store(), run, **asked, progress=session.progress)
    emit_measured(session, "evaluate", recorded.run, recorded.result, gates)
