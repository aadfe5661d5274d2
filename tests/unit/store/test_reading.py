from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.store import Store
from recsys.store.reading import read_rows
from recsys.store.schema import high_water


def test_spans_are_half_open_and_kinds_are_kept_apart(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", plays)
    assert store.events(since="2026-01-02T10:00", until=datetime(2026, 1, 3, 10))["user_id"].to_list() == [2]
    assert store.events(until=date(2026, 1, 2)).height == 2
    assert store.events(event="like").height == 1
    assert store.events(event="it's").height == 0
    assert store.events(columns=["item_id"]).columns == ["item_id"]
    with pytest.raises(NotFoundError, match="no column 'valu'.*did you mean 'value'"):
        store.events(columns=["valu"])
    with pytest.raises(ArgumentError):
        store.events(since="soon")


def test_impressions_and_exposures_have_spans_too(store: Store) -> None:
    times = pl.Series(["2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"])
    store.ingest("impressions", pl.DataFrame({"item_id": [1, 2], "ts": times}))
    store.ingest(
        "exposures", pl.DataFrame({"experiment": ["e"] * 2, "unit_id": [1, 2], "variant": ["a"] * 2, "ts": times})
    )
    assert store.impressions(since="2026-01-02")["item_id"].to_list() == [2]
    assert store.exposures(until="2026-01-02")["unit_id"].to_list() == [1]


def test_as_of_is_the_time_of_arrival(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", plays[:1])
    mark = store.ingests()["received_at"][0]
    store.ingest("events", plays[1:])
    assert store.events(as_of=mark).height == 1
    assert store.events(as_of="2020-01-01").height == 0
    assert store.events().height == 4


def test_a_mark_tells_apart_what_arrived_at_one_time(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", plays[:1])
    with store.read() as con:
        mark = high_water(con)
    store.ingest("events", plays[1:])
    with store.write() as con:
        con.execute("UPDATE ingests SET received_at = TIMESTAMP '2026-01-01'")
    with store.read() as con:
        assert read_rows(con, "events", mark=0).height == 0
        assert read_rows(con, "events", mark=mark)["user_id"].to_list() == plays[:1]["user_id"].to_list()
        assert read_rows(con, "events", mark=mark + 1).height == 4


def test_a_future_version_is_not_current(store: Store) -> None:
    items = pl.DataFrame({"item_id": [1, 1], "title": ["now", "then"], "valid_from": ["2020-01-01", "2200-01-01"]})
    store.ingest("items", items)
    assert store.items()["title"].to_list() == ["now"]
    assert store.items(at="2200-01-01")["title"].to_list() == ["then"]
    with store.read() as con:
        assert con.execute("SELECT title FROM items").fetchall() == [("now",)]


def test_users(store: Store) -> None:
    store.ingest("users", pl.DataFrame({"user_id": ["b", "a"], "country": ["de", "fr"]}))
    assert store.users().select("user_id", "country").rows() == [("a", "fr"), ("b", "de")]
