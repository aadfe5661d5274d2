"""Fitted models on disk: ``artifacts/<sha256>/``, written before their run, swept when no run names them."""

from __future__ import annotations

import json
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
    from recsys.store.folder import StoreFolder

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


def find_orphans(store: StoreFolder, older_than: str | timedelta = "1h") -> list[Orphan]:
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


class Damage(NamedTuple):
    """A fitted model that a run names and that is not as it was saved.

    Attributes
    ----------
    artifact : str
        Its name.
    what : str
        What is wrong.
    runs : tuple of str
        The runs that cannot be used without it.
    """

    artifact: str
    what: str
    runs: tuple[str, ...]


class Inspection(NamedTuple):
    """What a look at the fitted models that runs name has found.

    Attributes
    ----------
    models : int
        How many there are.
    damaged : tuple of Damage
        Those that are missing or not whole.
    unread : int
        Bytes of arrays that were not read; of them only that the files are there is known.
    """

    models: int
    damaged: tuple[Damage, ...]
    unread: int


READ_AT_MOST = 2 * 10**9  # bytes, about two seconds of SHA-256


def inspect_artifacts(store: StoreFolder, *, full: bool = False) -> Inspection:
    """Check the fitted models that runs name: there, with all their files, and with the bytes that were saved.

    Parameters
    ----------
    store : Store
        The store.
    full : bool
        Read every file. By default arrays are read up to 2 GB in all, the smallest models first.
    """
    with store.read() as con:
        rows = con.execute(
            "SELECT artifact, list(run_id ORDER BY run_id) FROM runs WHERE artifact IS NOT NULL GROUP BY artifact"
        ).fetchall()
    sizes = {name: _size(store.artifacts / name) for name, _ in rows}
    damaged, unread, left = [], 0, READ_AT_MOST
    for name, runs in sorted(rows, key=lambda row: (sizes[row[0]], row[0])):
        read = full or sizes[name] <= left
        left -= sizes[name] if read else 0
        unread += 0 if read else sizes[name]
        what = _damage(store.artifacts / name, read=read)
        if what:
            damaged.append(Damage(name, what, tuple(runs)))
    return Inspection(len(rows), tuple(damaged), unread)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _damage(folder: Path, *, read: bool) -> str:
    """Return what is wrong with a model's folder, or an empty text; its name is the checksum of its manifest."""
    if not folder.is_dir():
        return "it is missing"
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return f"{MANIFEST} is missing"
    if hash_file(manifest) != folder.name:
        return f"{MANIFEST} was changed"
    named: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    for name, checksum in named.items():
        if not (folder / name).is_file():
            return f"{name} is missing"
        if read and hash_file(folder / name) != checksum:
            return f"{name} has other bytes than were saved"
    return ""


def sweep_orphans(store: StoreFolder, older_than: str | timedelta = "1h") -> list[Orphan]:
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
