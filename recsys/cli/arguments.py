"""Arguments that a few verbs share and pass on themselves, declared once; options of whole groups are in `options`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recsys.cli import completion

ExperimentName = Annotated[
    str, typer.Argument(help="Its name.", metavar="EXPERIMENT", autocompletion=completion.experiments)
]
Through = Annotated[str | None, typer.Option(metavar="DATE", help="Only data before this time (UTC).  [all there is]")]
Holidays = Annotated[list[str] | None, typer.Option(metavar="DATE[/DATE]", help="Days unlike others; may be repeated.")]

K = Annotated[int, typer.Option("--k", "-k", metavar="N", help="How many items a user.")]
Users = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Only these users: a table with user_id, or one id a line.")
]
LISTS_FILE = typer.Option(metavar="FILE", help="A .parquet, .csv or .jsonl file; appears when it is whole. -: stdout.")
UsersSince = Annotated[str | None, typer.Option(metavar="DATE", help="Only users with events since this time (UTC).")]
History = Annotated[str | None, typer.Option(metavar="now", help="now: fold in what happened since the training.")]
ServedAt = Annotated[
    str | None, typer.Option(metavar="DATE", help="The time of serving, for --available.  [default: now]")
]
OnUnknown = Annotated[str, typer.Option(metavar="fallback|skip|raise", help="What users without training events get.")]
FileFormat = Annotated[
    str | None, typer.Option(metavar="parquet|csv|jsonl", help="If the name of the file does not say.")
]
