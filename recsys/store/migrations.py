"""Bringing an older store to this version's tables: forward only, in one transaction, after a backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.core.errors import DataError, RecsysError
from recsys.store.schema import EXPERIMENTS_SQL, LEDGER_SQL, SCHEMA_VERSION, has_tables, refresh_views
from recsys.store.sql import one_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from recsys.store.broker import Broker

Step = Callable[["DuckDBPyConnection"], None]


def _add_experiments(con: DuckDBPyConnection) -> None:
    con.execute(EXPERIMENTS_SQL)


def _add_ledger(con: DuckDBPyConnection) -> None:
    con.execute(LEDGER_SQL)


def _add_views(con: DuckDBPyConnection) -> None:
    con.execute("ALTER TABLE runs ADD COLUMN view VARCHAR")


# STEPS[n] brings the tables from version n to version n + 1.
STEPS: dict[int, Step] = {1: _add_experiments, 2: _add_ledger, 3: _add_views}


def schema_version(con: DuckDBPyConnection, folder: Path) -> int:
    """Return the version of a store's tables.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the database.
    folder : Path
        The store, for the message.

    Raises
    ------
    DataError
        The database is not a store.
    RecsysError
        The store is newer than this recsys.
    """
    if not has_tables(con):
        raise DataError(f"{folder} is not a store", "its database has no table `meta`", "create one with recsys init")
    version = int(one_row(con, "SELECT schema_version FROM meta")[0])
    if version > SCHEMA_VERSION:
        raise RecsysError(
            f"the store {folder} is newer than this recsys",
            f"its schema version is {version}, and up to {SCHEMA_VERSION} was expected",
            "upgrade it with pip install -U recsys",
        )
    return version


def migrate(
    broker: Broker,
    recsys_version: str,
    steps: dict[int, Step] | None = None,
    target: int = SCHEMA_VERSION,
    *,
    timeout: float | None = None,
) -> Path:
    """Bring a store to `target`, after copying its database beside itself.

    Parameters
    ----------
    broker : Broker
        The store's broker.
    recsys_version : str
        Written into `meta`.
    steps : mapping of int to callable, optional
        ``steps[n]`` brings version n to version n + 1; by default those of this recsys.
    target : int
        The version to reach.
    timeout : float, optional
        Seconds to wait for the lock; see `lock_timeout_seconds`.

    Returns
    -------
    Path
        The backup.
    """
    known = STEPS if steps is None else steps
    with broker.read(timeout) as con:
        before = schema_version(con, broker.database.parent)
    # The broker's own lock keeps other threads out while the file is copied; other processes are kept out by the write
    # lock below.
    with broker.write(timeout) as con:
        if schema_version(con, broker.database.parent) != before:
            raise RecsysError("another process has just migrated the store", "", "try again")
        backup = broker.database.with_name(f"store.v{before}.backup.duckdb")
        shutil.copy2(broker.database, backup)
        for version in range(before, target):
            known[version](con)
        refresh_views(con)
        con.execute("UPDATE meta SET schema_version = ?, recsys_version = ?", [target, recsys_version])
    return backup
