"""Logs on entry: the order of the rows means nothing, and every demand on a log has an error that shows the row."""

from dataclasses import fields
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.ope import LoggedFeedback

REQUESTS = pl.DataFrame(
    {
        "request_id": ["r9", "r9", "r1", "r1", "r1"],
        "ts": [datetime(2026, 1, 1)] * 2 + [datetime(2026, 1, 2)] * 3,
        "user_id": [7, 7, 5, 5, 5],
        "item_id": ["a", "b", "c", "a", "b"],
        "position": [1, 2, 1, 2, 3],
        "propensity_position": [0.5, 0.25, 0.5, 0.3, 0.2],
        "propensity_given_above": [0.5, 0.5, 0.5, 0.4, 1.0],
        "propensity_slate": [0.25, 0.25, 0.2, 0.2, 0.2],
        "policy": ["old"] * 5,
        "policy_version": ["1", "1", "2", "2", "2"],
        "country": ["SE", "SE", "DE", "DE", "DE"],
        "click": [True, False, False, True, False],
        "minutes": [3.5, 0.0, 0.0, 2.0, 0.0],
    }
)
PLAIN = pl.DataFrame({"item_id": [1, 2, 1], "propensity_position": [0.5, 0.5, 0.5], "click": [1, 0, 1]})


def bytes_of(log: LoggedFeedback) -> list[object]:
    def plain(value: object) -> object:
        if isinstance(value, np.ndarray):
            return value.tobytes(), value.dtype.str
        if isinstance(value, pl.DataFrame):
            return value.to_dicts()
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, tuple):
            return tuple(plain(each) for each in value)
        return value.ids.to_list() if hasattr(value, "ids") else value

    return [plain(getattr(log, field.name)) for field in fields(log)]


def test_a_log_of_requests_becomes_slates_in_order_of_time_and_position():
    log = LoggedFeedback.from_frame(REQUESTS.sample(fraction=1.0, shuffle=True, seed=3))
    assert log.offsets.tolist() == [0, 2, 5]  # r9 is the earlier one
    assert log.items.decode(log.actions).to_list() == ["a", "b", "c", "a", "b"]
    assert log.positions.tolist() == [1, 2, 1, 2, 3]
    assert log.propensities.slate.tolist() == [0.25, 0.2]
    assert log.propensities.given_above.tolist() == [0.5, 0.5, 0.5, 0.4, 1.0]
    assert log.users.decode(log.user_codes).to_list() == [7, 7, 5, 5, 5]
    assert log.versions == ("old/1", "old/2")
    assert log.version_codes.tolist() == [0, 0, 1, 1, 1]
    assert sorted(log.rewards) == ["click", "minutes"]
    assert log.context.columns == ["request_id", "country"]
    assert log.notes == ("rewards: click, minutes, all columns of numbers; name those that count with reward=",)


def test_slates_are_taken_whole_by_version_and_by_time():
    log = LoggedFeedback.from_frame(REQUESTS)
    for part in (log.of_versions("old/2"), log.period(since="2026-01-02"), log.keep(np.array([False, True]))):
        assert bytes_of(part) == bytes_of(log.of_versions("old/2"))
        assert part.offsets.tolist() == [0, 3]
        assert part.rewards["minutes"].tolist() == [0.0, 2.0, 0.0]
        assert part.propensities.slate.tolist() == [0.2]
        assert part.context["country"].to_list() == ["DE"] * 3
    assert len(log.of_versions("old")) == 5
    assert len(log.period(until="2026-01-01")) == 0
    with pytest.raises(NotFoundError, match="old/1, old/2"):
        log.of_versions("older")


