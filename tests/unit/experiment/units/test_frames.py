"""Frames as a source of units: mapping to coarser units, attributes at a time, columns that are missing or wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.experiment import (
    Active,
    Count,
    Experiment,
    Frames,
    Mean,
    Proportion,
    Retention,
    UnitRequest,
    UnitTable,
    build_unit_table,
)

T0 = dt.datetime(2026, 6, 8)
MICRO = dt.timedelta(microseconds=1)
DAY = dt.timedelta(days=1)


def exposures(**changed: Any) -> dict[str, Any]:
    return {"experiment": ["x"] * 2, "unit_id": [1, 2], "variant": ["a", "b"], "ts": [T0, T0 + DAY], **changed}


def table(metrics: Any, frames: Frames, through: Any = None, **settings: Any) -> UnitTable:
    test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start=T0, metrics=metrics, **settings)
    return build_unit_table(frames, test.request(through))


def test_windows_are_half_open_to_the_microsecond_and_per_unit() -> None:
    starts = {1: T0, 2: T0 + DAY}
    events = [
        (user, first + offset)
        for user, first in starts.items()
        for offset in (-7 * DAY - MICRO, -7 * DAY, -MICRO, dt.timedelta(0), DAY - MICRO, DAY, 2 * DAY - MICRO, 2 * DAY)
    ]
    frames = Frames(exposures=exposures(), events=pl.DataFrame(events, schema=["user_id", "ts"], orient="row"))
    built = table([Count("rows", window="1d", pre_period="7d"), Retention("back", day=1)], frames)
    assert built.columns["rows"].tolist() == [2, 2]  # at 0 and a microsecond before a day
    assert built.columns["rows.pre"].tolist() == [2, 2]  # at −7 d and a microsecond before 0
    assert built.columns["back"].tolist() == [1, 1]


def test_units_without_events_are_zero_and_not_seen() -> None:
    built = table(
        [Mean("minutes"), Proportion("any")],
        Frames(exposures=exposures(), events={"user_id": [2], "ts": [T0 + DAY], "value": [5.0]}),
    )
    assert built.columns["minutes"].tolist() == [0, 5]
    assert built.columns["any"].tolist() == [0, 1]
    assert built.seen.tolist() == [False, True]


def test_maturity_is_each_columns_own() -> None:
    events = {"user_id": [1], "ts": [T0 + 3 * DAY - MICRO]}
    metrics = [
        Count("one", window="2d"),
        Count("long", window="3d"),
        Count("open"),
        Retention("late", day=2, kind="rolling"),
    ]
    built = table(metrics, Frames(exposures=exposures(), events=events))
    assert built.complete_through == {"events": built.through}
    assert {name: mask.tolist() for name, mask in built.matured.items()} == {
        "one": [True, True],
        "long": [True, False],
        "open": [True, True],
        "late": [True, False],  # the second unit's day 2 begins where the data ends
    }
    early = table(metrics, Frames(exposures=exposures(), events=events), through=T0 + 2 * DAY)
    assert early.matured["one"].tolist() == [True, False]
    known = Frames(exposures=exposures(), events=events, complete_through={"events": T0 + 9 * DAY})
    assert table(metrics, known).matured["long"].all()


def test_rows_after_through_do_not_count() -> None:
    frames = Frames(exposures=exposures(), events={"user_id": [1, 1], "ts": [T0, T0 + DAY]})
    built = table([Count("rows"), Count("week", window="7d")], frames, through=T0 + DAY)
    assert built.columns["rows"].tolist() == [1]  # nor the second unit
    assert built.columns["week"].tolist() == [1]
    assert not built.matured["week"].any()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (1, 3, 2, 0)])
def test_rows_of_one_time_are_added_in_one_order(order: tuple[int, ...]) -> None:
    values = [1e16, 0.5, -1e16, 1.0]
    events = {"user_id": [1] * 4, "ts": [T0] * 4, "value": [values[place] for place in order]}
    found = table([Mean("minutes")], Frames(exposures=exposures(), events=events)).columns["minutes"]
    assert found.tolist() == [0, 0]  # the smallest first: 0.5 and 1 are lost in −1e16, in every order of the rows


def test_of_several_profiles_the_first_of_whom_it_is_known_speaks() -> None:
    users = {
        "user_id": [3, 2, 1, 4],
        "account_id": [1, 1, 1, 2],
        "country": ["DE", "SE", None, "NO"],
        "age": [30, None, 20, 40],
    }
    frames = Frames(exposures=exposures(), events={"user_id": [1], "ts": [T0]}, users=users)
    built = table([Count("rows")], frames, unit="account_id", segments=["country", "age"])
    assert built.attributes.to_dict(as_series=False) == {"country": ["SE", "NO"], "age": [20, 40]}


def test_profiles_are_added_up_to_accounts() -> None:
    users = {
        "user_id": ["p1", "p2", "p3", "p1", "p4"],
        "account_id": [9, 1, 2, 1, None],
        "country": ["DE", None, "SE", None, "NO"],
        "valid_from": [T0 - 9 * DAY, None, T0 - DAY, T0 - DAY, None],
    }
    events = {"user_id": ["p1", "p2", "p3", "p4", "p5"], "ts": [T0 + DAY] * 5, "value": [1.0, 2.0, 4.0, 8.0, 16.0]}
    frames = Frames(exposures=exposures(), events=events, users=users)
    built = table([Mean("minutes")], frames, unit="account_id", segments=["country"])
    assert built.columns["minutes"].tolist() == [3, 4]  # p1 belongs to account 1 by its newest version
    assert built.seen.tolist() == [True, True]
    assert built.attributes["country"].to_list() == [None, "SE"]


def test_attributes_are_those_at_the_first_exposure() -> None:
    users = {
        "user_id": [1, 1, 1, 2, 2, 1],
        "plan": ["old", "now", "later", "a", "b", "first known"],
        "valid_from": [T0 - DAY, T0, T0 + MICRO, T0, T0, None],
    }
    frames = Frames(exposures=exposures(), events={"user_id": [1], "ts": [T0]}, users=users)
    built = table([Count("rows")], frames, segments=["plan"])
    assert built.attributes["plan"].to_list() == ["now", "b"]  # of equal times the last row
    none = Frames(exposures=exposures(), events={"user_id": [1], "ts": [T0]}, users={"user_id": [7], "plan": ["x"]})
    assert table([Count("rows")], none, segments=["plan"]).attributes["plan"].to_list() == [None, None]


def test_history_counts_from_the_first_event_in_the_span() -> None:
    days = [T0 + place * DAY for place in range(6)]
    frames = Frames(events={"user_id": [1, 1, 2, 1, 2, 3], "ts": days})
    start = int((T0 - dt.datetime(1970, 1, 1)) / MICRO)
    day = 86_400_000_000
    measures = Count("rows", window="10d", pre_period="10d").measures()
    whole = build_unit_table(frames, UnitRequest(Active(start + day, start + 5 * day), measures))
    assert whole.arms == ("all",)
    assert whole.unit_ids.to_list() == [1, 2]
    assert ((whole.first_exposure - start) // day).tolist() == [1, 2]
    assert whole.columns["rows"].tolist() == [2, 2]
    assert whole.columns["rows.pre"].tolist() == [1, 0]
    holiday = ((start + day, start + 2 * day), (start + 4 * day, start + 5 * day))
    less = build_unit_table(frames, UnitRequest(Active(start + day, start + 5 * day, holiday), measures))
    assert ((less.first_exposure - start) // day).tolist() == [3, 2]
    assert less.columns["rows"].tolist() == [1, 1]
    assert less.columns["rows.pre"].tolist() == [1, 0]  # the second row of user 1 lies on a holiday


def test_summer_time_changes_nothing() -> None:
    """29 March 2026 has 23 hours in Berlin; a day here has 24, and zones become UTC."""
    local = pl.Series(["2026-03-28T12:00", "2026-03-29T12:00"]).str.to_datetime().dt.replace_time_zone("Europe/Berlin")
    shown = pl.DataFrame({"experiment": "x", "unit_id": [1, 2], "variant": ["a", "b"], "ts": [local[0]] * 2})
    events = pl.DataFrame({"user_id": [1, 1, 2], "ts": pl.concat([local, local[:1]])})
    test = Experiment(
        "x",
        {"a": 0.5, "b": 0.5},
        control="a",
        start="2026-03-01",
        metrics=[Retention("back", day=1), Count("first", window="1d")],
    )
    built = build_unit_table(Frames(exposures=shown, events=events), test.request())
    assert built.first_exposure.tolist() == [1_774_695_600_000_000] * 2  # 11:00 UTC
    assert built.columns["first"].tolist() == [2, 1]  # 23 hours later
    assert built.columns["back"].tolist() == [0, 0]


def test_pandas_frames_give_the_same_table() -> None:
    pandas = pytest.importorskip("pandas")
    events = {"user_id": [1, 2], "ts": [T0 + DAY] * 2, "value": [1.5, float("nan")]}
    ours = table([Mean("minutes")], Frames(exposures=exposures(), events=events))
    theirs = table([Mean("minutes")], Frames(exposures=pandas.DataFrame(exposures()), events=pandas.DataFrame(events)))
    assert ours.columns["minutes"].tolist() == theirs.columns["minutes"].tolist() == [1.5, 0]
    assert ours.left_out == theirs.left_out == {"minutes": 1}


@pytest.mark.parametrize(
    ("frames", "metrics", "error", "message"),
    [
        ({"events": {"user_id": [1]}}, [], NotFoundError, "events has no column 'ts'"),
        ({"events": {"user": [1], "ts": [T0]}}, [], NotFoundError, "'user_id'.*it has user, ts.*did you mean 'user'"),
        ({"events": {"user_id": [1.5], "ts": [T0]}}, [], DataError, "events.user_id holds 1.5"),
        ({"events": {"user_id": [1], "ts": ["soon"]}}, [], DataError, "events.ts has type String"),
        ({"events": 5}, [], ArgumentError, "events is a int"),
        ({}, [Count("rows")], NotFoundError, "there is no frame of events"),
        ({"events": {"user_id": [1], "ts": [T0]}}, [Mean("minutes")], NotFoundError, "events has no column 'value'"),
        (
            {"events": {"user_id": [1], "ts": [T0], "value": ["a"]}},
            [Mean("minutes")],
            DataError,
            "events.value is String",
        ),
        (
            {"events": {"user_id": [1], "ts": [T0], "event": ["a"]}},
            [Count("rows", where={"event": 1})],
            ArgumentError,
            "compares with 1.*events.event is String",
        ),
        (
            {"events": {"user_id": [1], "ts": [T0], "tv": [True]}},
            [Count("rows", where={"tv": 1})],
            ArgumentError,
            "compares with 1.*events.tv is Boolean",
        ),
        ({"complete_through": {"items": "2026-06-09"}}, [], ArgumentError, "a table in complete_through is 'items'"),
    ],
)
def test_what_is_wrong_is_said(
    frames: dict[str, Any], metrics: list[Any], error: type[RecsysError], message: str
) -> None:
    with pytest.raises(error, match=f"(?i){message}"):
        table(metrics, Frames(exposures=exposures(), **frames))


def test_a_segment_that_nobody_knows() -> None:
    events = {"user_id": [1], "ts": [T0]}
    with pytest.raises(NotFoundError, match="there is no frame of users"):
        table([Count("rows")], Frames(exposures=exposures(), events=events), segments=["country"])
    frames = Frames(exposures=exposures(), events=events, users={"user_id": [1], "country": ["SE"]})
    with pytest.raises(NotFoundError, match="did you mean 'country'"):
        table([Count("rows")], frames, segments=["contry"])
    with pytest.raises(NotFoundError, match="users has no column 'account_id'"):
        table([Count("rows")], frames, unit="account_id")
    text = Frames(exposures=exposures(), events=events, users={"user_id": ["1"], "account_id": ["SE"]})
    with pytest.raises(DataError, match="user_id is String in users and Int64 elsewhere"):
        table([Count("rows")], text, unit="account_id")


@pytest.mark.parametrize(
    ("where", "passing"),
    [
        ({"n": 2}, [1]),
        ({"n": {"!=": 2}}, [0, 3]),
        ({"n": {">": 1, "<=": 2}}, [1]),
        ({"n": [1, 3]}, [0, 3]),
        ({"x": {">=": 0.5}}, [0]),  # neither NaN nor null
        ({"tv": True}, [0]),
        ({"kind": {"<": "b"}}, [0, 3]),  # by the text, not by the order of categories
        ({"kind": ["b", "c"], "n": {">=": 2}}, [1]),
        ({"on": "2026-06-08"}, [0]),
        ({"on": {">": "2026-06-08"}}, [1]),
    ],
)
def test_filters(where: dict[str, Any], passing: list[int]) -> None:
    events = pl.DataFrame(
        {
            "user_id": [1, 1, 1, 1],
            "ts": [T0 + place * DAY for place in range(4)],
            "n": [1, 2, None, 3],
            "x": [0.5, float("nan"), None, 0.4],
            "tv": [True, False, None, None],
            "kind": pl.Series(["a", "b", None, "a"], dtype=pl.Enum(["b", "c", "a"])),
            "on": [dt.date(2026, 6, 8), dt.date(2026, 6, 9), None, None],
        }
    )
    shown = pl.DataFrame(exposures())
    for place in range(4):
        one = Frames(exposures=shown, events=events.slice(place, 1))
        assert table([Count("rows", where=where)], one).columns["rows"][0] == float(place in passing), place


def test_distinct_values_of_every_type() -> None:
    events = pl.DataFrame(
        {
            "user_id": [1, 1, 1, 2],
            "ts": [T0, T0 + MICRO, T0 + DAY, T0 + DAY],
            "number": [-1, -1, 5, None],
            "real": [0.5, float("nan"), None, 0.5],
            "text": ["a", "b", "a", "a"],
            "tv": [True, False, None, True],
            "at": [T0, T0, T0 + DAY, T0],
        }
    )
    metrics = [
        Mean(name, aggregate=f"count_distinct({name})") for name in ("number", "real", "text", "tv", "at", "day")
    ]
    built = table(metrics, Frames(exposures=exposures(), events=events))
    assert {name: column.tolist() for name, column in built.columns.items()} == {
        "number": [2, 0],
        "real": [1, 1],
        "text": [2, 1],
        "tv": [2, 1],
        "at": [2, 1],
        "day": [2, 1],
    }
    assert built.left_out == {"number": 1, "real": 2, "text": 0, "tv": 1, "at": 0, "day": 0}


def test_no_exposures_give_an_empty_table() -> None:
    nobody = {"experiment": [], "unit_id": [], "variant": [], "ts": []}
    built = table(
        [Mean("minutes", pre_period="7d")],
        Frames(exposures=nobody, events={"user_id": [1], "ts": [T0], "value": [1.0]}),
    )
    assert len(built) == 0
    assert built.columns["minutes.pre"].shape == (0,)
    assert built.enrolment.units.tolist() == [0, 0]
    assert np.array_equal(built.seen, np.zeros(0, dtype=bool))


def test_exposures_may_be_of_one_experiment_alone_and_a_wrong_name_is_told() -> None:
    events = {"user_id": [1], "ts": [T0]}
    alone = {name: column for name, column in exposures().items() if name != "experiment"}
    assert len(table([Count("rows")], Frames(exposures=alone, events=events))) == 2
    with pytest.raises(NotFoundError, match="no exposures of 'x'.*some of xx.*did you mean 'xx'"):
        table([Count("rows")], Frames(exposures=exposures(experiment=["xx"] * 2), events=events))


def test_a_table_as_a_frame_shows_no_unripe_number() -> None:
    users = {"user_id": [1], "country": ["SE"]}
    frames = Frames(exposures=exposures(), events={"user_id": [1, 2], "ts": [T0, T0 + DAY]}, users=users)
    built = table([Count("rows", window="1d")], frames, segments=["country"])
    assert built.to_polars().to_dicts() == [
        {"unit_id": 1, "variant": "a", "first_exposure": T0, "stage": 0, "seen": True, "country": "SE", "rows": 1.0},
        {
            "unit_id": 2,
            "variant": "b",
            "first_exposure": T0 + DAY,
            "stage": 0,
            "seen": True,
            "country": None,
            "rows": None,
        },
    ]
