"""`RecommenderPolicy`: any fitted recommender as a policy over logged requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks
from recsys.core.times import from_micros
from recsys.dataset import Dataset
from recsys.models.base import Recommender
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.histories import States, history_of, rounds, states_of, timed_events
from recsys.ope.policies import Actions
from recsys.ope.pools import (
    NEVER_SHOWN,
    Pool,
    Sink,
    pooled_actions,
    pooled_propensities,
    sequential_actions,
    slots_of,
    surveyed,
)
from recsys.scoring import Eligibility, Recommendations
from recsys.scoring.exploring import Explorer

_STATES = 4096


@dataclass(frozen=True, eq=False)
class RecommenderPolicy:
    """A fitted recommender: its best items, or lists drawn from them; all probabilities in closed form.

    A user is served with the history as of the request: the events of `history` before it, strictly. Users without
    one are served from their training history, unknown ones get the most popular items, as in `recommend`. The
    candidates are the model's, those that are open at the time of the request and that the history does not hold.

    Parameters
    ----------
    model : Recommender
        Fitted. A re-ranker that it has (`with_policy`) holds, but not together with an explorer.
    explore : EpsilonGreedy or PlackettLuce, optional
        How lists are drawn. Default: that of the model, else its best items in their order. The seed means nothing.
    k : int, optional
        Slots of a list. Default: the positions of the log. A position beyond stays empty: probability 0.
    history : Dataset or frame (user_id, item_id, ts[, value]), optional
        Complete histories. Without: those of training, which end at `trained_through`. Where the label decays, ages
        count back from the user's newest event before the request.
    eligibility : Eligibility, optional
        What may be shown to whom, and when.
    exclude_seen : bool
        Leave out the items of the history that serves.
    user_attributes : frame, optional
        For rules that ask for attributes.
    allow_training_period : bool
        Value the model on impressions that it may have learned from. Refused by default.
    label : str, optional
        What results call the policy; by default made of the model's name and the explorer's.

    Examples
    --------
    >>> from recsys.models import Popularity
    >>> from recsys.scoring import EpsilonGreedy
    >>> model = Popularity().fit(Dataset.from_frame({"user_id": [1, 2, 1], "item_id": ["a", "a", "b"]}))
    >>> log = LoggedFeedback.from_frame({"user_id": [3, 4], "item_id": ["a", "b"], "click": [1, 0]})
    >>> RecommenderPolicy(model, explore=EpsilonGreedy(0.2)).propensities(log).position.round(3).tolist()
    [0.9, 0.1]
    """

    model: Recommender
    explore: Explorer | None = None
    k: int | None = None
    history: object | None = field(default=None, repr=False)
    eligibility: Eligibility | None = None
    exclude_seen: bool = True
    user_attributes: object | None = field(default=None, repr=False)
    allow_training_period: bool = False
    label: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, Recommender):
            raise ArgumentError(f"model is a {type(self.model).__name__}", "a fitted recommender was expected")
        self.model._check_fitted()
        if self.k is not None:
            positive_int("k", self.k)
        if self.explorer is not None and self.model.list_policy.rerank is not None:
            raise ArgumentError(
                "the model has a re-ranker and the policy an explorer",
                "one of the two was expected: the probabilities of re-ranked, drawn lists are not known here",
            )

    @property
    def name(self) -> str:
        """What results call it."""
        return self.label or " ".join([self.model.name, *([self.explorer.name] if self.explorer else [])])

    @property
    def trained_through(self) -> int | None:
        """Microseconds up to which it has learned."""
        return self.model.trained_through_

    @property
    def explorer(self) -> Explorer | None:
        """How lists are drawn."""
        return self.explore if self.explore is not None else self.model.list_policy.explore

    @cached_property
    def _events(self) -> Dataset | None:
        return None if self.history is None else timed_events(self.history)

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        """Return how probable it makes the logged rows; 0 for what it would not show.

        Raises
        ------
        DataError
            An impression is not later than what the model has learned from.
        """
        k = slots_of(feedback, self.k)
        return pooled_propensities(feedback, self._pools(feedback, k), self.explorer, k)

    def actions(self, feedback: LoggedFeedback) -> Actions:
        """Return what it may show in each row."""
        k = slots_of(feedback, self.k)
        return pooled_actions(feedback, self._pools(feedback, k), self.explorer, k)

    def survey(self, feedback: LoggedFeedback, *sinks: Sink) -> Propensities:
        """Return the propensities, and put what it may show into sinks; the model is asked once."""
        k = slots_of(feedback, self.k)
        return surveyed(feedback, self._pools(feedback, k), self.explorer, k, *sinks)

    def actions_given_above(self, feedback: LoggedFeedback) -> Actions:
        """Return what it may show in each row, given what stands above it."""
        k = slots_of(feedback, self.k)
        return sequential_actions(feedback, self._pools(feedback, k), self.explorer, k)

    def served_by_fallback(self, feedback: LoggedFeedback) -> NDArray[np.bool_]:
        """Return (n_slates,) bool: who gets the most popular items, because the model can make nothing of the user."""
        boundaries = self._boundaries()
        states = states_of(feedback, self._events, boundaries)
        of_state = np.zeros(len(states.users), np.bool_)
        for block, lists in self._ask(feedback, states, boundaries, 1):
            of_state[block] = lists.sources != 0
        return of_state[states.of_slate]

    def _boundaries(self) -> NDArray[np.int64]:
        return np.zeros(0, np.int64) if self.eligibility is None else self.eligibility.boundaries

    def _pools(self, feedback: LoggedFeedback, k: int) -> Iterator[Pool]:
        """Yield the candidates of the requests, some states at a time."""
        if not self.allow_training_period:
            refuse_training_period(self.trained_through, feedback, self.name)
        boundaries = self._boundaries()
        states = states_of(feedback, self._events, boundaries)
        size = min(len(self.model.items_), k if self.explorer is None else max(k, self.explorer.pool))
        known = feedback.items.encode(self.model.items_.ids)
        codes = np.append(np.where(known < 0, np.int32(NEVER_SHOWN), known), np.int32(-1))
        by_state = np.argsort(states.of_slate, kind="stable")
        ends = np.cumsum(np.bincount(states.of_slate, minlength=len(states.users)))
        for block, lists in self._ask(feedback, states, boundaries, size):
            lengths = np.diff(ends, prepend=0)[block]
            starts = ends[block] - lengths
            of_slate = np.repeat(np.arange(len(block)), lengths)
            inside = np.arange(len(of_slate)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            slates = by_state[np.repeat(starts, lengths) + inside]
            falling = -np.sort(-lists.scores.astype(np.float64), axis=1)  # of a re-ranked list too
            yield Pool(slates, of_slate, codes[lists.lists], falling)

    def _ask(
        self, feedback: LoggedFeedback, states: States, boundaries: NDArray[np.int64], size: int
    ) -> Iterator[tuple[NDArray[np.int64], Recommendations]]:
        """Yield blocks of states and the model's lists for them."""
        most = max(1, min(_STATES, (1 << 22) // size))
        for span in np.unique(states.spans).tolist():
            at = int(boundaries[max(span - 1, 0)]) - (span == 0) if len(boundaries) else None
            plain = np.flatnonzero((states.spans == span) & (states.lengths == 0))
            for start, stop in row_chunks(len(plain), most):
                block = plain[start:stop]
                yield block, self._recommend(self._ids(feedback, states.users[block]), size, at, None)
            if self._events is None or feedback.users is None:
                continue
            for block in rounds(states, span, most):
                ids = feedback.users.decode(states.users[block])
                past = history_of(self._events, ids, states.lengths[block], self.model.label_)
                yield block, self._recommend(ids, size, at, past)

    def _recommend(self, ids: pl.Series, size: int, at: int | None, history: Dataset | None) -> Recommendations:
        model = self.model.with_policy(self.model.list_policy.rerank)
        return model.recommend(
            ids,
            size,
            history=history,
            exclude_seen=self.exclude_seen,
            eligibility=self.eligibility,
            on_unknown="fallback",
            at=at,
            user_attributes=self.user_attributes,
        )

    def _ids(self, feedback: LoggedFeedback, users: NDArray[np.int64]) -> pl.Series:
        """Return ids of users as text, which vocabularies of integers understand; nobody gets one that is unknown."""
        nobody = "\0"
        while self.model.users_.encode([nobody])[0] >= 0:
            nobody += "\0"
        if feedback.users is None or not len(feedback.users):
            return pl.Series("user_id", [nobody] * len(users))
        ids = feedback.users.ids.cast(pl.String).gather(pl.Series(np.maximum(users, 0)))
        return ids.set(pl.Series(users < 0), nobody)


def refuse_training_period(trained_through: int | None, feedback: LoggedFeedback, name: str) -> None:
    """Raise DataError if the policy may have learned from an impression; without times nothing can be said."""
    times = feedback.slate_times
    if trained_through is None or times is None:
        return
    early = int((times <= trained_through).sum())
    if early:
        raise DataError(
            f"{name} has learned from events up to {from_micros(trained_through)}, and {early:,} of {len(times):,}"
            " requests of the log are not later",
            "later impressions were expected",
            "use feedback.period(since=…), or RecommenderPolicy(…, allow_training_period=True) to value it anyway",
        )
