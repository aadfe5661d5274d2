"""How often the gate of off-policy estimates speaks against right propensities, or is silent on wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.error_rates._procedure import Measured, Procedure
from recsys.ope.diagnostics import mean_weight

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
)
