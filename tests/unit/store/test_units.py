from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.times import instant_micros
from recsys.experiment import Active, Batch, Measure, parse_aggregate, parse_where
from recsys.store import Store, units

EVER = {"since": -(2**62), "until": 2**62}


def us(text: str) -> int:
    return instant_micros("text", text)


@pytest.fixture
def full(store: Store) -> Store:
    users = {"user_id": [1, 2, 3, 4], "account": ["A", "A", "B", None], "country": ["de", "at", "fr", None]}
    store.ingest("users", pl.DataFrame(users))
    moved = {"user_id": [1], "account": ["A"], "country": ["ch"], "valid_from": ["2026-03-01T00:00:00Z"]}
    store.ingest("users", pl.DataFrame(moved))
    events = {
        "user_id": [1, 2, 1, 9, 3],
        "item_id": ["a", "b", "a", "z", "c"],
        "ts": [f"2026-0{month}-01T12:00:00Z" for month in range(1, 6)],
        "event": ["play", None, "like", "play", "play"],
        "value": [None, None, 4.0, 5.0, 1.0],
        "score": [float("nan"), None, 4.0, 5.0, 1.0],
        "tag": ["y", None, "x", "y", "x"],
    }
    store.ingest("events", pl.DataFrame(events))
    return store


def measure(aggregate: str, **where: object) -> Measure:
    return Measure(parse_aggregate(aggregate), where=parse_where(where))


def rows(store: Store, *measures: Measure, ids: list[Any], unit: str = "user_id", **span: int) -> Batch:
    found = store.units().batches("events", measures, unit=unit, unit_ids=pl.Series(ids), **(EVER | span))
    (batch,) = found
    return ordered(batch)


def ordered(batch: Batch) -> Batch:
    """The rows by their time, which is distinct here: an ingest may store rows in any order."""
    order = np.argsort(batch.times)
    kept = ({key: None if one is None else one[order] for key, one in part.items()} for part in batch[2:])
    return Batch(batch.units[order], batch.times[order], *kept)  # type: ignore[arg-type]


def test_rows_come_with_the_place_of_their_unit(full: Store) -> None:
    batch = rows(full, measure("sum(value)"), measure("count_distinct(item_id)"), ids=[2, 1])
    assert batch.units.tolist() == [1, 0, 1, -1, -1]
    assert batch.units.dtype == np.int32
    assert batch.times.tolist() == [us(f"2026-0{month}-01T12:00:00") for month in range(1, 6)]
    np.testing.assert_array_equal(batch.values["value"], [np.nan, np.nan, 4, 5, 1])
    codes = batch.codes["item_id"]
    assert codes[0] == codes[2]
    assert len(set(codes)) == 4
    assert batch.passes == {(): None}


def test_a_unit_may_be_coarser_than_a_user(full: Store) -> None:
    assert rows(full, measure("count()"), ids=["B", "A"], unit="account").units.tolist() == [1, 1, 1, -1, 0]
    assert rows(full, measure("count()"), ids=["1", "3"]).units.tolist() == [0, -1, 0, -1, 1]
    with pytest.raises(NotFoundError, match="the unit is 'household', and users has no such column"):
        rows(full, measure("count()"), ids=["A"], unit="household")


def test_the_span_is_half_open_and_rows_without_a_time_are_in_none(full: Store) -> None:
    full.ingest("events", pl.DataFrame({"user_id": [1], "item_id": ["n"]}))
    inside = rows(full, measure("count()"), ids=[1], since=us("2026-02-01T12:00:00"), until=us("2026-04-01T12:00:00"))
    assert inside.times.tolist() == [us("2026-02-01T12:00:00"), us("2026-03-01T12:00:00")]
    assert len(rows(full, measure("count()"), ids=[1]).times) == 5


