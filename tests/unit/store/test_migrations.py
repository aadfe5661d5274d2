from __future__ import annotations

import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recsys._version import __version__
from recsys.core.errors import LockedError, RecsysError
from recsys.display import Table, View
from recsys.store import Store
from recsys.store.migrations import STEPS, migrate
from recsys.store.schema import SCHEMA_VERSION

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("archive", sorted(GOLDEN.glob("*.zip")), ids=lambda path: path.stem)
def test_a_store_of_each_released_version_opens(archive: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(archive).extractall(tmp_path)
    store = Store(tmp_path / "shop", create=False)
    assert store.events(columns=["user_id", "item_id", "value"]).sort("user_id", "item_id").rows() == [
        (1, "a", 1.0),
        (1, "b", 2.5),
        (2, "a", None),
        (3, "c", 4.0),
    ]
    assert store.items().rows(named=True)[0]["title"] == "Anna"
    assert store.users().height == 2
    assert store.quarantine().height == 1
    assert store.ingest("events", store.events()).rows_ingested == 0
    with store.read() as con:
        assert con.execute("SELECT schema_version FROM meta").fetchall() == [(SCHEMA_VERSION,)]


def test_experiments_of_a_released_version_are_read(tmp_path: Path) -> None:
    zipfile.ZipFile(GOLDEN / "store-v2.zip").extractall(tmp_path)
    found = Store(tmp_path / "shop", create=False).experiment("ab")
    assert (found.status, found.overrides) == ("running", {"1": "b"})
    assert [str(one) for one in found.deviations] == ["arms.a: planned 0.5, now 0.9", "arms.b: planned 0.5, now 0.1"]


def test_a_store_without_experiments_gets_them(tmp_path: Path) -> None:
    zipfile.ZipFile(GOLDEN / "store-v1.zip").extractall(tmp_path)
    store = Store(tmp_path / "shop", create=False)
    assert store.experiments() == []
    assert (tmp_path / "shop" / "store.v1.backup.duckdb").exists()


def test_the_ledger_of_a_released_version_is_read(tmp_path: Path) -> None:
    zipfile.ZipFile(GOLDEN / "store-v3.zip").extractall(tmp_path)
    found = Store(tmp_path / "shop", create=False).ledger()
    assert [(one.source, one.estimate, other.estimate) for one, other in found.matched] == [("snips", 0.1, 0.2)]


def test_a_store_without_a_ledger_gets_one(tmp_path: Path) -> None:
    zipfile.ZipFile(GOLDEN / "store-v2.zip").extractall(tmp_path)
    assert Store(tmp_path / "shop", create=False).ledger().predictions == ()
    assert (tmp_path / "shop" / "store.v2.backup.duckdb").exists()


def test_the_view_of_a_run_of_a_released_version_is_read(tmp_path: Path) -> None:
    zipfile.ZipFile(GOLDEN / "store-v4.zip").extractall(tmp_path)
    run = Store(tmp_path / "shop", create=False).run("@latest")
    assert run.view is not None
    assert View.from_dict(run.view) == View("a beats b", (Table(("model", "ndcg@10"), (("a", 0.5),)),))


def test_runs_of_a_store_without_views_have_none(tmp_path: Path) -> None:
    zipfile.ZipFile(GOLDEN / "store-v3.zip").extractall(tmp_path)
    store = Store(tmp_path / "shop", create=False)
    with store.write() as con:
        con.execute(
            "INSERT INTO runs (run_id, kind, created_at, recipe, parents, versions, metrics, result, warnings)"
            " VALUES ('0000000000aa', 'train', '2026-01-01', '{}', '[]', '{}', '{}', '{}', '[]')"
        )
    assert store.run("@latest").view is None
    assert store.runs()["conclusion"].to_list() == [None]


def test_every_version_can_be_migrated() -> None:
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


def test_a_newer_store_is_refused_in_one_line(store: Store) -> None:
    with store.write() as con:
        con.execute("UPDATE meta SET schema_version = 999")
    with pytest.raises(RecsysError, match=r"is newer than this recsys.*999.*pip install -U recsys\.$") as caught:
        Store(store.path)
    assert "\n" not in str(caught.value)


def add_column(con: Any) -> None:
    con.execute("ALTER TABLE audit ADD COLUMN host VARCHAR")


def fail(con: Any) -> None:
    add_column(con)
    raise RecsysError("the disk is full")


def test_a_migration_waits_for_the_lock_as_long_as_it_was_told(store: Store) -> None:
    began = time.monotonic()
    with store.read(), ThreadPoolExecutor(1) as other, pytest.raises(LockedError, match="aited 0 s"):
        other.submit(migrate, store._broker, __version__, {}, timeout=0).result()
    assert time.monotonic() - began < 5


def test_a_migration_runs_after_a_backup(store: Store) -> None:
    steps = {SCHEMA_VERSION: add_column}
    backup = migrate(store._broker, __version__, steps, SCHEMA_VERSION + 1)
    with store.read() as con:
        assert con.execute("SELECT schema_version, host FROM meta LEFT JOIN audit ON true").fetchall() == [
            (SCHEMA_VERSION + 1, None)
        ]
    assert backup.name == f"store.v{SCHEMA_VERSION}.backup.duckdb"
    backup.rename(store.database)
    assert Store(store.path).ingests().height == 0


def test_a_migration_that_fails_changes_nothing(store: Store) -> None:
    with pytest.raises(RecsysError, match="disk is full"):
        migrate(store._broker, __version__, {SCHEMA_VERSION: fail}, SCHEMA_VERSION + 1)
    with Store(store.path).read() as con:
        assert "host" not in con.sql("FROM audit").columns
