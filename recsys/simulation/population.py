"""The users, block by block: tastes, activity, country, device, day of joining."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.simulation import words
from recsys.simulation.catalogue import Catalogue, taste_shares, user_ids
from recsys.simulation.settings import DAY, POPULATION, Settings

TASTES_PER_USER = 3
CURIOSITY = 0.08  # share of a user's searches that go to any taste at all
JOINING_SHARE = 0.3  # users who join while the simulation runs
ACTIVITY_SPREAD = 0.8  # standard deviation of the logarithm of a user's activity
BASE_APPEAL = -3.1  # log-odds of liking an average item that serves none of the user's tastes
TASTE_APPEAL = 3.6  # what a perfect match of tastes adds to the log-odds


@dataclass(frozen=True, slots=True)
class Population:
    """What is true of the users of one block; row = user code − `first`.

    Attributes
    ----------
    first : int
        Code of the first user.
    tastes : (n, 3) int64
        The user's tastes.
    taste_ends : (n, 3) float64
        Cumulated probability that a search follows each of them; the last is ``1 - CURIOSITY``.
    direction : (n, n_tastes) float64
        The user's unit vector in taste space.
    activity : (n,) float64
        Sessions relative to the average user; mean 1.
    country : (n,) int64
        Index into the countries.
    joined : (n,) int32
        First day of activity, at least 0.
    attributes : pl.DataFrame
        What the service knows of them: country, device, age_group, plan, signup_at.
    """

    first: int
    tastes: NDArray[np.int64]
    taste_ends: NDArray[np.float64]
    direction: NDArray[np.float64]
    activity: NDArray[np.float64]
    country: NDArray[np.int64]
    joined: NDArray[np.int32]
    attributes: pl.DataFrame

    def preference(
        self, catalogue: Catalogue, users: NDArray[np.int64], items: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the probability that each user likes the item beside it; `users` are rows of this block.

        The log-odds are ``BASE_APPEAL + TASTE_APPEAL * cos(user, item) + quality[item]``.
        """
        # Summed taste by taste, not by BLAS: the same pair gives the same bits in whatever company it is asked for.
        match = np.zeros(np.broadcast(users, items).shape)
        for column in range(catalogue.tastes.shape[1]):
            match += self.direction[users, catalogue.tastes[items, column]] * catalogue.direction[items, column]
        return np.asarray(1.0 / (1.0 + np.exp(-(BASE_APPEAL + TASTE_APPEAL * match + catalogue.quality[items]))))

    def draw_tastes(self, rng: np.random.Generator, users: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw the taste that each user's search follows."""
        n_tastes = self.direction.shape[1]
        target = rng.random(len(users))
        ends = self.taste_ends[users]
        taste = rng.integers(n_tastes, size=len(users))
        for column in range(TASTES_PER_USER - 1, -1, -1):
            taste = np.where(target < ends[:, column], self.tastes[users, column], taste)
        return taste


def build_population(settings: Settings, block: int) -> Population:
    """Return the users of a block."""
    first, stop = settings.block_users(block)
    n = stop - first
    rng = settings.stream(POPULATION, block)
    noise = np.log(taste_shares(settings.n_tastes)) + rng.gumbel(size=(n, settings.n_tastes))
    tastes = _three_tastes(np.argsort(-noise, axis=1, kind="stable")[:, :TASTES_PER_USER])
    weights = rng.dirichlet((3.0, 1.5, 0.8), size=n)
    activity = np.exp(ACTIVITY_SPREAD * rng.standard_normal(n) - ACTIVITY_SPREAD**2 / 2)
    country = rng.choice(len(words.COUNTRIES), n, p=words.COUNTRY_SHARES)
    during = rng.integers(0, settings.days, n, dtype=np.int32)
    before = -rng.integers(1, 730, n, dtype=np.int32)
    joined = np.where(rng.random(n) < JOINING_SHARE, during, before)
    return Population(
        first=first,
        tastes=tastes,
        taste_ends=np.cumsum(weights, axis=1) * (1 - CURIOSITY),
        direction=_directions(tastes, weights, settings.n_tastes),
        activity=activity,
        country=country,
        joined=np.maximum(joined, 0).astype(np.int32),
        attributes=_attributes(rng, settings, first, country, joined),
    )


def _three_tastes(tastes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Repeat the last column when a tiny world has fewer than three tastes."""
    missing = TASTES_PER_USER - tastes.shape[1]
    return np.concatenate([tastes, np.repeat(tastes[:, -1:], missing, axis=1)], axis=1) if missing else tastes


def _directions(tastes: NDArray[np.int64], weights: NDArray[np.float64], n_tastes: int) -> NDArray[np.float64]:
    dense = np.full((len(tastes), n_tastes), CURIOSITY / n_tastes)
    np.add.at(dense, (np.arange(len(tastes))[:, None], tastes), weights * (1 - CURIOSITY))
    return np.asarray(dense / np.sqrt((dense * dense).sum(axis=1, keepdims=True)))


def _attributes(
    rng: np.random.Generator, settings: Settings, first: int, country: NDArray[np.int64], joined: NDArray[np.int32]
) -> pl.DataFrame:
    n = len(country)
    signup = settings.start + joined.astype(np.int64) * DAY + rng.integers(0, DAY // 6, n)
    return pl.DataFrame(
        {
            "user_id": user_ids(settings, first, first + n),
            "country": pl.Series(words.COUNTRIES).gather(country),
            "device": pl.Series(words.DEVICES).gather(rng.choice(len(words.DEVICES), n, p=words.DEVICE_SHARES)),
            "age_group": pl.Series(words.AGE_GROUPS).gather(rng.choice(len(words.AGE_GROUPS), n, p=words.AGE_SHARES)),
            "plan": pl.Series(words.PLANS).gather(rng.choice(len(words.PLANS), n, p=words.PLAN_SHARES)),
            "signup_at": pl.Series(signup).cast(pl.Datetime("us")),
        }
    )
