"""`recsys report`: runs, an experiment, the ledger or the whole store as a file to send around."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion
from recsys.cli.sinks import STDOUT, check_sink, written
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from typing import BinaryIO

    from recsys.cli.session import Session

EXAMPLES = """
recsys report --out shop.html                    # what the store holds, all kinds of runs
recsys report 3f2a --out als.html
recsys report 3f2a 91bc --out spring.md --title "Spring models"
recsys report --experiment als-vs-pop --ledger --out als-vs-pop.html
recsys report @latest --out - --format json
"""


def command(
    ctx: typer.Context,
    runs: Annotated[
        list[str] | None, typer.Argument(help="Runs; none: an index of the store.", autocompletion=completion.runs)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ends in .html, .md or .json; - for stdout.", show_default=False)
    ] = None,
    experiment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also the latest analysis and the plan of this experiment; may be repeated.",
            autocompletion=completion.experiments,
        ),
    ] = None,
    ledger: Annotated[bool, typer.Option("--ledger", help="Also how well offline numbers predicted.")] = False,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="The heading.")] = None,
    format: Annotated[  # noqa: A002 - the word that users type
        str | None, typer.Option(metavar="html|md|json", help="If the name of the file does not say.  [md]")
    ] = None,
) -> None:
    """Write a report to send around: the conclusion, the evidence, how to repeat it.

    HTML is one file of at most 1 MB with figures that needs neither network nor JavaScript; Markdown and JSON hold the
    same. Without runs, experiment and ledger it is an index of the store.
    """  # fmt: skip
    session: Session = ctx.obj
    if out is None:
        raise ArgumentError("report has nowhere to write to", "--out FILE was expected", "--out report.html")
    check_sink(session, out, "json")
    from recsys import reporting

    kind = reporting.format_of(out, format or ("md" if out == STDOUT else None))
    document = reporting.of_store(session.open_store(), runs or (), experiment or (), ledger=ledger, title=title)

    def write(sink: Path | BinaryIO) -> int:
        return reporting.write(document, sink, kind)

    size = written(out, write)
    if out == STDOUT or size is None:
        return
    told = {"out": str(out), "format": kind, "bytes": size, "title": document.title, "lead": document.lead}
    session.emit("report", {**told, "sections": [section.title for section in document.sections]}, str(out))
