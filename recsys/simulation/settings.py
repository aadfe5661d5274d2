"""What a simulated world is made of: the checked parameters, the constants behind them, the random streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.seeds import Seed
from recsys.core.times import parse_instant, to_micros

BLOCK_USERS = 1024  # users that share one random stream; part of the world, not of how it is cut up for output
TASTES = 24  # latent tastes; every item has three of them and every user three
DAY = 86_400_000_000  # microseconds

CATALOGUE, POPULATION, SESSIONS, ORGANIC, REQUESTS, PLAYS, ARRIVALS, SERVED = range(8)  # numbers of the random streams


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked parameters of a simulation; `simulate` explains them."""

    users: int
    items: int
    days: int
    entropy: int | tuple[int, ...]
    spawn_key: tuple[int, ...]
    start: int
    events_per_user_day: float
    ids: str
    with_impressions: bool
    slots: int
    shelf: int
    popularity_skew: float
    position_bias: float
    late_share: float

    @property
    def n_tastes(self) -> int:
        """Number of latent tastes in use: never more than there are items."""
        return min(TASTES, self.items)

    @property
    def n_blocks(self) -> int:
        """Number of blocks of users."""
        return -(-self.users // BLOCK_USERS)

    def block_users(self, block: int) -> tuple[int, int]:
        """Return the half-open range of user codes of a block."""
        return block * BLOCK_USERS, min((block + 1) * BLOCK_USERS, self.users)

    def stream(self, *numbers: int) -> np.random.Generator:
        """Return the generator of one stream; it depends on the seed and the numbers only."""
        return np.random.default_rng(np.random.SeedSequence(self.entropy, spawn_key=(*self.spawn_key, *numbers)))

    @property
    def examination(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Probability that a position is looked at, ``(slots,) float64``: ``position ** -position_bias``."""
        return np.arange(1, self.slots + 1, dtype=np.float64) ** -self.position_bias


def checked_settings(
    *,
    users: int,
    items: int,
    days: int,
    seed: Seed,
    start: str | datetime,
    events_per_user_day: float,
    ids: str,
    impressions: bool,
    slots: int,
    shelf: int,
    popularity_skew: float,
    position_bias: float,
    late_share: float,
) -> Settings:
    """Return the settings, or raise ArgumentError for the first parameter that is not usable."""
    entropy, spawn_key = _root(seed)
    first_instant = parse_instant("start", start)
    slots = positive_int("slots", slots)
    if slots > 20:
        raise ArgumentError(f"slots is {slots}", "at most 20 slots were expected", "a home row shows 6 to 10 items")
    hint = "a catalogue must fill the slots of a request"
    return Settings(
        users=positive_int("users", users),
        items=positive_int("items", items, minimum=slots, hint=hint),
        days=positive_int("days", days),
        entropy=entropy,
        spawn_key=spawn_key,
        start=to_micros(first_instant) // DAY * DAY,
        events_per_user_day=finite_float("events_per_user_day", events_per_user_day, above=0, maximum=1000),
        ids=one_of("ids", ids, ("int", "text")),
        with_impressions=bool(impressions),
        slots=slots,
        shelf=positive_int("shelf", shelf, minimum=slots, hint=hint),
        popularity_skew=finite_float("popularity_skew", popularity_skew, minimum=0, maximum=3),
        position_bias=finite_float("position_bias", position_bias, minimum=0, maximum=5),
        late_share=finite_float("late_share", late_share, minimum=0, maximum=1),
    )


def day_number(settings: Settings, name: str, instant: str | datetime) -> int:
    """Return the number of a day of the simulation (0 = the first), or raise ArgumentError when it is not one."""
    day = (to_micros(parse_instant(name, instant)) - settings.start) // DAY
    if not 0 <= day < settings.days:
        raise ArgumentError(
            f"{name} is {str(instant)!r}", f"one of the {settings.days} days of the simulation was expected"
        )
    return int(day)


def _root(seed: Seed) -> tuple[int | tuple[int, ...], tuple[int, ...]]:
    """Return the entropy and the spawn key of a seed (SPEC 7), from which streams can be made again at will."""
    try:
        if isinstance(seed, np.random.Generator):
            sequence = np.random.SeedSequence([int(word) for word in seed.integers(2**32, size=4)])
        else:
            sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    except (TypeError, ValueError):
        raise ArgumentError(f"seed is {seed!r}", "a whole number of at least 0 was expected", "use seed=7") from None
    entropy = sequence.entropy
    words = tuple(int(word) for word in entropy) if isinstance(entropy, Sequence) else int(entropy or 0)
    return words, tuple(sequence.spawn_key)
