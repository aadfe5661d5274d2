"""Explorers: `EpsilonGreedy` and `PlackettLuce` draw lists at random and say how probable each draw was.

An explorer draws from a pool of candidates; it never adds one. What may not be shown is not in the pool.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.kernels import position_marginals
from recsys.scoring.draws import Keys, Sample, uniforms

_LARGEST_GAP = 50.0  # of two log weights: a factor of 5e21
Places = NDArray[np.int32]
Scores = NDArray[np.float64]


class Drawn(NamedTuple):
    """Drawn lists.

    Attributes
    ----------
    places : (n_users, k) int32
        Places in the pool; −1 = an empty slot.
    sample : Sample
        How probable they were.
    """

    places: Places
    sample: Sample


class Explorer(Protocol):
    """How lists are drawn from pools."""

    @property
    def name(self) -> str:
        """A word for it."""

    @property
    def pool(self) -> int:
        """How many candidates it draws from."""

    @property
    def seed(self) -> int | None:
        """What, with a user's id, decides the user's draw."""

    def seeded(self) -> Self:
        """Return the explorer with a seed."""

    def draw(self, scores: Scores, keys: Keys, k: int, n_threads: int | None) -> Drawn:
        """Draw lists from pools whose candidates have falling scores; −inf in the empty slots at the end."""

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters as plain values."""


