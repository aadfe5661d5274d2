"""Attribution of events to impressions, against a loop over all pairs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.experiment.attribution import attribute

T0 = datetime(2026, 6, 8)
SCHEMA = {"user_id": pl.Int64, "item_id": pl.String, "request_id": pl.String, "ts": pl.Datetime("us")}
ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, None]),
        st.sampled_from(["x", "y", None]),
        st.sampled_from(["r", "s", None]),
        st.integers(0, 12).map(lambda minutes: T0 + timedelta(minutes=minutes)),
    ),
    max_size=15,
)


def naive(event: tuple[Any, ...], shown: list[tuple[Any, ...]], by: str, within: timedelta | None) -> int | None:
    """Return the place of the impression of an event."""
    keys = (2, 1) if by == "request_id" else (0, 1)
    same = [
        place
        for place, one in enumerate(shown)
        if all(event[key] is not None and event[key] == one[key] for key in keys)
    ]
    before = [place for place in same if shown[place][3] <= event[3]]
    if before:
        last = max(before, key=lambda place: (shown[place][3], place))
        return last if within is None or event[3] - shown[last][3] < within else None
    if same and within is None and by == "request_id":
        return min(same, key=lambda place: (shown[place][3], place))
    return None


@pytest.mark.parametrize(("by", "within"), [("request_id", None), ("request_id", "5m"), ("last_touch", "5m")])
@given(events=ROWS, impressions=ROWS)
@settings(max_examples=100, deadline=None)
def test_the_impression_is_the_naive_one(by: Any, within: str | None, events: Any, impressions: Any) -> None:
    shown = pl.DataFrame(impressions, schema=SCHEMA, orient="row").with_row_index("place")
    rows = pl.DataFrame(events, schema=SCHEMA, orient="row")
    found = attribute(rows, shown, by=by, within=within)
    length = None if within is None else timedelta(minutes=5)
    assert found["impression_place"].to_list() == [naive(event, impressions, by, length) for event in events]
    assert found["attributed"].to_list() == found["impression_place"].is_not_null().to_list()
    assert found.select(rows.columns).equals(rows)


def test_the_window_is_half_open() -> None:
    shown = {"user_id": [1], "item_id": [7], "ts": [T0]}
    times = [
        T0 - timedelta(microseconds=1),
        T0,
        T0 + timedelta(minutes=30, microseconds=-1),
        T0 + timedelta(minutes=30),
    ]
    plays = {"user_id": [1] * 4, "item_id": [7] * 4, "ts": times}
    assert attribute(plays, shown, within="30m")["attributed"].to_list() == [False, True, True, False]


def test_of_one_time_the_last_position_counts_whatever_the_order_of_rows() -> None:
    shown = pl.DataFrame(
        {"user_id": [1, 1], "item_id": [7, 7], "ts": [T0, T0], "position": [2, 1], "policy": ["b", "a"]}
    )
    play = {"user_id": [1], "item_id": [7], "ts": [T0]}
    for frame in (shown, shown.reverse()):
        assert attribute(play, frame, within="1m")["impression_policy"].to_list() == ["b"]


@pytest.mark.parametrize(
    ("events", "arguments", "error", "message"),
    [
        ({}, {"within": None}, ArgumentError, "within is None"),
        ({}, {"by": "first_touch"}, ArgumentError, "did you mean 'last_touch'"),
        ({}, {"within": "soon"}, ArgumentError, "within is 'soon'"),
        ({}, {"by": "request_id"}, NotFoundError, "events has no column 'request_id'"),
        ({"user_id": ["1"]}, {}, DataError, "user_id is String in events and Int64 in impressions"),
        ({"ts": [5]}, {}, DataError, "events.ts has type Int64"),
    ],
)
def test_what_is_wrong_is_said(
    events: dict[str, Any], arguments: dict[str, Any], error: type[RecsysError], message: str
) -> None:
    plays = {"user_id": [1], "item_id": [7], "ts": [T0], **events}
    with pytest.raises(error, match=message):
        attribute(plays, {"user_id": [1], "item_id": [7], "ts": [T0]}, **{"within": "30m", **arguments})
