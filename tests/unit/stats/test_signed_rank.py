import numpy as np
import pytest
from scipy import stats as reference

from recsys.stats import wilcoxon


def walsh_averages(difference: np.ndarray) -> np.ndarray:
    pairs = (difference[:, None] + difference) / 2
    return np.sort(pairs[np.triu_indices(len(difference))])


@pytest.mark.parametrize("n", [3, 9, 50])
def test_exact_pvalue_is_that_of_scipy(n: int) -> None:
    difference = np.random.default_rng(n).normal(0.3, 1, n)
    expected = reference.wilcoxon(difference, method="exact")
    assert wilcoxon(difference, np.zeros(n)).pvalue == pytest.approx(expected.pvalue, rel=1e-10)


def test_differences_that_agree_up_to_rounding_are_ties() -> None:
    left, right = np.array([3, 2, 1, 7, 8, 9]), np.array([2, 1, 2, 6, 7, 8])
    broken = left / 10 - right / 10
    assert len(set(np.abs(broken))) > 1
    assert wilcoxon(left / 10, right / 10).pvalue == wilcoxon(left, right).pvalue


@pytest.mark.parametrize("n", [12, 300])
def test_with_ties_and_zeros_the_pvalue_is_scipys_normal_one(n: int) -> None:
    difference = np.random.default_rng(n).integers(-3, 5, n).astype(float)
    found = wilcoxon(difference, np.zeros(n))
    expected = reference.wilcoxon(difference, method="asymptotic", zero_method="wilcox")
    assert found.pvalue == pytest.approx(expected.pvalue, rel=1e-10)
    assert found.n_zero == np.sum(difference == 0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rounded", [True, False])
def test_the_estimate_is_the_median_of_all_walsh_averages(seed: int, rounded: bool) -> None:
    difference = np.random.default_rng(seed).normal(0.2, 1, 30 + seed)
    difference = np.round(difference, 1) if rounded else difference
    changed = difference[difference != 0]
    found, averages = wilcoxon(difference, np.zeros(len(difference))), walsh_averages(changed)
    assert found.estimate == pytest.approx(np.median(averages), abs=1e-13)
    for bound in (found.ci_low, found.ci_high):
        assert np.abs(averages - bound).min() < 1e-13


def test_the_rank_biserial_is_one_when_all_gain() -> None:
    assert wilcoxon([2, 3, 4], [1, 1, 1]).effect_size == 1
    assert wilcoxon([1, 1, 1], [2, 3, 4]).effect_size == -1


def test_interval_covers_and_pvalue_keeps_its_error_rate() -> None:
    samples = np.random.default_rng(8).standard_t(3, size=(1500, 25))
    found = [wilcoxon(sample + 0.4, np.zeros(25)) for sample in samples]
    assert np.mean([one.ci_low <= 0.4 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.018)
    null = [wilcoxon(sample, np.zeros(25)).pvalue <= 0.05 for sample in samples]
    assert np.mean(null) == pytest.approx(0.05, abs=0.018)


def test_no_difference_and_one_unit_have_a_status() -> None:
    assert wilcoxon([1, 2], [1, 2]).status == "zero_variance"
    assert wilcoxon([1], [2]).status == "too_few"
