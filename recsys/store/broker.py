"""The connection broker: the one object of a process that opens a store's database.

DuckDB lets one process write to a file or many processes read it, and inside a process a read-only connection and a
read-write connection to the same file exclude each other. So each process has one broker for each database file (by
its real path). It opens the file for a transaction and closes it after the last one: an idle process holds no lock.
Each transaction gets its own cursor, because a connection shared by threads gives wrong rows.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError, DataError, LockedError, RecsysError
from recsys.core.threads import thread_count
from recsys.store.sql import interruptible

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Mode = Literal["read", "write"]
Opened = TypeVar("Opened")
LOCK_TIMEOUT_VARIABLE = "RECSYS_LOCK_TIMEOUT"
DEFAULT_LOCK_TIMEOUT = 10.0
MEMORY_LIMIT = "2GiB"  # beyond it DuckDB spills to its temporary folder; models and matrices need the rest

_brokers: dict[Path, Broker] = {}
_brokers_guard = threading.Lock()


def broker_for(database: Path) -> Broker:
    """Return this process's broker for a database file.

    Parameters
    ----------
    database : Path
        The ``.duckdb`` file; it need not exist yet.
    """
    real = Path(os.path.realpath(database))
    with _brokers_guard:
        return _brokers.setdefault(real, Broker(real))


def lock_timeout_seconds(value: float | None = None) -> float:
    """Return how long to wait for a lock: the argument, else ``RECSYS_LOCK_TIMEOUT``, else 10 seconds.

    Raises
    ------
    ArgumentError
        The value is not a number of seconds of at least 0.

    Examples
    --------
    >>> lock_timeout_seconds(2.5)
    2.5
    """
    if value is not None:
        return finite_float("lock_timeout", value, minimum=0, hint="give it in seconds, e.g. lock_timeout=30")
    text = os.environ.get(LOCK_TIMEOUT_VARIABLE, "")
    if not text:
        return DEFAULT_LOCK_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise ArgumentError(f"{LOCK_TIMEOUT_VARIABLE} is {text!r}", "a number of seconds was expected", "set it to 30")
    return seconds


def connect(database: str, *, read_only: bool = False, temp_directory: Path | None = None) -> DuckDBPyConnection:
    """Open DuckDB as recsys always does: UTC, bounded memory, nothing fetched from the network.

    Parameters
    ----------
    database : str
        A file, or ``":memory:"``.
    read_only : bool
        Open without the right to write.
    temp_directory : Path, optional
        Where to spill; by default DuckDB's own choice beside the file.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": MEMORY_LIMIT,
        "threads": thread_count(),
    }
    if temp_directory is not None:
        config["temp_directory"] = str(temp_directory)
    con = duckdb.connect(database, read_only=read_only, config=config)
    con.execute("SET GLOBAL TimeZone = 'UTC'")  # global: a plain SET would not reach the cursors
    return con


