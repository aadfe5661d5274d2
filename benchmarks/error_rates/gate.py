"""How often the gate of off-policy estimates speaks against right propensities, or is silent on wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.error_rates._procedure import Measured, Procedure
from benchmarks.error_rates.off_policy import LOGGING, QUALITY, SOFT, lists, marginals
from recsys.ope.diagnostics import mean_weight
from recsys.ope.reading import contradicted
from recsys.ope.slates import iips, rips, sips

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


READ_FROM_ABOVE, READ_ALONE = "users read on less below a good item", "positions earn alone"


def contradiction(rng: np.random.Generator, repetitions: int, *, of: str, by: str, world: str, n: int) -> Measured:
    """Return how often an estimator of slates is told that the log contradicts what it assumes."""
    share = marginals(SOFT) / marginals(LOGGING)
    offsets, failures = np.arange(0, 3 * n + 1, 3), 0
    for _ in range(repetitions):
        shown, _, w, rates = lists(rng, n)
        if world == READ_ALONE:
            rates = 3 * QUALITY[shown] * np.array([1.0, 0.6, 0.4])
        clicks = (rng.random(rates.shape) < rates).astype(float).ravel()
        values = {
            "iips": iips(share[np.arange(3), shown].ravel(), clicks, offsets),
            "rips": rips(w.ravel(), clicks, offsets),
            "sips": sips(w.prod(axis=1), clicks, offsets),
        }
        failures += contradicted(values[of], values[by], "").status == "fail"
    return Measured(failures / repetitions)


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
        partial(contradiction, of=of, by=by, world=world, n=n), repetitions, low, high,
    )
    for of, by, n, world, repetitions, low, high in (
        ("iips", "rips", 600, READ_ALONE, 4000, 0.0, 0.015),
        ("iips", "sips", 600, READ_ALONE, 4000, 0.0, 0.015),
        ("rips", "sips", 600, READ_FROM_ABOVE, 4000, 0.0, 0.015),
        ("iips", "rips", 20_000, READ_FROM_ABOVE, 400, 0.9, 1.0),
    )
)  # fmt: skip
