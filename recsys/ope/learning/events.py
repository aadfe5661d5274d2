"""A log as a sequence of events for a policy that learns: who could be shown, and how a match is accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError, DataError
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.log_checks import CANDIDATES
from recsys.scoring.draws import drawn

Float64 = NDArray[np.float64]
EXACT = 1e-9  # propensities that differ by less are equal: 1/34 was written with some digits


@dataclass(frozen=True, eq=False)
class Events:
    """Rows of a log in the order of time, one a request.

    Attributes
    ----------
    feedback : LoggedFeedback
        The rows, in their order.
    chances : (n,) float64
        With this probability an event is accepted when the policy chooses what was logged: min(1, floor / p).
    weights : (n,) float64
        max(1, floor / p): what an accepted event counts for.
    floor : float
        The share of the log that is to be accepted, whatever the policy does.
    sets : (n,) int32
    set_starts : (n_sets + 1,) int64
    set_items : (m,) int32
        The candidates: items that the log shows under the event's `candidate_set`, or at all.
    earlier : DataFrame
        The context of the rows before, which were left out.
    notes : tuple of str
    """

    feedback: LoggedFeedback
    chances: Float64
    weights: Float64
    floor: float
    sets: NDArray[np.int32]
    set_starts: NDArray[np.int64]
    set_items: NDArray[np.int32]
    earlier: pl.DataFrame
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.chances)

    def take(self, rows: NDArray[np.int64]) -> Events:
        """Return some of the events, in the order named; one may come several times."""
        return replace(
            self,
            feedback=_taken(self.feedback, rows),
            chances=self.chances[rows],
            weights=self.weights[rows],
            sets=self.sets[rows],
        )

    @property
    def capped(self) -> float:
        """The share of rows that would have to be accepted more often than always."""
        return float((self.weights > 1 + EXACT).mean()) if len(self) else 0.0

    @property
    def uniform(self) -> bool:
        """Whether every match is accepted, and no weight is needed: an evenly random logger."""
        return bool((np.abs(self.chances - 1) <= EXACT).all()) and not self.capped


def events_of(
    feedback: LoggedFeedback, *, position: int | None, floor: float | None, capped: float, skip: int, seed: int
) -> Events:
    """Return the events of a log.

    Raises
    ------
    ArgumentError
        Requests have several rows and no position is named, or `floor` and `capped` are both given.
    DataError
        There are no rows, or no propensities.
    """
    notes: list[str] = []
    rows = _rows(feedback, position)
    if not len(rows):
        at = "" if position is None else f" at position {position}"
        raise DataError(f"the log has no rows{at}", "at least one impression was expected")
    rows = _in_time(feedback, rows, seed, notes)
    earlier, chosen = feedback.context[rows[:skip]], _taken(feedback, rows[skip:])
    propensity = chosen.propensities.position
    if propensity is None:
        raise DataError(
            "the log has no propensities of positions",
            "propensity_position was expected: how probable it was to show the item",
            "rs.ope.estimate_propensities(log, by=…)",
        )
    level = _floor(propensity, floor, capped)
    ratio = level / propensity
    chances, weights = np.minimum(ratio, 1.0), np.maximum(ratio, 1.0)
    return Events(chosen, chances, weights, level, *_candidates(chosen), earlier, tuple(notes))


def _rows(feedback: LoggedFeedback, position: int | None) -> NDArray[np.int64]:
    if position is not None:
        return np.flatnonzero(feedback.positions == position).astype(np.int64)
    if feedback.n_slates < len(feedback):
        raise ArgumentError(
            f"{len(feedback):,} impressions are in {feedback.n_slates:,} requests",
            "one impression a request was expected: a learning policy chooses one item at a time",
            "name a position, e.g. position=1",
        )
    return np.arange(len(feedback))


def _in_time(feedback: LoggedFeedback, rows: NDArray[np.int64], seed: int, notes: list[str]) -> NDArray[np.int64]:
    """Return the rows by time; equal times, and all of a log without times, in an order drawn with the seed.

    The order in which a log keeps such rows may depend on their rewards, and a policy would learn from it.
    """
    if feedback.times is None:
        notes.append("the log has no times: its events come in an order drawn with the seed")
        return rows[np.argsort(drawn(len(rows), seed), kind="stable")]
    own = feedback.times[rows]
    ordered = np.lexsort((drawn(len(rows), seed), own))
    same = float((np.diff(own[ordered]) == 0).mean()) if len(own) > 1 else 0.0
    if same > 0.01:
        notes.append(f"{100 * same:.3g} % of the events have the time of the one before: drawn in order with the seed")
    return rows[ordered]


def _taken(feedback: LoggedFeedback, rows: NDArray[np.int64]) -> LoggedFeedback:
    position, above, _ = feedback.propensities
    return replace(
        feedback,
        offsets=np.arange(len(rows) + 1),
        actions=feedback.actions[rows],
        positions=feedback.positions[rows],
        rewards={name: column[rows] for name, column in feedback.rewards.items()},
        propensities=Propensities(
            None if position is None else position[rows], None if above is None else above[rows], None
        ),
        user_codes=None if feedback.user_codes is None else feedback.user_codes[rows],
        times=None if feedback.times is None else feedback.times[rows],
        version_codes=feedback.version_codes[rows],
        context=feedback.context[rows],
    )


def _floor(propensity: Float64, floor: float | None, capped: float) -> float:
    if floor is not None and capped:
        raise ArgumentError("floor and capped were both given", "one of the two was expected")
    if floor is not None:
        return finite_float("floor", floor, above=0, maximum=1)
    share = finite_float("capped", capped, minimum=0, below=1)
    return float(np.sort(propensity)[int(share * len(propensity))]) if len(propensity) else 1.0


def _candidates(feedback: LoggedFeedback) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    if CANDIDATES not in feedback.context.columns:
        items = np.unique(feedback.actions).astype(np.int32)
        return np.zeros(len(feedback), np.int32), np.array([0, len(items)]), items
    named = feedback.context[CANDIDATES].cast(str).fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
    n_items = max(len(feedback.items), 1)
    pairs = np.unique(named * n_items + feedback.actions)
    sizes = np.bincount(pairs // n_items)
    starts = np.append(0, np.cumsum(sizes)).astype(np.int64)
    return named.astype(np.int32), starts, (pairs % n_items).astype(np.int32)