@dataclass(frozen=True)
class EpsilonGreedy:
    """Slot by slot: with probability `epsilon` any item left in the pool, all alike, else the best one left.

    All three propensities are exact.

    Parameters
    ----------
    epsilon : float
        From 0 to 1.
    pool : int
        How many of the best items are candidates; at least as many as slots are taken.
    seed : int, optional
        The same seed gives a user the same draw, whoever else is served. None: a new one for every call.

    Examples
    --------
    >>> EpsilonGreedy(0.1, seed=7).to_dict()
    {'name': 'epsilon-greedy', 'epsilon': 0.1, 'pool': 100, 'seed': 7}
    """

    epsilon: float
    pool: int = 100
    seed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", finite_float("epsilon", self.epsilon, minimum=0, maximum=1))
        _settle_pool_and_seed(self)

    @property
    def name(self) -> str:
        """A word for it."""
        return "epsilon-greedy"

    def seeded(self) -> Self:
        """Return the explorer with a seed: its own, or a new one."""
        return self if self.seed is not None else replace(self, seed=_new_seed())

    def draw(self, scores: Scores, keys: Keys, k: int, n_threads: int | None) -> Drawn:
        """Draw lists; see `Explorer`.

        Parameters
        ----------
        scores : (n_users, pool) float64
            Falling in each row; −inf in the empty slots at its end.
        keys : Keys
            Who is served: with the seed they decide the draw.
        k : int
            Slots of a list.
        n_threads : int or None
            None: all cores. The result does not depend on it.
        """
        sizes = (scores > -np.inf).sum(axis=1)
        chance = uniforms(keys, 2 * k)
        taken = scores == -np.inf
        places, above = np.full((len(scores), k), -1, np.int32), np.full((len(scores), k), np.nan)
        explored = np.zeros((len(scores), k), np.bool_)
        for slot in range(min(k, scores.shape[1])):
            rows = np.flatnonzero(sizes > slot)
            free, left = ~taken[rows], sizes[rows] - slot
            best = free.argmax(axis=1)
            anyone = (chance[rows, 2 * slot + 1] * left).astype(np.int64)  # its number among the free places
            drawn = (np.cumsum(free, axis=1) > anyone[:, None]).argmax(axis=1)
            place = np.where(chance[rows, 2 * slot] < self.epsilon, drawn, best)
            taken[rows, place] = True
            places[rows, slot], explored[rows, slot] = place, place != best
            above[rows, slot] = self.epsilon / left + np.where(place == best, 1 - self.epsilon, 0.0)
        position = np.full(above.shape, np.nan)
        for size in np.unique(sizes[sizes > 0]):
            rows, slots = np.nonzero((sizes == size)[:, None] & (places >= 0))
            table = epsilon_marginals(int(size), k, self.epsilon)
            position[rows, slots] = table[np.minimum(places[rows, slots], len(table) - 1), slots]
        return Drawn(places, Sample(explored, np.minimum(position, 1.0), above, _slate(above)))

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters as plain values."""
        return {"name": self.name, "epsilon": self.epsilon, "pool": self.pool, "seed": self.seed}


@dataclass(frozen=True)
class PlackettLuce:
    """Softmax sampling without replacement: the next item is drawn in proportion to its weight among those left.

    Drawn by the Gumbel-top-k trick. The propensities of a list and of an item given those above are exact; those at a
    position are too, to about ten digits (`recsys.kernels.position_marginals`).

    Parameters
    ----------
    temperature : float
        The higher, the more is explored.
    pool : int
        How many of the best items are candidates; at least as many as slots are taken.
    by : {"rank", "score"}
        ``"rank"``: the item at rank r of the pool weighs ``r ** (−1 / temperature)``, for any model and after any
        re-ranker. ``"score"``: ``exp(score / temperature)``; scores of models (and of the fallback) have scales of
        their own, and after a re-ranker the r-th item gets the r-th best score. Weights less than ``exp(−50)`` of the
        best are raised to that.
    seed : int, optional
        The same seed gives a user the same draw, whoever else is served. None: a new one for every call.

    Examples
    --------
    >>> PlackettLuce(temperature=0.5, seed=7).to_dict()
    {'name': 'plackett-luce', 'temperature': 0.5, 'pool': 100, 'by': 'rank', 'seed': 7}
    """

    temperature: float = 1.0
    pool: int = 100
    by: Literal["rank", "score"] = "rank"
    seed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", finite_float("temperature", self.temperature, above=0))
        one_of("by", self.by, ("rank", "score"))
        _settle_pool_and_seed(self)

    @property
    def name(self) -> str:
        """A word for it."""
        return "plackett-luce"

    def seeded(self) -> Self:
        """Return the explorer with a seed: its own, or a new one."""
        return self if self.seed is not None else replace(self, seed=_new_seed())

    def draw(self, scores: Scores, keys: Keys, k: int, n_threads: int | None) -> Drawn:
        """Draw lists; see `Explorer`.

        Parameters
        ----------
        scores : (n_users, pool) float64
            Falling in each row; −inf in the empty slots at its end.
        keys : Keys
            Who is served: with the seed they decide the draw.
        k : int
            Slots of a list.
        n_threads : int or None
            None: all cores. The result does not depend on it.
        """
        filled = scores > -np.inf
        weights = np.where(filled, self.weights(scores), -1.0)
        gumbel = -np.log(-np.log(uniforms(keys, scores.shape[1])))
        arrival = np.where(filled, -np.log(np.abs(weights)) - gumbel, np.inf)
        order = np.argsort(arrival, axis=1, kind="stable").astype(np.int32)
        width = min(k, scores.shape[1])
        drawn = np.take_along_axis(filled, order, axis=1)
        ordered = np.take_along_axis(weights, order, axis=1)
        places = np.full((len(scores), k), -1, np.int32)
        places[:, :width] = np.where(drawn, order, -1)[:, :width]
        # Sums from the end: what is left after a heavy item keeps its digits.
        left = np.cumsum(np.where(drawn, ordered, 0.0)[:, ::-1], axis=1)[:, ::-1]
        above, position = np.full((2, len(scores), k), np.nan)
        above[:, :width] = np.where(drawn, ordered / np.where(drawn, left, 1.0), np.nan)[:, :width]
        shared = self.by == "rank"
        position[:, :width] = (_common_marginals if shared else _own_marginals)(weights, order, width, n_threads)
        position = np.where(places >= 0, np.minimum(position, 1.0), np.nan)  # rounding stays below 1
        return Drawn(places, Sample(_not_the_best(places), position, above, _slate(above)))

    def weights(self, scores: Scores) -> Scores:
        """Return the weights of candidates with falling scores, that of the best 1; in empty slots anything."""
        if self.by == "rank":
            logs = np.broadcast_to(-np.log(np.arange(1, scores.shape[1] + 1)), scores.shape)
        else:
            finite = np.where(scores > -np.inf, scores, 0.0)
            logs = finite - finite[:, :1]
        return np.asarray(np.exp(np.maximum(logs / self.temperature, -_LARGEST_GAP)))

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters as plain values."""
        own = {"temperature": self.temperature, "pool": self.pool, "by": self.by, "seed": self.seed}
        return {"name": self.name, **own}


