"""What an ingest reads: files named by paths, globs and lists, or frames."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.store.frames import is_frame, to_polars

Format = Literal["parquet", "csv", "json"]
_FORMATS: dict[str, Format] = {
    **dict.fromkeys((".parquet", ".pq", ".parq"), "parquet"),
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".dat", ".data"), "csv"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
}
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Source:
    """One file or frame.

    Attributes
    ----------
    label : str
        What it is called in messages and in the log of ingests.
    format : str
        ``"parquet"``, ``"csv"``, ``"json"`` or ``"frame"``.
    path : str
        The file; empty for a frame.
    frame : polars.DataFrame or None
        The frame.
    """

    label: str
    format: str
    path: str = ""
    frame: pl.DataFrame | None = None


def find_sources(source: Any, format: str | None = None) -> tuple[Source, ...]:  # noqa: A002 - the public word
    """Return the files or the frame that `source` names.

    Parameters
    ----------
    source : str, path, frame, or an iterable of them
        A path may be a glob such as ``"events/*.parquet"``; its files come in the order of their names.
    format : str, optional
        ``"parquet"``, ``"csv"`` or ``"json"``, when the names do not say.

    Raises
    ------
    NotFoundError
        A file does not exist or a glob matches nothing.
    ArgumentError
        The format of a file is unknown.

    Examples
    --------
    >>> find_sources(pl.DataFrame({"user_id": [1]}))[0].label
    'frame'
    """
    if format is not None:
        one_of("format", format, sorted(set(_FORMATS.values())))
    if isinstance(source, Source):
        return (source,)
    if is_frame(source):
        return (Source("frame", "frame", frame=to_polars(source)),)
    if isinstance(source, (str, os.PathLike)):
        return tuple(Source(path, format or _format_of(path), path) for path in _expand(os.fspath(source)))
    if isinstance(source, Iterable) and not isinstance(source, (bytes, dict)):
        found = tuple(entry for part in source for entry in find_sources(part, format))
        if not found:
            raise ArgumentError("no source was given", "at least one file or frame was expected")
        return found
    raise ArgumentError(
        f"source is a {type(source).__name__}", "a path, a glob, a list of paths or a frame was expected"
    )


def _expand(path: str) -> list[str]:
    if Path(path).is_file():
        return [path]
    if Path(path).is_dir():
        raise ArgumentError(
            f"{path} is a folder", "files were expected", f"name them with a glob such as {path}/*.parquet"
        )
    if glob.has_magic(path):
        # pathlib cannot expand a pattern that is absolute or relative alike.
        found = sorted(match for match in glob.glob(path, recursive=True) if Path(match).is_file())  # noqa: PTH207
        if found:
            return found
        raise NotFoundError(f"no file matches {path}")
    siblings = [entry.name for entry in Path(path).parent.iterdir()] if Path(path).parent.is_dir() else []
    raise NotFoundError(f"there is no file {path}", "", did_you_mean(Path(path).name, siblings))


def _format_of(path: str) -> Format:
    suffixes = [suffix.lower() for suffix in Path(path).suffixes if suffix.lower() not in _COMPRESSED]
    known = _FORMATS.get(suffixes[-1]) if suffixes else None
    if known is None:
        raise ArgumentError(
            f"the format of {path} is unknown",
            "a name that ends in .csv, .tsv, .parquet, .json or .jsonl (with .gz or .zst) was expected",
            'say format="csv" (--format csv)',
        )
    return known
