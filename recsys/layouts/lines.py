"""Delimited text and JSON lines, read in frames of bounded size."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

import polars as pl

from recsys.core.errors import DataError
from recsys.layouts.files import Files

CHUNK_BYTES = 16 << 20
Schema = Mapping[str, type[pl.DataType]]


@dataclass(frozen=True, slots=True)
class Delimited:
    """How a text file is delimited.

    Attributes
    ----------
    separator : str
        Between fields; several characters, such as ``::``, are allowed.
    quoted : bool
        Whether double quotes protect separators.
    """

    separator: str = ","
    quoted: bool = True


def read_delimited(files: Files, name: str, schema: Schema, style: Delimited) -> Iterator[pl.DataFrame]:
    """Yield the frames of a file without a header; `schema` names its columns in order.

    Raises
    ------
    DataError
        When the file is empty, a field does not parse or a number is absent.
    """
    with files.open(name) as stream:
        yield from _delimited_frames(files, name, stream, schema, style)


def read_csv(files: Files, name: str, wanted: Schema, aliases: Mapping[str, str]) -> Iterator[pl.DataFrame]:
    """Yield the frames of a comma-separated file with a header, with the `wanted` columns only.

    Data sets, and files within one, disagree about names (``userId``, ``userid``, ``user_id``), so names are
    compared in lower case without underscores; `aliases` maps such a name to that of a wanted column.

    Raises
    ------
    DataError
        When a wanted column is missing, the file is empty, a field does not parse or a number is absent.
    """
    with files.open(name) as stream:
        header = stream.readline().decode("utf-8-sig", errors="replace").strip()
        columns = [aliases.get(_key(each), _key(each)) for each in header.split(",")]
        missing = [column for column in wanted if column not in columns]
        if missing:
            what = f"{name!r} in {str(files.path)!r} has no column {missing[0]!r}"
            raise DataError(what, f"the columns of this layout were expected, not {header[:120]!r}")
        schema = {f"{place} {column}": wanted.get(column, pl.String) for place, column in enumerate(columns)}
        renamed = [pl.col(f"{columns.index(column)} {column}").alias(column) for column in wanted]
        for frame in _delimited_frames(files, name, stream, schema, Delimited()):
            yield frame.select(renamed)


def read_json_lines(files: Files, name: str, schema: Schema) -> Iterator[pl.DataFrame]:
    """Yield the frames of a file with one JSON object a line: the columns of `schema`, null where absent.

    Raises
    ------
    DataError
        When the file is empty or a line is not an object of this kind.
    """
    with files.open(name) as stream:
        for chunk in _chunks(files, name, stream):
            try:
                yield pl.read_ndjson(io.BytesIO(chunk), schema=dict(schema))
            except pl.exceptions.PolarsError as error:
                raise _malformed(files, name, str(error).splitlines()[0]) from error


def _delimited_frames(
    files: Files, name: str, stream: IO[bytes], schema: Schema, style: Delimited
) -> Iterator[pl.DataFrame]:
    separator = style.separator if len(style.separator) == 1 else "\x1f"
    for chunk in _chunks(files, name, stream):
        text = _utf8(chunk)
        if separator != style.separator:
            text = text.replace(style.separator.encode(), separator.encode())
        quote = '"' if style.quoted else None
        try:
            frame = pl.read_csv(text, has_header=False, schema=dict(schema), separator=separator, quote_char=quote)
        except pl.exceptions.PolarsError as error:
            raise _malformed(files, name, str(error).splitlines()[0]) from error
        _check_numbers(files, name, frame)
        yield frame


def _chunks(files: Files, name: str, stream: IO[bytes]) -> Iterator[bytes]:
    """Cut a stream into chunks that end with a line."""
    rest, seen = b"", False
    while block := stream.read(CHUNK_BYTES):
        block = rest + block
        cut = block.rfind(b"\n") + 1
        rest = block[cut:]
        if cut:
            seen = True
            yield block[:cut]
    if rest.strip():
        seen = True
        yield rest
    if not seen:
        raise DataError(f"{name!r} in {str(files.path)!r} is empty", "rows were expected")


def _utf8(chunk: bytes) -> bytes:
    """Return the chunk in UTF-8; older data sets are in Latin-1."""
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError:
        return chunk.decode("latin-1").encode("utf-8")
    return chunk


def _key(column: str) -> str:
    """Return a column's name in lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", column.lower())


def _check_numbers(files: Files, name: str, frame: pl.DataFrame) -> None:
    """Refuse a row that ends too early: numbers stand in every row of every layout, only text may be absent."""
    numbers = [column for column, dtype in frame.schema.items() if dtype != pl.String]
    bad = frame.filter(pl.any_horizontal(pl.col(numbers).is_null())) if numbers else frame.clear()
    if len(bad):
        raise _malformed(files, name, f"{len(bad)} rows lack a number, such as {bad.row(0)}")


def _malformed(files: Files, name: str, why: str) -> DataError:
    what = f"{name!r} in {str(files.path)!r} is malformed ({why})"
    return DataError(what, "the layout of the data set was expected")
