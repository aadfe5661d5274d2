"""Interleaved lists back from the file that holds them, and ids of a text file in the type of those they meet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from recsys.core.errors import DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.core.hashing import hash_file
from recsys.workflows.exporting import format_of, manifest_path

_IDS = ("user_id", "item_id")
_NUMBERS = {"rank": pl.Int32, "rank_a": pl.Int32, "rank_b": pl.Int32, "chance_a": pl.Float64, "chance_b": pl.Float64}


def read_lists(path: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return lists from a file, and what its manifest says of them; without one, the name of the file.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It cannot be read, or is not the file that its manifest describes.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", "the lists that interleave wrote were expected")
    kind = format_of(path, None)
    try:
        if kind == "parquet":
            frame = pl.read_parquet(path)
        elif kind == "jsonl":
            frame = pl.read_ndjson(path, infer_schema_length=None)
        else:
            frame = pl.read_csv(path, infer_schema=False)
            types = {name: kind for name, kind in _NUMBERS.items() if name in frame.columns}
            frame = frame.with_columns(pl.col(name).cast(kind) for name, kind in types.items())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    beside = manifest_path(path)
    if not beside.is_file():
        return frame, {"file": str(path)}
    told: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
    if told.get("sha256") != hash_file(path):
        raise DataError(
            f"{path} is not the file that {beside.name} describes",
            "the bytes that interleave wrote were expected",
            "write the lists again, or move the manifest away",
        )
    return frame, told


def ids_alike(frame: object, other: object, *, numbers: Sequence[str] = ()) -> pl.DataFrame:
    """Return a frame whose user and item ids have the types of another's, where their texts say the same.

    A file of text says ``42`` for the number and for the text; an id that is no whole number stays what it is, so that
    a mixture is told of later. Columns named by `numbers` that are text become numbers, null where they are none.

    Examples
    --------
    >>> ids_alike({"user_id": ["42"], "item_id": ["7"]}, {"user_id": [1], "item_id": ["x"]}).row(0)
    (42, '7')
    """
    found = frame.to_polars() if hasattr(frame, "to_polars") else as_polars(frame, "frame")
    like = other.to_polars() if hasattr(other, "to_polars") else as_polars(other, "frame")
    for name in _IDS:
        if name not in found.columns or name not in like.columns:
            continue
        if found[name].dtype == pl.String and like[name].dtype.is_integer():
            whole = found[name].cast(pl.Int64, strict=False)
            if whole.cast(pl.String).equals(found[name]):
                found = found.with_columns(whole)
        elif found[name].dtype.is_integer() and like[name].dtype == pl.String:
            found = found.with_columns(pl.col(name).cast(pl.String))
    texts = [name for name in numbers if name in found.columns and found[name].dtype == pl.String]
    return found.with_columns(pl.col(texts).cast(pl.Float64, strict=False))
