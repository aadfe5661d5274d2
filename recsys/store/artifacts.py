"""Fitted models on disk: ``artifacts/<sha256>/``, written before their run, swept when no run names them."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recsys.core.errors import DataError, NotFoundError
from recsys.core.hashing import hash_file
from recsys.core.logs import logger
from recsys.core.times import parse_duration

if TYPE_CHECKING:
    from datetime import timedelta

    from recsys.models import Recommender
    from recsys.store.store import Store

MANIFEST = "manifest.json"
_DRAFT = ".draft-"


class Orphan(NamedTuple):
    """A folder in ``artifacts/`` that no run names: what is left of a job that was killed before its row was written.

    Attributes
    ----------
    path : Path
        The folder.
    size : int
        Bytes.
    age_s : float
        Seconds since it was last written.
    """

    path: Path
    size: int
    age_s: float


def save_artifact(folder: Path, model: Recommender) -> str:
    """Write a fitted model and return its name, the SHA-256 of its manifest, which names the checksum of every file.

    The model is written under a draft name, flushed to the disk and renamed, so a folder with a final name is whole.

    Parameters
    ----------
    folder : Path
        The store's ``artifacts`` folder.
    model : Recommender
        A fitted model.
    """
    draft = folder / f"{_DRAFT}{uuid.uuid4().hex}"
    try:
        model.save(draft)
        name = hash_file(draft / MANIFEST)
        final = folder / name
        if final.exists():
            os.utime(final)  # young again: no sweep takes it before its new row is written
        else:
            _rename(draft, final)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return name


def load_artifact(folder: Path, name: str) -> Recommender:
    """Return the fitted model with this name.

    Raises
    ------
    NotFoundError
        There is no such artefact.
    DataError
        Its files are not those that were written.
    """
    from recsys.models import load_model

    path = folder / name
    if not path.is_dir():
        raise NotFoundError(
            f"the artefact {name[:12]} is not in {folder}", "the model of a run was expected", "train the run again"
        )
    if hash_file(path / MANIFEST) != name:
        raise DataError(
            f"the manifest of artefact {name[:12]} was changed",
            "the bytes that were saved were expected",
            "train again",
        )
    return load_model(path)


def find_orphans(store: Store, older_than: str | timedelta = "1h") -> list[Orphan]:
    """Return the artefacts that no run names, if they are old enough not to belong to a job that is still running.

    Parameters
    ----------
    store : Store
        The store.
    older_than : str or timedelta
        The least age, e.g. ``"1h"``.
    """
    # The folder is listed before the rows are read: a row that was written in between saves its artefact.
    present = [path for path in store.artifacts.iterdir() if path.is_dir()] if store.artifacts.is_dir() else []
    with store.read() as con:
        rows = con.execute("SELECT DISTINCT artifact FROM runs WHERE artifact IS NOT NULL").fetchall()
    named = {name for (name,) in rows}
    least, now = parse_duration("older_than", older_than).total_seconds(), time.time()
    orphans = []
    for path in sorted(present):
        if path.name in named:
            continue
        try:
            age = now - path.stat().st_mtime
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        except FileNotFoundError:
            continue  # a draft that was renamed a moment ago
        if age >= least:
            orphans.append(Orphan(path, size, age))
    return orphans


def sweep_orphans(store: Store, older_than: str | timedelta = "1h") -> list[Orphan]:
    """Delete what `find_orphans` finds, and return it."""
    orphans = find_orphans(store, older_than)
    for orphan in orphans:
        shutil.rmtree(orphan.path, ignore_errors=True)
        logger.info("deleted the orphan artefact %s (%d bytes)", orphan.path.name, orphan.size)
    return orphans


def _rename(draft: Path, final: Path) -> None:
    try:
        draft.rename(final)
    except OSError:
        if not final.is_dir():  # else another process wrote the same model a moment ago
            raise
        return
    handle = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
