from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.error_rates._procedure import Measured, Procedure
from recsys import stats
from recsys.stats import Moments

Draw = Callable[[np.random.Generator], bool]
REGIMES: dict[str, Draw] = {}


def regime(name: str) -> Callable[[Draw], Draw]:
    def keep(draw: Draw) -> Draw:
        REGIMES[name] = draw
        return draw

    return keep


def holds(found: stats.TwoSample | stats.RankResult, truth: float) -> bool:
    return bool(found.ci_low <= truth <= found.ci_high)


@regime("mean, lognormal (skewness 6), 1,000 and 2,000 units")
def _(rng: np.random.Generator) -> bool:
    return holds(
        stats.difference_in_means(Moments.of(rng.lognormal(size=1000)), Moments.of(rng.lognormal(size=2000))), 0
    )


@regime("mean, lognormal (skewness 6), 100 and 900 units")
def _(rng: np.random.Generator) -> bool:
    arms = Moments.of(rng.lognormal(size=100)), Moments.of(rng.lognormal(size=900))
    return holds(stats.difference_in_means(*arms), 0)


@regime("relative mean, normal, control mean three standard errors from 0")
def _(rng: np.random.Generator) -> bool:
    arms = Moments.of(rng.normal(0.6, 1, size=60)), Moments.of(rng.normal(0.4, 1, size=60))
    return holds(stats.difference_in_means(*arms, relative=True), 0.5)


@regime("share, 3 % of 300 and 300 units")
def _(rng: np.random.Generator) -> bool:
    s, r = (int(one) for one in rng.binomial(300, 0.03, size=2))
    return holds(stats.difference_in_proportions(s, 300, r, 300), 0)


@regime("relative share, 12 % against 10 % of 400 units each")
def _(rng: np.random.Generator) -> bool:
    s, r = int(rng.binomial(400, 0.12)), int(rng.binomial(400, 0.1))
    return holds(stats.difference_in_proportions(s, 400, r, 400, relative=True), 0.2)


@regime("ratio, minutes a session, 200 users each")
def _(rng: np.random.Generator) -> bool:
    arms = []
    for _ in range(2):
        taste = rng.gamma(4, 0.25, size=200)
        sessions = rng.poisson(3 * taste)
        minutes = rng.gamma(np.maximum(2 * sessions, 1e-9), 1 + taste)
        arms.append(Moments.of(np.column_stack([minutes, sessions])))
    return holds(stats.difference_in_ratios(*arms), 0)


@regime("CUPED, slopes 2.5 and 1, 60 and 400 units")
def _(rng: np.random.Generator) -> bool:
    arms = []
    for n, slope in ((60, 2.5), (400, 1.0)):
        before = rng.gamma(2, size=n)
        arms.append(Moments.of(np.column_stack([slope * (before - 2) + rng.normal(size=n), before])))
    return holds(stats.adjusted_difference(*arms, outcome=0, covariates=[1]).effect, 0)


@regime("CUPED of a ratio, 150 users each")
def _(rng: np.random.Generator) -> bool:
    arms = []
    for _ in range(2):
        taste = rng.gamma(3, size=150)
        counts = rng.poisson(3 + taste, size=(2, 150)) + 1.0
        totals = counts * taste + rng.normal(size=(2, 150))
        arms.append(Moments.of(np.column_stack([totals[0], counts[0], totals[1], counts[1]])))
    return holds(stats.adjusted_difference(*arms, outcome=(0, 1), covariates=[(2, 3)]).effect, 0)


@regime("stratified mean, two ramp stages, 10/90 and 50/50")
def _(rng: np.random.Generator) -> bool:
    treatment = [Moments.of(rng.gamma(1, size=50)), Moments.of(5 + rng.gamma(1, size=300))]
    control = [Moments.of(rng.gamma(1, size=450)), Moments.of(5 + rng.gamma(1, size=300))]
    return holds(stats.difference_in_means(treatment, control), 0)


@regime("90 % quantile, exponential, 200 units each")
def _(rng: np.random.Generator) -> bool:
    return holds(stats.difference_in_quantiles(*rng.exponential(size=(2, 200)), 0.9), 0)


@regime("90 % quantile, exponential, 5,000 units each")
def _(rng: np.random.Generator) -> bool:
    return holds(stats.difference_in_quantiles(*rng.exponential(size=(2, 5000)), 0.9), 0)


@regime("median with 48 % zeros, 300 units each")
def _(rng: np.random.Generator) -> bool:
    x, y = rng.exponential(size=(2, 300)) * (rng.random(size=(2, 300)) > 0.48)
    return holds(stats.difference_in_quantiles(x, y, 0.5), 0)


@regime("75 % quantile of events, 60 users each with 1 to 50 events")
def _(rng: np.random.Generator) -> bool:
    arms, users = [], []
    for _ in range(2):
        code = np.repeat(np.arange(60), rng.geometric(0.1, size=60))
        users.append(code)
        arms.append(rng.gamma(2, size=60)[code] + rng.exponential(size=len(code)))
    found = stats.difference_in_quantiles(*arms, 0.75, treatment_clusters=users[0], control_clusters=users[1])
    return holds(found, 0)


@regime("Mann-Whitney effect, normal with deviations 3 and 1, 40 and 60 units")
def _(rng: np.random.Generator) -> bool:
    return holds(stats.mann_whitney(rng.normal(0, 3, size=40), rng.normal(size=60)), 0.5)


@regime("clusters, 30 accounts an arm of 1 to 12 profiles")
def _(rng: np.random.Generator) -> bool:
    code = np.repeat(np.arange(60), rng.poisson(4, size=60) + 1)
    values = rng.gamma(2, size=60)[code] + rng.normal(size=len(code))
    return holds(stats.cluster_difference(values, code < 30, code), 0)


@regime("regression with CR2, 12 clusters of unequal size")
def _(rng: np.random.Generator) -> bool:
    code = np.sort((12 * rng.random(240) ** 1.5).astype(int))
    treated = rng.permutation(np.arange(12) % 2 == 0)[code]
    x = rng.normal(size=(240, 2)) + rng.normal(size=12)[code][:, None]
    y = x @ [1.0, 0.5] + rng.normal(size=12)[code] + rng.normal(size=240)
    return holds(stats.regression_adjusted(y, treated, x, clusters=code).effect, 0)


def missed(rng: np.random.Generator, repetitions: int, *, draw: Draw) -> Measured:
    return Measured(float(np.mean([not draw(rng) for _ in range(repetitions)])))


BEYOND = {"mean, lognormal (skewness 6), 100 and 900 units": 0.1}  # too few for such a skewness: shown, not promised
PROCEDURES = tuple(
    Procedure(f"interval: {name}", partial(missed, draw=draw), 20_000, low=0.0, high=BEYOND.get(name, 0.06), seed=place)
    for place, (name, draw) in enumerate(REGIMES.items())
)
