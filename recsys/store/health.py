"""What `doctor` asks about a store folder: its size, its models, and what a killed process left behind."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.core.times import parse_duration
from recsys.store import migrations
from recsys.store.artifacts import Damage, inspect_artifacts
from recsys.store.forget import BACKUPS
from recsys.store.sql import one_row
from recsys.store.staging import STAGING_PREFIX

if TYPE_CHECKING:
    from recsys.store.folder import StoreFolder


@dataclass(frozen=True)
class StoreHealth:
    """The state of a store folder.

    Attributes
    ----------
    store_id : str
        Its identity, given at creation.
    schema_version : int
        The version of its tables.
    written_by : str
        The recsys that created or migrated it.
    database_bytes, wal_bytes : int
        The size of the database and of its write-ahead log; a log that stays means that a writer was killed, and the
        next transaction takes it in.
    leftovers : tuple of str
        Temporary folders and files of processes that were killed.
    backups : tuple of str
        Copies that migrations made.
    models : int
        Fitted models that runs name.
    damaged : tuple of Damage
        Those of them that are missing or not as they were saved.
    unread_bytes : int
        Bytes of models whose checksums were not verified, because reading them takes long.
    artifacts_there : bool
        Whether the folder of fitted models is there.
    """

    store_id: str
    schema_version: int
    written_by: str
    database_bytes: int
    wal_bytes: int
    leftovers: tuple[str, ...]
    backups: tuple[str, ...]
    models: int
    damaged: tuple[Damage, ...]
    unread_bytes: int
    artifacts_there: bool

    @property
    def problems(self) -> tuple[tuple[str, str], ...]:
        """What is wrong, each with what to do about it; empty when all is well."""
        if not self.artifacts_there and self.models:
            return (("the folder artifacts/ is missing", "restore it from a backup, or train the runs again"),)
        if not self.artifacts_there:
            return (("the folder artifacts/ is missing", "no run needs it yet: make an empty one"),)
        return tuple(
            (f"the model of run {', '.join(each.runs)} ({each.artifact[:12]}): {each.what}", "train the run again")
            for each in self.damaged
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        damaged = [{**each._asdict(), "runs": list(each.runs)} for each in self.damaged]
        problems = [{"what": what, "hint": hint} for what, hint in self.problems]
        return plain | {"damaged": damaged, "problems": problems}


def store_health(store: StoreFolder, *, full: bool = False) -> StoreHealth:
    """Look at a store: its database opens, its tables are of a known version, its models are whole, nothing is left.

    Parameters
    ----------
    store : Store
        The store.
    full : bool
        Verify the checksums of all models, however big; by default of up to 2 GB.
    """
    wal = Path(f"{store.database}.wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    with store.read() as con:
        version = migrations.schema_version(con, store.path)
        store_id, written_by = one_row(con, "SELECT store_id, recsys_version FROM meta")
    models = inspect_artifacts(store, full=full)
    return StoreHealth(
        store_id=store_id,
        schema_version=version,
        written_by=written_by,
        database_bytes=store.database.stat().st_size,
        wal_bytes=wal_bytes,
        leftovers=tuple(str(path) for path in find_leftovers(store)),
        backups=tuple(str(path) for path in sorted(store.path.glob(BACKUPS))),
        models=models.models,
        damaged=models.damaged,
        unread_bytes=models.unread,
        artifacts_there=store.artifacts.is_dir(),
    )


def find_leftovers(store: StoreFolder, older_than: str | timedelta = "1h") -> list[Path]:
    """Return temporary folders and files in the store that nobody has touched for a while.

    Parameters
    ----------
    store : Store
        The store.
    older_than : str or timedelta
        The least age: a younger one may belong to an ingest that is still running.
    """
    oldest = time.time() - parse_duration("older_than", older_than).total_seconds()
    candidates = [*store.path.glob(f"{STAGING_PREFIX}*"), *store.path.glob("store.compact.duckdb*")]
    return sorted(path for path in candidates if _last_touched(path) < oldest)


def sweep_leftovers(store: StoreFolder, older_than: str | timedelta = "1h") -> list[Path]:
    """Delete what `find_leftovers` finds, and return it."""
    found = find_leftovers(store, older_than)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return found


def _last_touched(path: Path) -> float:
    times = [entry.stat().st_mtime for entry in (path, *path.rglob("*")) if entry.exists()]
    return max(times, default=time.time())
