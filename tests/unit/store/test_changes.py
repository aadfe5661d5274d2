from __future__ import annotations

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.store import Store


def test_a_revert_hides_rows_and_its_revert_shows_them(store: Store, plays: pl.DataFrame) -> None:
    number = store.ingest("events", plays).ingest_ids[0]
    store.ingest("events", plays.with_columns(user_id=pl.col("user_id") + 10))
    before = store.ingests()["received_at"][0]
    done = store.revert(number)
    assert (done.target, done.table, done.rows) == (number, "events", 4)
    assert store.events()["user_id"].min() == 11
    assert store.events(as_of=before).height == 8
    with store.read() as con:
        assert con.execute("SELECT count(*) FROM events").fetchall() == [(4,)]
    assert store.ingests().filter(ingest_id=number)["in_sight"].to_list() == [False]
    store.revert(done.ingest_id)
    assert store.events().height == 8
    assert store.revert(number).rows == 4


def test_an_older_version_of_an_item_comes_back(store: Store) -> None:
    store.ingest("items", pl.DataFrame({"item_id": [1], "title": ["old"]}))
    new = store.ingest("items", pl.DataFrame({"item_id": [1], "title": ["new"]}))
    store.revert(new.ingest_ids[0])
    assert store.items()["title"].to_list() == ["old"]


def test_what_cannot_be_reverted(store: Store, plays: pl.DataFrame) -> None:
    with pytest.raises(NotFoundError, match="no ingest 1. The store is empty"):
        store.revert(1)
    store.ingest("events", plays)
    with pytest.raises(NotFoundError, match="from 1 to 1"):
        store.revert(2)
    store.revert(1)
    with pytest.raises(ArgumentError, match=r"reverted already .*revert\(2\) brings its rows back"):
        store.revert(1)
    store.forget(1)
    with pytest.raises(ArgumentError, match="change 3 is a forget"):
        store.revert(3)
