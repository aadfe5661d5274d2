from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import chdtrc, ndtr

from benchmarks.error_rates._procedure import Measured, Procedure, blocks
from recsys.stats import (
    benjamini_hochberg,
    bounded_mean_sequence,
    group_sequential_bounds,
    holm,
    proportion_difference_sequence,
    proportion_sequence,
)
from recsys.stats.sequential.betting import (
    log_capital,
    log_wealth,
    log_wealth_of_difference,
    plug_in_bets,
    prior_strength,
)
from recsys.stats.sequential.mixture import boundary, optimal_rho2
from recsys.stats.srm import log_evalues

LOOKS = np.arange(1, 101)
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.exponential(size=shape) - 1


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.exp(rng.normal(size=shape)) - np.exp(0.5)


def studentised(
    rng: np.random.Generator, rows: int, draw: Draw, a_look: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return z, standard errors (rows, 100) and n of both arms, without an effect."""
    n = LOOKS * float(a_look)
    means, errors = [], []
    for _ in range(2):
        values = draw(rng, (rows, 100 * a_look))
        total, squares = (
            values.cumsum(axis=1)[:, a_look - 1 :: a_look],
            np.square(values).cumsum(axis=1)[:, a_look - 1 :: a_look],
        )
        means.append(total / n)
        errors.append((squares / n - means[-1] ** 2) / (n - 1))
    error = np.sqrt(errors[0] + errors[1])
    return (means[1] - means[0]) / error, error, 2 * n


def asymptotic(rng: np.random.Generator, repetitions: int, *, draw: Draw, burn_in: int) -> Measured:
    missed, widths = 0, []
    for rows in blocks(repetitions, 250):
        z, error, n = studentised(rng, rows, draw, 20)
        bound = boundary(n * optimal_rho2(0.95, 2000), 0.95)
        missed += int((np.abs(z) > bound)[:, n >= burn_in].any(axis=1).sum())
        widths.append(2 * bound[49] * error[:, 49].mean())
    return Measured(missed / repetitions, float(np.mean(widths)))


def msprt(rng: np.random.Generator, repetitions: int) -> Measured:
    missed, error = 0, np.sqrt(2 / LOOKS)
    bound = boundary((0.5 / error) ** 2, 0.95)
    for rows in blocks(repetitions, 20_000):
        z = rng.normal(size=(rows, 100)).cumsum(axis=1) / np.sqrt(LOOKS)
        missed += int((np.abs(z) > bound).any(axis=1).sum())
    return Measured(missed / repetitions, float(2 * (bound * error)[49]))


def one_proportion(rng: np.random.Generator, repetitions: int, *, p: float) -> Measured:
    missed = 0
    for rows in blocks(repetitions, 20_000):
        s = rng.binomial(30, p, size=(rows, 100)).cumsum(axis=1)
        missed += int((log_wealth(s, 30 * LOOKS, p, prior_strength(1500, 0.0025)) >= np.log(20)).any(axis=1).sum())
    found = proportion_sequence(round(1500 * p), 1500, optimal_at=1500)
    return Measured(missed / repetitions, found.ci_high - found.ci_low)


def two_proportions(rng: np.random.Generator, repetitions: int, *, p: float, lift: float) -> Measured:
    missed, strength = 0, prior_strength(1000, 0.05)
    for rows in blocks(repetitions, 500):
        s0, s1 = (rng.binomial(25, one, size=(rows, 100)).cumsum(axis=1) for one in (p, p + lift))
        n, true = 25 * LOOKS, np.full((rows, 100), lift)
        wealth = log_wealth_of_difference(s1, n, s0, n, true, (strength, strength))
        missed += int((wealth >= np.log(20)).any(axis=1).sum())
    found = proportion_difference_sequence(round(1250 * (p + lift)), 1250, round(1250 * p), 1250, optimal_at=2000)
    return Measured(missed / repetitions, found.ci_high - found.ci_low)


def bounded(rng: np.random.Generator, repetitions: int, *, a: float, b: float) -> Measured:
    missed = 0
    for rows in blocks(repetitions, 500):
        values = rng.beta(a, b, size=(rows, 2000))
        bets = plug_in_bets(values, 0.95)
        capital = [log_capital(values, bets, a / (a + b), side).cumsum(axis=1)[:, 19::20] for side in (1, -1)]
        missed += int((np.maximum(*capital) >= np.log(40)).any(axis=1).sum())
    found = bounded_mean_sequence(rng.beta(a, b, size=1000))[0]
    return Measured(missed / repetitions, found.ci_high - found.ci_low)


def grouped(rng: np.random.Generator, repetitions: int, *, rule: str, looks: int, draw: Draw) -> Measured:
    rejected, times = 0, np.arange(1, looks + 1) / looks
    bounds = group_sequential_bounds(times, rule=rule)
    for rows in blocks(repetitions, 250):
        z, _, _ = studentised(rng, rows, draw, 10)
        rejected += int((np.abs(z[:, (100 * times).astype(int) - 1]) >= bounds).any(axis=1).sum())
    return Measured(rejected / repetitions)


def ratio_fixed(rng: np.random.Generator, repetitions: int, *, weights: tuple[float, ...], n: int) -> Measured:
    expected = n * np.asarray(weights)
    counts = rng.multinomial(n, weights, size=repetitions)
    return Measured(float((chdtrc(len(weights) - 1, ((counts - expected) ** 2 / expected).sum(axis=1)) <= 0.05).mean()))


def ratio_sequential(rng: np.random.Generator, repetitions: int, *, weights: tuple[float, ...]) -> Measured:
    alarms = 0
    for rows in blocks(repetitions, 5_000):
        counts = rng.multinomial(40, weights, size=(rows, 100)).cumsum(axis=1).astype(np.float64)
        alarms += int((log_evalues(counts, np.asarray(weights), 400.0) >= np.log(20)).any(axis=1).sum())
    return Measured(alarms / repetitions)


def false_discoveries(rng: np.random.Generator, repetitions: int) -> Measured:
    shifts = np.repeat([0.0, 3.0], [15, 5])
    pvalues = 2 * ndtr(-np.abs(rng.normal(size=(repetitions, 20)) + shifts))
    found = np.array([benjamini_hochberg(row) for row in pvalues]) <= 0.1
    return Measured(float((found[:, :15].sum(axis=1) / np.maximum(found.sum(axis=1), 1)).mean()))


def family_wise(rng: np.random.Generator, repetitions: int) -> Measured:
    return Measured(float(np.mean([holm(row).min() <= 0.05 for row in rng.random((repetitions, 6))])))


GUARANTEED = {"low": 0.0, "high": 0.05}
EXACT = {"low": 0.05, "high": 0.05}
PROCEDURES = (
    *(
        Procedure(
            f"asymptotic sequence, 100 looks, {draw.__name__}, from {burn_in} units",
            partial(asymptotic, draw=draw, burn_in=burn_in), 10_000, **GUARANTEED,
        )
        for draw in (normal, skewed, heavy) for burn_in in (200, 1000)
    ),
    Procedure("mSPRT, 100 looks, known variance", msprt, 200_000, **GUARANTEED),
    *(
        Procedure(f"beta-binomial sequence, 100 looks, p = {p}", partial(one_proportion, p=p), 100_000, **GUARANTEED)
        for p in (0.002, 0.02, 0.5)
    ),
    *(
        Procedure(
            f"beta-binomial sequence of a difference, 100 looks, p = {p}",
            partial(two_proportions, p=p, lift=lift), 5_000, **GUARANTEED,
        )
        for p, lift in ((0.01, 0.002), (0.3, 0.06))
    ),
    *(
        Procedure(f"hedged betting, 100 looks, beta({a}, {b})", partial(bounded, a=a, b=b), 5_000, **GUARANTEED)
        for a, b in ((0.1, 4.9), (2, 5))
    ),
    *(
        Procedure(
            f"group-sequential, {rule}, {looks} looks, {draw.__name__}",
            partial(grouped, rule=rule, looks=looks, draw=draw), 20_000, **EXACT,
        )
        for rule, looks, draw in (
            ("lan-demets-obrien-fleming", 5, normal), ("lan-demets-pocock", 5, normal),
            ("obrien-fleming", 5, skewed), ("pocock", 10, skewed),
        )
    ),
    Procedure("sample ratio, one look, 50/50", partial(ratio_fixed, weights=(0.5, 0.5), n=20_000), 200_000, **EXACT),
    Procedure("sample ratio, one look, 90/10", partial(ratio_fixed, weights=(0.9, 0.1), n=20_000), 200_000, **EXACT),
    Procedure(
        "sample ratio, 100 looks, 50/30/20", partial(ratio_sequential, weights=(0.5, 0.3, 0.2)), 50_000, **GUARANTEED
    ),
    Procedure("Benjamini–Hochberg, 15 of 20 true, level .1", false_discoveries, 20_000, low=0.075, high=0.075),
    Procedure("Holm, 6 true", family_wise, 20_000, low=0.04, high=0.05),
)  # fmt: skip
