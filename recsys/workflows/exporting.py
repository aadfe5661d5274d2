"""Lists into a file, chunk by chunk: the file appears whole, with a manifest beside it, or not at all.

Only regular files are ever replaced: a device, a pipe or a folder keeps its name. Rows can go to an open stream
instead, as they come.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import polars as pl

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError
from recsys.core.files import flush, replaceable, writable
from recsys.core.hashing import hash_file

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
STREAM = "-"
MANIFEST_SUFFIX = ".manifest.json"


def format_of(out: Path, wanted: str | None) -> str:
    """Return ``"parquet"``, ``"csv"`` or ``"jsonl"``: what was asked for, else what the name says.

    Raises
    ------
    ArgumentError
        Neither says one of them.

    Examples
    --------
    >>> format_of(Path("recs.csv"), None)
    'csv'
    """
    if wanted is not None:
        return one_of("format", wanted, sorted(set(FORMATS.values())))
    if out.suffix.lower() not in FORMATS:
        raise ArgumentError(
            f"out is {str(out)!r}", f"a name that ends in {', '.join(FORMATS)} was expected", "or say format='parquet'"
        )
    return FORMATS[out.suffix.lower()]


class StreamWriter:
    """Writes frames of one schema to an open stream, each at once; there is no manifest.

    Parameters
    ----------
    stream : binary file
        Where the rows go; it is flushed and left open.
    kind : {"csv", "jsonl"}
        The format.

    Raises
    ------
    ArgumentError
        The format is Parquet, which cannot be read before it is whole.
    """

    name, manifest = STREAM, None

    def __init__(self, stream: IO[bytes], kind: str) -> None:
        self.kind = one_of("format", kind, ("csv", "jsonl"))
        self.rows = 0
        self._stream = stream
        self._hash = hashlib.sha256()
        self._first = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def write(self, frame: pl.DataFrame) -> None:
        """Add the rows of a frame."""
        part = io.BytesIO()
        _append(part, frame, self.kind, first=self._first)
        self._stream.write(part.getbuffer())
        self._hash.update(part.getbuffer())
        self._first = False
        self.rows += len(frame)

    def publish(self, manifest: Callable[[str], Mapping[str, Any]]) -> str:
        """Flush; return the SHA-256 of all bytes."""
        self._stream.flush()
        return self._hash.hexdigest()


class ListWriter:
    """Writes frames of one schema to a file, in bounded memory. Use it in a ``with`` block and call `publish` last.

    Parameters
    ----------
    out : Path
        Where the file shall appear.
    kind : {"parquet", "csv", "jsonl"}
        Its format.
    tag : str
        Part of the temporary names, so that jobs do not meet.

    Raises
    ------
    NotFoundError
        There is no such folder.
    ArgumentError
        The file or its manifest would take the place of something that is not a regular file.
    """

    def __init__(self, out: Path, kind: str, tag: str) -> None:
        out = writable(out)
        self.out, self.kind, self.manifest = out, kind, replaceable(manifest_path(out))
        self.name = str(out.resolve())
        self.rows = 0
        self._draft = out.with_name(f".{out.name}.{tag}.part")
        self._manifest_draft = self.manifest.with_name(f".{self.manifest.name}.{tag}.part")
        self._parts = out.with_name(f".{out.name}.{tag}.parts")
        self._chunks = 0

    def __enter__(self) -> Self:
        if self.kind == "parquet":
            self._parts.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for draft in (self._draft, self._manifest_draft):
            draft.unlink(missing_ok=True)
        shutil.rmtree(self._parts, ignore_errors=True)

    def write(self, frame: pl.DataFrame) -> None:
        """Add the rows of a frame."""
        if self.kind == "parquet":
            # polars cannot append to a Parquet file: chunks are files of their own until `publish` joins them
            frame.write_parquet(self._parts / f"{self._chunks:06}.parquet")
        else:
            with self._draft.open("ab") as handle:
                _append(handle, frame, self.kind, first=self._chunks == 0)
        self._chunks += 1
        self.rows += len(frame)

    def publish(self, manifest: Callable[[str], Mapping[str, Any]]) -> str:
        """Let the file and its manifest appear under their names, in place of older ones; return the file's SHA-256.

        Parameters
        ----------
        manifest : callable
            Takes the SHA-256, returns what the manifest shall say.
        """
        if self.kind == "parquet":
            pl.scan_parquet(self._parts / "*.parquet").sink_parquet(self._draft, maintain_order=True)
        flush(self._draft)
        checksum = hash_file(self._draft)
        draft = self._manifest_draft
        draft.write_text(json.dumps(manifest(checksum), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        flush(draft)
        self._draft.replace(self.out)
        draft.replace(self.manifest)
        flush(self.out.parent)
        return checksum


def manifest_path(out: Path) -> Path:
    """Return where the manifest of a file stands.

    Examples
    --------
    >>> manifest_path(Path("recs.parquet")).name
    'recs.parquet.manifest.json'
    """
    return out.with_name(out.name + MANIFEST_SUFFIX)


def _append(handle: IO[bytes], frame: pl.DataFrame, kind: str, *, first: bool) -> None:
    if kind == "csv":
        frame.write_csv(handle, include_header=first)
    else:
        frame.write_ndjson(handle)
