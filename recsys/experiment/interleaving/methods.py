"""Team-draft, balanced and probabilistic interleaving of many users' lists at once.

Every method fills slot by slot (or step by step) over all users as arrays; each user has own random numbers. Once one
of a user's lists is used up, the slots that are left are filled from the other and belong to nobody's team: they would
reward length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.experiment.interleaving.lists import PairedLists

A, B, BOTH, NOBODY = 0, 1, 2, -1


class Merged(NamedTuple):
    """Interleaved lists.

    Attributes
    ----------
    slots : (n, k) int32
        Item codes; −1 = an empty slot.
    teams : (n, k) int8
        Whose turn brought the item: 0 = a, 1 = b, 2 = either's (it would stand here whatever the coin), −1 = nobody's.
    chances : (n, k, 2) float64 or None
        Of probabilistic interleaving: the probability that a, and that b, puts this item here given the items above;
        NaN where nobody's.
    """

    slots: NDArray[np.int32]
    teams: NDArray[np.int8]
    chances: NDArray[np.float64] | None = None


class _Taken:
    """Which entries of both lists are used up; the column behind the last is always free and means: none left."""

    def __init__(self, lists: PairedLists) -> None:
        self.lists = (lists.a, lists.b)
        self.other = (lists.a_in_b, lists.b_in_a)
        self.used = tuple(np.concatenate([each < 0, np.zeros((len(each), 1), bool)], axis=1) for each in self.lists)

    def next_place(self, side: int) -> NDArray[np.int64]:
        """Return the place of the best item of a list that is not shown yet, (n,)."""
        return np.asarray(np.argmin(self.used[side], axis=1))

    def same(self, rows: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the items at these places of both lists are the same."""
        return np.asarray(self.lists[A][rows, a] == self.lists[B][rows, b])

    def take(self, side: int, rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int32]:
        """Mark items as shown, in both lists; return their codes."""
        self.used[side][rows, places] = True
        elsewhere = self.other[side][rows, places]
        there = elsewhere >= 0
        self.used[1 - side][rows[there], elsewhere[there]] = True
        return self.lists[side][rows, places]


def team_draft(lists: PairedLists, k: int, randoms: NDArray[np.float64]) -> Merged:
    """Radlinski, Kurup & Joachims (CIKM 2008), algorithm 2: the smaller team picks next, a coin decides when level.

    An item that would stand in its slot whichever way the coin fell is nobody's advantage: a click on it only adds the
    noise of the coin. It is recorded as both's, which widens the rule of Chapelle, Joachims, Radlinski & Yue (2012)
    to leave out clicks on the shared top of both lists.

    Parameters
    ----------
    lists : PairedLists
    k : int
        Slots.
    randoms : (n, k) float64
        Uniform numbers: one coin a slot.
    """
    taken, n = _Taken(lists), len(lists.a)
    slots, teams = np.full((n, k), -1, np.int32), np.full((n, k), NOBODY, np.int8)
    sizes = np.zeros((2, n), np.int64)
    agreed, everyone = np.zeros(n, np.bool_), np.arange(n)
    for slot in range(k):
        places = [taken.next_place(side) for side in (A, B)]
        left = [places[side] < taken.lists[side].shape[1] for side in (A, B)]
        level = sizes[A] == sizes[B]
        # of a pair of picks, the second is the same under both coins only if the first was
        agreed = (level | agreed) & left[A] & left[B]
        agreed[agreed] = taken.same(everyone[agreed], places[A][agreed], places[B][agreed])
        from_a = np.where(left[A] & left[B], (sizes[A] < sizes[B]) | (level & (randoms[:, slot] < 0.5)), left[A])
        for side, mine in ((A, from_a & left[A]), (B, ~from_a & left[B])):
            rows = np.flatnonzero(mine)
            slots[rows, slot] = taken.take(side, rows, places[side][rows])
            contested = rows[left[1 - side][rows]]
            teams[contested, slot] = np.where(agreed[contested], BOTH, side)
            sizes[side, contested] += 1
    return Merged(slots, teams)


