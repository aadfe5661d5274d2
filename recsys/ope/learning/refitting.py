"""A recommender that is refitted as its rewards come in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.dataset import Dataset
from recsys.models.base import Recommender
from recsys.ope.learning.events import Events
from recsys.ope.learning.pacing import Pace
from recsys.scoring.draws import drawn, uniforms

_CELLS = 1 << 21
_MOST_BLOCK = 4096
_TOLD = 64  # steps of progress in one replay: each may be a fit


@dataclass(frozen=True, eq=False)
class RefittedRecommender:
    """Any recommender: shows its best candidate, and is fitted anew whenever rewards have come in.

    When it is refitted is the pace of the replay: ``update_every=1000`` accepted events, or ``"1d"``. A rewarded event
    (reward above 0) becomes an event of its user with its item, the reward its value.

    Parameters
    ----------
    model : Recommender
        Unfitted settings; clones are fitted.
    epsilon : float
        With this probability any candidate is shown: an item that is never shown is never learned.
    history : frame (user_id, item_id[, ts, value]), optional
        What all fits know from before the log. Until the first fit candidates are drawn at random.
    learn_from : {"accepted", "all"}
        ``accepted``: the events that the recommender itself would have caused, as when it serves everybody. ``all``:
        all earlier events of the log, as when it is retrained on the traffic of the policy that served.
    exclude_seen : bool
        Leave out what a user has had.
    label : str, optional
        What it is called in results.

    Examples
    --------
    >>> from recsys.models import Popularity
    >>> RefittedRecommender(Popularity()).name
    'popularity, refitted'
    """

    model: Recommender
    epsilon: float = 0.1
    history: object | None = field(default=None, repr=False)
    learn_from: Literal["accepted", "all"] = "accepted"
    exclude_seen: bool = False
    label: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, Recommender):
            raise ArgumentError(f"model is a {type(self.model).__name__}", "a recommender was expected")
        finite_float("epsilon", self.epsilon, minimum=0, maximum=1)
        one_of("learn_from", self.learn_from, ("accepted", "all"))

    @property
    def name(self) -> str:
        """What results call it."""
        return self.label or f"{self.model.name}, refitted"

    @property
    def columns(self) -> tuple[str, ...]:
        """None."""
        return ()

    @cached_property
    def past(self) -> pl.DataFrame | None:
        """The history, with a value in every row."""
        if self.history is None:
            return None
        table = as_polars(self.history, ids=("user_id", "item_id"))
        if "value" not in table.columns:
            table = table.with_columns(pl.lit(1.0).alias("value"))
        return table.select([name for name in ("user_id", "item_id", "ts", "value") if name in table.columns])

    def walk(
        self, events: Events, reward: str, pace: Pace, *, seed: int, on_done: Callable[[int], None]
    ) -> tuple[NDArray[np.int64], int, int]:
        """Return the accepted events, how many rewards were learned from, and how often.

        Parameters
        ----------
        events : Events
            The log, in the order of its replay.
        reward : str
            The reward to learn from.
        pace : Pace
            When rewards are known, and when it is refitted.
        seed : int
            Of the coins and of exploration.
        on_done : callable
            Told how many events are behind it.
        """
        if events.feedback.users is None:
            raise DataError("the log names no users", "a column user_id was expected: a recommender serves users")
        walk, often = _Walk(self, events, reward, pace, seed), max(1, len(events) // _TOLD)
        on_done(0)
        for row in range(len(events)):
            walk.step(row)
            if (row + 1) % often == 0 or row + 1 == len(events):
                on_done(row + 1)
        return np.array(walk.accepted, np.int64), walk.learned, walk.batches

    def fits_due(self, events: Events, pace: Pace) -> int:
        """Return about how often one replay fits: once a period with events, or as the rewards come in.

        Parameters
        ----------
        events : Events
            The log, in the order of its replay.
        pace : Pace
            When it is refitted.
        """
        learned = len(events) * (min(events.floor, 1.0) if self.learn_from == "accepted" else 1.0)
        batches = math.ceil(learned / pace.update_every)
        times = events.feedback.times
        return batches if pace.period is None or times is None else min(batches, len(np.unique(times // pace.period)))


class _Walk:
    """The state of one replay: the newest fit, its choices for the rows ahead, and what has been accepted."""

    def __init__(self, own: RefittedRecommender, events: Events, reward: str, pace: Pace, seed: int) -> None:
        self.own, self.events, self.pace = own, events, pace
        self.rewards = events.feedback.rewards[reward]
        self.coins, self.explores, self.which = uniforms(drawn(len(events), seed), 3).T
        self.candidates = [
            events.set_items[start:stop]
            for start, stop in zip(events.set_starts[:-1], events.set_starts[1:], strict=True)
        ]
        self.accepted: list[int] = []
        self.arrived = self.learned = self.batches = 0
        self.period: int | None = None
        self.model = None if own.past is None or not len(own.past) else own.model.clone().fit(
            Dataset.from_frame(own.past)
        )  # fmt: skip
        self.ahead, self.begin = np.zeros(0, np.int64), 0

    def step(self, row: int) -> None:
        """Learn what has arrived, choose, and accept the row if it is the choice."""
        self._learn(row)
        if self.coins[row] >= self.events.chances[row]:
            return
        if self._choice(row) == self.events.feedback.actions[row]:
            self.accepted.append(row)

    def _choice(self, row: int) -> int:
        candidates = self.candidates[self.events.sets[row]]
        chosen = -1
        if self.explores[row] >= self.own.epsilon and self.model is not None:
            if not self.begin <= row < self.begin + len(self.ahead):
                self.ahead, self.begin = self._best(row, self.model), row
            chosen = int(self.ahead[row - self.begin])
        if chosen >= 0:
            return chosen
        return int(candidates[min(int(self.which[row] * len(candidates)), len(candidates) - 1)])

    def _best(self, row: int, model: Recommender) -> NDArray[np.int64]:
        """Return the best candidate of each of the next rows, −1 where the model ranks none of them."""
        feedback, n_items = self.events.feedback, len(self.events.feedback.items)
        codes = feedback.items.encode(model.items_.ids).astype(np.int64)
        k = len(codes)
        stop = min(row + max(1, min(_MOST_BLOCK, _CELLS // k)), len(self.events))
        users, place = np.unique(_users(feedback.user_codes, row, stop), return_inverse=True)
        known = model.users_.encode(feedback.users.ids)[users] if feedback.users is not None else users
        known = np.where(users >= 0, known, -1).astype(np.int32)
        ranked = model.recommend_codes(known, k, exclude_seen=self.own.exclude_seen).items[place.ravel()]
        own = np.where(ranked >= 0, codes[ranked], -1)
        pairs = np.repeat(np.arange(len(self.candidates)), np.diff(self.events.set_starts)) * n_items
        sets = self.events.sets[row:stop].astype(np.int64)[:, None]
        open_ = (own >= 0) & np.isin(sets * n_items + own, pairs + self.events.set_items)
        first = np.argmax(open_, axis=1)
        return np.where(open_.any(axis=1), own[np.arange(len(own)), first], -1)

    def _learn(self, row: int) -> None:
        pace, times = self.pace, self.events.feedback.times
        came: list[int] | range = self.accepted if self.own.learn_from == "accepted" else range(row)
        if not pace.delay:
            self.arrived = max(self.arrived, len(came) - pace.delay_events)
        elif times is not None:
            while self.arrived < len(came) and times[came[self.arrived]] + pace.delay <= times[row]:
                self.arrived += 1
        if pace.period is not None and times is not None:
            if times[row] // pace.period == self.period:
                return
            self.period = int(times[row] // pace.period)
        if self.arrived - self.learned < pace.update_every:
            return
        self.learned, self.batches = self.arrived, self.batches + 1
        self._fit(np.array(came[: self.arrived], np.int64))

    def _fit(self, rows: NDArray[np.int64]) -> None:
        feedback = self.events.feedback
        rows = rows[(self.rewards[rows] > 0) & (_users(feedback.user_codes, 0, len(self.events))[rows] >= 0)]
        if not len(rows) or feedback.users is None or feedback.user_codes is None:
            return
        columns = {
            "user_id": feedback.users.decode(feedback.user_codes[rows]),
            "item_id": feedback.items.decode(feedback.actions[rows]),
            "value": pl.Series(self.rewards[rows]),
        }
        if feedback.times is not None:
            columns["ts"] = pl.Series(feedback.times[rows]).cast(pl.Datetime("us"))
        table = pl.DataFrame(columns)
        if self.own.past is not None:
            table = pl.concat([_like(self.own.past, table), table.select(_shared(self.own.past, table))])
        self.model = self.own.model.clone().fit(Dataset.from_frame(table))
        self.ahead = np.zeros(0, np.int64)


def _users(codes: NDArray[np.int32] | None, start: int, stop: int) -> NDArray[np.int64]:
    return np.full(stop - start, -1, np.int64) if codes is None else codes[start:stop].astype(np.int64)


def _shared(past: pl.DataFrame, table: pl.DataFrame) -> list[str]:
    return [name for name in table.columns if name in past.columns]


def _like(past: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    return past.select([pl.col(name).cast(table[name].dtype) for name in _shared(past, table)])
