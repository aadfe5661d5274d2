from typing import Any

import numpy as np
import pytest
from scipy import stats as reference

from recsys.core.errors import ArgumentError
from recsys.stats import running_pvalues, sample_ratio, sample_ratio_bounds, sequential_sample_ratio
from recsys.stats.srm import log_evalues


def test_it_is_pearsons_test() -> None:
    counts, weights = np.array([310, 655, 1030]), np.array([1, 2, 3])
    found = sample_ratio(counts, weights)
    expected = reference.chisquare(counts, weights / 6 * counts.sum())
    assert (found.statistic, found.pvalue) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
    assert (found.df, found.n, found.status) == (2, 1995, "ok")


def test_cookie_cats() -> None:
    found = sample_ratio([44_700, 45_489], [0.5, 0.5])
    assert (round(found.statistic, 2), round(found.pvalue, 4)) == (6.90, 0.0086)


def test_an_arm_of_weight_0_takes_its_degree_of_freedom_along_and_its_units_are_reported() -> None:
    without, found = sample_ratio([480, 520], [1, 1]), sample_ratio([480, 3, 520], [1, 0, 1])
    assert (found.pvalue, found.df, found.unexpected, found.n) == (without.pvalue, 1, 3, 1000)
    assert sequential_sample_ratio([480, 3, 520], [1, 0, 1]).unexpected == 3


def test_all_units_in_one_arm_of_90_to_10() -> None:
    assert sample_ratio([1000, 0], [0.9, 0.1]).pvalue == pytest.approx(reference.chi2.sf(1000 / 9, 1), rel=1e-12)
    assert sequential_sample_ratio([1000, 0], [0.9, 0.1]).pvalue < 1e-6


def test_a_far_tail_is_no_zero() -> None:
    assert 0 < sample_ratio([50_000, 53_600], [1, 1]).pvalue < 1e-28


@pytest.mark.parametrize("counts", [[0, 0], [3, 4], [9, 0]])
def test_too_few_units_say_so(counts: list[int]) -> None:
    found = sample_ratio(counts, [1, 1])
    assert (found.status, np.isnan(found.pvalue)) == ("too_few", True)


def test_one_arm_has_no_ratio() -> None:
    for test in (sample_ratio, sequential_sample_ratio):
        assert test([100, 0], [1, 0]).status == "too_few"


@pytest.mark.parametrize(
    ("counts", "weights"), [([1, 2], [1]), ([-1, 2], [1, 1]), ([1.5, 2], [1, 1]), ([1, 2], [0, 0]), ([1, 2], [1, -1])]
)
def test_what_is_no_split_is_refused(counts: list[float], weights: list[float]) -> None:
    for test in (sample_ratio, sequential_sample_ratio):
        with pytest.raises(ArgumentError, match=r"weights|counts"):
            test(counts, weights)


def test_the_evalue_is_the_product_of_the_predictions() -> None:
    """Unit after unit: the probability that the posterior gives the next arm, over the weight of that arm."""
    shares, drawn = np.array([0.2, 0.8]), np.random.default_rng(1).choice(2, size=60, p=[0.4, 0.6])
    posterior, log_e = 25 * shares, 0.0
    for arm in drawn:
        log_e += np.log(posterior[arm] / posterior.sum() / shares[arm])
        posterior[arm] += 1
    found = sequential_sample_ratio(np.bincount(drawn, minlength=2), shares, concentration=25)
    assert np.log(found.statistic) == pytest.approx(log_e, rel=1e-9)
    assert found.pvalue == pytest.approx(min(1, np.exp(-log_e)), rel=1e-9)


@pytest.mark.parametrize(("sizes", "weights"), [(2000, [0.5, 0.5]), (900, [0.9, 0.1]), (3000, [0.2, 0.3, 0.5])])
def test_false_alarms_at_the_nominal_rate(sizes: int, weights: list[float]) -> None:
    counts = np.random.default_rng(2).multinomial(sizes, weights, size=4000)
    alarms = np.mean([sample_ratio(row, weights).pvalue <= 0.05 for row in counts])
    assert alarms == pytest.approx(0.05, abs=0.0105)  # 3 standard errors; a rate of 6 % lies beyond


def test_false_alarms_over_100_looks_stay_below_the_nominal_rate() -> None:
    rng, weights = np.random.default_rng(3), np.array([0.5, 0.3, 0.2])
    counts = rng.multinomial(40, weights, size=(10_000, 100)).cumsum(axis=1).astype(np.float64)
    ever = np.exp(-log_evalues(counts, weights, 400.0)).min(axis=1) <= 0.05
    assert 0.01 < ever.mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 10_000)
    fixed = (
        reference.chi2.sf(
            ((counts - counts.sum(2, keepdims=True) * weights) ** 2 / (counts.sum(2, keepdims=True) * weights)).sum(2),
            2,
        ).min(axis=1)
        <= 0.05
    )
    assert fixed.mean() > 0.2  # what peeking does to the test for one look


def test_a_fault_is_found_while_units_enter() -> None:
    counts = np.random.default_rng(4).multinomial(100, [0.47, 0.53], size=100).cumsum(axis=0)
    running = running_pvalues([sequential_sample_ratio(row, [1, 1]).pvalue for row in counts])
    assert running[-1] < 0.001
    assert (np.diff(running) <= 0).all()


def test_the_bounds_are_where_the_sequential_test_raises_its_alarm() -> None:
    n = np.array([50, 2000, 90_000])
    for share, alpha in ((0.5, 0.01), (0.1, 0.001)):
        shares = np.array([share, 1 - share])
        for edges, outwards in zip(sample_ratio_bounds(n, share, alpha=alpha), (-1, 1), strict=True):
            edge, total = edges[(edges > 0) & (edges < 1)], n[(edges > 0) & (edges < 1)]
            assert len(edge) >= 2
            for step in (0, outwards):  # at the edge the e-value is 1 / alpha, one unit beyond it there is the alarm
                counts = np.column_stack([edge * total + step, (1 - edge) * total - step])
                log_e = log_evalues(counts, shares, 1000.0)
                assert (log_e > -np.log(alpha)).all() if step else np.allclose(log_e, -np.log(alpha), rtol=1e-6)
    assert sample_ratio_bounds([5], 0.5)[0][0] == 0.0


def test_the_bounds_are_rarely_left_at_any_of_many_looks() -> None:
    """With the right ratio at most alpha of experiments leave them, ever: 400 experiments, alpha = 0.1."""
    rng, looks = np.random.default_rng(2), np.arange(1, 101)
    so_far = rng.binomial(200, 0.3, (400, 100)).cumsum(axis=1) / (200 * looks)
    low, high = sample_ratio_bounds(200 * looks, 0.3, alpha=0.1)
    left = ((so_far < low) | (so_far > high)).any(axis=1).mean()
    assert 0.0 < left <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 400)  # three standard errors of the simulated share
    wrong = rng.binomial(200, 0.33, (100, 100)).cumsum(axis=1) / (200 * looks)
    assert ((wrong < low) | (wrong > high)).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("arguments", [{"share": 0.0}, {"share": 1.0}, {"alpha": 0.0}, {"n": [-1]}, {"n": [np.inf]}])
def test_bounds_of_nonsense_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        sample_ratio_bounds(**{"n": [10], "share": 0.5, **arguments})
