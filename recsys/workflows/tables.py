"""Tables in files: CSV, Parquet, JSON lines."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recsys.core.errors import DataError, NotFoundError

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")


def read_table(place: Path, *, as_text: bool = False) -> pl.DataFrame:
    """Return a CSV, Parquet or JSON lines file.

    Parameters
    ----------
    place : Path
        The file.
    as_text : bool
        Leave text as it stands, for what reads times and ids by its own rules: all columns of a CSV. Otherwise columns
        are typed by what is in them, and times are UTC without zone.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It cannot be read as what its name says.
    """
    if not place.is_file():
        raise NotFoundError(f"{place} is not a file", "a file was expected")
    try:
        if place.suffix == ".parquet":
            return pl.read_parquet(place)
        if place.suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(place) if as_text else _with_times(pl.read_ndjson(place))
        separator = "\t" if place.suffix == ".tsv" else ","
        if as_text:
            return pl.read_csv(place, separator=separator, infer_schema=False)
        frame = pl.read_csv(place, separator=separator, infer_schema_length=None, try_parse_dates=True)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{place} cannot be read: {why}", hint=_delimiter_hint(place)) from None
    zoned = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_zone]
    return frame.with_columns(pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None) for name in zoned)


def _with_times(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with its ``ts`` as times: JSON has none of its own, and writes them as ISO 8601."""
    if frame.schema.get("ts") != pl.String:
        return frame
    return frame.with_columns(pl.col("ts").str.to_datetime(time_unit="us", time_zone="UTC").dt.replace_time_zone(None))


def _delimiter_hint(place: Path) -> str:
    """Return the advice for a CSV whose header is divided by something else than its name says."""
    if place.suffix not in (".csv", ".tsv"):
        return ""
    with place.open("rb") as file:
        header = file.readline(65536)
    said = b"\t" if place.suffix == ".tsv" else b","
    other = next((mark for mark in (b";", b"\t", b"|") if mark != said and mark in header), None)
    if other is None or said in header:
        return ""
    return f"its columns are divided by {other.decode()!r}: write them with {said.decode()!r}"
