"""From the arrays of a block to the frames that a store takes in."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.simulation import words
from recsys.simulation.behaviour import Plays, Requests, Sessions, World, mean_completion
from recsys.simulation.catalogue import item_ids, user_ids
from recsys.simulation.logging_policy import POLICIES
from recsys.simulation.population import Population
from recsys.simulation.settings import ARRIVALS, DAY, PLAYS, Settings

RATED_SHARE = 0.1  # plays that the user rates
LATENCY = 2_000_000.0  # µs: mean time until a row arrives
LATE_DELAY = 1.5 * DAY  # µs: mean delay of a late row
TIMESTAMP = pl.Datetime("us")


def event_frame(world: World, population: Population, plays: Plays, block: int) -> pl.DataFrame:
    """Return the events of a block in order of time: plays (value = minutes) and ratings (value = 1 to 5)."""
    rng = world.settings.stream(PLAYS, block)
    minutes = world.catalogue.duration[plays.items] * plays.completion
    rated = np.flatnonzero(rng.random(len(plays.items)) < RATED_SHARE)
    ratings = _ratings(rng, world, population, plays, rated)
    rated_at = plays.ts[rated] + rng.integers(60_000_000, 50 * 60_000_000, len(rated))
    rows = np.concatenate([np.arange(len(plays.items)), rated])
    is_rating = np.arange(len(rows)) >= len(plays.items)
    ts = np.concatenate([plays.ts, rated_at])
    value = np.concatenate([minutes, ratings])
    order = np.argsort(ts, kind="stable")
    rows, is_rating, ts = rows[order], is_rating[order], ts[order]
    requests = pl.Series(plays.requests[rows])
    first = population.first
    return pl.DataFrame(
        {
            "user_id": user_ids(world.settings, first, first + len(population.country)).gather(plays.users[rows]),
            "item_id": item_ids(world.settings).gather(plays.items[rows]),
            "ts": pl.Series(ts).cast(TIMESTAMP),
            "event": pl.Series(["play", "rating"]).gather(is_rating.astype(np.int64)),
            "value": value[order].astype(np.float32),
            "completion": pl.Series(plays.completion[rows].astype(np.float32)).set(pl.Series(is_rating), None),
            "session_id": plays.sessions[rows],
            "request_id": requests.set(requests < 0, None),
            "arrived_at": pl.Series(_arrivals(world.settings, block, ts)).cast(TIMESTAMP),
        }
    )


def impression_frame(world: World, population: Population, sessions: Sessions, requests: Requests) -> pl.DataFrame:
    """Return the impressions of a block, request by request in order of time, position by position."""
    slots = world.settings.slots
    order = np.argsort(sessions.starts, kind="stable")
    row = np.repeat(order, slots)
    items = requests.slates.items[order].ravel().astype(np.int64)
    country = population.country[sessions.users]
    slate = requests.slates.given_above.prod(axis=1)
    minutes = requests.completion[order].ravel() * world.catalogue.duration[items]
    first = population.first
    return pl.DataFrame(
        {
            "request_id": sessions.ids[row],
            "ts": pl.Series(sessions.starts[row]).cast(TIMESTAMP),
            "user_id": user_ids(world.settings, first, first + len(population.country)).gather(sessions.users[row]),
            "item_id": item_ids(world.settings).gather(items),
            "position": np.tile(np.arange(1, slots + 1, dtype=np.int32), len(order)),
            "propensity_position": requests.slates.at_position[order].ravel(),
            "propensity_given_above": requests.slates.given_above[order].ravel(),
            "propensity_slate": slate[row],
            "policy": pl.Series([policy.name for policy in POLICIES]).gather(requests.policy[row]),
            "policy_version": pl.Series([policy.version for policy in POLICIES]).gather(requests.policy[row]),
            "candidate_set": _candidate_sets(world.settings).gather(
                (country * world.settings.days + requests.day)[row]
            ),
            "viewed": requests.viewed[order].ravel(),
            "click": requests.clicked[order].ravel().astype(np.int8),
            "minutes": minutes.astype(np.float32),
        }
    )


def _ratings(
    rng: np.random.Generator, world: World, population: Population, plays: Plays, rated: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Draw ratings from 1 to 5 around what the user thinks of the title."""
    users, items = plays.users[rated], plays.items[rated]
    liking = mean_completion(population.preference(world.catalogue, users, items))
    return np.clip(np.round(2.0 + 3.5 * liking + 0.7 * rng.standard_normal(len(rated))), 1, 5)


def _arrivals(settings: Settings, block: int, ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw when each row reached the log: after seconds, or days for the late share."""
    rng = settings.stream(ARRIVALS, block)
    mean = np.where(rng.random(len(ts)) < settings.late_share, LATE_DELAY, LATENCY)
    return ts + (rng.standard_exponential(len(ts)) * mean).astype(np.int64)


def _candidate_sets(settings: Settings) -> pl.Series:
    """Return the name of the shelf of each (country, day), e.g. ``"DE-2026-01-17"``."""
    days = (
        (settings.start + np.arange(settings.days) * DAY).astype("datetime64[us]").astype("datetime64[D]").astype(str)
    )
    return pl.Series([f"{country}-{day}" for country in words.COUNTRIES for day in days])
