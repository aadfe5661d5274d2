"""Histories as of a request: which events of a user came before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.dataset import Dataset, Label, Vocabulary
from recsys.ope.feedback import LoggedFeedback

_EVENTS = 1 << 21


class States(NamedTuple):
    """Distinct situations in which a model is asked: a user, with a history, at a time.

    Attributes
    ----------
    users : (m,) int64
        Codes of the log's users; −1 = nobody known.
    lengths : (m,) int64
        Events of the user before the request.
    spans : (m,) int64
        Which of the spans in which the same items are open.
    of_slate : (n_slates,) int64
    """

    users: NDArray[np.int64]
    lengths: NDArray[np.int64]
    spans: NDArray[np.int64]
    of_slate: NDArray[np.int64]


def timed_events(history: object) -> Dataset:
    """Return events with times as a Dataset."""
    data = history if isinstance(history, Dataset) else Dataset.from_frame(history)
    if data.times is None:
        raise ArgumentError("history has no times", "events with ts were expected: who had done what by a request")
    return data


def states_of(feedback: LoggedFeedback, history: Dataset | None, boundaries: NDArray[np.int64]) -> States:
    """Return the distinct states; `boundaries` (sorted µs) are where what is open changes."""
    times, first = feedback.slate_times, feedback.offsets[:-1]
    users = np.full(feedback.n_slates, -1, np.int64)
    if feedback.user_codes is not None:
        users = feedback.user_codes[first].astype(np.int64)
    if times is None and (history is not None or len(boundaries)):
        raise ArgumentError(
            "the log has no times", "a column ts was expected: histories and rights are as of a request"
        )
    lengths = np.zeros(feedback.n_slates, np.int64)
    if history is not None and times is not None and feedback.users is not None:
        lengths = _events_before(history, history.users.encode(feedback.users.ids)[users], users >= 0, times)
    spans = np.zeros_like(users) if times is None else np.searchsorted(boundaries, times, side="right")
    of_slate = np.zeros_like(users)
    for key in (spans, users, lengths):  # numbered anew at every step, so that no product overflows
        joint = of_slate * (int(key.max(initial=0)) + 2) + key + 1
        of_slate = np.unique(joint, return_inverse=True)[1].astype(np.int64)
    first = np.unique(of_slate, return_index=True)[1]
    return States(users[first], lengths[first], spans[first], of_slate)


def _events_before(
    history: Dataset, codes: NDArray[np.int32], named: NDArray[np.bool_], times: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many events of each user came before each time, strictly."""
    known_times = history.times if history.times is not None else np.zeros(0, np.int64)
    instants = np.unique(known_times)
    events = history.user_codes.astype(np.int64) * (len(instants) + 1) + np.searchsorted(instants, known_times)
    known = named & (codes >= 0)
    asked = codes[known].astype(np.int64) * (len(instants) + 1) + np.searchsorted(instants, times[known])
    lengths = np.zeros(len(times), np.int64)
    lengths[known] = np.searchsorted(events, asked) - history.indptr[codes[known]]
    return lengths


def rounds(states: States, span: int, most: int) -> Iterator[NDArray[np.int64]]:
    """Yield blocks of the states of a span with a history, each with a user once, of bounded size."""
    mine = np.flatnonzero((states.spans == span) & (states.lengths > 0))
    users = states.users[mine]  # sorted, then by length
    turn = np.arange(len(mine)) - np.searchsorted(users, users)
    order = np.argsort(turn, kind="stable")
    ordered, turns = mine[order], turn[order]
    start = 0
    while start < len(ordered):
        stop = min(start + most, int(np.searchsorted(turns, turns[start], side="right")))
        events = np.cumsum(states.lengths[ordered[start:stop]])
        stop = start + max(1, int(np.searchsorted(events, _EVENTS, side="right"))) if events[-1] > _EVENTS else stop
        yield ordered[start:stop]
        start = stop


def history_of(history: Dataset, ids: pl.Series, lengths: NDArray[np.int64], label: Label) -> Dataset:
    """Return the first events of users: `ids` distinct and sorted.

    Where a label decays, ages count back from each user's own newest event, so that who else is asked for changes
    nothing.
    """
    codes = history.users.encode(ids)
    ahead = np.append(0, np.cumsum(lengths)[:-1])
    places = np.repeat(history.indptr[codes] - ahead, lengths) + np.arange(int(lengths.sum()))
    times = None if history.times is None else history.times[places]
    if times is not None and label.half_life is not None:
        times = times - np.repeat(times[ahead + lengths - 1], lengths)
    return Dataset.from_codes(
        Vocabulary(ids),
        history.items,
        np.repeat(np.arange(len(ids), dtype=np.int32), lengths),
        history.item_codes[places],
        values=history.values[places],
        times=times,
        label=label,
    )
