"""How much of a policy a log can show, and what a model of item means would rest on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import row_chunks
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.policies import Policy

Rows = NDArray[np.float64]
ROUNDING = 1e-6  # of sums of probabilities
_SLATES = 1 << 16
_CELLS = 1 << 24  # positions × items
_DUE = 10.0  # an item that is to be expected so often at a position, and was never there, may not stand there


class Reach(NamedTuple):
    """How much of a policy the log can show.

    Attributes
    ----------
    filled : float
        Mean mass of all that it shows; below 1 where it leaves slots empty.
    unsupported : float
        Mean mass on items that the log has never shown, or never at that position although they were due there.
    by_position : bool
        Whether positions were looked at.
    of_items : (n_items,) float64
        Mean mass on each item that the log has shown.
    """

    filled: float
    unsupported: float
    by_position: bool
    of_items: Rows

    @property
    def leaves_slots_empty(self) -> bool:
        """Whether it shows less than fills the slots, by more than sums of probabilities round."""
        return self.filled < 1 - ROUNDING

    def model_weights(self, feedback: LoggedFeedback) -> Rows:
        """Return the weights of rows in the mean that a model of item means is: mass over share of the item."""
        counts = np.bincount(feedback.actions, minlength=len(self.of_items))
        return (self.of_items * len(feedback) / np.maximum(counts, 1))[feedback.actions]


class Tally:
    """Adds up the reach of a policy, some rows at a time."""

    def __init__(self, feedback: LoggedFeedback) -> None:
        self.feedback, self.shown = feedback, _shown(feedback)
        self.of_items = np.zeros(len(feedback.items) + 1)  # the first: never shown
        self.away = 0.0

    def put(self, rows: NDArray[np.int64], codes: NDArray[np.int32], chance: NDArray[np.float64]) -> None:
        """Take (m, width) codes and chances of m rows."""
        kept = chance > 0
        self.add(np.broadcast_to(rows[:, None], kept.shape)[kept], codes[kept], chance[kept])

    def add(self, rows: NDArray[np.int64], codes: NDArray[np.int32], chance: Rows) -> None:
        """Take entries, the row of each beside it."""
        self.of_items += np.bincount(codes + 1, chance, len(self.of_items))
        if len(self.shown) > 1:
            place = np.minimum(self.feedback.positions[rows], len(self.shown)) - 1
            self.away += float(chance[~self.shown[place, codes]].sum())

    def reach(self) -> Reach:
        """Return what the entries so far amount to."""
        n = max(len(self.feedback), 1)
        if len(self.shown) == 1:
            self.away = float(self.of_items[0] + self.of_items[1:][~self.shown[0, :-1]].sum())
        return Reach(float(self.of_items.sum()) / n, self.away / n, len(self.shown) > 1, self.of_items[1:] / n)


def reach_of(policy: Policy, feedback: LoggedFeedback) -> Reach | None:
    """Return the reach of a policy, some slates at a time; None when it does not tell its actions."""
    tally = Tally(feedback)
    places = np.arange(feedback.n_slates)
    for start, stop in row_chunks(feedback.n_slates, _SLATES):
        whole = stop - start == feedback.n_slates
        part = feedback if whole else feedback.keep((places >= start) & (places < stop))
        actions = policy.actions(part)
        if actions is None:
            return None
        first = int(feedback.offsets[start])
        tally.add(
            first + np.repeat(np.arange(len(part)), np.diff(actions.indptr)), actions.codes, actions.probabilities
        )
    return tally.reach()


def _shown(feedback: LoggedFeedback) -> NDArray[np.bool_]:
    """Return (positions, n_items + 1) bool: what the log can show, the last of items of code −1.

    One row without positions, or with too many of them.
    """
    items = len(feedback.items)
    counts = np.bincount(feedback.actions, minlength=items)
    deep = int(feedback.positions.max(initial=1)) if feedback.has_positions else 1
    if deep * items > _CELLS:
        deep = 1
    shown = np.zeros((deep, items + 1), np.bool_)
    shown[:, :-1] = counts > 0
    if deep > 1:
        at = np.bincount(feedback.positions, minlength=deep + 1)[1:] / max(len(feedback), 1)
        for place in range(deep):
            here = np.bincount(feedback.actions[feedback.positions == place + 1], minlength=items)
            shown[place, :-1] &= (here > 0) | (counts * at[place] < _DUE)
    return shown
