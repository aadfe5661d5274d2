"""The truth of a simulated world: what every user likes, and what any policy is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.simulation.behaviour import (
    World,
    expected_requests,
    logging_policy_by_day,
    mean_completion,
    policy_shares,
)
from recsys.simulation.catalogue import item_ids, user_ids
from recsys.simulation.population import Population, build_population
from recsys.simulation.settings import BLOCK_USERS

REWARDS = ("click", "minutes")


class Lift(NamedTuple):
    """The true difference between two policies: both values, ``value - base`` and ``value / base - 1``."""

    value: float
    base: float
    absolute: float
    relative: float


@runtime_checkable
class HasFrame(Protocol):
    """Anything that gives its rows as a polars frame, such as the recommendations of a model."""

    def to_polars(self) -> pl.DataFrame:
        """Return the rows."""
        ...


Policy = pl.DataFrame | HasFrame


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
    """

    world: World

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
        """
        users, items = self._user_codes(_series(user_ids)), self._item_codes(_series(item_ids))
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
        DataError
            When the policy is not one: an unknown id, a rank below 1, probabilities outside 0 to 1 or summing to more
            than 1 at a rank.
        """
        one_of("reward", reward, REWARDS)
        one_of("weight", weight, ("requests", "users"))
        rows = _policy_rows(policy)
        users, items = self._user_codes(rows["user_id"]), self._item_codes(rows["item_id"])
        rank, probability = rows["rank"].to_numpy(), rows["probability"].to_numpy()
        _check_policy(users, rank, probability)
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

        Raises
        ------
        DataError
            When the two policies serve different users.
        """
        served = [frozenset(_policy_rows(each)["user_id"].unique().to_list()) for each in (policy, base)]
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
        """
        k = self._list_length(k)
        one_of("reward", reward, REWARDS)
        codes = np.arange(self.world.settings.users) if users is None else np.unique(self._user_codes(_series(users)))
        every = np.arange(self.world.settings.items)
        frames = []
        for population, place in self._blocks(codes):
            local = codes[place] - population.first
            scores = self._expected_reward(population, local[:, None], every[None, :], reward)
            top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            frames.append(self._lists(codes[place], top, np.take_along_axis(scores, top, axis=1)))
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
        exposure = self._logged_exposure()
        every = np.arange(self.world.settings.items)
        total = weights = 0.0
        for block in range(self.world.settings.n_blocks):
            population = build_population(self.world.settings, block)
            users = np.arange(len(population.country))
            share = expected_requests(self.world, population)
            earned = self._reward(population, users[:, None], every[None, :], reward)
            shown = exposure[population.country, population.joined]
            total += float((share * (earned * shown).sum(axis=1)).sum())
            weights += float(share.sum())
        return total / weights

    def _logged_exposure(self) -> NDArray[np.float64]:
        """Return the expected looks at an item in a request, ``(n_countries, days, n_items)`` by day of joining."""
        shelves, settings, clock = self.world.shelves, self.world.settings, self.world.clock
        if shelves is None:
            raise ArgumentError("this simulation has no impressions", hint="use simulate(..., impressions=True)")
        countries = len(shelves.items)
        exposure = np.zeros((countries, settings.days, settings.items))
        shares = policy_shares()[logging_policy_by_day(settings.days)]
        weights = np.diff(clock.cumulated_days)
        looks = np.einsum("dq,qcdkt,k->cdt", shares, shelves.marginals, settings.examination)
        for country in range(countries):
            for day in range(settings.days):
                ends = shelves.tier_ends[country, day]
                tier = np.repeat(np.arange(3), np.diff(ends, prepend=0))
                exposure[country, day, shelves.items[country, day, : ends[2]]] = (
                    looks[country, day, tier] * weights[day]
                )
        exposure = np.cumsum(exposure[:, ::-1], axis=1)[:, ::-1]
        return exposure / np.cumsum(weights[::-1])[::-1][None, :, None]

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
                yield build_population(self.world.settings, int(block[places[0]])), places

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
        return _codes("user", ids, self.world.settings.users, self.world.settings.ids)

    def _item_codes(self, ids: pl.Series) -> NDArray[np.int64]:
        return _codes("item", ids, self.world.settings.items, self.world.settings.ids)


def _series(ids: Sequence[int | str] | pl.Series) -> pl.Series:
    return ids if isinstance(ids, pl.Series) else pl.Series(ids)


def _codes(what: str, ids: pl.Series, count: int, kind: str) -> NDArray[np.int64]:
    """Turn external ids (a number, or a letter and a zero-padded number) back into codes."""
    if kind == "int" and ids.dtype.is_integer():
        numbers = ids.cast(pl.Int64, strict=False)
    elif kind == "text" and ids.dtype == pl.String:
        numbers = ids.str.extract(rf"^{what[0]}(\d{{{len(str(count))}}})$").cast(pl.Int64)
    else:
        numbers = pl.repeat(None, len(ids), dtype=pl.Int64, eager=True)
    bad = (numbers.is_null() | (numbers < 1) | (numbers > count)).fill_null(True)
    if bad.any():
        example = ids.filter(bad)[0]
        raise NotFoundError(f"{what} {example!r} is not in this simulation", f"one of its {count} {what}s was expected")
    return numbers.to_numpy() - 1


def _policy_rows(policy: Policy) -> pl.DataFrame:
    """Return the columns that count, with probability 1 for lists."""
    frame = policy if isinstance(policy, pl.DataFrame) else policy.to_polars()
    missing = [name for name in ("user_id", "item_id", "rank") if name not in frame.columns]
    if missing:
        raise DataError(f"the policy has no column {missing[0]!r}", "user_id, item_id and rank were expected")
    if not len(frame):
        raise DataError("the policy is empty", "at least one user with a list was expected")
    probability = (
        pl.col("probability").cast(pl.Float64) if "probability" in frame.columns else pl.lit(1.0).alias("probability")
    )
    return frame.select("user_id", "item_id", pl.col("rank").cast(pl.Int64), probability)


def _check_policy(users: NDArray[np.int64], rank: NDArray[np.int64], probability: NDArray[np.float64]) -> None:
    if rank.min() < 1:
        raise DataError(f"a rank of the policy is {rank.min()}", "ranks from 1 (the top) were expected")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise DataError(
            "a probability of the policy is not between 0 and 1", "the probability of the item at the rank was expected"
        )
    _, place = np.unique(np.stack([users, rank]), axis=1, return_inverse=True)
    most = float(np.bincount(place, weights=probability).max())
    if most > 1 + 1e-9:
        raise DataError(
            f"the probabilities of a user at a rank sum to {most:g}",
            "at most 1 was expected",
            "one item a rank, or add the column probability",
        )