@pytest.mark.parametrize(
    ("where", "passing"),
    [
        ({"event": "play"}, [1, 0, 0, 1, 1]),
        ({"event": {"!=": "play"}}, [0, 0, 1, 0, 0]),
        ({"event": ["like", "play"], "value": {">=": 4}}, [0, 0, 1, 1, 0]),
        ({"value": {">": 0, "<": 5}}, [0, 0, 1, 0, 1]),
        ({"value": {"!=": 1}}, [0, 0, 1, 1, 0]),
        ({"score": {">": 1}}, [0, 0, 1, 1, 0]),
        ({"item_id": ["a", "c"]}, [1, 0, 1, 0, 1]),
        ({"user_id": {">": 2}}, [0, 0, 0, 1, 1]),
        ({"ts": {">=": "2026-03-01T12:00:00"}}, [0, 0, 1, 1, 1]),
        ({"event": "' OR 1=1 --"}, [0, 0, 0, 0, 0]),
    ],
)
def test_a_row_without_a_value_passes_no_filter(full: Store, where: dict[str, object], passing: list[int]) -> None:
    one = measure("count()", **where)
    passes = rows(full, one, ids=[1]).passes[one.where]
    assert passes is not None
    assert passes.dtype == np.bool_
    assert passes.tolist() == [bool(one) for one in passing]


def test_equal_values_have_equal_codes_and_none_has_minus_one(full: Store) -> None:
    batch = rows(full, measure("count_distinct(tag)"), measure("count_distinct(day)"), ids=[1])
    tags = batch.codes["tag"].tolist()
    assert tags[2] == tags[4] != tags[0] == tags[3]
    assert tags[1] == -1
    assert len(set(batch.codes["day"].tolist())) == 5


