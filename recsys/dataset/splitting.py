"""Splits into train and test: deterministic, and each proves what it promises before it is returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.seeds import Seed, generator
from recsys.core.times import duration_micros, parse_instant, to_micros
from recsys.dataset.dataset import Dataset
from recsys.display import Card, View

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Split(Card):
    """A train and a test part with shared vocabularies; unpacks as ``train, test = split``.

    Parameters
    ----------
    train, test : Dataset
        What a model learns from, and what it is measured on.
    history : Dataset, optional
        `user_split` only: the events of the test users that are folded in before they are served.
    kind : str
        The function that made the split.
    cut : int, optional
        `temporal_split` only: microseconds since 1970; every test event is at or after it, every training event before.
    warnings : tuple of str
        What a reader of the results should know.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2], "item_id": ["a", "b", "b", "a"]})
    >>> train, test = random_split(data, 0.5)
    >>> len(train), len(test)
    (2, 2)
    """

    train: Dataset
    test: Dataset
    history: Dataset | None = None
    kind: str = ""
    cut: int | None = None
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Split({self.kind}, {len(self.train):,} events to train, {len(self.test):,} to test)"

    def card(self) -> View:
        """Return what a notebook shows: the parts, side by side, and the warnings."""
        from recsys.dataset.cards import split_card

        return split_card(self)

    def __iter__(self) -> Iterator[Dataset]:
        yield self.train
        yield self.test


def temporal_split(
    data: Dataset,
    test: str | timedelta | float | None = None,
    *,
    at: str | datetime | None = None,
    until: str | datetime | None = None,
) -> Split:
    """Cut all users at one instant: what comes before trains, what comes at or after it tests.

    One global time line keeps the future out of training (Ji et al. 2023, "A Critical Study on Data Leakage in
    Recommender System Offline Evaluation").

    Parameters
    ----------
    data : Dataset
        With times.
    test : str, timedelta or float, optional
        The length of the test part, counted back from just after the newest event (or from `until`): ``"14d"``; or
        about which share of the events, between 0 and 1.
        Events of one instant are never torn apart, so a share is met as nearly as the times allow.
    at : str or datetime, optional
        The instant of the cut itself, instead of `test`.
    until : str or datetime, optional
        Leave out events at or after this instant first, e.g. clocks that run ahead.

    Raises
    ------
    ArgumentError
        The log has no times, or not exactly one of `test` and `at` is given.
    ArgumentError
        One of the two parts would be empty.
    DataError
        There is no way to fill both parts.

    Examples
    --------
    >>> import polars as pl
    >>> days = ["2026-01-01", "2026-01-02", "2026-01-20"]
    >>> frame = pl.DataFrame({"user_id": [1, 1, 1], "item_id": [1, 2, 3], "ts": days})
    >>> train, held = temporal_split(Dataset.from_frame(frame.with_columns(pl.col("ts").str.to_date())), "7d")
    >>> len(train), len(held)
    (2, 1)
    """
    if (test is None) == (at is None):
        raise ArgumentError(
            f"test is {test!r} and at is {at!r}", "exactly one of the two was expected", "use test='14d'"
        )
    if data.times is None:
        raise ArgumentError("the events have no times", "a log with ts was expected", "use random_split")
    if until is not None:
        data = data.keep(data.times < to_micros(parse_instant("until", until)))
    times = _times(data)
    if at is not None:
        cut = to_micros(parse_instant("at", at))
    elif isinstance(test, (int, float)):
        cut = _cut_by_share(times, finite_float("test", test, above=0, below=1, hint="use '14d' for a length of time"))
    else:
        end = to_micros(parse_instant("until", until)) if until is not None else int(times.max()) + 1
        cut = end - duration_micros("test", test if test is not None else "")
    after = times >= cut
    n_after = int(np.count_nonzero(after))
    split = Split(data.keep(~after), data.keep(after), kind="temporal", cut=cut, warnings=_thin(n_after, len(data)))
    span = f"the events span {data.first_time} to {data.last_time}; choose a cut in between"
    _both_parts(split, span, possible=bool(times.min() < times.max()))
    if _times(split.train).max() >= _times(split.test).min():
        raise DataError(
            "a training event is not earlier than every test event", "max(train time) < min(test time) was expected"
        )
    return split


def leave_last_out(data: Dataset, n: int = 1) -> Split:
    """Hold out each user's `n` items with the newest last event; users with at most `n` items only train.

    Ties go to the larger item code.

    Every test user keeps at least one training event, and no test pair is in training. The cut differs from user to
    user, so training holds events later than some test events: the split says so in its `warnings`.

    Raises
    ------
    ArgumentError
        The log has no times, or one of the two parts would be empty.
    DataError
        There is no way to fill both parts.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"user_id": [1, 1], "item_id": [1, 2], "ts": ["2026-01-01", "2026-01-02"]})
    >>> train, held = leave_last_out(Dataset.from_frame(frame.with_columns(pl.col("ts").str.to_date())))
    >>> held.to_polars()["item_id"].to_list()
    [2]
    """
    positive_int("n", n)
    if data.times is None:
        raise ArgumentError("the events have no times", "a log with ts was expected", "use random_split")
    return _per_user(
        data,
        np.full(data.n_users, n),
        "leave_last_out",
        ("the cut differs from user to user: some training events are later than some test events",),
    )


def random_split(data: Dataset, test: float = 0.2, *, seed: Seed = 0) -> Split:
    """Hold out a random share of the user–item pairs; all events of a pair stay together.

    Parameters
    ----------
    data : Dataset
        What is split.
    test : float
        Share of the pairs, between 0 and 1.
    seed : int
        The same seed holds out the same pairs.

    Raises
    ------
    ArgumentError
        One of the two parts would be empty.
    DataError
        There is no way to fill both parts.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1] * 10, "item_id": list(range(10))})
    >>> len(random_split(data, 0.3, seed=1).test)
    3
    """
    finite_float("test", test, above=0, below=1)
    pair_of_event, n_pairs = _pairs(data)
    held = np.zeros(n_pairs, dtype=np.bool_)
    held[generator(seed).permutation(n_pairs)[: round(test * n_pairs)]] = True
    after = held[pair_of_event]
    warnings = (
        ("the split ignores time: training holds events later than test events",) if data.times is not None else ()
    )
    split = Split(data.keep(~after), data.keep(after), kind="random", warnings=warnings)
    return _proved_disjoint(_both_parts(split, "use a share nearer to 0.5, or more data", possible=n_pairs > 1))


def user_split(data: Dataset, test: float = 0.2, *, history: float = 0.8, seed: Seed = 0) -> Split:
    """Hold out a random share of the users: none of their events trains (strong generalisation).

    Part of their items is folded in before they are served, the rest is tested.

    Parameters
    ----------
    data : Dataset
        With or without times.
    test : float
        The share of users held out.
    history : float
        The share of each test user's items that is folded in: the oldest ones where the log has times, random ones
        otherwise; at least one is folded in and one tested. Test users with a single item are left out.
    seed : int
        Seed of the draw.

    Raises
    ------
    ArgumentError
        One of the parts would be empty.
    DataError
        There is no way to fill all parts.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2], "item_id": [1, 2, 1, 2]})
    >>> split = user_split(data, 0.5, history=0.5)
    >>> len(split.train), len(split.history), len(split.test)
    (2, 1, 1)
    """
    finite_float("test", test, above=0, below=1)
    finite_float("history", history, above=0, below=1)
    random = generator(seed)
    active = np.flatnonzero(data.user_events)
    chosen = np.zeros(data.n_users, dtype=np.bool_)
    chosen[random.permutation(active)[: max(1, round(test * len(active)))]] = True
    theirs = data.keep(chosen[data.user_codes])
    pair_of_event, n_pairs = _pairs(theirs)
    counts = np.bincount(_pair_users(theirs, pair_of_event, n_pairs), minlength=data.n_users)
    held = np.clip(np.rint(counts * (1 - history)).astype(np.int64), 1, np.maximum(counts - 1, 1))
    parts = _per_user(theirs, held, "user", (), None if data.times is not None else random)
    split = Split(
        data.keep(~chosen[data.user_codes]),
        parts.test,
        parts.train.keep(parts.test.user_events[parts.train.user_codes] > 0),
        "user",
    )
    _both_parts(split, "use another share, or more data", possible=len(active) > 1 and bool(counts.max(initial=0) > 1))
    if (split.train.user_events[chosen] > 0).any():
        raise DataError("a test user has training events", "disjoint users were expected")
    return split


def _per_user(
    data: Dataset,
    held: NDArray[np.int64],
    kind: str,
    warnings: tuple[str, ...],
    random: np.random.Generator | None = None,
) -> Split:
    """Hold out ``held[user]`` pairs of each user that has more than that: the newest ones, or random ones."""
    pair_of_event, n_pairs = _pairs(data)
    users = _pair_users(data, pair_of_event, n_pairs)
    if random is None:
        key = np.full(n_pairs, np.iinfo(np.int64).min)
        np.maximum.at(key, pair_of_event, _times(data))
    else:
        key = random.permutation(n_pairs).astype(np.int64)
    order = np.lexsort((np.arange(n_pairs), key, users))
    counts = np.bincount(users, minlength=data.n_users)
    from_newest = np.cumsum(counts)[users[order]] - np.arange(n_pairs) - 1
    last = np.zeros(n_pairs, dtype=np.bool_)
    last[order] = (from_newest < held[users[order]]) & (counts[users[order]] > held[users[order]])
    after = last[pair_of_event]
    split = Split(data.keep(~after), data.keep(after), kind=kind, warnings=warnings)
    possible = bool(counts.max(initial=0) > 1 and held.max(initial=0) > 1)
    return _proved_disjoint(_both_parts(split, "users with more items are needed", possible=possible))


def _pairs(data: Dataset) -> tuple[NDArray[np.int64], int]:
    """Return for every event the rank of its (user, item) pair, and the number of pairs."""
    pairs = data.pairs()
    flat = data.user_codes.astype(np.int64) * data.n_items + data.item_codes
    owners = np.repeat(np.arange(data.n_users, dtype=np.int64), np.diff(pairs.indptr))
    return np.searchsorted(owners * data.n_items + pairs.indices, flat), int(pairs.nnz)


def _pair_users(data: Dataset, pair_of_event: NDArray[np.int64], n_pairs: int) -> NDArray[np.int64]:
    users = np.zeros(n_pairs, dtype=np.int64)
    users[pair_of_event] = data.user_codes
    return users


def _times(data: Dataset) -> NDArray[np.int64]:
    if data.times is None:
        raise ArgumentError("the events have no times", "a log with ts was expected")
    return data.times


def _cut_by_share(times: NDArray[np.int64], share: float) -> int:
    """Return the event time, but the first, whose test share comes nearest to the wanted one (the later of two)."""
    instants, counts = np.unique(times, return_counts=True)
    if len(instants) < 2:
        return int(times[0]) if len(times) else 0
    shares = counts[:0:-1].cumsum()[::-1] / len(times)
    off = np.abs(shares - share)
    return int(instants[len(off) - int(np.argmin(off[::-1]))])


def _thin(tested: int, total: int) -> tuple[str, ...]:
    """Warn of a test part that one wrong clock can make: fewer than a thousandth of the events."""
    if tested * 1000 >= total:
        return ()
    return (f"the test part holds {tested:,} of {total:,} events; if clocks run ahead, leave them out with until",)


def _both_parts(split: Split, hint: str, *, possible: bool) -> Split:
    """Return the split, or say whose fault an empty part is: the argument's where another one is `possible`."""
    for name, part in (("train", split.train), ("test", split.test), ("history", split.history)):
        if part is not None and len(part) == 0:
            fault = ArgumentError if possible else DataError
            raise fault(f"the {name} part of the split is empty", "events on both sides were expected", hint)
    return split


def _proved_disjoint(split: Split) -> Split:
    if split.train.pairs().multiply(split.test.pairs()).nnz:
        raise DataError("a test pair is in training too", "disjoint pairs were expected")
    return split
