from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import permutations

import numpy as np

from benchmarks.error_rates._procedure import Measured, Procedure
from recsys.ope import Actions
from recsys.ope.differences import PairedDifference, difference
from recsys.ope.estimators import ips, rejection, snips
from recsys.ope.intervals import bootstrap, delta_interval, empirical_bernstein, exact_interval, sequence_interval
from recsys.ope.model_based import dm, dr, sndr
from recsys.ope.regression import Features
from recsys.ope.rewards import cross_fitted
from recsys.ope.slates import cascade_dr, rips, sips
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
    how = {"groups": users, "folds": 3, "family": family, "pull": estimate is dm}
    q = cross_fitted(y, shown, policy, Features(6), **how)  # type: ignore[arg-type]
    units = Units.of("impression", users=users)
    if estimate is dm:
        return dm(q.target, units, pull=q.pull)
    return estimate((TARGET / LOGGING)[shown], y, q.logged, q.target, units)


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


RARE = {  # shares of rows, and their weights: terms from even to so uneven that a few rows decide
    "equal": ([0.9, 0.1], [0.0, 10.0]),
    "six items": (LOGGING, TARGET / LOGGING),
    "heavy": ([0.98, 0.02], [0.6 / 0.98, 20.0]),
    "halving": ([0.5, 0.25, 0.125, 0.0625, 0.03125, 0.03125], [0.25, 0.5, 1.0, 2.0, 4.0, 12.0]),
}
ROWS = 20_000


def rare(rng: np.random.Generator, repetitions: int, *, weights: str, even: float) -> Measured:
    """Return how often the delta interval of SNIPS misses when rewarded rows are as skewed as `even` equal ones."""
    shares, levels = (np.asarray(one, float) for one in RARE[weights])
    rate = even / (ROWS * (shares @ levels**2) ** 3 / (shares @ levels**3) ** 2)
    counts = rng.multinomial(ROWS, shares, size=repetitions)
    hits = rng.binomial(counts, rate)
    total = counts @ levels
    value = (hits @ levels) / total
    squares = hits @ levels**2 * (1 - value) ** 2 + (counts - hits) @ levels**2 * value**2
    half = 1.96 * np.sqrt(squares) / total
    return Measured(float(np.mean(np.abs(value - rate) > half)), float(np.mean(2 * half / rate)))


EVEN = {5: (0.07, 0.15), 15: (0.05, 0.08), 25: (0.05, 0.07), 100: (0.045, 0.06)}  # where `Limits.flag_rewarded` stands


def lists(rng: np.random.Generator, n: int = 600) -> tuple[np.ndarray, ...]:
    """Lists of three among six items without replacement: users read on less below a good item."""
    keys = np.log(LOGGING) + rng.gumbel(size=(n, 6))
    shown = np.argsort(-keys, axis=1)[:, :3]
    above = [np.ones((n, 6), bool) for _ in range(3)]
    for place in (1, 2):
        above[place] = above[place - 1].copy()
        above[place][np.arange(n), shown[:, place - 1]] = False
    chance = {
        name: np.stack([worth[shown[:, k]] / (above[k] * worth).sum(axis=1) for k in range(3)], axis=1)
        for name, worth in (("logger", LOGGING), ("target", SOFT))
    }
    return shown, np.stack(above, axis=1), chance["target"] / chance["logger"], click_rates(shown)


SOFT = np.array([0.15, 0.15, 0.15, 0.15, 0.2, 0.2])


def click_rates(shown: np.ndarray) -> np.ndarray:
    rates = 3 * QUALITY[shown]
    return rates * np.cumprod(np.concatenate([np.ones((len(shown), 1)), 1 - rates[:, :2]], axis=1), axis=1)


EVERY = np.array(list(permutations(range(6), 3)))


def chances_of_lists(worth: np.ndarray) -> np.ndarray:
    """How probable each of the 120 lists is."""
    p, left = np.ones(len(EVERY)), np.full(len(EVERY), worth.sum())
    for k in range(3):
        own = worth[EVERY[:, k]]
        p *= own / left
        left -= own
    return p


def marginals(worth: np.ndarray) -> np.ndarray:
    """How probable each item is at each position, (3, 6)."""
    p = chances_of_lists(worth)
    return np.array([np.bincount(EVERY[:, k], p, 6) for k in range(3)])


def value_of_lists() -> float:
    """The exact value of the target's lists, over all 120."""
    return float(chances_of_lists(SOFT) @ click_rates(EVERY).sum(axis=1))


OFFSETS, LISTS = np.arange(0, 1801, 3), value_of_lists()


@regime("rips a request, 600 lists of three, delta method")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    _, _, w, rates = lists(rng)
    clicks = (rng.random(rates.shape) < rates).astype(float)
    return delta_interval(rips(w.ravel(), clicks.ravel(), OFFSETS)), LISTS


@regime("sips a request, 1,200 lists of three, delta method")  # with 600 lists it misses 7.4 %
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    _, _, w, rates = lists(rng, 1200)
    clicks = (rng.random(rates.shape) < rates).astype(float)
    return delta_interval(sips(w.prod(axis=1), clicks.ravel(), np.arange(0, 3601, 3))), LISTS


@regime("cascade-DR a request, model cross-fitted, 600 lists of three, delta method")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    shown, open_, w, rates = lists(rng)
    clicks = (rng.random(rates.shape) < rates).astype(float).ravel()
    given = open_ * SOFT
    given = (given / given.sum(axis=2, keepdims=True)).reshape(-1, 6)
    policy = Actions(
        np.arange(0, 6 * len(given) + 1, 6), np.tile(np.arange(6, dtype=np.int32), len(given)), given.ravel()
    )
    places = np.tile(np.arange(1, 4), 600)
    groups = np.repeat(np.arange(600), 3)
    q = cross_fitted(clicks, shown.ravel(), policy, Features(6, positions=places), groups=groups, folds=3)
    return delta_interval(cascade_dr(w.ravel(), clicks, q.logged, q.target, OFFSETS)), LISTS


@regime("dm, logistic model cross-fitted by user, delta method")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return delta_interval(with_model(rng, dm, "logistic")), 4 * TRUTH


@regime("dm, ridge model cross-fitted by user, bootstrap")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    return bootstrap(with_model(rng, dm, "ridge"), replicates=500, seed=int(rng.integers(2**31))), 4 * TRUTH


@regime("dm, ridge model, four rows an item, delta method")
def _(rng: np.random.Generator) -> tuple[Interval | PairedDifference, float]:
    quality = rng.uniform(0.05, 0.6, 100)
    shown, codes = rng.integers(0, 100, 400), np.tile(np.arange(10, dtype=np.int32), 400)
    y = (rng.random(400) < quality[shown]) * rng.lognormal(0, 0.5, 400) * np.exp(-0.125)
    policy = Actions(np.arange(0, 4001, 10), codes, np.full(4000, 0.1))
    q = cross_fitted(y, shown, policy, Features(100), pull=True, seed=rng)
    return delta_interval(dm(q.target, pull=q.pull)), float(quality[:10].mean())


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
) + tuple(
    Procedure(
        f"off-policy: snips, rewarded rows as even as {even}, weights {weights}",
        partial(rare, weights=weights, even=even),
        40_000,
        low=low,
        high=high,
        seed=even,
    )
    for weights in RARE
    for even, (low, high) in EVEN.items()
)
