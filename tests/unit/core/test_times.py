from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError
from recsys.core.times import (
    duration_micros,
    duration_text,
    from_micros,
    instant_micros,
    parse_duration,
    parse_instant,
    to_micros,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("90m", 5400), ("36h", 129600), ("14d", 1209600), ("2w", 1209600), ("1.5h", 5400)],
)
def test_durations(text, seconds):
    assert parse_duration("test", text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "14", "d", "-3d", "0d", "14 days", "1e3d", "99999999999d"])
def test_bad_durations(text):
    with pytest.raises(ArgumentError, match="test is"):
        parse_duration("test", text)


def test_instants_are_utc():
    assert parse_instant("at", "2026-06-01") == datetime(2026, 6, 1)
    assert parse_instant("at", date(2026, 6, 1)) == datetime(2026, 6, 1)
    assert parse_instant("at", "2026-06-01T12:00:00Z") == datetime(2026, 6, 1, 12)
    assert parse_instant("at", datetime(2026, 6, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == datetime(2026, 6, 1)
    with pytest.raises(ArgumentError, match="at is 'June'"):
        parse_instant("at", "June")
    with pytest.raises(ArgumentError, match="at is 5"):
        parse_instant("at", 5)


def test_instants_in_micros_may_come_from_numpy():
    assert instant_micros("at", np.int64(7)) == 7
    assert instant_micros("at", "1970-01-01T00:00:01") == 1_000_000
    with pytest.raises(ArgumentError, match="at is 0.5"):
        instant_micros("at", 0.5)


@given(st.datetimes())
def test_micros_there_and_back(instant):
    assert from_micros(to_micros(instant)) == instant


def test_micros_are_exact_before_1970_and_far_ahead():
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, 999_999)) == -1
    assert to_micros(datetime(2256, 1, 1, 0, 0, 0, 1)) == 9_025_257_600_000_001


def test_duration_in_micros():
    assert duration_micros("half_life", "1d") == 86_400_000_000


@pytest.mark.parametrize("micros", [1, 500_000, 1_000_000, 90_000_000, 5_400_000_000, 86_400_000_000, 86_400_000_001])
def test_durations_as_text_and_back(micros):
    assert duration_micros("it", duration_text(timedelta(microseconds=micros))) == micros
