"""How probable given lists are under an explorer, or without one: the counterpart of drawing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.kernels import position_marginals
from recsys.scoring.exploring import EpsilonGreedy, Explorer, PlackettLuce, epsilon_marginals, rank_marginals

Places = NDArray[np.int32]
Scores = NDArray[np.float64]


class ListPropensities(NamedTuple):
    """How probable lists are.

    Attributes
    ----------
    position : (n, k) float64
        That this item stands at this position, whatever stands above it.
    given_above : (n, k) float64
        The same, given the items above. Without an explorer that is whether it is the best one left.
    """

    position: Scores
    given_above: Scores


def given_lists(
    explorer: Explorer | None, scores: Scores, places: Places, n_threads: int | None = None
) -> ListPropensities:
    """Return how probable the given lists are, in closed form; 0 for what cannot be shown.

    Parameters
    ----------
    explorer : EpsilonGreedy, PlackettLuce or None
        None: the best items in their order.
    scores : (n, size) float64
        Of the candidates of each list, falling; −inf in the empty slots at the end.
    places : (n, k) int32
        Places of the listed items among the candidates; −1: no candidate, or not looked at.

    Examples
    --------
    >>> given_lists(EpsilonGreedy(0.3), np.array([[3.0, 2.0, 1.0]]), np.int32([[1, 0]])).given_above.round(3).tolist()
    [[0.1, 0.85]]
    """
    width = min(places.shape[1], scores.shape[1])
    sizes = (scores > -np.inf).sum(axis=1)
    looked_at = np.where(np.arange(width) < sizes[:, None], places[:, :width], -1).astype(np.int32)
    position, above = np.zeros((2, *places.shape))
    above[:, :width] = _given_above(explorer, scores, looked_at)
    position[:, :width] = _at_position(explorer, scores, sizes, looked_at, n_threads)
    return ListPropensities(np.minimum(position, 1.0), np.minimum(above, 1.0))


def position_tables(explorer: Explorer | None, scores: Scores, k: int, n_threads: int | None = None) -> Scores:
    """Return (n, size, k) float64: how probable each candidate is at each position.

    Takes n · size · k numbers, and n · size² for weights by score: call it with some lists at a time.
    """
    n, size = scores.shape
    sizes = (scores > -np.inf).sum(axis=1)
    table = np.zeros((n, size, k))
    if isinstance(explorer, PlackettLuce) and explorer.by == "score":
        weights = explorer.weights(scores)
        for row in range(n):
            own = rank_marginals(weights[row, : sizes[row]], k, n_threads)
            table[row, : sizes[row], : own.shape[1]] = own
        return table
    for several in np.unique(sizes[sizes > 0]).tolist():
        own = _shared_table(explorer, several, k, n_threads)
        ranks = np.minimum(np.arange(several), len(own) - 1)
        table[sizes == several, :several, : own.shape[1]] = own[ranks]
    return table


def next_tables(explorer: Explorer | None, scores: Scores, places: Places) -> Scores:
    """Return (n, k, size) float64: how probable each candidate is next, given the listed items above each position.

    Parameters
    ----------
    explorer, scores, places
        As of `given_lists`.

    Examples
    --------
    >>> next_tables(EpsilonGreedy(0.3), np.array([[3.0, 2.0, 1.0]]), np.int32([[1, 0]])).round(2).tolist()
    [[[0.8, 0.1, 0.1], [0.85, 0.0, 0.15]]]
    """
    free = scores > -np.inf
    weights = explorer.weights(scores) if isinstance(explorer, PlackettLuce) else np.zeros((1, 1))
    table = np.zeros((len(scores), places.shape[1], scores.shape[1]))
    every = np.arange(len(scores))
    for slot in range(places.shape[1]):
        left = free.sum(axis=1)
        rows = np.flatnonzero(left > 0)
        if isinstance(explorer, PlackettLuce):
            own = np.where(free[rows], weights[rows], 0.0)
            table[rows, slot] = own / own.sum(axis=1, keepdims=True)
        else:
            epsilon = explorer.epsilon if isinstance(explorer, EpsilonGreedy) else 0.0
            table[rows, slot] = free[rows] * (epsilon / left[rows])[:, None]
            table[rows, slot, free[rows].argmax(axis=1)] += 1 - epsilon
        listed = places[:, slot] >= 0
        free[every[listed], places[listed, slot]] = False
    return table


def _shared_table(explorer: Explorer | None, size: int, k: int, n_threads: int | None) -> Scores:
    """Return (ranks, positions) where they depend on the number of candidates alone; the last row for all after it."""
    if explorer is None:
        return np.vstack([np.eye(min(k, size), k), np.zeros((1, k))])
    if isinstance(explorer, EpsilonGreedy):
        return epsilon_marginals(size, k, explorer.epsilon)
    if isinstance(explorer, PlackettLuce):
        return rank_marginals(explorer.weights(np.zeros((1, size)))[0], k, n_threads)
    raise ArgumentError(f"explore is {explorer!r}", "EpsilonGreedy, PlackettLuce or None was expected")


def _given_above(explorer: Explorer | None, scores: Scores, places: Places) -> Scores:
    free = scores > -np.inf
    weights = explorer.weights(scores) if isinstance(explorer, PlackettLuce) else np.zeros((1, 1))
    found = np.zeros(places.shape)
    for slot in range(places.shape[1]):
        rows = np.flatnonzero(places[:, slot] >= 0)
        place = places[rows, slot]
        rows, place = rows[free[rows, place]], place[free[rows, place]]  # what stands above is not shown again
        open_here = free[rows]
        if isinstance(explorer, PlackettLuce):
            left = np.where(open_here, weights[rows], 0.0).sum(axis=1)
            found[rows, slot] = weights[rows, place] / left
        else:
            epsilon = explorer.epsilon if isinstance(explorer, EpsilonGreedy) else 0.0
            best = place == open_here.argmax(axis=1)
            found[rows, slot] = epsilon / open_here.sum(axis=1) + np.where(best, 1 - epsilon, 0.0)
        free[rows, place] = False
    return found


def _at_position(
    explorer: Explorer | None, scores: Scores, sizes: NDArray[np.int64], places: Places, n_threads: int | None
) -> Scores:
    found, slots = np.zeros(places.shape), np.arange(places.shape[1])
    if isinstance(explorer, PlackettLuce) and explorer.by == "score":
        if _repeats(places):
            alone = [np.where(slots == slot, places, -1).astype(np.int32) for slot in slots]
            return np.asarray(sum(_at_position(explorer, scores, sizes, own, n_threads) for own in alone))
        rows = np.flatnonzero((places >= 0).any(axis=1))
        weights = np.where(scores > -np.inf, explorer.weights(scores), -1.0)[rows]
        ordered = np.take_along_axis(weights, _with_the_others(places[rows], scores.shape[1]), axis=1)
        marginals = position_marginals(np.ascontiguousarray(ordered), len(slots), n_threads=n_threads)
        found[rows] = np.where(places[rows] >= 0, marginals, 0.0)
        return found
    for several in np.unique(sizes[sizes > 0]).tolist():
        rows = np.flatnonzero(sizes == several)
        table = _shared_table(explorer, several, len(slots), n_threads)
        table = np.pad(table, ((0, 0), (0, len(slots) - table.shape[1])))
        own = places[rows]
        found[rows] = np.where(own >= 0, table[np.clip(own, 0, len(table) - 1), slots], 0.0)
    return found


def _repeats(places: Places) -> bool:
    """Return whether any list holds a place twice."""
    ordered = np.sort(places, axis=1)
    return bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any())


def _with_the_others(places: Places, size: int) -> NDArray[np.int64]:
    """Return all places of a pool, each listed one in its column and the others, in their order, in between.

    Examples
    --------
    >>> _with_the_others(np.int32([[-1, 3]]), 4).tolist()
    [[0, 3, 1, 2]]
    """
    order = np.full((len(places), size), -1, dtype=np.int64)
    used = np.zeros((len(places), size), np.bool_)
    for slot in range(places.shape[1]):
        rows = np.flatnonzero(places[:, slot] >= 0)
        order[rows, slot] = places[rows, slot]
        used[rows, places[rows, slot]] = True
    order[order < 0] = np.nonzero(~used)[1]
    return order
