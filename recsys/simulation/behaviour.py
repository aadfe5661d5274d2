"""What the users of one block do: sessions, searches, requests, clicks and plays, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.simulation.catalogue import Catalogue
from recsys.simulation.clock import Clock
from recsys.simulation.logging_policy import POLICIES, UNIFORM, UNIFORM_SHARE, Shelves, Slates, draw_slates
from recsys.simulation.population import Population
from recsys.simulation.settings import ORGANIC, REQUESTS, SESSIONS, Settings

SEARCHES = 1.2  # searches in a session, on average (Poisson)
EVENTS_PER_SESSION = 1.17  # plays and ratings that a session comes to in the end, with impressions
EVENTS_PER_SEARCH = 0.8  # plays and ratings that a search comes to: repeats are thinned, some plays are rated
SEARCH_ROUNDS = 4  # a search that meets an item that cannot be watched goes on, so often
REPEAT_SHARE = 0.25  # of the searches that lead to an item that the user found before, so many lead to a play
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the blocks share."""

    settings: Settings
    catalogue: Catalogue
    clock: Clock
    shelves: Shelves | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of a block, by user and then time: row of the user, start (µs UTC), id."""

    users: NDArray[np.int64]
    starts: NDArray[np.int64]
    ids: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plays:
    """Plays: row of the user, item code, time (µs UTC), completed share, session, request behind it or −1."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    ts: NDArray[np.int64]
    completion: NDArray[np.float64]
    sessions: NDArray[np.int64]
    requests: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of a block (one a session) and what became of each position, arrays of shape ``(n, slots)``."""

    slates: Slates
    policy: NDArray[np.int64]
    day: NDArray[np.int32]
    viewed: NDArray[np.bool_]
    clicked: NDArray[np.bool_]
    completion: NDArray[np.float64]


def session_rate(settings: Settings) -> float:
    """Return the sessions that the average user has in a day."""
    per_session = EVENTS_PER_SESSION if settings.with_impressions else SEARCHES * EVENTS_PER_SEARCH
    return settings.events_per_user_day / per_session


def expected_requests(world: World, population: Population) -> NDArray[np.float64]:
    """Return the expected number of sessions (and requests) of each user of a block over all days, ``(n,) float64``."""
    per_weight = session_rate(world.settings) * world.settings.days / world.clock.cumulated_days[-1]
    return np.asarray(population.activity * per_weight * world.clock.weight_since(population.joined))


def draw_sessions(world: World, population: Population, block: int) -> Sessions:
    """Draw the sessions of a block."""
    settings, clock = world.settings, world.clock
    rng = settings.stream(SESSIONS, block)
    counts = rng.poisson(expected_requests(world, population))
    users = np.repeat(np.arange(len(counts)), counts)
    offsets = clock.draw(rng, population.joined[users]) - clock.start
    # One sort of one key: user first, then time.
    span = settings.days * 86_400 * SECOND
    users, offsets = np.divmod(np.sort(users * span + offsets), span)
    number = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    ids = (users + population.first + 1) * (1 << 24) + number
    return Sessions(users, offsets + clock.start, ids)


def draw_searches(world: World, population: Population, sessions: Sessions, block: int) -> Plays:
    """Draw what the users find by themselves: in proportion to popularity within the tastes they follow."""
    rng = world.settings.stream(ORGANIC, block)
    session = np.repeat(np.arange(len(sessions.users)), rng.poisson(SEARCHES, len(sessions.users)))
    users = sessions.users[session]
    items = _found_items(world, population, rng, users, world.clock.day_of(sessions.starts)[session])
    ts = sessions.starts[session] + rng.integers(30 * SECOND, 3600 * SECOND, len(session))
    kept = (items >= 0) & (~_repeats(users, items, world.settings.items) | (rng.random(len(items)) < REPEAT_SHARE))
    users, items, session = users[kept], items[kept], session[kept]
    completion = draw_completion(rng, population.preference(world.catalogue, users, items))
    return Plays(users, items, ts[kept], completion, sessions.ids[session], np.full(len(users), -1))


def draw_requests(world: World, shelves: Shelves, population: Population, sessions: Sessions, block: int) -> Requests:
    """Draw the request that opens each session: the list shown, what was looked at, what was clicked and watched."""
    rng = world.settings.stream(REQUESTS, block)
    n, slots = len(sessions.users), world.settings.slots
    day = world.clock.day_of(sessions.starts)
    policy = logging_policy_by_day(world.settings.days)[day]
    policy = np.where(rng.random(n) < UNIFORM_SHARE, UNIFORM, policy)
    slates = draw_slates(rng, shelves, policy, population.country[sessions.users], day)
    viewed = rng.random((n, slots)) < world.settings.examination
    preference = population.preference(world.catalogue, sessions.users[:, None], slates.items.astype(np.int64))
    clicked = viewed & (rng.random((n, slots)) < preference)
    completion = np.zeros((n, slots))
    completion[clicked] = draw_completion(rng, preference[clicked])
    return Requests(slates, policy, day, viewed, clicked, completion)


def clicked_plays(sessions: Sessions, requests: Requests) -> Plays:
    """Return the plays that clicks led to."""
    row, position = np.nonzero(requests.clicked)
    ids = sessions.ids[row]
    items = requests.slates.items[row, position].astype(np.int64)
    ts = sessions.starts[row] + (2 + 3 * position) * SECOND
    return Plays(sessions.users[row], items, ts, requests.completion[row, position], ids, ids)


def logging_policy_by_day(days: int) -> NDArray[np.int64]:
    """Return the number of the popularity policy in force on each day: version 1, then version 2 from the middle on."""
    return (np.arange(days) >= (days + 1) // 2).astype(np.int64)


def policy_shares() -> NDArray[np.float64]:
    """Return the share of requests of each policy on a day of version 1 and of version 2, ``(2, n_policies)``."""
    shares = np.zeros((2, len(POLICIES)))
    shares[[0, 1], [0, 1]] = 1 - UNIFORM_SHARE
    shares[:, UNIFORM] = UNIFORM_SHARE
    return shares


def mean_completion(preference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the expected completed share of a play: those who like a title more see more of it."""
    return 0.2 + 0.7 * preference


