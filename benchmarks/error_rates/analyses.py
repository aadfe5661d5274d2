"""Whole analyses of experiments without an effect, and with one: how often they ship, how often intervals cover."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import polars as pl

from benchmarks.error_rates._procedure import Measured, Procedure
from recsys.experiment import (
    Analysis,
    ConfidenceSequence,
    Enrolment,
    Experiment,
    GroupSequential,
    Mean,
    UnitTable,
    analyze,
)

DAY, START = 86_400_000_000, 20_000
ARMS = ("pop", "als", "bpr")


def analysed(rng: np.random.Generator, lift: float, **settings: Any) -> Analysis:
    """Return the analysis of 1,200 units in three arms over 20 days: two goals, one of them adjusted."""
    n = 1200
    arm = rng.permutation(np.arange(n) % 3).astype(np.int16)
    before = rng.gamma(2.0, 2.0, n)
    columns = {
        "minutes": before + rng.gamma(2.0, 1.0, n) + lift * (arm == 1),
        "minutes.pre": before,
        "plays": rng.poisson(3.0, n).astype(np.float64),
    }
    days = np.sort(rng.integers(0, 20, n))
    table = UnitTable(
        arms=ARMS, unit_ids=pl.Series(np.arange(n)), arm=arm, first_exposure=(START + days) * DAY + DAY // 2,
        stage=np.zeros(n, np.int16), columns=columns, matured={name: np.ones(n, np.bool_) for name in columns},
        attributes=pl.DataFrame(), seen=np.ones(n, np.bool_), enrolment=Enrolment(n, 0, np.bincount(arm)),
        through=(START + 30) * DAY, complete_through={"events": (START + 30) * DAY}, left_out={},
    )  # fmt: skip
    test = Experiment(
        "x", {"pop": 0.3334, "als": 0.3333, "bpr": 0.3333}, control="pop", start="2024-10-04", planned_units=n,
        metrics=[Mean("minutes", window="1d", pre_period="7d"), Mean("plays", window="1d")], **settings,
    )  # fmt: skip
    return analyze(test, table)


def ships(rng: np.random.Generator, repetitions: int, **settings: Any) -> Measured:
    """Return how often an experiment without any effect ships: alpha / 2 at most, the other half is for the worse."""
    return Measured(
        float(np.mean([analysed(rng, 0.0, **settings).decide().action == "ship" for _ in range(repetitions)]))
    )


def misses(rng: np.random.Generator, repetitions: int) -> Measured:
    """Return how often the adjusted interval misses the lift that was put in, and its mean width."""
    effects = [analysed(rng, 0.5).effect("minutes", "als") for _ in range(repetitions)]
    missed = [not effect.ci_low <= 0.5 <= effect.ci_high for effect in effects]
    return Measured(float(np.mean(missed)), float(np.mean([effect.ci_high - effect.ci_low for effect in effects])))


HALF = {"low": 0.0, "high": 0.025}
PROCEDURES = (
    *(
        Procedure(f"ships without an effect, 2 goals, 2 arms, {rule}", partial(ships, correction=rule), 4000, **HALF)
        for rule in ("holm", "dunnett")
    ),
    *(
        Procedure(
            f"ships without an effect, looked at daily, {monitoring.__class__.__name__}",
            partial(ships, monitoring=monitoring), 1000, **HALF,
        )
        for monitoring in (ConfidenceSequence(burn_in=100), GroupSequential(4))
    ),
    Procedure("adjusted interval of an analysis misses", misses, 4000, low=0.05, high=0.05),
)  # fmt: skip
