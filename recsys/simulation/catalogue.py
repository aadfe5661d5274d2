"""The items: latent tastes, quality, popularity, and what a viewer can see of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.simulation import words
from recsys.simulation.alias import AliasTables, build_alias_tables
from recsys.simulation.settings import CATALOGUE, DAY, Settings

TASTES_PER_ITEM = 3
NEW_SHARE = 0.2  # items that are released while the simulation runs
LICENSED_SHARE = 0.9  # probability that a country has the rights to an item
SERIES_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is true of every item; row = item code.

    Attributes
    ----------
    tastes : (n_items, 3) int64
        The three different tastes that an item serves, the strongest first.
    taste_weights : (n_items, 3) float64
        Their weights; each row sums to 1.
    direction : (n_items, 3) float64
        The weights divided by their Euclidean length: the item's unit vector in taste space.
    quality : (n_items,) float64
        What adds to the log-odds of liking for everyone.
    popularity : (n_items,) float64
        How much an item is talked about: Zipf-like weights that steer searches and the logging policy.
    duration : (n_items,) float64
        Minutes.
    released : (n_items,) int32
        First day on which the item can be watched; at most 0 for items that were there before.
    available : (n_countries, n_items) bool
        Whether the country has the rights.
    searches : AliasTables
        For each taste, what its searches find: the items that serve it, by popularity times the weight of the taste.
    titles : pl.DataFrame
        The columns that a viewer sees: title, genres, year, kind, duration, countries, released_at.
    """

    tastes: NDArray[np.int64]
    taste_weights: NDArray[np.float64]
    direction: NDArray[np.float64]
    quality: NDArray[np.float64]
    popularity: NDArray[np.float64]
    duration: NDArray[np.float64]
    released: NDArray[np.int32]
    available: NDArray[np.bool_]
    searches: AliasTables
    titles: pl.DataFrame


def build_catalogue(settings: Settings) -> Catalogue:
    """Return the catalogue of a world."""
    rng = settings.stream(CATALOGUE)
    n = settings.items
    tastes = _item_tastes(rng, n, settings.n_tastes)
    weights = rng.dirichlet((6.0, 2.0, 1.0), size=n)
    weights = -np.sort(-weights, axis=1)
    rank = rng.permutation(n)
    popularity = np.asarray((rank + 1.0 + n / 100) ** -settings.popularity_skew)
    fame = -(np.log1p(rank) - np.log1p(np.arange(n)).mean())
    quality = 0.3 * fame + 0.4 * rng.standard_normal(n)
    released = _release_days(rng, n, settings.days)
    available = rng.random((len(words.COUNTRIES), n)) < LICENSED_SHARE
    originals = rng.choice(n, settings.slots, replace=False)  # the service's own titles: always there, everywhere
    available[:, originals] = True
    released[originals] = np.minimum(released[originals], 0)
    series = rng.random(n) < SERIES_SHARE
    duration = np.where(series, rng.uniform(22, 60, n), rng.uniform(78, 150, n)).round().astype(np.float64)
    every = np.repeat(np.arange(n, dtype=np.int32), TASTES_PER_ITEM)
    mass = (weights * popularity[:, None]).ravel()
    return Catalogue(
        tastes=tastes,
        taste_weights=weights,
        direction=weights / np.linalg.norm(weights, axis=1, keepdims=True),
        quality=quality,
        popularity=popularity,
        duration=duration,
        released=released,
        available=available,
        searches=build_alias_tables(tastes.ravel(), every, mass, settings.n_tastes),
        titles=_titles(rng, settings, tastes, series, duration, released, available),
    )


def item_ids(settings: Settings) -> pl.Series:
    """Return the external id of every item, by code."""
    return _external_ids("item_id", "i", 0, settings.items, settings.items, settings.ids)


def user_ids(settings: Settings, start: int, stop: int) -> pl.Series:
    """Return the external ids of the users with codes `start` to `stop` (exclusive)."""
    return _external_ids("user_id", "u", start, stop, settings.users, settings.ids)


def _external_ids(name: str, letter: str, start: int, stop: int, total: int, ids: str) -> pl.Series:
    numbers = pl.int_range(start + 1, stop + 1, eager=True).alias(name)
    if ids == "int":
        return numbers
    return letter + numbers.cast(pl.String).str.zfill(len(str(total)))


def _item_tastes(rng: np.random.Generator, n: int, n_tastes: int) -> NDArray[np.int64]:
    """Draw three different tastes an item, common tastes more often; every taste is somebody's strongest."""
    share = taste_shares(n_tastes)
    # Gumbel top-3: a draw without replacement in proportion to the shares.
    noise = np.log(share) + rng.gumbel(size=(n, n_tastes))
    tastes = np.argsort(-noise, axis=1, kind="stable")[:, :TASTES_PER_ITEM].astype(np.int64)
    first = rng.permutation(n)[:n_tastes]
    for taste, item in enumerate(first):
        row = [taste, *(other for other in tastes[item] if other != taste)]
        tastes[item] = row[: tastes.shape[1]]
    return _three_columns(tastes)


def _three_columns(tastes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Repeat the last column when a tiny world has fewer than three tastes."""
    missing = TASTES_PER_ITEM - tastes.shape[1]
    return np.concatenate([tastes, np.repeat(tastes[:, -1:], missing, axis=1)], axis=1) if missing else tastes


def taste_shares(n_tastes: int) -> NDArray[np.float64]:
    """Return how common each taste is, ``(n_tastes,) float64`` summing to 1: a gentle Zipf."""
    weights = (np.arange(n_tastes) + 2.0) ** -0.6
    return np.asarray(weights / weights.sum())


def _release_days(rng: np.random.Generator, n: int, days: int) -> NDArray[np.int32]:
    before = -(rng.random(n) ** 2 * 3000).astype(np.int32)
    during = rng.integers(1, max(days, 2), n, dtype=np.int32)
    return np.where(rng.random(n) < NEW_SHARE, during, before).astype(np.int32)


def _titles(
    rng: np.random.Generator,
    settings: Settings,
    tastes: NDArray[np.int64],
    series: NDArray[np.bool_],
    duration: NDArray[np.float64],
    released: NDArray[np.int32],
    available: NDArray[np.bool_],
) -> pl.DataFrame:
    released_at = settings.start + released.astype(np.int64) * DAY
    year = released_at.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    age = np.where(released > 0, 0, rng.geometric(0.12, settings.items) - 1)
    return pl.DataFrame(
        {
            "item_id": item_ids(settings),
            "title": [
                words.title(int(number))
                for number in rng.permutation(max(settings.items, words.N_TITLES))[: settings.items]
            ],
            "genres": [_genres(row) for row in tastes.tolist()],
            "year": (year - np.minimum(age, 60)).astype(np.int32),
            "kind": np.where(series, "series", "film").tolist(),
            "duration": duration.astype(np.int32),
            "countries": [
                "|".join(name for name, right in zip(words.COUNTRIES, rights, strict=True) if right)
                for rights in available.T
            ],
            "released_at": pl.Series(released_at).cast(pl.Datetime("us")),
        }
    )


def _genres(tastes: list[int]) -> str:
    """Return the genres that a viewer is told: those of the two strongest tastes; several tastes share a genre."""
    names = [words.GENRES[taste % len(words.GENRES)] for taste in tastes[:2]]
    return "|".join(dict.fromkeys(names))