def draw_completion(rng: np.random.Generator, preference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw completed shares with exactly the mean of `mean_completion`."""
    return completion_of(rng.random(len(preference)), preference)


def completion_of(uniforms: NDArray[np.float64], preference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return completed shares from uniform numbers: ``U ** ((1 - m) / m)`` has the mean ``m``."""
    mean = mean_completion(preference)
    return np.asarray(uniforms ** ((1 - mean) / mean))


def _found_items(
    world: World, population: Population, rng: np.random.Generator, users: NDArray[np.int64], day: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the item that each search finds; −1 when it met only items that cannot be watched there and then."""
    catalogue = world.catalogue
    items = np.full(len(users), -1)
    pending = np.arange(len(users))
    for _ in range(SEARCH_ROUNDS):
        taste = population.draw_tastes(rng, users[pending])
        found = catalogue.searches.draw(rng, taste)
        country = population.country[users[pending]]
        watchable = catalogue.available[country, found] & (catalogue.released[found] <= day[pending])
        items[pending[watchable]] = found[watchable]
        pending = pending[~watchable]
    return items


def _repeats(users: NDArray[np.int64], items: NDArray[np.int64], n_items: int) -> NDArray[np.bool_]:
    """Mark every entry whose (user, item) stood in an earlier row."""
    n = max(len(users), 1)
    key = (users * (n_items + 1) + items + 1) * n + np.arange(len(users))
    pair, row = np.divmod(np.sort(key), n)
    repeats = np.zeros(len(users), dtype=bool)
    repeats[row[1:][pair[1:] == pair[:-1]]] = True
    return repeats
