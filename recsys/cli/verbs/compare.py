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
) -> None:
    """Compare trained models user by user, with significance."""
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.requests import measuring_from
    from recsys.cli.results import emit_measured, parse_gates

    gates = parse_gates(session.options.get("fail_on"))
    asked = measuring_from(session.options)
    recorded = workflows.compare(session.open_store(), runs, **asked, progress=session.progress)
    emit_measured(session, "compare", recorded.run, recorded.result, gates)