names = st.sampled_from(["a", "b", "c", None])
rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), names, st.sampled_from([0.1, 0.5, 1.0]), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(rows, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_the_order_of_the_rows_means_nothing(values, timed, requests, chance):
    frame = pl.DataFrame(
        values, schema=["request_id", "item_id", "user_id", "propensity_position", "click"], orient="row"
    )
    if timed:
        frame = frame.with_columns(ts=pl.from_epoch(pl.col("item_id")))
    frame = frame.with_columns(user_id=pl.lit("a")) if requests else frame.drop("request_id")
    places = list(range(len(frame)))
    chance.shuffle(places)
    assert bytes_of(LoggedFeedback.from_frame(frame)) == bytes_of(LoggedFeedback.from_frame(frame[places]))


@given(st.permutations(range(5)))
@settings(max_examples=30, deadline=None)
def test_nor_does_it_in_slates(places):
    assert bytes_of(LoggedFeedback.from_frame(REQUESTS)) == bytes_of(LoggedFeedback.from_frame(REQUESTS[places]))


def test_pandas_and_arrow_give_the_same_log():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(REQUESTS.to_dict(as_series=False))
    assert bytes_of(LoggedFeedback.from_frame(frame)) == bytes_of(LoggedFeedback.from_frame(REQUESTS))

    class Arrow:
        def __arrow_c_stream__(self, requested_schema=None):
            return REQUESTS.__arrow_c_stream__(requested_schema)

    assert bytes_of(LoggedFeedback.from_frame(Arrow())) == bytes_of(LoggedFeedback.from_frame(REQUESTS))


WRONG = {
    "percent": ("propensity_position", [50.0, 25.0, 50.0], r"above 1 \(50\) in 3 of 3 rows .*percent"),
    "above 1": ("propensity_position", [0.5, 1.2, 0.5], r"above 1 \(1.2\) in 1 of 3 rows \(first in row 1: item_id 2"),
    "zero": ("propensity_position", [0.5, 0.0, 0.0], "is 0 in 2 of 3 rows .*first in row 1"),
    "negative": ("propensity_position", [0.5, 0.5, -0.1], r"negative \(-0.1\) in 1 of 3 rows"),
    "NaN": ("propensity_position", [0.5, float("nan"), 0.5], "NaN in 1 of 3 rows"),
    "infinite": ("propensity_position", [0.5, float("inf"), 0.5], "infinite in 1 of 3 rows"),
    "null": ("propensity_position", [0.5, None, 0.5], "null in 1 of 3 rows"),
    "text": ("propensity_position", ["a", "b", "c"], "has type String"),
    "a reward that is NaN": ("click", [1.0, float("nan"), 0.0], "click, a reward, is NaN in 1 of 3"),
    "a reward that is null": ("click", [1.0, None, 0.0], "click, a reward, is null in 1 of 3"),
    "an infinite reward": ("click", [1.0, float("inf"), 0.0], "click, a reward, is infinite in 1 of 3"),
    "positions from 0": ("position", [0, 1, 2], "position is 0 in 1 of 3 rows.*count from 0"),
    "half a position": ("position", [1.0, 1.5, 2.0], "position is 1.5 in 1 of 3"),
    "an item that is null": ("item_id", [1, None, 2], "item_id is null in 1 of 3"),
    "a time that is text": ("ts", ["2026", "2026", "2026"], "ts has type String"),
    "a request that is null": ("request_id", ["a", None, "b"], "request_id is null in 1 of 3"),
    "a name that may be a propensity": ("pscore", [0.5, 0.5, 0.5], None),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_refused_with_their_number_and_the_first(case):
    column, values, message = WRONG[case]
    frame = PLAIN.with_columns(pl.Series(column, values, strict=False))
    if message is None:
        frame, message = frame.drop("propensity_position"), "'pscore' looks like a propensity"
    with pytest.raises(DataError, match=message):
        LoggedFeedback.from_frame(frame)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("position", [1, 1, 1, 2, 3], "position of a request is taken twice in 1 of 5 rows .*'r9', user_id 7"),
        ("propensity_slate", [0.25, 0.25, 0.2, 0.1, 0.2], "propensity_slate differs within a request"),
        ("user_id", [7, 8, 5, 5, 5], "user_id differs within a request in 1 of 5"),
    ],
)
def test_a_request_has_one_list(column, values, message):
    with pytest.raises(DataError, match=message):
        LoggedFeedback.from_frame(REQUESTS.with_columns(pl.Series(column, values)))


def test_a_duplicated_log_of_slates_is_refused_and_one_of_single_rows_is_counted():
    with pytest.raises(DataError, match=r"taken twice in 5 of 10 rows .*unique"):
        LoggedFeedback.from_frame(pl.concat([REQUESTS, REQUESTS]))
    log = LoggedFeedback.from_frame(pl.concat([PLAIN, PLAIN]))
    assert log.duplicates == 4  # rows 0 and 2 are alike: of six rows two are first ones
    assert any("4 rows repeat another" in note for note in log.notes)