class Broker:
    """Many readers or one writer on one database file, opened for a transaction and closed after it.

    Parameters
    ----------
    database : Path
        The database file, as a real path.
    """

    def __init__(self, database: Path) -> None:
        self.database = database
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._connection: DuckDBPyConnection | None = None
        self._mode: Mode | None = None
        self._transactions = 0
        self._writers_waiting = 0
        self._mine = threading.local()

    @contextmanager
    def read(self, timeout: float | None = None) -> Iterator[DuckDBPyConnection]:
        """Run the block in a read transaction; yields a cursor that only this block may use.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for the lock; see `lock_timeout_seconds`.

        Raises
        ------
        LockedError
            Another process kept the store open for writing until the deadline.
        """
        self._check_process()
        inner: DuckDBPyConnection | None = getattr(self._mine, "cursor", None)
        if inner is not None:  # inside a transaction of this thread: it sees its own writes
            yield inner
            return
        with self._transaction("read", timeout) as cursor:
            yield cursor

    @contextmanager
    def write(self, timeout: float | None = None) -> Iterator[DuckDBPyConnection]:
        """Run the block in a write transaction: all of it is committed, or nothing of it.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for the lock; see `lock_timeout_seconds`.

        Raises
        ------
        LockedError
            Another process or thread kept the store open until the deadline.
        RuntimeError
            This thread is already inside a transaction.
        """
        self._check_process()
        if getattr(self._mine, "cursor", None) is not None:
            raise RuntimeError("a write transaction was opened inside another transaction of the same thread")
        with self._transaction("write", timeout) as cursor:
            yield cursor

    @contextmanager
    def alone(self, timeout: float | None = None) -> Iterator[Callable[[Callable[[], Opened]], Opened]]:
        """Keep every other transaction of this process out while the block runs, without opening the file.

        Yields
        ------
        callable
            Takes an action that opens the file, and repeats it until no other process is in the way.
        """
        self._check_process()
        if getattr(self._mine, "cursor", None) is not None:
            raise RuntimeError("the store was asked for alone inside a transaction of the same thread")
        seconds = lock_timeout_seconds(timeout)
        deadline = time.monotonic() + seconds
        self._reserve("write", seconds, deadline)
        try:
            yield lambda action: self._patiently(action, seconds, deadline)
        finally:
            self._release()

    @contextmanager
    def _transaction(self, mode: Mode, timeout: float | None) -> Iterator[DuckDBPyConnection]:
        cursor = self._enter(mode, lock_timeout_seconds(timeout))
        self._mine.cursor = cursor
        try:
            cursor.execute("BEGIN")
            try:
                with interruptible():
                    yield cursor
                    cursor.execute("COMMIT")
            except BaseException:
                _roll_back(cursor)
                raise
        finally:
            self._mine.cursor = None
            self._leave(cursor)

    def _enter(self, mode: Mode, timeout: float) -> DuckDBPyConnection:
        deadline = time.monotonic() + timeout
        shared = self._reserve(mode, timeout, deadline)
        if shared is not None:
            return shared
        try:
            connection = self._patiently(lambda: self._open(mode), timeout, deadline)
            cursor = connection.cursor()
        except BaseException:
            self._release()
            raise
        with self._changed:
            self._connection = connection
            self._changed.notify_all()
        return cursor

    def _reserve(self, mode: Mode, timeout: float, deadline: float) -> DuckDBPyConnection | None:
        """Wait for this process's other threads; return a cursor of the open connection, or None: now open one."""
        with self._changed:
            self._writers_waiting += mode == "write"
            try:
                while not self._admits(mode):
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise _locked(self.database, timeout, os.getpid(), "this process itself, in another thread")
                    self._changed.wait(left)
                if self._connection is not None:
                    self._transactions += 1
                    return self._connection.cursor()
                self._mode, self._transactions = mode, 1  # nobody else opens while this thread waits for the file
                return None
            finally:
                self._writers_waiting -= mode == "write"
                self._changed.notify_all()

    def _admits(self, mode: Mode) -> bool:
        if self._mode is None:
            return mode == "write" or self._writers_waiting == 0
        return mode == "read" == self._mode and self._connection is not None and self._writers_waiting == 0

    def _release(self) -> None:
        with self._changed:
            self._mode, self._transactions = None, 0
            self._changed.notify_all()

    def _leave(self, cursor: DuckDBPyConnection) -> None:
        with self._changed:
            try:
                cursor.close()
            finally:
                self._transactions -= 1
                if self._transactions == 0:
                    connection, self._connection, self._mode = self._connection, None, None
                    if connection is not None:
                        connection.close()
                self._changed.notify_all()

    def _open(self, mode: Mode) -> DuckDBPyConnection | None:
        """Open the file, or return None when a compaction has put another file in its place meanwhile."""
        before = _inode(self.database)
        connection = connect(str(self.database), read_only=mode == "read")
        if before in (None, _inode(self.database)):
            return connection
        connection.close()
        return None

    def _patiently(self, action: Callable[[], Opened | None], timeout: float, deadline: float) -> Opened:
        """Repeat an action that opens the file until no other process holds it, or the deadline has passed."""
        import duckdb

        pause = 0.005
        while True:
            holder: tuple[int | None, str] = (None, "another process")
            try:
                opened = action()
                if opened is not None:
                    return opened
            except (duckdb.IOException, duckdb.ConnectionException) as error:
                found = _holder(error)
                if found is None:
                    raise _unreadable(self.database, error) from error
                holder = found
            except duckdb.Error as error:
                raise _unreadable(self.database, error) from error
            if time.monotonic() >= deadline:
                raise _locked(self.database, timeout, *holder)
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, 0.1)

    def _check_process(self) -> None:
        if self._pid == os.getpid():
            return
        if self._connection is not None:
            raise RecsysError(
                f"the process was forked while the store {self.database.parent} was open",
                "a child process must open the store by itself",
                'start processes with multiprocessing.get_context("spawn")',
            )
        self._reset()


def _roll_back(cursor: DuckDBPyConnection) -> None:
    import duckdb

    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return  # a fatal error has closed the connection, which rolled back by itself


def _inode(database: Path) -> int | None:
    return database.stat().st_ino if database.exists() else None


def _holder(error: Exception) -> tuple[int | None, str] | None:
    """Return who holds the lock, or None when the error is not about a lock."""
    text = str(error)
    match = re.search(r"held in (.*?) \(PID (\d+)\)", text)
    if match is not None:
        return int(match[2]), Path(match[1]).name
    if "Could not set lock" in text:
        return None, "another process"
    if "different configuration" in text:
        return os.getpid(), "this process itself, in a DuckDB connection that recsys did not open"
    return None


def _locked(database: Path, timeout: float, pid: int | None, who: str) -> LockedError:
    process = f"process {pid} ({who})" if pid is not None else who
    return LockedError(
        f"the store {database.parent} is locked by {process}",
        f"waited {timeout:g} s for it",
        "let that process finish or end it, or wait longer with lock_timeout=60 (--lock-timeout 60)",
    )


def _unreadable(database: Path, error: Exception) -> RecsysError:
    first_line = str(error).strip().splitlines()[0]
    wal = Path(f"{database}.wal")
    if wal.exists() and "WAL" in str(error):
        return DataError(
            f"the write-ahead log {wal} is damaged: {first_line}",
            "a store that was not cut short was expected",
            f"restore a backup, or move {wal.name} aside, which drops the transactions since the last checkpoint",
        )
    return DataError(
        f"{database} cannot be opened: {first_line}",
        "a DuckDB database written by recsys was expected",
        "check the path, the permissions and the disk",
    )
