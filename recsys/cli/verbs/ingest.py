"""`recsys ingest`: files into a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import completion

if TYPE_CHECKING:
    from recsys.cli.session import Session
    from recsys.store.ingest import IngestResult

EXAMPLES = """
recsys ingest events plays/*.parquet --map user_id=member --map item_id=title_id
recsys ingest events ratings.csv --set event=rating --map value=rating --map ts=timestamp
recsys ingest items titles.csv.gz --map item_id=movieId
recsys ingest events 2026-06-01.csv --replace-partition 2026-06-01 --expect-rows 1000 --fresh 36h
recsys ingest events plays.jsonl --on-bad-rows quarantine --max-bad 0.01
"""


def command(
    ctx: typer.Context,
    table: Annotated[
        str,
        typer.Argument(
            help="events, items, users, impressions or exposures.", metavar="TABLE", autocompletion=completion.tables
        ),
    ],
    files: Annotated[
        list[str], typer.Argument(help="CSV, Parquet or JSON files, .gz and .zst too; globs.", metavar="FILE…")
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="A column that is called otherwise; may be repeated."),
    ] = None,
    constants: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A value for all rows, e.g. event=play; may be repeated."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Of times that do not say theirs.  [default: UTC]")
    ] = None,
    time_unit: Annotated[
        str | None, typer.Option(metavar="s|ms|us|ns", help="Of epoch times.  [default: judged by their size]")
    ] = None,
    id_type: Annotated[
        list[str] | None,
        typer.Option(metavar="user_id=text", help="int or text, for the first ids of a store; may be repeated."),
    ] = None,
    on_bad_rows: Annotated[
        str, typer.Option(metavar="stop|quarantine", help="Store nothing, or set the bad rows aside.")
    ] = "stop",
    replace_partition: Annotated[
        str | None, typer.Option(metavar="DAY", help="Replace what is there of this day (UTC).")
    ] = None,
    expect_rows: Annotated[
        str | None, typer.Option(metavar="N|N..M", help="Gate: exit with code 6 with fewer (or more) rows.")
    ] = None,
    fresh: Annotated[
        str | None, typer.Option(metavar="36h", help="Gate: exit with code 6 when the newest row is older.")
    ] = None,
    max_bad: Annotated[
        float | None, typer.Option(metavar="SHARE|N", help="Gate: exit with code 6 with more bad rows.")
    ] = None,
    format: Annotated[  # noqa: A002 - the word that users type
        str | None, typer.Option(metavar="csv|parquet|json", help="If the names of the files do not say.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHARACTER", help="Of CSV files.  [default: judged by the header]")
    ] = None,
) -> None:
    """Read files into a table of the store.

    The same rows, as --map and --set make them of a file, are stored once, however often they are ingested; with an
    event_id the same event. With other values of --set, a file holds other rows. A file that fails leaves nothing of
    itself behind. Columns that recsys does not know are kept.
    """
    session: Session = ctx.obj
    from recsys.cli.words import pairs

    result = session.open_store().ingest(
        table,
        files,
        map=pairs("--map", mapping),
        set=pairs("--set", constants),
        timezone=timezone,
        time_unit=time_unit,
        id_types=pairs("--id-type", id_type),
        on_bad_rows=on_bad_rows,
        replace_partition=replace_partition,
        expect_rows=expect_rows,
        fresh=fresh,
        max_bad=max_bad,
        format=format,
        delimiter=delimiter,
        progress=session.progress,
    )
    for warning in result.warnings:
        session.warn(warning)
    session.emit("ingest", result, "")
    session.note(session.spelled(summary(result)))


def summary(result: IngestResult) -> str:
    """Return what an ingest did, for people."""
    from recsys.display import counted

    parts = [f"{counted(result.rows_ingested, 'row')} stored"]
    if result.rows_duplicate:
        parts.append(f"{result.rows_duplicate:,} were there already")
    if result.rows_bad:
        parts.append(f"{result.rows_bad:,} in quarantine (recsys quarantine)")
    rate = f" in {result.seconds:.1f} s" if result.seconds >= 0.1 else ""
    numbers = f" (ingest {', '.join(map(str, result.ingest_ids))})" if result.ingest_ids else ""
    lines = [f"{result.table}: {', '.join(parts)}{rate}{numbers}", *(f"  {note}" for note in result.notes)]
    return "\n".join(lines)
