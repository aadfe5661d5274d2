"""The logging policies and their exact probabilities.

A request shows a list drawn without replacement from the *shelf*, the most popular items that the user's country may
watch on that day. The draw is Plackett–Luce with one weight a tier (head, torso, tail). Items of one tier are
exchangeable, so the probability of an item at a position is the probability of its tier at that position divided by the
size of the tier, and the probability of the tier follows from a small dynamic programme over how many items of each
tier went before: exact, without enumerating lists and without Monte Carlo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.simulation.catalogue import Catalogue
from recsys.simulation.settings import Settings

UNIFORM_SHARE = 0.1  # requests that are served uniformly at random, whatever the day
TIER_SHARES = (0.1, 0.3)  # head and torso as shares of the shelf; the rest is the tail


@dataclass(frozen=True, slots=True)
class LoggingPolicy:
    """A logging policy: its name, its version, the weight of one item of each tier."""

    name: str
    version: str
    weights: tuple[float, float, float]


POLICIES = (
    LoggingPolicy("popular", "1", (6.0, 3.0, 1.0)),  # the first half of the days
    LoggingPolicy("popular", "2", (4.0, 3.0, 1.0)),  # the second half
    LoggingPolicy("uniform", "1", (1.0, 1.0, 1.0)),
)
UNIFORM = 2


@dataclass(frozen=True, slots=True)
class Shelves:
    """What may be shown, by country and day.

    Attributes
    ----------
    items : (n_countries, days, shelf) int32
        Item codes, the most popular first; −1 fills the end.
    tier_ends : (n_countries, days, 3) int64
        Where the head, the torso and the tail end.
    marginals : (n_policies, n_countries, days, slots, 3) float64
        Probability that one given item of a tier stands at a position (0-based).
    """

    items: NDArray[np.int32]
    tier_ends: NDArray[np.int64]
    marginals: NDArray[np.float64]


def build_shelves(settings: Settings, catalogue: Catalogue) -> Shelves:
    """Return the shelves of a world with the exact position marginals of every policy."""
    countries, days = len(catalogue.available), settings.days
    items = np.full((countries, days, min(settings.shelf, settings.items)), -1, dtype=np.int32)
    sizes = np.zeros((countries, days), dtype=np.int64)
    by_popularity = np.argsort(-catalogue.popularity, kind="stable")
    for country, rights in enumerate(catalogue.available):
        licensed = by_popularity[rights[by_popularity]]
        for day in range(days):
            shelf = licensed[catalogue.released[licensed] <= day][: items.shape[2]]
            items[country, day, : len(shelf)] = shelf
            sizes[country, day] = len(shelf)
    marginals = np.zeros((len(POLICIES), countries, days, settings.slots, 3))
    for size in np.unique(sizes):
        for number, policy in enumerate(POLICIES):
            marginals[number, sizes == size] = position_marginals(tier_ends(int(size)), policy.weights, settings.slots)
    ends = np.stack([tier_ends(int(size)) for size in sizes.ravel()]).reshape(countries, days, 3)
    return Shelves(items, ends, marginals)


def tier_ends(size: int) -> NDArray[np.int64]:
    """Return where the head, the torso and the tail of a shelf end, ``(3,) int64``.

    Examples
    --------
    >>> tier_ends(50).tolist()
    [5, 20, 50]
    """
    head = -(-size // round(1 / TIER_SHARES[0]))
    torso = min(size, head + int(size * TIER_SHARES[1]))
    return np.array([head, torso, size], dtype=np.int64)


def position_marginals(ends: NDArray[np.int64], weights: tuple[float, float, float], slots: int) -> NDArray[np.float64]:
    """Return the exact probability of one given item of each tier at each position, ``(slots, 3) float64``.

    Plackett–Luce: after ``c`` items of each tier were drawn, a tier of ``n`` items of weight ``w`` comes next with
    probability ``(n - c) w / sum of (n - c) w``. The states are the counts ``c``, at most ``(slots + 1) (slots + 2) /
    2`` a position.

    Examples
    --------
    >>> position_marginals(np.array([1, 2, 3]), (2.0, 1.0, 1.0), 2).round(4).tolist()
    [[0.5, 0.25, 0.25], [0.3333, 0.3333, 0.3333]]
    """
    sizes = np.diff(ends, prepend=0)
    states = {(0, 0, 0): 1.0}
    marginals = np.zeros((slots, 3))
    for position in range(slots):
        following: dict[tuple[int, int, int], float] = {}
        for drawn, probability in states.items():
            mass = (sizes - drawn) * np.asarray(weights)
            for tier in np.flatnonzero(mass > 0):
                step = probability * float(mass[tier] / mass.sum())
                marginals[position, tier] += step / sizes[tier]
                counts = [*drawn]
                counts[tier] += 1
                state = (counts[0], counts[1], counts[2])
                following[state] = following.get(state, 0.0) + step
        states = following
    return marginals


@dataclass(frozen=True, slots=True)
class Slates:
    """Drawn lists: items, probability of each given those above it, and at its position, all ``(n, slots)``."""

    items: NDArray[np.int32]
    given_above: NDArray[np.float64]
    at_position: NDArray[np.float64]


def draw_slates(
    rng: np.random.Generator,
    shelves: Shelves,
    policy: NDArray[np.int64],
    country: NDArray[np.int64],
    day: NDArray[np.int32],
) -> Slates:
    """Draw one list a request; `policy`, `country` and `day` have one entry a request."""
    slots = shelves.marginals.shape[3]
    ends = shelves.tier_ends[country, day]
    starts = np.concatenate([np.zeros((len(ends), 1), dtype=np.int64), ends[:, :2]], axis=1)
    weights = np.array([each.weights for each in POLICIES])[policy]
    left = (ends - starts).copy()
    rows = np.arange(len(policy))
    places = np.zeros((len(policy), slots), dtype=np.int64)
    given_above, at_position = np.zeros((2, len(policy), slots))
    for position in range(slots):
        mass = np.cumsum(left * weights, axis=1)
        target = rng.random(len(policy)) * mass[:, 2]
        tier = np.minimum((target >= mass[:, 0]).astype(np.int64) + (target >= mass[:, 1]), 2)
        given_above[:, position] = weights[rows, tier] / mass[:, 2]
        at_position[:, position] = shelves.marginals[policy, country, day, position, tier]
        place = starts[rows, tier] + (rng.random(len(policy)) * left[rows, tier]).astype(np.int64)
        places[:, position] = _skip_taken(place, np.sort(places[:, :position], axis=1), starts[rows, tier])
        left[rows, tier] -= 1
    return Slates(shelves.items[country[:, None], day[:, None], places], given_above, at_position)


def _skip_taken(place: NDArray[np.int64], taken: NDArray[np.int64], tier_start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn the number of a free place of a tier into the place itself: step over the (sorted) places taken there."""
    for column in range(taken.shape[1]):
        place = place + ((taken[:, column] >= tier_start) & (taken[:, column] <= place))
    return place