def test_names_are_quoted(store: Store) -> None:
    odd = 'a"; DROP TABLE events; --'
    store.ingest("events", pl.DataFrame({"user_id": [1], "item_id": ["a"], "ts": ["2026-01-01"], odd: [2.5]}))
    one = Measure(parse_aggregate("sum(value)"), where=parse_where({odd: {">": 1}}))
    assert rows(store, one, ids=[1]).passes[one.where].tolist() == [True]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("one", "error", "message"),
    [
        (measure("sum(valeu)"), NotFoundError, "events has no column 'valeu'.*did you mean 'value'"),
        (measure("sum(tag)"), DataError, "vents.tag is VARCHAR. A column of numbers was expected"),
        (measure("count_distinct(user_key)"), NotFoundError, "no column 'user_key'"),
        (measure("count()", event=3), ArgumentError, "the filter on event compares with 3.*vents.event is VARCHAR"),
        (measure("count()", value="3"), ArgumentError, "compares with '3'.*vents.value is DOUBLE"),
        (measure("count()", ts="soon"), ArgumentError, "the filter on ts is 'soon'"),
        (measure("count()", value=True), ArgumentError, "compares with True"),
    ],
)
def test_a_measure_that_does_not_fit_the_table_is_refused(
    full: Store, one: Measure, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        rows(full, one, ids=[1])


def test_ranges_of_rows_are_the_same_on_any_number_of_threads(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "_ROWS_PER_RANGE", 7)
    n = 100
    frame = pl.DataFrame({"user_id": range(n), "item_id": range(n), "value": np.arange(float(n))})
    store.ingest("events", frame.with_columns(ts=pl.lit("2026-01-01T00:00:00Z")))
    for threads in ("1", "3"):
        monkeypatch.setenv("RECSYS_THREADS", threads)
        ids = pl.Series(range(n))
        found = list(store.units().batches("events", [measure("sum(value)")], unit="user_id", unit_ids=ids, **EVER))
        assert [len(batch.units) for batch in found] == [7] * 14 + [2]
        values = np.concatenate([batch.values["value"] for batch in found])
        assert (values == np.concatenate([batch.units for batch in found])).all()
        assert sorted(values) == list(range(n))
    stopped = store.units().batches("events", [measure("count()")], unit="user_id", unit_ids=ids, **EVER)
    next(stopped)
    stopped.close()
    store.set_watermark("events", "2026-02-01")  # nothing is held open


def test_what_arrives_meanwhile_is_not_seen_and_what_was_reverted_is_not_either(full: Store) -> None:
    now = full.units()
    change = full.ingest("events", pl.DataFrame({"user_id": [1], "item_id": ["q"], "ts": ["2026-06-01T00:00:00Z"]}))
    ids = pl.Series([1])
    (before,) = now.batches("events", [measure("count()")], unit="user_id", unit_ids=ids, **EVER)
    assert len(before.units) == 5
    assert len(rows(full, measure("count()"), ids=[1]).units) == 6
    full.revert(change.ingest_ids[0])
    assert len(rows(full, measure("count()"), ids=[1]).units) == 5


def test_exposures_are_grouped_by_unit_and_variant_with_the_first_time(store: Store) -> None:
    frame = pl.DataFrame(
        {
            "experiment": ["e"] * 6 + ["other"],
            "unit_id": ["b", "a", "b", "b", "a", "a", "a"],
            "variant": ["x", "x", "x", "y", "x", "x", "x"],
            "ts": [f"2026-01-0{day}T00:00:00Z" for day in (3, 2, 1, 1, 9, 4, 1)],
        }
    )
    store.ingest("exposures", frame)
    found = store.units().exposures("e", through=us("2026-01-09"))
    assert found.rows is not None
    assert list(zip(found.unit_ids, found.variants, found.times, found.rows.tolist(), strict=True)) == [
        ("a", "x", us("2026-01-02"), 2),
        ("b", "x", us("2026-01-01"), 2),
        ("b", "y", us("2026-01-01"), 1),
    ]
    assert len(store.units().exposures("nix", through=2**62).unit_ids) == 0


def test_units_of_the_past_enter_at_their_first_event_in_the_span(full: Store) -> None:
    span = us("2026-01-01"), us("2026-05-01")
    found = full.units().active(Active(*span), unit="user_id")
    months = {1: 1, 2: 2, 9: 4}
    assert dict(zip(found.unit_ids, found.times, strict=True)) == {
        user: us(f"2026-0{month}-01T12:00:00") for user, month in months.items()
    }
    assert set(found.variants) == {"all"}
    without = full.units().active(Active(*span, ((span[0], us("2026-02-01")),)), unit="account")
    assert list(zip(without.unit_ids, without.times, strict=True)) == [("A", us("2026-02-01T12:00:00"))]


def test_attributes_are_those_known_at_a_time_each(full: Store) -> None:
    ids, at = pl.Series([4, 1, 1, 7, 3]), np.array([us(f"2026-0{month}-15") for month in (4, 2, 3, 3, 3)])
    found = full.units().attributes(["country"], unit="user_id", unit_ids=ids, at=at)
    assert found.to_dict(as_series=False) == {"country": [None, "de", "ch", None, "fr"]}
    of_accounts = full.units().attributes(["country"], unit="account", unit_ids=pl.Series(["B", "A"]), at=at[1:3])
    assert of_accounts["country"].to_list() == ["fr", "ch"]
    with pytest.raises(NotFoundError, match="users has no column 'contry'.*did you mean 'country'"):
        full.units().attributes(["contry"], unit="user_id", unit_ids=ids, at=at)
    assert full.units().attributes([], unit="user_id", unit_ids=ids, at=at).shape == (0, 0)


def test_which_units_occur_in_the_data(full: Store) -> None:
    frame = pl.DataFrame({"user_id": [4, None], "item_id": ["a", "b"], "ts": ["2026-01-01T00:00:00Z"] * 2})
    full.ingest("impressions", frame.with_columns(position=pl.lit(1)))
    ids = pl.Series([1, 4, 7, 9])
    assert full.units().seen(unit="user_id", unit_ids=ids).tolist() == [True, True, False, True]
    assert full.units().seen(unit="account", unit_ids=pl.Series(["A", "Z"])).tolist() == [True, False]


def test_a_table_is_complete_as_far_as_was_said_or_to_the_end_of_its_newest_row(full: Store) -> None:
    assert full.units().complete_through("events") == us("2026-05-01T12:00:00") + 1
    assert full.units().complete_through("impressions") is None
    full.set_watermark("events", "2026-04-01")
    assert full.units().complete_through("events") == us("2026-04-01")
