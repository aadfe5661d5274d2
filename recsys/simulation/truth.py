"""The truth of a simulated world: what every user likes, and what any policy is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks
from recsys.simulation.behaviour import (
    World,
    expected_requests,
    mean_completion,
)
from recsys.simulation.catalogue import item_ids, user_ids
from recsys.simulation.exposure import logged_exposure
from recsys.simulation.policy import Policy, as_series, check_policy, codes_of, policy_rows
from recsys.simulation.population import Population, build_population
from recsys.simulation.settings import BLOCK_USERS, day_number

REWARDS = ("click", "minutes")
CELLS = 2_000_000  # users by items that are looked at in one array


class Lift(NamedTuple):
    """The true difference between two policies: both values, ``value - base`` and ``value / base - 1``.

    Attributes
    ----------
    value : float
        Of the policy: expected reward of a request.
    base : float
        That of the policy it is held against.
    absolute : float
        ``value - base``.
    relative : float
        ``value / base - 1``.
    """

    value: float
    base: float
    absolute: float
    relative: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What no log tells; `Simulation.truth` gives it.

    The value of a policy is the expected reward of one request,

    ``V = sum over users u of w(u) * sum over positions p of look(p) * sum over items i of P(i at p | u) * a(u, i) *
    r(u, i)``

    where ``w(u)`` is the user's share of all requests (by expectation; or equal shares with ``weight="users"``),
    ``look(p)`` the probability that position ``p`` is looked at, ``a(u, i)`` the share of the user's requests at which
    item ``i`` is released and available in the user's country (an item that cannot be watched earns nothing), and
    ``r(u, i)`` the probability of liking the item (reward ``click``) or that times the expected minutes watched (reward
    ``minutes``). Rewards of the positions do not depend on each other, so the value is exact for lists and, given its
    position marginals, for every random policy.

    Parameters
    ----------
    world : World
        What `simulate` has made of the settings and the seed.
    first_day : int
        Requests before this day (0 is the first) have no share in a value.
    """

    world: World
    first_day: int = 0

    def since(self, instant: str | datetime) -> Truth:
        """Return the truth about the requests from the day of `instant` on, as when a policy is tried on later days.

        Raises
        ------
        ArgumentError
            When the day is not one of the simulation.
        """
        return replace(self, first_day=day_number(self.world.settings, "since", instant))

    def preference(
        self, user_ids: Sequence[int | str] | pl.Series, item_ids: Sequence[int | str] | pl.Series
    ) -> NDArray[np.float64]:
        """Return the probability that each user likes the item beside it, ``(n,) float64``.

        Raises
        ------
        NotFoundError
            When an id is not of this world.
        ArgumentError
            When the two differ in length.

        Examples
        --------
        >>> from recsys.simulation import simulate
        >>> liking = simulate(users=50, items=40, days=10).truth.preference([1, 1, 50], [1, 40, 40])
        >>> liking.shape, bool(0 < liking.min() < liking.max() < 1)
        ((3,), True)
        """
        users, items = self._user_codes(as_series(user_ids)), self._item_codes(as_series(item_ids))
        if len(users) != len(items):
            raise ArgumentError(
                f"{len(users)} users and {len(items)} items were given", "one item for each user was expected"
            )
        out = np.empty(len(users))
        for population, rows in self._blocks(users):
            out[rows] = population.preference(self.world.catalogue, users[rows] - population.first, items[rows])
        return out

    def policy_value(self, policy: Policy, *, reward: str = "click", weight: str = "requests") -> float:
        """Return the true expected reward of one request served by the policy.

        Parameters
        ----------
        policy : frame, or anything with ``to_polars()``
            Columns user_id, item_id, rank (1 = top position). Ranks beyond the slots of a request are not shown. A
            random policy adds a column ``probability``: that of the item at that rank. The mean is over the users that
            occur in it.
        reward : {"click", "minutes"}
            Clicks, or minutes watched after a click, in a request.
        weight : {"requests", "users"}
            Whether users count by their expected number of requests (what a log averages over) or equally.

        Raises
        ------
        NotFoundError
            When an id is not of this world.
        DataError
            When the policy is not one: a rank below 1, probabilities outside 0 to 1 or summing to more
            than 1 at a rank, or for an item over the ranks of a list.
        """
        one_of("reward", reward, REWARDS)
        one_of("weight", weight, ("requests", "users"))
        rows = policy_rows(policy)
        users, items = self._user_codes(rows["user_id"]), self._item_codes(rows["item_id"])
        rank, probability = rows["rank"].to_numpy(), rows["probability"].to_numpy()
        check_policy(users, items, rank, probability)
        look = np.append(self.world.settings.examination, 0.0)
        exposure = probability * look[np.minimum(rank - 1, self.world.settings.slots)]
        total = weights = 0.0
        for population, place in self._blocks(users):
            local = users[place] - population.first
            share = (
                expected_requests(self.world, population) if weight == "requests" else np.ones(len(population.country))
            )
            earned = self._expected_reward(population, local, items[place], reward)
            total += float((share[local] * exposure[place] * earned).sum())
            weights += float(share[np.unique(local)].sum())
        return total / weights

    def lift(self, policy: Policy, base: Policy, *, reward: str = "click", weight: str = "requests") -> Lift:
        """Return the true lift of a policy over another on the same users.

        Parameters
        ----------
        policy, base : frame
            What each shows: see `policy_value`.
        reward : {"click", "minutes"}
            What is earned.
        weight : {"requests", "users"}
            Users by their requests, or all alike.

        Raises
        ------
        DataError
            When the two policies serve different users.
        """
        served = [frozenset(policy_rows(each)["user_id"].unique().to_list()) for each in (policy, base)]
        if served[0] != served[1]:
            raise DataError(
                f"{len(served[0] ^ served[1])} users are served by one of the policies only",
                "the same users were expected",
            )
        value, other = (self.policy_value(each, reward=reward, weight=weight) for each in (policy, base))
        return Lift(value, other, value - other, value / other - 1 if other else float("nan"))

    def ideal_policy(
        self, k: int | None = None, *, reward: str = "click", users: Sequence[int | str] | pl.Series | None = None
    ) -> pl.DataFrame:
        """Return the best lists that there are: user_id, item_id, rank, score (expected reward of an item looked at).

        No policy has a higher `policy_value` on the same reward.

        Parameters
        ----------
        k : int, optional
            Slots of a list. Default: those of the service.
        reward : {"click", "minutes"}
            What is earned.
        users : ids, optional
            Default: all.
        """
        k = self._list_length(k)
        one_of("reward", reward, REWARDS)
        codes = np.arange(self.world.settings.users) if users is None else np.unique(self._user_codes(as_series(users)))
        every = np.arange(self.world.settings.items)
        frames = []
        for population, some in self._slices(codes):
            scores = self._expected_reward(population, (some - population.first)[:, None], every[None, :], reward)
            top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            frames.append(self._lists(some, top, np.take_along_axis(scores, top, axis=1)))
        return pl.concat(frames)

    def popular_policy(self, k: int | None = None) -> pl.DataFrame:
        """Return one list for everyone, the best known items: user_id, item_id, rank, score (the popularity weight)."""
        k = self._list_length(k)
        popularity = self.world.catalogue.popularity
        top = np.argsort(-popularity, kind="stable")[:k]
        codes = np.arange(self.world.settings.users)
        lists = np.broadcast_to(top, (len(codes), k))
        return self._lists(codes, lists, np.broadcast_to(popularity[top], lists.shape))

    def logging_value(self, *, reward: str = "click") -> float:
        """Return the true expected reward of one logged request: what the mean over the log estimates without bias."""
        one_of("reward", reward, REWARDS)
        every = np.arange(self.world.settings.items)
        total = weights = 0.0
        for country in range(len(self.world.catalogue.available)):
            exposure = logged_exposure(self.world, country)
            for population, codes in self._slices(np.arange(self.world.settings.users)):
                users = codes - population.first
                users = users[population.country[users] == country]
                share = expected_requests(self.world, population)[users]
                earned = self._reward(population, users[:, None], every[None, :], reward)
                total += float((share * (earned * exposure[population.joined[users]]).sum(axis=1)).sum())
                weights += float(share.sum())
        return total / weights

    def _expected_reward(
        self, population: Population, users: NDArray[np.int64], items: NDArray[np.int64], reward: str
    ) -> NDArray[np.float64]:
        """Return the expected reward of an item looked at in a random request of the user: ``a(u, i) * r(u, i)``."""
        catalogue, clock = self.world.catalogue, self.world.clock
        since = np.maximum(catalogue.released[items], population.joined[users])
        share = clock.weight_since(since) / clock.weight_since(population.joined[users])
        rights = catalogue.available[population.country[users], items]
        return np.where(rights, share, 0.0) * self._reward(population, users, items, reward)

    def _reward(
        self, population: Population, users: NDArray[np.int64], items: NDArray[np.int64], reward: str
    ) -> NDArray[np.float64]:
        liking = population.preference(self.world.catalogue, users, items)
        if reward == "click":
            return liking
        return liking * mean_completion(liking) * self.world.catalogue.duration[items]

    def _blocks(self, users: NDArray[np.int64]) -> Iterator[tuple[Population, NDArray[np.int64]]]:
        """Yield each block of users that occurs, with the places at which it occurs."""
        block = users // BLOCK_USERS
        order = np.argsort(block, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(block[order])) + 1):
            if len(places):
                population = build_population(self.world.settings, int(block[places[0]]))
                yield replace(population, joined=np.maximum(population.joined, np.int32(self.first_day))), places

    def _slices(self, users: NDArray[np.int64]) -> Iterator[tuple[Population, NDArray[np.int64]]]:
        """Yield users of one block, so few at a time that an array of users by items stays small."""
        size = max(1, CELLS // self.world.settings.items)
        for population, places in self._blocks(users):
            for start, stop in row_chunks(len(places), size):
                yield population, users[places[start:stop]]

    def _lists(self, users: NDArray[np.int64], items: NDArray[np.int64], scores: NDArray[np.float64]) -> pl.DataFrame:
        n, k = items.shape
        return pl.DataFrame(
            {
                "user_id": user_ids(self.world.settings, 0, self.world.settings.users).gather(np.repeat(users, k)),
                "item_id": item_ids(self.world.settings).gather(items.ravel()),
                "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), n),
                "score": scores.ravel(),
            }
        )

    def _list_length(self, k: int | None) -> int:
        return min(positive_int("k", self.world.settings.slots if k is None else k), self.world.settings.items)

    def _user_codes(self, ids: pl.Series) -> NDArray[np.int64]:
        return codes_of("user", ids, self.world.settings.users, self.world.settings.ids)

    def _item_codes(self, ids: pl.Series) -> NDArray[np.int64]:
        return codes_of("item", ids, self.world.settings.items, self.world.settings.ids)
