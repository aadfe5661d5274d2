"""Snapshots: the same data has the same hash, and later changes do not move it."""

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.store import Store

ROWS = [
    (user, item, f"2025-01-{day:02}", "play", float(user))
    for user in range(6)
    for item, day in zip("abc", (3, 9, 5), strict=True)
]


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema=["user_id", "item_id", "ts", "event", "value"], orient="row")
    return table.with_columns(pl.col("ts").str.to_datetime())


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, len(ROWS) - 1))
def test_the_order_of_arrival_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, random: random.Random, cut: int
) -> None:
    shuffled = random.sample(ROWS, len(ROWS))
    ids = set()
    for rows, parts in ((ROWS, [slice(None)]), (shuffled, [slice(cut), slice(cut, None)])):
        store = Store(tmp_path_factory.mktemp("order") / "shop")
        for part in parts:
            store.ingest("events", frame(rows[part]))
        ids.add(store.snapshot(event="play").content_hash)
    assert len(ids) == 1


def test_later_changes_do_not_move_a_snapshot(store: Store) -> None:
    first = store.ingest("events", frame(ROWS[:9]))
    taken = store.snapshot("june", event="play")
    before = store.load_snapshot("june")
    store.ingest("events", frame(ROWS[9:]))
    store.ingest("events", frame([(99, "z", "2025-01-03", "play", 1.0)]), replace_partition="2025-01-03")
    store.revert(first.ingest_ids[0])
    assert len(store.dataset()) < len(ROWS)
    after = store.load_snapshot("june")
    assert after.content_hash == before.content_hash == taken.content_hash
    assert store.load_snapshot(taken.snapshot_id[:5]).content_hash == taken.content_hash
    assert store.load_snapshot("@latest").content_hash == taken.content_hash


def test_a_change_from_outside_is_noticed(store: Store) -> None:
    store.ingest("events", frame(ROWS))
    store.snapshot("june")
    with store.write() as con:
        con.execute("UPDATE event_rows SET value = 7 WHERE value = 5")
    with pytest.raises(DataError, match="snapshot june gives the hash .* was expected"):
        store.load_snapshot("june")


def test_equal_content_is_kept_once(store: Store) -> None:
    store.ingest("events", frame(ROWS))
    plain, again = store.snapshot(event="play"), store.snapshot(event="play", until="2030-01-01")
    assert plain == again
    named = store.snapshot("june", event="play")
    assert named.snapshot_id == plain.snapshot_id
    assert [snapshot.name for snapshot in store.snapshots()] in ([None, "june"], ["june", None])
    assert store.snapshot("june", event="play") == named


def test_a_name_belongs_to_one_content(store: Store) -> None:
    store.ingest("events", frame(ROWS))
    store.snapshot("june", event="play")
    with pytest.raises(ArgumentError, match="the name 'june' belongs to snapshot"):
        store.snapshot("june", event="play", until="2025-01-04")


def test_references_that_lead_nowhere(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no snapshot 'june'.*no named snapshot"):
        store.load_snapshot("june")
    store.ingest("events", frame(ROWS))
    store.snapshot("may", event="play")
    with pytest.raises(NotFoundError, match="The store has may"):
        store.load_snapshot("june")
    with pytest.raises(NotFoundError):
        store.load_snapshot("")


def test_a_forgotten_person_ends_repeatability(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.ingest("events", frame(ROWS))
    taken = store.snapshot("june")
    store.forget(3)
    found = store.snapshots()[0]
    assert not found.repeatable
    assert 3 not in store.load_snapshot("june").users.ids
    assert "june is not whole" in caplog.text
    fresh = store.snapshot("july")
    assert fresh.repeatable
    assert fresh.content_hash != taken.content_hash


def test_content_that_can_be_built_again_is_mended(store: Store) -> None:
    store.ingest("events", frame(ROWS))
    store.ingest("events", frame([(50, "a", "2025-03-01", "play", 1.0)]))
    early = store.snapshot("january", until="2025-02-01")
    store.forget(50)  # not in the snapshot's rows, but it had arrived
    assert not store.snapshots()[0].repeatable
    assert store.snapshot("january", until="2025-02-01").repeatable
    assert store.load_snapshot("january").content_hash == early.content_hash


def test_a_snapshot_knows_its_size(store: Store, tmp_path: Path) -> None:
    store.ingest("events", frame(ROWS))
    plain = store.snapshot("june", min_user_events=2, until="2025-01-06").to_dict()
    assert (plain["rows"], plain["users"], plain["items"], plain["until"]) == (12, 6, 2, "2025-01-06T00:00:00")
    assert plain["recipe"]["min_user_events"] == 2
