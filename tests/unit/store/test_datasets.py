"""Which rows become which Dataset."""

import logging
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.dataset import Dataset, Label, Relevance
from recsys.store import DataRecipe, Store


def events(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Rows of user, item, day of January 2025, event, value."""
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "day", "event", "value"], orient="row")
    day = pl.datetime(2025, 1, 1) + pl.duration(days=pl.col("day") - 1)
    return frame.with_columns(day.alias("ts"), pl.col("value").cast(pl.Float64)).drop("day")


PLAYS = events((10, "b", 3, "play", 5), (9, "a", 1, "play", 2), (10, "b", 1, "play", None), (2, "c", 2, "play", 1))


def test_the_dataset_is_that_of_the_frame(store: Store) -> None:
    store.ingest("events", PLAYS)
    data = store.dataset()
    assert data.content_hash == Dataset.from_frame(PLAYS.with_columns(pl.col("value").fill_null(1.0))).content_hash
    assert data.users.ids.to_list() == [2, 9, 10]
    assert data.matrix().toarray().tolist() == [[0, 0, 1], [2, 0, 0], [0, 6, 0]]


def test_a_random_log_is_that_of_the_frame(store: Store) -> None:
    rng = np.random.default_rng(5)
    n = 3000
    frame = pl.DataFrame(
        {
            "user_id": rng.integers(0, 10**12, 60)[rng.integers(0, 60, n)],
            "item_id": pl.Series(rng.integers(0, 500, n)).cast(pl.String),
            "ts": pl.Series(1_700_000_000_000_000 + rng.integers(0, 40, n)).cast(pl.Datetime("us")),
            "value": rng.choice([0.5, 1.0, 2.0], n),
            "share": rng.choice([0.1, 0.9], n),
            "event": "play",
        }
    )
    for part in (frame[:1000], frame[1000:]):
        store.ingest("events", part)
    relevance = Relevance(at_least=0.5)
    expected = Dataset.from_frame(frame, relevance=relevance, relevance_column="share")
    found = store.dataset(relevance=relevance, relevance_column="share")
    assert found.content_hash == expected.content_hash
    assert (found.relevant() != expected.relevant()).nnz == 0


def test_several_types_of_event_are_never_mixed_unasked(store: Store) -> None:
    store.ingest("events", pl.concat([PLAYS, events((1, "a", 1, "like", 1))]))
    with pytest.raises(ArgumentError, match="2 types of event: 'like', 'play'.*event='like'"):
        store.dataset()
    assert len(store.dataset(event="like")) == 1
    with pytest.raises(NotFoundError, match=r"no event of type 'pley'.*did you mean 'play'"):
        store.dataset(event="pley")


def test_until_is_exclusive_and_the_span_is_told(store: Store) -> None:
    store.ingest("events", PLAYS)
    assert len(store.dataset(until="2025-01-03")) == 3
    with pytest.raises(ArgumentError, match="no event is left.*span 2025-01-01"):
        store.dataset(until="2024-01-01")
    with pytest.raises(DataError, match="holds no events"):
        Store(store.path.parent / "empty").dataset()


def test_values_come_from_the_column_asked_for(store: Store) -> None:
    rated = PLAYS.with_columns(pl.Series("stars", [1, 2, 3, 4]), pl.lit("x").alias("device"))
    store.ingest("events", rated)
    assert store.dataset(value="stars").values.sum() == 10
    assert store.dataset(value=None).values.sum() == 4
    with pytest.raises(NotFoundError, match=r"no column 'stras'.*did you mean 'stars'"):
        store.dataset(value="stras")
    with pytest.raises(ArgumentError, match=r"'device', a column of type VARCHAR.*numbers"):
        store.dataset(relevance_column="device")
    with pytest.raises(NotFoundError, match="no column 'user_key'"):
        store.dataset(value="user_key")


def test_an_empty_relevance_is_no_hit(store: Store) -> None:
    store.ingest("events", PLAYS.with_columns(pl.Series("share", [0.9, None, 0.2, None])))
    data = store.dataset(relevance=Relevance(at_least=0.5), relevance_column="share")
    assert data.relevant().nnz == 1


def test_minimum_counts_are_a_fixed_point(store: Store) -> None:
    chain = [(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "b"), (3, "c"), (4, "c")]  # item c falls, then user 3, then …
    store.ingest("events", events(*[(user, item, 1, "play", 1) for user, item in chain]))
    data = store.dataset(min_user_events=2, min_item_events=2)
    assert data.users.ids.to_list() == [1, 2]
    assert data.items.ids.to_list() == ["a", "b"]
    assert min(data.user_events.min(), data.item_events.min()) >= 2
    with pytest.raises(ArgumentError, match="min_user_events=5"):
        store.dataset(min_user_events=5)


def test_as_of_looks_at_what_had_arrived(store: Store) -> None:
    store.ingest("events", PLAYS[:2])
    with store.write() as con:
        con.execute("UPDATE ingests SET received_at = TIMESTAMP '2025-02-01'")
    store.ingest("events", PLAYS[2:])
    assert len(store.dataset(as_of="2025-02-01")) == 2
    assert len(store.dataset()) == 4


def test_events_later_than_their_arrival_are_left_out(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    ahead = PLAYS.with_columns(pl.Series("ts", [datetime(2038, 1, 19), *PLAYS["ts"][1:]]))
    store.ingest("events", ahead)
    with caplog.at_level(logging.WARNING, "recsys"):
        data = store.dataset()
    assert len(data) == 3
    assert data.last_time == datetime(2025, 1, 2)
    assert "1 event lies later than its arrival (up to 2038-01-19" in caplog.text


def test_events_without_times(store: Store) -> None:
    store.ingest("events", PLAYS.drop("ts"))
    assert store.dataset().times is None
    store.ingest("events", PLAYS)
    with pytest.raises(DataError, match="4 of 8 events have no time"):
        store.dataset()
    assert len(store.dataset(until="2026-01-01")) == 4


def test_attributes_are_the_versions_in_force(store: Store) -> None:
    store.ingest("events", PLAYS)
    versions = pl.DataFrame(
        {
            "user_id": [10, 10, 2],
            "country": ["SE", "DE", "FR"],
            "valid_from": [datetime(2025, 1, 1), datetime(2025, 1, 3), datetime(2025, 1, 1)],
        }
    )
    store.ingest("users", versions)
    before, now = store.dataset(until="2025-01-03"), store.dataset()
    assert before.user_attributes is not None
    assert now.user_attributes is not None
    assert before.user_attributes["country"].to_list() == ["FR", None, "SE"]
    assert now.user_attributes["country"].to_list() == ["FR", None, "DE"]
    assert now.user_attributes.columns == ["country"]
    assert now.item_attributes is None


def test_reverted_rows_are_out_of_sight(store: Store) -> None:
    store.ingest("events", PLAYS[:2])
    second = store.ingest("events", PLAYS[2:])
    store.revert(second.ingest_ids[0])
    assert len(store.dataset()) == 2


def test_numbers_that_are_none(store: Store) -> None:
    store.ingest("events", PLAYS.with_columns(pl.Series("share", [1.0, float("nan"), 1.0, 1e300])))
    with pytest.raises(DataError, match="beyond float32"):
        store.dataset(value="share")
    with pytest.raises(DataError, match="1 events have a value that is NaN"):
        store.dataset(value="share", until="2025-01-02")


def test_recipes_are_plain_values_and_back() -> None:
    recipe = DataRecipe("play", label=Label("max", cap=3), relevance=Relevance(4.0), until="2025-01-01", as_of=None)
    assert DataRecipe.from_dict(recipe.to_dict()) == recipe
    with pytest.raises(ArgumentError, match="did you mean 'event'"):
        DataRecipe.of(evnt="play")
    with pytest.raises(ArgumentError, match="min_user_events is 0"):
        DataRecipe(min_user_events=0)
    with pytest.raises(ArgumentError, match="label is 'sum'.*Label"):
        DataRecipe(label="sum")  # type: ignore[arg-type]  # the mistake under test
