"""Policies that rank: from the candidates of each request to the probabilities of what was logged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.core.threads import row_chunks
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.policies import Actions
from recsys.scoring.closed_forms import given_lists, next_tables, position_tables
from recsys.scoring.exploring import Explorer

NEVER_SHOWN = -2
_CELLS = 1 << 21


class Pool(NamedTuple):
    """Ranked candidates for some slates of a log.

    Attributes
    ----------
    slates : (m,) int64
        The slates that they are for.
    of_slate : (m,) int64
        The row of `items` of each.
    items : (g, size) int32
        Codes of the log's items, best first; −1 = an empty slot, −2 = an item that the log has never shown.
    scores : (g, size) float64
        Falling; −inf in empty slots.
    """

    slates: NDArray[np.int64]
    of_slate: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: NDArray[np.float64]


class Sink(Protocol):
    """What takes entries: what may stand in some rows of a log, and how probable it is."""

    def put(self, rows: NDArray[np.int64], codes: NDArray[np.int32], chance: NDArray[np.float64]) -> None:
        """Take (m, width) codes and chances of m rows; chances of 0 mean nothing."""
        ...


def slots_of(feedback: LoggedFeedback, k: int | None) -> int:
    """Return how many slots a policy fills: `k`, or as many as the log has positions."""
    if feedback.has_requests and not feedback.has_positions and feedback.n_slates < len(feedback):
        raise ArgumentError(
            "the log has requests of several items and no positions",
            "a column position was expected: a ranking policy is probable at a position",
        )
    return int(feedback.positions.max(initial=1)) if k is None else k


def pooled_propensities(
    feedback: LoggedFeedback, pools: Iterable[Pool], explorer: Explorer | None, k: int
) -> Propensities:
    """Return how probable the logged rows are. Lists that miss rows have no propensities given those above."""
    return surveyed(feedback, pools, explorer, k)


def surveyed(
    feedback: LoggedFeedback, pools: Iterable[Pool], explorer: Explorer | None, k: int, *sinks: Sink
) -> Propensities:
    """Return how probable the logged rows are, and put what may stand in each of them into sinks: in one pass."""
    position, above = np.zeros((2, len(feedback)))
    for pool in pools:
        _look_up(feedback, pool, explorer, k, position, above)
        if sinks:
            _spread(feedback, pool, explorer, k, sinks)
    return whole_lists(feedback, position, above)


def _look_up(
    feedback: LoggedFeedback,
    pool: Pool,
    explorer: Explorer | None,
    k: int,
    position: NDArray[np.float64],
    above: NDArray[np.float64],
) -> None:
    """Write the propensities of a pool's rows."""
    for start, stop in row_chunks(len(pool.slates), max(1, _CELLS // max(1, pool.items.shape[1]))):
        slates, of_slate = pool.slates[start:stop], pool.of_slate[start:stop]
        rows, local = rows_of(feedback, slates)
        column = feedback.positions[rows] - 1
        inside = column < min(k, pool.items.shape[1])
        width = int(column[inside].max(initial=0)) + 1
        shown = np.full((len(slates), width), -1, np.int32)
        shown[local[inside], column[inside]] = feedback.actions[rows[inside]]
        told = given_lists(explorer, pool.scores[of_slate], _places(pool.items[of_slate], shown))
        position[rows[inside]] = told.position[local[inside], column[inside]]
        above[rows[inside]] = told.given_above[local[inside], column[inside]]


def whole_lists(
    feedback: LoggedFeedback, position: NDArray[np.float64], above: NDArray[np.float64] | None
) -> Propensities:
    """Return propensities with those of lists, where the log knows whole lists."""
    if above is None or not (feedback.has_requests and feedback.has_positions) or feedback.gaps:
        return Propensities(position)
    slate = np.multiply.reduceat(above, feedback.offsets[:-1]) if len(above) else np.zeros(0)
    return Propensities(position, above, slate)


def pooled_actions(feedback: LoggedFeedback, pools: Iterable[Pool], explorer: Explorer | None, k: int) -> Actions:
    """Return what may stand at the position of each row: 12 bytes for each row and candidate with a chance."""
    entries = Entries(len(feedback))
    for pool in pools:
        _spread(feedback, pool, explorer, k, [entries])
    return entries.joined()


def _spread(feedback: LoggedFeedback, pool: Pool, explorer: Explorer | None, k: int, sinks: Sequence[Sink]) -> None:
    """Put what may stand in the rows of a pool into sinks."""
    size = pool.items.shape[1]
    filled = min(k, size)
    for start, stop in row_chunks(len(pool.items), max(1, _CELLS // max(1, size * filled))):
        mine = np.flatnonzero((pool.of_slate >= start) & (pool.of_slate < stop))
        rows, local = rows_of(feedback, pool.slates[mine])
        column, group = feedback.positions[rows] - 1, pool.of_slate[mine][local]
        tables = position_tables(explorer, pool.scores[start:stop], filled)
        for first, last in row_chunks(len(rows), max(1, _CELLS // max(1, size))):
            own, inside = group[first:last], column[first:last] < filled
            chance = np.where(inside[:, None], tables[own - start, :, np.minimum(column[first:last], filled - 1)], 0.0)
            codes, chance = _merged(pool.items[own], chance)
            for sink in sinks:
                sink.put(rows[first:last], codes, chance)


def sequential_actions(feedback: LoggedFeedback, pools: Iterable[Pool], explorer: Explorer | None, k: int) -> Actions:
    """Return what may stand at the position of each row given the items above it."""
    entries = Entries(len(feedback))
    for pool in pools:
        size = pool.items.shape[1]
        filled = min(k, size)
        for start, stop in row_chunks(len(pool.slates), max(1, _CELLS // max(1, size * filled))):
            slates, of_slate = pool.slates[start:stop], pool.of_slate[start:stop]
            rows, local = rows_of(feedback, slates)
            column = feedback.positions[rows] - 1
            inside = column < filled
            rows, local, column = rows[inside], local[inside], column[inside]
            shown = np.full((len(slates), filled), -1, np.int32)
            shown[local, column] = feedback.actions[rows]
            tables = next_tables(explorer, pool.scores[of_slate], _places(pool.items[of_slate], shown))
            entries.put(rows, *_merged(pool.items[of_slate][local], tables[local, column]))
    return entries.joined()


class Entries:
    """Entries of rows that arrive in any order, kept once: at first a row has room for all its candidates.

    What is never written takes no memory, and the rows are then moved together in place.
    """

    def __init__(self, n: int) -> None:
        self.width = 0
        self.counts = np.zeros(n, np.int64)
        self.codes, self.chance = np.empty(0, np.int32), np.empty(0)

    def put(self, rows: NDArray[np.int64], codes: NDArray[np.int32], chance: NDArray[np.float64]) -> None:
        """Take the entries of some rows, (m, width) each; those without a chance are left out."""
        if not self.width:
            self.width = codes.shape[1]
            room = len(self.counts) * self.width
            self.codes, self.chance = np.empty(room, np.int32), np.empty(room)
        kept = chance > 0
        self.counts[rows] = kept.sum(axis=1)
        at = self._places(rows)
        self.codes[at], self.chance[at] = codes[kept], chance[kept]

    def joined(self) -> Actions:
        """Return all entries, the rows in their order."""
        indptr = np.append(0, np.cumsum(self.counts)).astype(np.int64)
        for start, stop in row_chunks(len(self.counts), max(1, _CELLS // max(1, self.width))):
            at, to = self._places(np.arange(start, stop)), slice(indptr[start], indptr[stop])
            self.codes[to], self.chance[to] = self.codes[at], self.chance[at]
        return Actions(indptr, self.codes[: indptr[-1]], self.chance[: indptr[-1]])

    def _places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        lengths = self.counts[rows]
        ahead = np.cumsum(lengths) - lengths
        return np.repeat(rows * self.width - ahead, lengths) + np.arange(int(lengths.sum()))


def rows_of(feedback: LoggedFeedback, slates: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of some slates, and the place of each row's slate among them."""
    starts, lengths = feedback.offsets[slates], np.diff(feedback.offsets)[slates]
    local = np.repeat(np.arange(len(slates)), lengths)
    return np.repeat(starts - np.append(0, np.cumsum(lengths)[:-1])[: len(starts)], lengths) + np.arange(
        len(local)
    ), local


def _places(pool: NDArray[np.int32], shown: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return where in the pool each shown item stands; −1 = nowhere."""
    places = np.full(shown.shape, -1, np.int32)
    for column in range(shown.shape[1]):
        same = (pool == shown[:, column : column + 1]) & (shown[:, column : column + 1] >= 0)
        places[:, column] = np.where(same.any(axis=1), same.argmax(axis=1), -1)
    return places


def _merged(codes: NDArray[np.int32], chance: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Sort by code, with everything that was never shown in one first entry of code −1."""
    unseen = np.where(codes == NEVER_SHOWN, chance, 0.0).sum(axis=1, keepdims=True)
    own = np.where(codes >= 0, chance, 0.0)
    order = np.argsort(codes, axis=1, kind="stable")
    first = np.full((len(codes), 1), -1, np.int32)
    return (
        np.hstack([first, np.take_along_axis(codes, order, axis=1)]),
        np.hstack([unseen, np.take_along_axis(own, order, axis=1)]),
    )
