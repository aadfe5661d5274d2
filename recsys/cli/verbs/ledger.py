"""`recsys ledger`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys ledger            # filled by recsys experiment decide NAME --predicted-by RUN
recsys ledger --json
"""


def command(
    ctx: typer.Context,
    confidence: Annotated[float, typer.Option(metavar="SHARE", help="Of the intervals.")] = 0.95,
) -> None:
    """Show how well offline numbers predicted the A/B tests.

    Every decision to ship or to stop puts the effects of its experiment here; with --predicted-by also what a
    comparison or a replay had said of the arms. Shown are the share of right signs, the calibration slope (1 is right;
    refused where the two are not estimates of the same thing), the coverage of the offline intervals, and what
    predicted best.
    """
    session: Session = ctx.obj
    found = session.open_store().ledger(confidence=confidence)
    session.emit("ledger", found.to_dict(), found.view())