def balanced(lists: PairedLists, k: int, randoms: NDArray[np.float64]) -> Merged:
    """Joachims (2003), as algorithm 1 of Radlinski, Kurup & Joachims (CIKM 2008): one coin says who begins.

    Parameters
    ----------
    lists : PairedLists
    k : int
        Slots.
    randoms : (n, 1) float64
        Uniform numbers: one coin a user.
    """
    taken, n = _Taken(lists), len(lists.a)
    slots, teams = np.full((n, k), -1, np.int32), np.full((n, k), NOBODY, np.int8)
    filled = np.zeros(n, np.int64)
    at = np.zeros((2, n), np.int64)
    lengths = [(each >= 0).sum(axis=1) for each in taken.lists]
    begins = randoms[:, 0] < 0.5
    # Each step looks at one entry of one list: at most k of each can be looked at before k slots are full, or one list
    # has ended and the rest of the other follows.
    for _ in range(sum(each.shape[1] for each in taken.lists)):
        left = [(at[side] < lengths[side]) & (filled < k) for side in (A, B)]
        if not (left[A] | left[B]).any():
            break
        turn_a = (at[A] < at[B]) | ((at[A] == at[B]) & begins)
        from_a = np.where(left[A] & left[B], turn_a, left[A])
        for side, mine in ((A, from_a & left[A]), (B, ~from_a & left[B])):
            rows = np.flatnonzero(mine)
            places = at[side, rows]
            at[side, rows] += 1
            new = ~taken.used[side][rows, places]
            rows, places = rows[new], places[new]
            slots[rows, filled[rows]] = taken.take(side, rows, places)
            contested = rows[left[1 - side][rows]]
            teams[contested, filled[contested]] = side
            filled[rows] += 1
    return Merged(slots, teams)


def probabilistic(lists: PairedLists, k: int, randoms: NDArray[np.float64], *, tau: float = 3.0) -> Merged:
    """Hofmann, Whiteson & de Rijke (CIKM 2011): a coin picks the ranker, which draws from its softmax over ranks.

    An item at rank r of a list is drawn with a probability in proportion to ``r ** -tau`` among those not shown yet.

    Parameters
    ----------
    lists : PairedLists
    k : int
        Slots.
    randoms : (n, 2 k) float64
        Uniform numbers: a coin and a draw a slot.
    tau : float
        The larger, the closer to the order of the lists.
    """
    taken, n = _Taken(lists), len(lists.a)
    slots, teams = np.full((n, k), -1, np.int32), np.full((n, k), NOBODY, np.int8)
    chances = np.full((n, k, 2), np.nan)
    weights = [np.arange(1, each.shape[1] + 1, dtype=np.float64) ** -tau for each in taken.lists]
    for slot in range(k):
        masses = [np.where(taken.used[side][:, :-1], 0.0, weights[side]) for side in (A, B)]
        totals = [mass.sum(axis=1) for mass in masses]
        left = [total > 0 for total in totals]
        contested = left[A] & left[B]
        from_a = np.where(contested, randoms[:, 2 * slot] < 0.5, left[A])
        for side, mine in ((A, from_a & left[A]), (B, ~from_a & left[B])):
            rows = np.flatnonzero(mine)
            places = _drawn(masses[side][rows], randoms[rows, 2 * slot + 1])
            elsewhere = taken.other[side][rows, places]
            slots[rows, slot] = taken.take(side, rows, places)
            teams[rows, slot] = np.where(contested[rows], side, NOBODY)
            with np.errstate(invalid="ignore"):
                chances[rows, slot, side] = masses[side][rows, places] / totals[side][rows]
                if masses[1 - side].shape[1]:
                    there = np.where(elsewhere >= 0, masses[1 - side][rows, np.maximum(elsewhere, 0)], 0.0)
                    chances[rows, slot, 1 - side] = there / totals[1 - side][rows]
        chances[~contested, slot] = np.nan
    return Merged(slots, teams, chances)


def _drawn(masses: NDArray[np.float64], randoms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return one column a row, drawn in proportion to the masses; a column without mass is never drawn."""
    ends = np.cumsum(masses, axis=1)
    target = randoms * ends[:, -1] if masses.shape[1] else randoms
    places = (ends <= target[:, None]).sum(axis=1)
    last = masses.shape[1] - 1 - np.argmax(masses[:, ::-1] > 0, axis=1) if masses.shape[1] else places
    return np.asarray(np.minimum(places, last))


METHODS: dict[str, tuple[Callable[..., Merged], Callable[[int], int]]] = {
    "team-draft": (team_draft, lambda k: k),
    "balanced": (balanced, lambda k: 1),
    "probabilistic": (probabilistic, lambda k: 2 * k),
}
"""Method → the function and how many uniform numbers a user it takes for k slots."""
