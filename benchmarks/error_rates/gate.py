"""How often the gate of off-policy estimates speaks against right propensities, or is silent on wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.error_rates._procedure import Measured, Procedure
from benchmarks.error_rates.off_policy import LOGGING, QUALITY, SOFT, lists, marginals
from recsys.dataset import Vocabulary
from recsys.ope import Actions, LoggedFeedback, Propensities
from recsys.ope.case import Case
from recsys.ope.checks import Limits
from recsys.ope.diagnostics import mean_weight
from recsys.ope.reading import reading_checks
from recsys.ope.units import units_of

Weights = Callable[[np.random.Generator], np.ndarray]


def lognormal(rng: np.random.Generator, *, sigma: float, rows: int) -> np.ndarray:
    """Weights of mean 1, the more uneven the larger sigma is."""
    return np.exp(rng.normal(-sigma * sigma / 2, sigma, rows))


def matches(rng: np.random.Generator, *, items: int, rows: int) -> np.ndarray:
    """Weights of a policy of one item on a log that shows all alike."""
    return items * (rng.random(rows) < 1 / items)


LOGS: dict[str, Weights] = {
    "weights lognormal, σ 1, 500 rows": partial(lognormal, sigma=1.0, rows=500),
    "weights lognormal, σ 2, 500 rows": partial(lognormal, sigma=2.0, rows=500),
    "weights lognormal, σ 2.5, 2,000 rows": partial(lognormal, sigma=2.5, rows=2000),
    "one of 34 items, 3,000 rows": partial(matches, items=34, rows=3000),
}


def failed(rng: np.random.Generator, repetitions: int, *, draw: Weights, times: float) -> Measured:
    """Return how often the mean weight fails when it is `times` what it must be."""
    return Measured(float(np.mean([mean_weight(draw(rng) * times).status == "fail" for _ in range(repetitions)])))


UNEVEN = (0.02, 0.05, 0.1, 0.3)
READ_FROM_ABOVE, READ_ALONE = "users read on less below a good item", "positions earn alone"


class Shown(NamedTuple):
    """Lists of one log, how probable two policies make them, and how likely clicks are."""

    items: np.ndarray  # (n, k)
    target: Propensities
    logger: Propensities
    actions: np.ndarray  # (k, n_items): of the target, at each position
    rates: np.ndarray  # (n, k)
    users: np.ndarray | None = None  # (n,)


def without_replacement(rng: np.random.Generator, *, n: int, world: str) -> Shown:
    """Lists of three among six items."""
    items, _, given, rates = lists(rng, n)
    if world == READ_ALONE:
        rates = 3 * QUALITY[items] * np.array([1.0, 0.6, 0.4])
    share = marginals(SOFT)
    both = [
        Propensities(one[np.arange(3), items].ravel(), above.ravel() / 100, above.prod(axis=1) / 10_000)
        for one, above in ((share, given), (marginals(LOGGING), np.ones_like(given)))
    ]  # only ratios count: the logger's chance given above is taken as 1 %, the target's as so many times it
    return Shown(items, both[0], both[1], share, rates)


def sharp(rng: np.random.Generator, *, n: int, k: int, top: float, rates: tuple[float, ...], users: int = 0) -> Shown:
    """Positions filled independently from four items, by a uniform logger and a target that prefers one item.

    Users, where there are any, differ in how much they click.
    """
    chance = np.array([top, *[(1 - top) / 3] * 3])
    items = rng.integers(0, 4, (n, k))
    target, even = chance[items], np.full((n, k), 0.25)
    both = [Propensities(one.ravel(), one.ravel(), one.prod(axis=1)) for one in (target, even)]
    who = np.arange(n) % users if users else None
    keen = rng.lognormal(0, 1, users)[who][:, None] if users else 1.0
    return Shown(items, both[0], both[1], np.tile(chance, (k, 1)), np.minimum(np.array(rates)[items] * keen, 1.0), who)


class Told:
    """A policy that tells what was drawn up for it."""

    name, trained_through = "target", None

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        return self.shown.target

    def actions(self, feedback: LoggedFeedback) -> Actions:
        n, (k, items) = len(feedback), self.shown.actions.shape
        codes = np.tile(np.arange(items, dtype=np.int32), n)
        return Actions(np.arange(n + 1) * items, codes, np.tile(self.shown.actions.ravel(), n // k))


def contradiction(
    rng: np.random.Generator, repetitions: int, *, of: str, by: str, draw: Callable[[np.random.Generator], Shown]
) -> Measured:
    """Return how often an estimator of slates is told that the log contradicts what it assumes; width: tests made."""
    found = [_read(rng, of, by, draw(rng)) for _ in range(repetitions)]
    return Measured(found.count("fail") / repetitions, 1 - found.count("not_run") / repetitions)


def _read(rng: np.random.Generator, of: str, by: str, shown: Shown) -> str:
    n, k = shown.items.shape
    logger = shown.logger if by == "rips" else shown.logger._replace(given_above=None)
    feedback = LoggedFeedback(
        offsets=np.arange(0, n * k + 1, k, dtype=np.int64),
        items=Vocabulary.from_ids(pl.Series(np.arange(shown.actions.shape[1]))),
        actions=shown.items.ravel().astype(np.int32),
        positions=np.tile(np.arange(1, k + 1, dtype=np.int32), n),
        rewards={"click": (rng.random((n, k)) < shown.rates).astype(float).ravel()},
        propensities=logger,
        users=None if shown.users is None else Vocabulary.from_ids(pl.Series(np.arange(shown.users.max() + 1))),
        user_codes=None if shown.users is None else np.repeat(shown.users, k).astype(np.int32),
        times=None,
        versions=("logger",),
        version_codes=np.zeros(n * k, np.int32),
        context=pl.DataFrame({"row": np.arange(n * k)}),
        has_requests=True,
        has_positions=True,
    )
    case = Case(Told(shown), feedback, units_of(feedback, "request"))
    if of == "rips":  # its own weights are known, whatever the test may use
        own = replace(case, feedback=replace(feedback, propensities=shown.logger))
        value = own.value(of, "click")
    else:
        value = case.value(of, "click")
    (check,) = reading_checks("target", case, {("click", of): value}, Limits())
    return check.status


# the level is .001; tails that no sample of this size shows leave a little more
PROCEDURES = tuple(
    Procedure(f"mean-weight: {name}", partial(failed, draw=draw, times=1.0), 4000, low=0.0, high=0.015)
    for name, draw in LOGS.items()
) + tuple(
    Procedure(
        f"mean-weight: {name}, weights {times:g} times", partial(failed, draw=LOGS[name], times=times), 2000, low, 1.0
    )
    for name, times, low in (
        ("weights lognormal, σ 1, 500 rows", 0.5, 0.9),
        ("weights lognormal, σ 1, 500 rows", 2.0, 0.99),
        ("one of 34 items, 3,000 rows", 0.5, 0.9),
        ("one of 34 items, 3,000 rows", 2.0, 0.9),
    )
) + tuple(
    Procedure(
        f"reading: {of} by {by}, {n:,} slates, {world}",
        partial(contradiction, of=of, by=by, draw=partial(without_replacement, world=world, n=n)),
        repetitions, low, high,
    )
    for of, by, n, world, repetitions, low, high in (
        ("iips", "rips", 600, READ_ALONE, 2000, 0.0, 0.015),
        ("iips", "sips", 1200, READ_ALONE, 2000, 0.0, 0.015),
        ("rips", "sips", 1200, READ_FROM_ABOVE, 2000, 0.0, 0.015),
        ("iips", "rips", 20_000, READ_FROM_ABOVE, 200, 0.9, 1.0),
    )
) + tuple(
    Procedure(
        f"reading: iips by {by}, {n:,} lists of {k}, a sharp target, {name}",
        partial(contradiction, of="iips", by=by, draw=partial(sharp, n=n, k=k, top=top, rates=rates, users=users)),
        repetitions, 0.0, 0.015,
    )
    for by, n, k, top, rates, users, name, repetitions in (
        ("sips", 600, 3, 0.7, UNEVEN, 0, "clicks on good items", 1000),  # hardly ever tested
        ("sips", 1000, 3, 0.7, UNEVEN, 0, "clicks on good items", 2000),
        ("sips", 600, 3, 0.7, (0.03,) * 4, 0, "3 % clicks", 1000),  # never
        ("sips", 3500, 3, 0.7, (0.03,) * 4, 0, "3 % clicks", 1000),
        ("sips", 10_000, 3, 0.7, (0.01,) * 4, 0, "1 % clicks", 600),
        ("sips", 10_000, 3, 0.85, (0.03,) * 4, 0, "3 % clicks", 600),
        ("sips", 13_000, 3, 0.85, (0.02,) * 4, 0, "2 % clicks", 600),
        ("sips", 25_000, 3, 0.7, (0.004,) * 4, 0, "0.4 % clicks", 400),
        ("rips", 600, 20, 0.4, UNEVEN, 0, "clicks on good items", 1000),
        ("rips", 5000, 20, 0.4, (0.05,) * 4, 0, "5 % clicks", 200),
        ("rips", 2000, 3, 0.4, UNEVEN, 40, "40 users", 1000),
        ("sips", 4000, 3, 0.5, (0.05,) * 4, 60, "60 users", 600),
        ("rips", 2000, 3, 0.4, UNEVEN, 8, "8 users", 400),  # never
    )
)  # fmt: skip
