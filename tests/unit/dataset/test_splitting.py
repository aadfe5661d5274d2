from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset, leave_last_out, random_split, temporal_split, user_split

START = datetime(2026, 1, 1)


def dataset(n_events=400, n_users=25, n_items=15, days=40, seed=3, timed=True):
    random = np.random.default_rng(seed)
    columns = {"user_id": random.integers(0, n_users, n_events), "item_id": random.integers(0, n_items, n_events)}
    if timed:
        columns["ts"] = [START + timedelta(hours=int(hour)) for hour in random.integers(0, days * 24, n_events)]
    return Dataset.from_frame(pl.DataFrame(columns))


def rows(*parts):
    return pl.concat([part.to_polars() for part in parts]).sort(pl.all())


def test_temporal_split_cuts_every_user_at_one_instant():
    data = dataset()
    split = temporal_split(data, "10d")
    assert split.train.times.max() < split.cut <= split.test.times.min()
    assert split.cut == data.times.max() + 1 - 10 * 86_400_000_000
    assert rows(*split).equals(rows(data))
    assert split.train.users is data.users


def test_temporal_split_by_share_by_instant_and_until():
    data = dataset()
    assert len(temporal_split(data, 0.25).test) == pytest.approx(100, abs=3)
    at = temporal_split(data, at="2026-01-21")
    assert at.test.first_time >= datetime(2026, 1, 21) > at.train.last_time
    until = temporal_split(data, "10d", until="2026-01-31")
    assert until.test.last_time < datetime(2026, 1, 31)
    assert until.test.first_time >= datetime(2026, 1, 21)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=30), st.floats(0.01, 0.99))
def test_share_never_tears_an_instant_and_is_the_nearest(days, share):
    assume(len(set(days)) > 1)
    data = Dataset.from_frame(
        pl.DataFrame({"user_id": days, "item_id": days, "ts": [START + timedelta(days=day) for day in days]})
    )
    possible = {sum(day >= cut for day in days) / len(days) for cut in set(days) - {min(days)}}
    got = len(temporal_split(data, share).test) / len(days)
    assert abs(got - share) == pytest.approx(min(abs(value - share) for value in possible))


def test_one_clock_that_runs_ahead_is_noticed():
    days = [START + timedelta(hours=hour) for hour in range(2000)]
    frame = pl.DataFrame({"user_id": [1] * 2001, "item_id": [1] * 2001, "ts": [*days, datetime(2038, 1, 1)]})
    data = Dataset.from_frame(frame)
    assert "1 of 2,001 events" in temporal_split(data, "14d").warnings[0]
    split = temporal_split(data, "14d", until="2026-03-26")
    assert (split.warnings, split.test.last_time) == ((), days[-1])


def test_an_empty_part_is_the_fault_of_the_argument_where_another_one_would_do():
    data = dataset()
    for split in (
        lambda: temporal_split(data, "100d"),
        lambda: random_split(data, 1e-9),
        lambda: leave_last_out(data, 1000),
    ):
        with pytest.raises(ArgumentError, match="part of the split is empty"):
            split()
    single = data.keep(np.arange(len(data)) < 1)
    for split in (
        lambda: temporal_split(single, "1d"),
        lambda: random_split(single),
        lambda: leave_last_out(single),
        lambda: user_split(single),
    ):
        with pytest.raises(DataError, match="part of the split is empty"):
            split()


def test_temporal_split_says_why_it_cannot():
    with pytest.raises(ArgumentError, match="train part of the split is empty"):
        temporal_split(dataset(), "100d")
    with pytest.raises(ArgumentError, match="test part of the split is empty"):
        temporal_split(dataset(), at="2030-01-01")
    with pytest.raises(ArgumentError, match="no times"):
        temporal_split(dataset(timed=False), "1d")
    with pytest.raises(ArgumentError, match="Exactly one"):
        temporal_split(dataset())
    with pytest.raises(ArgumentError, match="test is 1.5"):
        temporal_split(dataset(), 1.5)


def test_leave_last_out_holds_out_the_newest_items():
    data = dataset()
    split = leave_last_out(data, 2)
    assert rows(*split).equals(rows(data))
    for user in range(data.n_users):
        last = (
            data.to_polars()
            .filter(pl.col("user_id") == data.users.ids[user])
            .group_by("item_id")
            .agg(pl.col("ts").max())
        )
        expected = last.sort("ts", "item_id")["item_id"].tail(2).to_list()
        assert set(split.test.items.decode(np.flatnonzero(split.test.pairs().toarray()[user]))) == set(expected)
        assert split.train.user_events[user] > 0
    assert split.warnings


def test_users_with_few_items_only_train():
    data = Dataset.from_frame(pl.DataFrame({"user_id": [1, 2, 2], "item_id": [1, 1, 2], "ts": [START, START, START]}))
    train, test = leave_last_out(data)
    assert train.user_events.tolist() == [1, 1]
    assert test.to_polars().select("user_id", "item_id").rows() == [(2, 2)]


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.1, 0.9))
def test_random_split_keeps_pairs_together_and_is_deterministic(seed, share):
    data = dataset(timed=False)
    split = random_split(data, share, seed=seed)
    assert rows(*split).equals(rows(data))
    assert split.train.pairs().multiply(split.test.pairs()).nnz == 0
    assert split.test.pairs().nnz == round(share * data.pairs().nnz)
    assert random_split(data, share, seed=seed).test.content_hash == split.test.content_hash


@pytest.mark.parametrize("timed", [True, False])
def test_user_split_never_trains_on_a_test_user(timed):
    data = dataset(timed=timed)
    split = user_split(data, 0.2, history=0.7, seed=5)
    chosen = split.test.user_events > 0
    assert chosen.sum() == round(0.2 * data.n_users)
    assert (split.train.user_events[chosen] == 0).all()
    assert (split.history.user_events[~chosen] == 0).all()
    assert rows(*split, split.history).equals(rows(data))
    assert split.history.pairs().multiply(split.test.pairs()).nnz == 0
    items = np.diff(data.pairs().indptr)[chosen]
    np.testing.assert_array_equal(np.diff(split.test.pairs().indptr)[chosen], np.clip(np.rint(items * 0.3), 1, None))
    if timed:
        for user in np.flatnonzero(chosen):
            mine = data.user_codes == user
            newest = dict(zip(data.item_codes[mine], data.times[mine], strict=True))
            held = set(np.flatnonzero(split.test.pairs().toarray()[user]))
            assert min(newest[item] for item in held) >= max(newest[item] for item in set(newest) - held)


def test_user_split_leaves_out_test_users_with_one_item():
    data = Dataset.from_frame({"user_id": [1, 2, 2, 3, 3], "item_id": [1, 1, 2, 1, 2]})
    for seed in range(8):
        try:
            split = user_split(data, 0.67, history=0.5, seed=seed)
        except (ArgumentError, DataError):
            continue
        assert (split.history.user_events > 0).tolist() == (split.test.user_events > 0).tolist()


@pytest.mark.parametrize("history", [0.05, 0.2, 0.5, 0.95])
def test_user_split_folds_in_and_tests_at_least_one_item_of_each_test_user(history):
    data = Dataset.from_frame({"user_id": np.repeat(np.arange(20), 2), "item_id": np.tile([1, 2], 20)})
    split = user_split(data, 0.5, history=history)
    assert (len(split.train), len(split.history), len(split.test)) == (20, 10, 10)


def test_seed_of_the_wrong_kind_is_refused():
    with pytest.raises(ArgumentError, match="seed is 'x'"):
        random_split(dataset(), seed="x")
