from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.error_rates._procedure import Measured, Procedure
from recsys.ope import Actions
from recsys.ope.differences import PairedDifference, difference
from recsys.ope.estimators import ips, rejection, snips
from recsys.ope.intervals import bootstrap, delta_interval, empirical_bernstein, exact_interval, sequence_interval
from recsys.ope.model_based import dr, sndr
from recsys.ope.rewards import Features, cross_fitted
from recsys.ope.units import Units
from recsys.ope.valuing import Valued
from recsys.stats import Interval

LOGGING = np.array([0.4, 0.2, 0.15, 0.1, 0.1, 0.05])
TARGET = np.array([0.05, 0.1, 0.1, 0.2, 0.25, 0.3])
OTHER = np.array([0.1, 0.1, 0.2, 0.3, 0.2, 0.1])
QUALITY = np.array([0.02, 0.04, 0.05, 0.08, 0.1, 0.12])
TRUTH, BOUND = float(TARGET @ QUALITY), 6.0
Draw = Callable[[np.random.Generator], tuple[Interval | PairedDifference, float]]
REGIMES: dict[str, Draw] = {}


def regime(name: str) -> Callable[[Draw], Draw]:
    def keep(draw: Draw) -> Draw:
        REGIMES[name] = draw
        return draw

    return keep


def bandit(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shown = rng.choice(6, size=n, p=LOGGING)
    return shown, (TARGET / LOGGING)[shown], (rng.random(n) < QUALITY[shown]).astype(float)


def with_model(rng: np.random.Generator, estimate: Callable[..., Valued], family: str) -> Valued:
    """500 users of one to seven rows who differ in how much they click; the model is cross-fitted by user."""
    users = np.repeat(np.arange(500), rng.integers(1, 8, 500))
    shown = rng.choice(6, size=len(users), p=LOGGING)
    y = (rng.random(len(users)) < 4 * QUALITY[shown] * rng.uniform(0, 2, 500)[users]).astype(float)
    codes = np.tile(np.arange(6, dtype=np.int32), len(y))
    policy = Actions(np.arange(0, 6 * len(y) + 1, 6), codes, np.tile(TARGET, len(y)))
    q = cross_fitted(y, shown, policy, Features(6), groups=users, folds=3, family=family)  # type: ignore[arg-type]
    return estimate((TARGET / LOGGING)[shown], y, q.logged, q.target, Units.of("impression", users=users))


def clustered(rng: np.random.Generator, estimand: str) -> tuple[Valued, float]:
    """300 users of one to eleven rows, two a request; heavy users click less."""
    sizes = rng.integers(1, 12, 300)
    users = np.repeat(np.arange(300), sizes)
    first = np.cumsum(sizes) - sizes
    requests = users * 6 + (np.arange(len(users)) - first[users]) // 2
    shown = rng.choice(6, size=len(users), p=LOGGING)
    taste = rng.uniform(0, 2, 300)[users] * 8 / (2 + sizes[users])
    y = (rng.random(len(users)) < QUALITY[shown] * taste).astype(float)
    k = np.arange(1, 12)
    total = TRUTH * float(np.mean(8 * k / (2 + k)))  # rewards a user
    per = {"impression": k.mean(), "request": np.mean((k + 1) // 2), "user": 1.0}[estimand]
    units = Units.of(estimand, requests=requests, users=users)  # type: ignore[arg-type]
    return snips((TARGET / LOGGING)[shown], y, units), total / float(per)


@regime("ips, delta method, 2,000 rows of 6 % clicks")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return delta_interval(ips(*bandit(rng, 2000)[1:])), TRUTH


@regime("snips, delta method, 2,000 rows of 6 % clicks")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return delta_interval(snips(*bandit(rng, 2000)[1:])), TRUTH


@regime("snips a request, users as clusters, delta method")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    found, truth = clustered(rng, "request")
    return delta_interval(found), truth


@regime("snips an impression, users as clusters, Poisson bootstrap")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    found, truth = clustered(rng, "impression")
    return bootstrap(found, replicates=500, seed=int(rng.integers(2**31))), truth


@regime("dr, logistic model cross-fitted by user, delta method")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return delta_interval(with_model(rng, dr, "logistic")), 4 * TRUTH


@regime("sndr, ridge model cross-fitted by user, delta method")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return delta_interval(with_model(rng, sndr, "ridge")), 4 * TRUTH


@regime("difference of two policies, snips, paired")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    shown, w, r = bandit(rng, 2000)
    return difference(snips(w, r), snips((OTHER / LOGGING)[shown], r)), TRUTH - float(OTHER @ QUALITY)


@regime("guaranteed: ips, empirical Bernstein, 1,000 rows")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return empirical_bernstein(ips(*bandit(rng, 1000)[1:]), bound=BOUND), TRUTH


@regime("guaranteed: ips, confidence sequence, 1,000 rows")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return sequence_interval(ips(*bandit(rng, 1000)[1:]), bound=BOUND), TRUTH


@regime("guaranteed: rejection, Clopper-Pearson, 1,000 rows")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return exact_interval(rejection(*bandit(rng, 1000)[1:], bound=BOUND, seed=rng)), TRUTH


def missed(rng: np.random.Generator, repetitions: int, *, draw: Draw) -> Measured:
    found = [draw(rng) for _ in range(repetitions)]
    outside = [not one.ci_low <= truth <= one.ci_high for one, truth in found]
    return Measured(float(np.mean(outside)), float(np.mean([one.ci_high - one.ci_low for one, _ in found])))


PROCEDURES = tuple(
    Procedure(
        f"off-policy: {name}",
        partial(missed, draw=draw),
        10_000,
        low=0.0 if "guaranteed" in name else 0.03,
        high=0.05 if "guaranteed" in name else 0.07,
        seed=place,
    )
    for place, (name, draw) in enumerate(REGIMES.items())
)
