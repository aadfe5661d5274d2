from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.store import Store


def test_layout_and_reopening(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "shop")
    assert sorted(path.name for path in store.path.iterdir()) == ["artifacts", "store.duckdb"]
    with store.read() as con:
        first = con.execute("SELECT store_id FROM meta").fetchall()
    with Store(store.path, create=False).read() as con:
        assert con.execute("SELECT store_id FROM meta").fetchall() == first


def test_create_refuses_a_store_and_opening_refuses_nothing(tmp_path: Path) -> None:
    Store.create(tmp_path / "shop")
    with pytest.raises(ArgumentError, match="is a store already"):
        Store.create(tmp_path / "shop")
    with pytest.raises(NotFoundError, match="no store at .*other"):
        Store(tmp_path / "other", create=False)
    assert not (tmp_path / "other").exists()


def test_what_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    (tmp_path / "file").touch()
    for path in ("photos", "file"):
        with pytest.raises(ArgumentError, match="is not a store"):
            Store(tmp_path / path)
    (tmp_path / "db").mkdir()
    duckdb.connect(str(tmp_path / "db" / "store.duckdb")).close()
    with pytest.raises(DataError, match="has no table `meta`"):
        Store(tmp_path / "db")


def test_the_plain_shell_sees_ids(store: Store, plays: object) -> None:
    store.ingest("events", plays)
    con = duckdb.connect(str(store.database), read_only=True)
    assert con.execute("SELECT user_id, item_id, event, value FROM events ORDER BY ts").fetchall()[1] == (
        1,
        "b",
        "play",
        2.5,
    )
    con.close()
