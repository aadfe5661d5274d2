"""Loading a public data set into the store: parse all of it first, then ingest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.layouts import Frames, detect_layout, load_layout
from recsys.store.sources import Source

if TYPE_CHECKING:
    from recsys.store import Store
    from recsys.store.ingest import IngestResult


class Loaded(NamedTuple):
    """What `load_dataset` did.

    Attributes
    ----------
    name : str
        The data set.
    tables : dict of str to IngestResult
        What each ingest did.
    """

    name: str
    tables: dict[str, IngestResult]


def load_dataset(store: Store, name: str, path: Path, *, progress: ProgressCallback = silent) -> Loaded:
    """Ingest a public data set as it was downloaded.

    All of it is parsed, in bounded memory, before the first row is stored: a damaged download leaves nothing behind.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        A name of `recsys.layouts.known_layouts`, or ``"auto"``.
    path : Path
        The archive, folder or file.
    progress : callable
        Told of every table.

    Raises
    ------
    NotFoundError
        The name is not known, or there is no such path.
    DataError
        The data set cannot be told or is damaged.
    """
    known = detect_layout(path) if name == "auto" else name
    tables = load_layout(known, path)
    with tempfile.TemporaryDirectory(prefix="recsys-load-", dir=store.path.parent) as folder:
        parts = {table: _write(frames, Path(folder) / table, table, progress) for table, frames in tables.items()}
        done = {
            table: store.ingest(table, _sources(path, table, files), timezone="UTC", progress=progress)
            for table, files in parts.items()
        }
    return Loaded(known, done)


def _sources(path: Path, table: str, files: list[Path]) -> list[Source]:
    """Return the parts under the name of what the user has: the log of ingests outlives the parts."""
    parts = len(files)
    names = (f"{path} ({table}{f', part {place} of {parts}' if parts > 1 else ''})" for place in range(1, parts + 1))
    return [Source(name, "parquet", str(file)) for name, file in zip(names, files, strict=True)]


def _write(frames: Frames, folder: Path, table: str, progress: ProgressCallback) -> list[Path]:
    folder.mkdir()
    files, rows = [], 0
    for number, frame in enumerate(frames):
        files.append(folder / f"{number:05d}.parquet")
        frame.write_parquet(files[-1], compression="lz4")
        rows += len(frame)
        progress(Progress(f"read {table}", rows, unit="rows"))
    return files
