"""The Poisson bootstrap against theory: standard errors, coverage, clusters; and what has no answer."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import recsys.stats
from recsys.core.errors import ArgumentError
from recsys.stats import poisson_bootstrap

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(11)
MANY = 4000  # the standard error of replicates has a relative standard error of 1 / sqrt(2 · 4000) = 1.1 %


def test_standard_error_of_means_is_that_of_theory() -> None:
    left, right = RNG.gamma(2, 3, 3000), RNG.gamma(1, 2, 2000)
    found = poisson_bootstrap(left, right, replicates=MANY)
    expected = np.sqrt(left.var() / 3000 + right.var() / 2000)
    assert found.standard_error == pytest.approx(expected, rel=0.045)
    assert found.estimate == pytest.approx(left.mean() - right.mean(), rel=1e-12)
    half = norm.ppf(0.975) * expected
    assert (found.ci_low, found.ci_high) == pytest.approx(
        (found.estimate - half, found.estimate + half), abs=0.3 * half
    )


def test_standard_error_of_ratios_is_that_of_the_delta_method() -> None:
    def made(n: int, slope: float) -> Array:
        sessions = RNG.poisson(4, n) + 1.0
        return np.column_stack([slope * sessions + RNG.normal(size=n), sessions])

    left, right = made(3000, 2.0), made(2500, 1.9)
    found = poisson_bootstrap(left, right, replicates=MANY)
    variance = 0.0
    for arm in (left, right):
        ratio = arm[:, 0].sum() / arm[:, 1].sum()
        variance += (arm[:, 0] - ratio * arm[:, 1]).var() / len(arm) / arm[:, 1].mean() ** 2
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=0.045)
    assert found.treatment == pytest.approx(left[:, 0].sum() / left[:, 1].sum(), rel=1e-12)


def test_standard_error_of_quantiles_is_that_of_the_density() -> None:
    left, right = RNG.exponential(size=20_000), RNG.exponential(size=20_000)
    found = poisson_bootstrap(left, right, q=0.8)
    # q(1 − q) / (n f²), with f = 1 − q; the 8 % are the bootstrap's own for quantiles, of order n^(−1/4)
    assert found.standard_error == pytest.approx(np.sqrt(2 * 0.8 * 0.2 / 20_000) / 0.2, rel=0.12)


def test_rows_of_a_cluster_are_drawn_together() -> None:
    units, sizes = 600, RNG.integers(1, 9, 600)
    level = RNG.normal(size=units)
    clusters = np.repeat(np.arange(units), sizes)
    values = level[clusters] + 0.3 * RNG.normal(size=len(clusters))
    half = clusters < units // 2
    options = {"treatment_clusters": clusters[half], "control_clusters": clusters[~half], "replicates": MANY}
    found = poisson_bootstrap(values[half], values[~half], **options)
    variance = 0.0
    for rows in (half, ~half):
        residual = np.bincount(clusters[rows], weights=values[rows] - values[rows].mean())
        variance += (residual**2).sum() / rows.sum() ** 2
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=0.045)
    names = {"treatment_clusters": [f"u{c}" for c in clusters[half]], "control_clusters": clusters[~half].astype(str)}
    assert poisson_bootstrap(values[half], values[~half], **names).standard_error > 1.5 * np.sqrt(
        values[half].var() / half.sum() + values[~half].var() / (~half).sum()
    )


@pytest.mark.parametrize("kind", ["normal", "skewed", "ratio", "relative", "median"])
def test_intervals_cover(kind: str) -> None:
    """Of 1,200 intervals of 95 % the share that covers has a standard error of .63 %. The bounds are three of them, and
    .5 % that percentile intervals of 300 units may be short."""
    rng, hits, rounds, n = np.random.default_rng(5), 0, 1200, 300
    for seed in range(rounds):
        noise = rng.normal(size=(2, n)) if kind in ("normal", "median") else rng.gamma(2, size=(2, n))
        left, right = noise[0] + 0.5, noise[1]
        truth, options = 0.5, {}
        if kind == "ratio":
            visits = rng.poisson(3, (2, n)) + 1.0
            left, right = (np.column_stack([y * v, v]) for y, v in zip((left, right), visits, strict=True))
        elif kind == "relative":
            truth, options = 0.25, {"relative": True}
        elif kind == "median":
            options = {"q": 0.5}
        found = poisson_bootstrap(left, right, replicates=400, seed=seed, n_threads=1, **options)
        hits += found.ci_low <= truth <= found.ci_high
    assert 0.926 < hits / rounds < 0.969


def test_pvalues_under_no_effect_are_uniform() -> None:
    rng = np.random.default_rng(8)
    values = [
        poisson_bootstrap(*rng.normal(size=(2, 200)), replicates=400, seed=seed, n_threads=1).pvalue
        for seed in range(1500)
    ]
    for bar in (0.05, 0.2, 0.5):  # 3.5 standard errors, and the bootstrap's own error of some .5 %
        assert np.mean(np.array(values) <= bar) == pytest.approx(bar, abs=3.5 * np.sqrt(bar * (1 - bar) / 1500) + 0.006)


def test_a_large_mean_cancels_nothing() -> None:
    values = RNG.normal(size=(2, 1000))
    plain, shifted = (poisson_bootstrap(*(values + shift), seed=3) for shift in (0.0, 1e8))
    assert shifted.standard_error == pytest.approx(plain.standard_error, rel=1e-6)  # 1e8 keeps 8 digits of the values


def test_same_seed_same_bytes_whatever_the_threads() -> None:
    values = RNG.normal(size=(2, 500))
    one, two, other = (poisson_bootstrap(*values, seed=s, n_threads=t) for s, t in ((1, 1), (1, 2), (2, 1)))
    assert repr(one) == repr(two) != repr(other)


@pytest.mark.parametrize(
    ("left", "right", "options", "status"),
    [
        ([], [1.0, 2.0], {}, "empty_arm"),
        ([], [1.0, 2.0], {"q": 0.5}, "empty_arm"),
        ([1.0], [1.0, 2.0], {}, "too_few"),
        ([1.0, 2.0], [1.0, 2.0], {}, "too_few"),  # some replicates have no weight
        ([1.0] * 50, [2.0] * 50, {}, "zero_variance"),
        ([1.0, 2.0] * 50, [-1.0, 1.0] * 50, {"relative": True}, "zero_denominator"),
        ([1.0, 2.0] * 50, [-1.0, 1.1] * 50, {"relative": True}, "unbounded"),
        ([[1.0, 0.0]] * 50, [[1.0, 2.0]] * 50, {}, "zero_denominator"),
        ([[1.0, 0.0]] * 50 + [[1.0, 1.0]], [[1.0, 2.0]] * 50, {}, "zero_denominator"),
    ],
)
def test_what_has_no_answer_has_a_status(left: Any, right: Any, options: dict[str, Any], status: str) -> None:
    left = np.array(left).reshape(len(left), *np.array(right).shape[1:])
    found = poisson_bootstrap(left, right, **options)
    assert found.status == status
    assert np.isnan([found.ci_low, found.ci_high, found.pvalue]).all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="1 rows with NaN"):
        poisson_bootstrap([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ArgumentError, match="treatment has 2 columns and control 1"):
        poisson_bootstrap(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ArgumentError, match="Clusters of both arms"):
        poisson_bootstrap([1.0, 2.0], [1.0, 2.0], treatment_clusters=[1, 2])
    with pytest.raises(ArgumentError, match="clusters of the shape"):
        poisson_bootstrap([1.0, 2.0], [1.0, 2.0], treatment_clusters=[1], control_clusters=[1, 2])
    with pytest.raises(ArgumentError, match="replicates is 10"):
        poisson_bootstrap([1.0, 2.0], [1.0, 2.0], replicates=10)


def test_the_function_shares_its_name_with_no_module() -> None:
    """Else documentation of ``recsys.stats.poisson_bootstrap`` shows the module."""
    assert recsys.stats.poisson_bootstrap is poisson_bootstrap
    assert find_spec("recsys.stats.poisson_bootstrap") is None
