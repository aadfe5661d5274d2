"""Several processes on one store: locks, kills, silence."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from recsys.core.errors import LockedError
from recsys.store import Store


def python(code: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]  # passed through
    )


@contextmanager
def holding(store: Store, mode: str) -> Iterator[int]:
    """Another process inside a transaction; yields its PID."""
    code = f"""
        import sys
        from recsys.store import Store
        with Store({str(store.path)!r}).{mode}() as con:
            con.execute("FROM meta").fetchall()
            print("in", flush=True)
            sys.stdin.readline()
    """
    other = python(code, stdin=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == "in\n"
    try:
        yield other.pid
    finally:
        _, errors = other.communicate("\n", timeout=20)
        assert errors == ""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "shop", lock_timeout=0.2)


def test_a_writer_is_named_by_its_pid(store: Store) -> None:
    with holding(store, "write") as pid:
        with pytest.raises(LockedError, match=rf"locked by process {pid} .*Waited 0.2 s.*--lock-timeout") as caught:
            store.describe()
        assert caught.value.exit_code == 4
    assert store.describe().rows == 0


def test_readers_of_two_processes_share_and_shut_a_writer_out(store: Store) -> None:
    with holding(store, "read") as pid:
        assert store.describe().rows == 0
        with pytest.raises(LockedError, match=str(pid)):
            store.ingest("events", pl.DataFrame({"user_id": [1], "item_id": [1]}))
    assert [path.name for path in store.path.glob("staging-*")] == []


def test_a_short_lock_is_waited_for(store: Store) -> None:
    patient = Store(store.path, lock_timeout=20)
    with holding(store, "write"):
        waiting = python(f"from recsys.store import Store; print(Store({str(store.path)!r}).describe().rows)")
        time.sleep(0.3)
    assert waiting.communicate(timeout=20) == ("0\n", "")
    assert patient.describe().rows == 0


def test_processes_that_store_at_once_lose_nothing(store: Store) -> None:
    code = """
        import polars as pl
        from recsys.store import Store
        store = Store({path!r}, lock_timeout=60)
        for n in range(5):
            store.ingest("events", pl.DataFrame({{"user_id": [{number}], "item_id": [n], "value": [float({number})]}}))
            store.ingest("items", pl.DataFrame({{"item_id": [n], "title": ["the same"]}}))
            assert store.events().height > n
    """
    jobs = [python(code.format(path=str(store.path), number=number)) for number in range(3)]
    for job in jobs:
        assert job.communicate(timeout=120) == ("", "")
    assert sorted(store.events().select("user_id", "item_id").rows()) == [(u, i) for u in range(3) for i in range(5)]
    assert store.items().height == 5
    with store.read() as con:
        assert con.execute("SELECT count(*), count(DISTINCT item_id) FROM item_keys").fetchall() == [(5, 5)]
        assert con.execute("SELECT count(*) FROM item_rows").fetchall() == [(5,)]


@pytest.mark.parametrize("place", ["staging", "transaction"])
def test_ctrl_c_during_a_query_is_a_keyboard_interrupt(place: str, store: Store) -> None:
    code = f"""
        import threading, _thread, time
        from recsys.store import Store
        from recsys.store.staging import staging
        store = Store({str(store.path)!r})
        slow = "SELECT count(*) FROM range(600_000_000) t(a) WHERE hash(a) % 7 = 3"
        threading.Thread(target=lambda: (time.sleep(0.3), _thread.interrupt_main())).start()
        try:
            if {place!r} == "staging":
                with staging(store.path) as stage:
                    stage.con.execute(slow).fetchall()
            with store.write() as con:
                con.execute("INSERT INTO audit (action) VALUES ('never')")
                con.execute(slow).fetchall()
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert python(code).communicate(timeout=60) == ("interrupted\n", "")
    assert sorted(path.name for path in store.path.iterdir()) == ["artifacts", "store.duckdb"]
    with store.read() as con:
        assert con.execute("FROM audit").fetchall() == []


def test_a_killed_ingest_is_there_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    n = 300_000
    pl.select(user_id=pl.int_range(n) % 1000, item_id=pl.int_range(n) % 77, value=pl.int_range(n) / 7).write_parquet(
        tmp_path / "e.parquet"
    )
    code = f"""
        from recsys.store import Store
        store = Store({str(store.path)!r})
        print("go", flush=True)
        store.ingest("events", {str(tmp_path / "e.parquet")!r})
    """
    for wait in (0.05, 0.15, 0.25, 0.35):
        job = python(code)
        assert job.stdout is not None
        job.stdout.readline()
        time.sleep(wait)
        job.send_signal(signal.SIGKILL)
        job.communicate()
        with store.read() as con:
            rows, ingests = con.execute(
                "SELECT (SELECT count(*) FROM event_rows), (SELECT count(*) FROM ingests)"
            ).fetchall()[0]
        assert rows == n * ingests
        assert ingests in (0, 1)
    result = store.ingest("events", tmp_path / "e.parquet")
    assert result.rows_ingested + result.rows_duplicate == n
    assert store.describe().rows == n