def epsilon_marginals(size: int, k: int, epsilon: float) -> NDArray[np.float64]:
    """Return the exact probability that epsilon-greedy puts the item of rank r at position j.

    An item of rank r is the best one left as soon as all r above it are placed. So the state is how many of these are
    placed; with j slots filled, the other ``j − a`` items came from below.

    Parameters
    ----------
    size : int
        Candidates.
    k : int
        Positions.
    epsilon : float
        Probability of a uniform draw in a slot.

    Returns
    -------
    (min(k, size) + 1, k) float64
        Row r for the rank r from 0; the last row for every rank from k on.

    Examples
    --------
    >>> epsilon_marginals(3, 1, 0.3).round(3).tolist()
    [[0.8], [0.1]]
    """
    ranks, slots = min(k, size) + 1, min(k, size)
    table = np.zeros((ranks, k))
    for rank in range(ranks):
        states = np.zeros(slots + 2)  # by how many of the ranks above are placed; the item itself is not
        states[0] = 1.0
        for slot in range(slots):
            left = size - slot
            placed = np.arange(len(states))
            below = np.maximum(size - 1 - rank - (slot - placed), 0)
            first = placed >= rank  # the item is the best one left
            table[rank, slot] = (states * (epsilon / left + np.where(first, 1 - epsilon, 0.0))).sum()
            up = states * np.where(first, 0.0, 1 - epsilon + epsilon * np.maximum(rank - placed, 0) / left)
            states = states * epsilon * below / left
            states[1:] += up[:-1]
    return table


def rank_marginals(weights: NDArray[np.float64], k: int, n_threads: int | None = None) -> Scores:
    """Return the (size, min(k, size)) float64 probabilities of Plackett–Luce for every item at every position.

    It needs as many lists as items: list l begins at item l and goes on in a circle, so every item stands once at every
    position.

    Examples
    --------
    >>> rank_marginals(np.array([2.0, 1.0, 1.0]), 1).tolist()
    [[0.5], [0.25], [0.25]]
    """
    size, width = len(weights), min(k, len(weights))
    circle = (np.arange(size)[:, None] + np.arange(size)) % size
    table = np.empty((size, width))
    table[circle[:, :width], np.arange(width)] = position_marginals(weights[circle], width, n_threads=n_threads)
    return table


def _own_marginals(weights: Scores, order: Places, k: int, n_threads: int | None) -> Scores:
    """Return the marginals of drawn lists where every user has weights of their own."""
    return position_marginals(np.take_along_axis(weights, order.astype(np.int64), axis=1), k, n_threads=n_threads)


def _common_marginals(weights: Scores, order: Places, k: int, n_threads: int | None) -> Scores:
    """Return them where the weights depend on the size of the pool alone: from one table a size."""
    sizes = (weights > 0).sum(axis=1)
    found = np.full((len(weights), k), np.nan)
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        width = min(k, int(size))
        table = rank_marginals(weights[rows[0], :size], width, n_threads)
        found[rows, :width] = table[order[rows, :width], np.arange(width)]
    return found


def _not_the_best(places: Places) -> NDArray[np.bool_]:
    """Return which slots hold another place than the smallest one left."""
    explored = np.zeros(places.shape, np.bool_)
    taken = np.zeros((len(places), places.shape[1] + 1), np.bool_)  # the smallest one left is below the number of slots
    rows = np.arange(len(places))
    for slot in range(places.shape[1]):
        place = places[:, slot]
        explored[:, slot] = (place >= 0) & (place != taken.argmin(axis=1))
        within = (place >= 0) & (place < taken.shape[1])
        taken[rows[within], place[within]] = True
    return explored


def _slate(given_above: NDArray[np.float64]) -> NDArray[np.float64]:
    slates: NDArray[np.float64] = np.where(np.isnan(given_above), 1.0, given_above).prod(axis=1)
    return np.where(slates > 0, slates, np.nan)  # never a false 0: float64 ends at 1e-308


def _settle_pool_and_seed(explorer: EpsilonGreedy | PlackettLuce) -> None:
    """Check them, and keep them as plain numbers, which a manifest can hold."""
    object.__setattr__(explorer, "pool", positive_int("pool", explorer.pool))
    if explorer.seed is not None:
        object.__setattr__(explorer, "seed", positive_int("seed", explorer.seed, minimum=0, hint="use seed=7"))


def _new_seed() -> int:
    return secrets.randbits(31)
