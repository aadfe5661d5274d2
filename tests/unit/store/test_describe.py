from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl

from recsys.display import to_text
from recsys.store import Store


def test_a_profile(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", pl.concat([plays, plays[:1]]))
    store.ingest("items", pl.DataFrame({"item_id": ["a", "b"]}))
    profile = store.describe()
    assert (profile.rows, profile.users, profile.items, profile.pairs) == (5, 3, 3, 4)
    assert (profile.repeats, profile.identical, profile.density) == (1, 1, 4 / 9)
    assert (profile.first, profile.last) == (datetime(2026, 1, 1, 10), datetime(2026, 1, 3, 10))
    assert [(kind.event, kind.rows) for kind in profile.events] == [("play", 4), ("like", 1)]
    assert profile.activity == {"min": 1, "p10": 1, "p25": 1, "p50": 1, "p75": 3, "p90": 3, "p99": 3, "max": 3}
    assert profile.tables == {"events": 5, "impressions": 0, "exposures": 0, "items": 2, "users": 0}
    assert profile.watermarks == {"events": datetime(2026, 1, 3, 10)}
    assert profile.warnings == (
        "1 event equals an earlier one in user, item, time, kind and value",
        "1 item with events is not in the table items",
    )
    assert json.loads(json.dumps(profile.to_dict()))["first"] == "2026-01-01T10:00:00"
    assert "44.4 %" in to_text(profile.view())


def warnings_of(store: Store, times: list[datetime | None]) -> str:
    n = len(times)
    frame = pl.DataFrame({"user_id": range(n), "item_id": range(n), "ts": pl.Series(times, dtype=pl.Datetime("us"))})
    store.ingest("events", frame if any(times) else frame.drop("ts"))
    return " · ".join(store.describe().warnings)


def test_equal_times(store: Store) -> None:
    assert "all timestamps equal 2026-01-01 10:00:00" in warnings_of(store, [datetime(2026, 1, 1, 10)] * 2)


def test_days_only(store: Store) -> None:
    assert "all times are at midnight" in warnings_of(store, [datetime(2026, 1, 1), datetime(2026, 1, 2)])


def test_a_wrong_unit(store: Store) -> None:
    assert "all times lie in 1970" in warnings_of(store, [datetime(1970, 1, 20, 10), datetime(1970, 1, 20, 11)])


def test_no_times(store: Store) -> None:
    assert "no event has a time" in warnings_of(store, [None, None])
    store.ingest("events", pl.DataFrame({"user_id": [1], "item_id": [9], "ts": ["2026-01-01T10:00:00Z"]}))
    assert "2 events have no time" in " ".join(store.describe().warnings)


def test_the_future(store: Store) -> None:
    soon = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=400)
    assert "1 row lies in the future" in warnings_of(store, [datetime(2026, 1, 1, 10), soon])


def test_an_empty_store(store: Store) -> None:
    profile = store.describe()
    assert (profile.rows, profile.density, profile.activity, profile.events) == (0, None, {}, ())
    assert "recsys ingest events" in profile.warnings[0]
    assert "recsys ingest events" in repr(profile)
