"""What users do when given lists are served to them: requests, looks, clicks and plays from a day on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.simulation.behaviour import (
    SECOND,
    Plays,
    Sessions,
    World,
    completion_of,
    draw_searches,
    draw_sessions,
)
from recsys.simulation.catalogue import item_ids, user_ids
from recsys.simulation.policy import Policy, check_policy, codes_of, policy_rows
from recsys.simulation.population import Population, build_population
from recsys.simulation.settings import BLOCK_USERS, DAY, SERVED
from recsys.simulation.tables import TIMESTAMP, event_frame

_PLAY_FIELDS = tuple(Plays.__dataclass_fields__)


class Served(NamedTuple):
    """What happened while lists were served.

    Attributes
    ----------
    impressions : DataFrame
        request_id, ts, user_id, item_id, position (1 = top), policy, viewed, click (0 or 1), minutes.
    events : DataFrame
        The columns of `Simulation.events`: plays after clicks and after searches, and ratings.
    """

    impressions: pl.DataFrame
    events: pl.DataFrame


def serve_lists(world: World, policy: Policy, first_day: int, seed: int, name: str) -> Served:
    """Return what the users of the lists do from a day on; see `Simulation.serve`."""
    frames = list(_blocks(world, policy, first_day, seed, name))
    return Served(*(pl.concat(parts).sort("ts", maintain_order=True) for parts in zip(*frames, strict=True)))


def first_requests(world: World, first_day: int) -> pl.DataFrame:
    """Return the first request of every user from a day on, in order of users: user_id, ts."""
    frames = []
    for block in range(world.settings.n_blocks):
        population = build_population(world.settings, block)
        sessions = _from_day(world, draw_sessions(world, population, block), first_day)
        users, first = np.unique(sessions.users, return_index=True)  # sessions are in order of user and time
        ids = user_ids(world.settings, population.first, population.first + len(population.country))
        frames.append(pl.DataFrame({"user_id": ids.gather(users), "ts": pl.Series(sessions.starts[first])}))
    return pl.concat(frames).with_columns(pl.col("ts").cast(TIMESTAMP))


def _blocks(
    world: World, policy: Policy, first_day: int, seed: int, name: str
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield impressions and events, block of users by block."""
    settings = world.settings
    rows = policy_rows(policy)
    if bool((rows["probability"] != 1).any()):
        raise DataError("the lists have probabilities other than 1", "lists were expected", "draw a list a user first")
    users = codes_of("user", rows["user_id"], settings.users, settings.ids)
    items = codes_of("item", rows["item_id"], settings.items, settings.ids)
    rank = rows["rank"].to_numpy()
    check_policy(users, items, rank, rows["probability"].to_numpy())
    shown = rank <= settings.slots
    users, items, rank = users[shown], items[shown], rank[shown]
    for block in np.unique(users // BLOCK_USERS).tolist():
        population = build_population(settings, block)
        mine = np.flatnonzero(users // BLOCK_USERS == block)
        lists = np.full((len(population.country), settings.slots), -1, dtype=np.int64)
        lists[users[mine] - population.first, rank[mine] - 1] = items[mine]
        every = draw_sessions(world, population, block)
        sessions = _from_day(world, every, first_day)
        # drawn for all sessions, so that what a user does depends on nobody else's being served
        randoms = settings.stream(SERVED, block, seed).random((3, len(sessions.users), settings.slots))
        listed = np.asarray((lists >= 0).any(axis=1))[sessions.users]
        sessions, randoms = _kept(sessions, listed), randoms[:, listed]
        searches = draw_searches(world, population, every, block)  # those of the log, whatever is served
        searches = _take(searches, np.isin(searches.sessions, sessions.ids))
        impressions, clicked = _serve(world, population, lists, sessions, randoms, name)
        plays = Plays(*(np.concatenate([getattr(searches, each), getattr(clicked, each)]) for each in _PLAY_FIELDS))
        yield impressions, event_frame(world, population, plays, block)


def _serve(
    world: World,
    population: Population,
    lists: NDArray[np.int64],
    sessions: Sessions,
    randoms: NDArray[np.float64],
    name: str,
) -> tuple[pl.DataFrame, Plays]:
    """Return the impressions of a block and the plays after clicks: who looks and clicks how is as in the log."""
    catalogue = world.catalogue
    items = lists[sessions.users]
    there, row = items >= 0, sessions.users[:, None]
    item = np.maximum(items, 0)
    viewed = (randoms[0] < world.settings.examination) & there
    day = world.clock.day_of(sessions.starts)[:, None]
    watchable = catalogue.available[population.country[row], item] & (catalogue.released[item] <= day)
    preference = population.preference(catalogue, np.broadcast_to(row, items.shape), item)
    clicked = viewed & watchable & (randoms[1] < preference)
    completion = np.zeros(items.shape)
    completion[clicked] = completion_of(randoms[2][clicked], preference[clicked])
    request, position = np.nonzero(there)
    first = population.first
    ids = user_ids(world.settings, first, first + len(population.country))
    minutes = completion * catalogue.duration[item]
    impressions = pl.DataFrame(
        {
            "request_id": sessions.ids[request],
            "ts": pl.Series(sessions.starts[request]).cast(TIMESTAMP),
            "user_id": ids.gather(sessions.users[request]),
            "item_id": item_ids(world.settings).gather(items[request, position]),
            "position": (position + 1).astype(np.int32),
            "policy": pl.Series([name], dtype=pl.String).gather(np.zeros(len(request), np.int64)),
            "viewed": viewed[request, position],
            "click": clicked[request, position].astype(np.int8),
            "minutes": minutes[request, position].astype(np.float32),
        }
    )
    request, position = np.nonzero(clicked)
    ids_of_requests = sessions.ids[request]
    return impressions, Plays(
        sessions.users[request],
        items[request, position],
        sessions.starts[request] + (2 + 3 * position) * SECOND,
        completion[request, position],
        ids_of_requests,
        ids_of_requests,
    )


def _take(plays: Plays, kept: NDArray[np.bool_]) -> Plays:
    return Plays(*(getattr(plays, field)[kept] for field in _PLAY_FIELDS))


def _from_day(world: World, sessions: Sessions, first_day: int) -> Sessions:
    return _kept(sessions, sessions.starts >= world.settings.start + first_day * DAY)


def _kept(sessions: Sessions, kept: NDArray[np.bool_]) -> Sessions:
    return Sessions(sessions.users[kept], sessions.starts[kept], sessions.ids[kept])