def test_what_the_log_cannot_be_used_for_is_said():
    assert any(
        "deterministic" in note for note in LoggedFeedback.from_frame(PLAIN.with_columns(propensity_position=1.0)).notes
    )
    log = LoggedFeedback.from_frame(PLAIN.drop("propensity_position"))
    assert log.propensities == (None, None, None)
    assert any("no propensities" in note for note in log.notes)
    log = LoggedFeedback.from_frame(REQUESTS.drop("request_id"))
    assert log.propensities.slate is None
    assert log.propensities.given_above is None
    assert any("left out" in note for note in log.notes)
    assert not log.has_requests
    gap = LoggedFeedback.from_frame(REQUESTS.filter(pl.col("minutes") < 3))
    assert gap.gaps == 1
    assert any("1 of 2 requests lack positions" in note for note in gap.notes)


@pytest.mark.parametrize("frame", [REQUESTS, PLAIN])
def test_empty_logs_and_logs_of_one_row(frame):
    empty = LoggedFeedback.from_frame(frame.head(0))
    assert (len(empty), empty.n_slates, empty.gaps) == (0, 0, 0)
    assert "the log is empty" in empty.notes
    assert len(empty.keep(np.zeros(0, np.bool_))) == 0
    one = LoggedFeedback.from_frame(frame.head(1))
    assert one.offsets.tolist() == [0, 1]
    assert len(LoggedFeedback.from_frame({"item_id": [], "ts": [], "click": []})) == 0


def test_users_may_be_missing_in_some_rows():
    for users in ([7, None, 7], [7.0, float("nan"), 7.0], ["g", None, "g"]):
        log = LoggedFeedback.from_frame(PLAIN.with_columns(pl.Series("user_id", users)))
        assert sorted(log.user_codes.tolist()) == [-1, 0, 0]
        assert len(log.users) == 1


def test_columns_of_python_objects_are_refused():
    with pytest.raises(DataError, match="'extra' holds Python objects"):
        LoggedFeedback.from_frame(PLAIN.with_columns(pl.Series("extra", [object()] * 3, dtype=pl.Object)))


def test_columns_of_nulls_are_not_there():
    nulls = PLAIN.with_columns(
        pl.lit(None).cast(pl.Float64).alias(name) for name in ("reward", "propensity_slate", "ts")
    )
    log = LoggedFeedback.from_frame(nulls)
    assert list(log.rewards) == ["click"]
    assert log.times is None


def test_rewards_are_named_or_all_numbers_that_mean_nothing_else():
    log = LoggedFeedback.from_frame(REQUESTS, reward=["minutes"])
    assert list(log.rewards) == ["minutes"]
    assert "click" in log.context.columns
    with pytest.raises(NotFoundError, match="did you mean 'click'"):
        LoggedFeedback.from_frame(PLAIN, reward="clicks")
    with pytest.raises(NotFoundError, match="no reward"):
        LoggedFeedback.from_frame(PLAIN.drop("click"))
    with pytest.raises(ArgumentError, match="reward is 5"):
        LoggedFeedback.from_frame(PLAIN, reward=5)
    with pytest.raises(ArgumentError, match="reward is 'propensity_position'"):
        LoggedFeedback.from_frame(PLAIN, reward="propensity_position")
    with pytest.raises(RecsysError, match="item_id"):
        LoggedFeedback.from_frame(PLAIN.drop("item_id"))


def test_a_reward_of_text_is_named_and_p_is_no_reward():
    answers = PLAIN.with_columns(click=pl.Series(["yes", "no"] * len(PLAIN))[: len(PLAIN)])
    with pytest.raises(NotFoundError, match="click is text such as 'yes': make the outcome 0 and 1"):
        LoggedFeedback.from_frame(answers.select("item_id", "click"))
    with pytest.raises(DataError, match="'p' looks like a propensity"):
        LoggedFeedback.from_frame({"item_id": ["a"], "p": [0.5], "click": [1]})
