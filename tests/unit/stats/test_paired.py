import numpy as np
import pytest
from scipy import stats as reference

from recsys.core.errors import ArgumentError
from recsys.stats import cohens_dz, paired_permutation, paired_t, win_tie_loss


def arms(seed: int, n: int = 40, shift: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=n)
    return base + shift + rng.normal(scale=0.7, size=n), base


def test_paired_t_is_that_of_scipy() -> None:
    treatment, control = arms(1)
    found, expected = paired_t(treatment, control), reference.ttest_rel(treatment, control)
    assert (found.statistic, found.pvalue) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)
    interval = expected.confidence_interval()
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-10)


def test_a_tiny_pvalue_is_not_zero() -> None:
    treatment, control = arms(2, n=400, shift=3)
    assert 0 < paired_t(treatment, control).pvalue < 1e-100


def test_paired_t_covers_and_keeps_its_error_rate() -> None:
    found = [paired_t(*arms(seed, n=12, shift=0.2)) for seed in range(2000)]
    assert np.mean([one.ci_low <= 0.2 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.015)
    null = np.array([paired_t(*arms(seed, n=12, shift=0)).pvalue for seed in range(2000)])
    assert reference.kstest(null, "uniform").pvalue > 0.001


def test_differences_equal_up_to_rounding_have_no_variance() -> None:
    control = np.random.default_rng(3).random(50)
    for test in (paired_t, cohens_dz):
        assert test(control + 0.1, control).status == "zero_variance"
    assert paired_permutation(control, control).status == "zero_variance"


def test_one_unit_is_too_few() -> None:
    assert paired_t([1], [2]).status == cohens_dz([1], [2]).status == paired_permutation([1], [2]).status == "too_few"


def test_samples_of_different_lengths_are_refused() -> None:
    with pytest.raises(ArgumentError, match="treatment has 2 values and control 1"):
        paired_t([1, 2], [1])


def test_effect_size_covers() -> None:
    found = [cohens_dz(*arms(seed, n=100, shift=0.35)) for seed in range(1000)]
    assert np.mean([one.ci_low <= 0.5 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.02)


def test_permutation_agrees_with_all_sign_flips() -> None:
    treatment, control = arms(4, n=11)
    difference = treatment - control
    signs = 2 * (np.arange(2**11)[:, None] >> np.arange(11) & 1) - 1
    exact = np.mean(np.abs(signs @ difference) >= abs(difference.sum()) - 1e-12)
    found = paired_permutation(treatment, control, resamples=40_000, seed=1)
    assert found.pvalue == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000))


def test_permutation_pvalue_is_never_zero_and_counts_ties_as_extreme() -> None:
    found = paired_permutation(np.ones(200), np.zeros(200), resamples=99, seed=1)
    assert (found.as_extreme, found.pvalue) == (0, 0.01)
    assert paired_permutation([1, 0], [0, 1], resamples=99).pvalue == 1.0


def test_permutation_keeps_its_error_rate_on_skewed_differences() -> None:
    rng = np.random.default_rng(5)
    samples = rng.laplace(size=(800, 15)) ** 3
    rejected = [paired_permutation(sample, np.zeros(15), resamples=199, seed=1).pvalue <= 0.05 for sample in samples]
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.025)


def test_permutation_repeats_itself_and_ignores_unchanged_units() -> None:
    treatment, control = arms(6)
    found = paired_permutation(treatment, control, seed=3)
    assert found == paired_permutation(treatment, control, seed=3)
    padded = paired_permutation(np.r_[treatment, np.zeros(9)], np.r_[control, np.zeros(9)], seed=3)
    assert (padded.pvalue, padded.n_zero) == (found.pvalue, 9)


def test_win_tie_loss_adds_up() -> None:
    treatment, control = np.random.default_rng(7).integers(0, 3, size=(2, 100))
    found = win_tie_loss(treatment, control)
    assert sum(found) == 100
    assert found.wins == np.sum(treatment > control)
