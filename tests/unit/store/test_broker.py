from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from recsys.core.errors import ArgumentError, DataError, LockedError, RecsysError
from recsys.store.broker import Broker, broker_for, lock_timeout_seconds


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    found = broker_for(tmp_path / "b.duckdb")
    with found.write() as con:
        con.execute("CREATE TABLE t (a INTEGER)")
    return found


def count(broker: Broker) -> int:
    with broker.read() as con:
        return len(con.execute("FROM t").fetchall())


def test_one_broker_for_one_real_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    assert broker_for(tmp_path / "a.duckdb") is broker_for(tmp_path / "link" / "a.duckdb")


def test_a_transaction_is_all_or_nothing(broker: Broker) -> None:
    def fail() -> None:
        with broker.write() as con:
            con.execute("INSERT INTO t VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert count(broker) == 0
    with broker.write() as con:
        con.execute("INSERT INTO t VALUES (1)")
    assert count(broker) == 1


def test_an_idle_process_holds_no_lock(broker: Broker) -> None:
    count(broker)
    code = f"import duckdb; c = duckdb.connect({str(broker.database)!r}); c.execute('INSERT INTO t VALUES (5)')"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert count(broker) == 1


def test_readers_share_and_a_writer_waits_for_them(broker: Broker) -> None:
    order: list[str] = []
    inside = threading.Barrier(3, timeout=5)

    def read() -> None:
        with broker.read() as con:
            inside.wait()
            con.execute("FROM t").fetchall()
            time.sleep(0.05)
            order.append("read")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    inside.wait()
    with broker.write() as con:
        con.execute("INSERT INTO t VALUES (1)")
        order.append("write")
    for reader in readers:
        reader.join()
    assert order == ["read", "read", "write"]


def test_many_threads_lose_no_write_and_read_no_half(broker: Broker) -> None:
    odd: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            if number % 2:
                with broker.write() as con:
                    con.execute("INSERT INTO t VALUES (1)")
                    con.execute("INSERT INTO t VALUES (2)")
            elif count(broker) % 2:
                odd.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(broker) == 30
    assert not odd


def test_a_nested_read_sees_the_writes_of_its_transaction(broker: Broker) -> None:
    with broker.write() as con:
        con.execute("INSERT INTO t VALUES (1)")
        assert count(broker) == 1
        with pytest.raises(RuntimeError, match="inside another transaction"), broker.write():
            pass
    with broker.read(), pytest.raises(RuntimeError), broker.alone():
        pass


def test_a_write_lock_of_another_thread_gives_up_at_the_deadline(broker: Broker) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with broker.write():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(5)
    with pytest.raises(LockedError, match=f"{os.getpid()}.*another thread"), broker.read(timeout=0.05):
        pass
    leave.set()
    thread.join()
    assert count(broker) == 0


def test_a_lock_of_this_process_outside_the_broker_is_told(broker: Broker) -> None:
    foreign = duckdb.connect(str(broker.database))
    try:
        with pytest.raises(LockedError, match="did not open"), broker.read(timeout=0.05):
            pass
    finally:
        foreign.close()


def test_a_forked_child_may_not_use_an_open_store(broker: Broker) -> None:
    fork = multiprocessing.get_context("fork")
    answer = fork.SimpleQueue()

    def child() -> None:
        try:
            count(broker)
            answer.put("read")
        except RecsysError as error:
            answer.put(str(error))

    with broker.read():
        process = fork.Process(target=child)
        process.start()
        process.join()
    assert "forked while the store" in answer.get()
    process = fork.Process(target=child)
    process.start()
    process.join()
    assert answer.get() == "read"


def test_utc_and_no_network(broker: Broker) -> None:
    with broker.read() as con:
        settings = "'TimeZone', 'autoinstall_known_extensions', 'autoload_known_extensions'"
        rows = con.execute(
            f"SELECT name, value FROM duckdb_settings() WHERE name IN ({settings}) ORDER BY name"
        ).fetchall()
    assert [value for _, value in rows] == ["UTC", "false", "false"]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "no.duckdb").write_bytes(b"hello " * 5000)
    with pytest.raises(DataError, match="cannot be opened"), broker_for(tmp_path / "no.duckdb").read():
        pass


def test_a_damaged_log_is_never_deleted(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    code = (
        f"import duckdb, os; c = duckdb.connect({str(database)!r}); c.execute('CREATE TABLE t AS FROM range(1000)');"
        "c.execute('CHECKPOINT'); c.execute('INSERT INTO t FROM range(1000)'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    wal = Path(f"{database}.wal")
    damaged = bytearray(wal.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    wal.write_bytes(damaged)
    with pytest.raises(DataError, match="write-ahead log"), broker_for(database).write():
        pass
    assert wal.read_bytes() == damaged


def test_lock_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lock_timeout_seconds() == 10
    monkeypatch.setenv("RECSYS_LOCK_TIMEOUT", "2.5")
    assert lock_timeout_seconds() == 2.5
    assert lock_timeout_seconds(0) == 0
    monkeypatch.setenv("RECSYS_LOCK_TIMEOUT", "soon")
    with pytest.raises(ArgumentError, match="RECSYS_LOCK_TIMEOUT is 'soon'"):
        lock_timeout_seconds()
    with pytest.raises(ArgumentError):
        lock_timeout_seconds(-1)
