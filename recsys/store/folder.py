"""A store's folder on the disk: opened, created, migrated; the short transactions in which all else happens."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from recsys._version import __version__
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.store import migrations, schema
from recsys.store.broker import broker_for, lock_timeout_seconds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DATABASE = "store.duckdb"
ARTIFACTS = "artifacts"


class StoreFolder:
    """What the parts of `Store` stand on; see there for the parameters."""

    def __init__(
        self, path: str | PathLike[str], *, create: bool | None = None, lock_timeout: float | None = None
    ) -> None:
        self.path = Path(path)
        self.database = self.path / DATABASE
        self.artifacts = self.path / ARTIFACTS
        self.lock_timeout = lock_timeout_seconds(lock_timeout)
        exists = _store_exists(self.path, create)
        self._broker = broker_for(self.database)
        if not exists:
            self.artifacts.mkdir(parents=True, exist_ok=True)
            with self.write() as con:
                if not schema.has_tables(con):  # else another process created it a moment ago
                    schema.create_tables(con, __version__, uuid.uuid4().hex)
        with self.read() as con:
            version = migrations.schema_version(con, self.path)
        if version < schema.SCHEMA_VERSION:
            migrations.migrate(self._broker, __version__, timeout=self.lock_timeout)

    def read(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Return a context that yields a cursor in a short read transaction."""
        return self._broker.read(self.lock_timeout)

    def write(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Return a context that yields a cursor in a short write transaction: all of it is committed, or nothing."""
        return self._broker.write(self.lock_timeout)


def _store_exists(path: Path, create: bool | None) -> bool:
    if (path / DATABASE).is_file():
        if create:
            raise ArgumentError(
                f"{path} is a store already", "an absent or empty folder was expected", "open it as it is"
            )
        return True
    if create is False:
        raise NotFoundError(f"there is no store at {path}", "", f"create one with recsys init {path}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ArgumentError(
            f"{path} is not a store", "a store, or an absent or empty folder, was expected", "choose another folder"
        )
    return False
