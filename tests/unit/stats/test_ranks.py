import numpy as np
import pytest
from scipy import stats as reference

from recsys.core.errors import ArgumentError
from recsys.stats import mann_whitney


@pytest.mark.parametrize("ties", [False, True])
def test_as_by_scipy(ties: bool) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.3, size=45), rng.normal(size=60)
    if ties:
        x, y = np.round(x), np.round(y)
    expected = reference.mannwhitneyu(x, y, method="asymptotic", use_continuity=False)
    found = mann_whitney(x, y)
    assert (found.statistic, found.pvalue) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-11)


def test_small_samples_are_exact() -> None:
    x, y = np.random.default_rng(2).normal(size=(2, 9))
    assert mann_whitney(x, y).pvalue == reference.mannwhitneyu(x, y, method="exact").pvalue


def test_the_effect_and_its_error_are_those_of_brunner_and_munzel() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.poisson(3, size=70), rng.poisson(2, size=50)
    found = mann_whitney(x, y)
    expected = reference.brunnermunzel(y, x)
    assert (found.estimate - 0.5) / found.standard_error == pytest.approx(expected.statistic, rel=1e-10)


def test_the_effect_counts_pairs() -> None:
    x, y = np.array([1.0, 2, 2, 7]), np.array([2.0, 0, 3])
    pairs = np.sign(x[:, None] - y[None, :])
    assert mann_whitney(x, y).estimate == pytest.approx((1 + pairs.mean()) / 2, rel=1e-12)


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_intervals_cover_also_for_other_variances(spread: float) -> None:
    rng = np.random.default_rng(4)
    truth = reference.norm.cdf(0.8 / np.sqrt(1 + spread**2))
    found = [mann_whitney(rng.normal(0.8, spread, size=40), rng.normal(size=60)) for _ in range(2500)]
    assert np.mean([one.ci_low <= truth <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.0131)


def test_the_test_keeps_its_error_rate_with_many_ties() -> None:
    rng = np.random.default_rng(5)
    found = [mann_whitney(x, y).pvalue < 0.05 for x, y in rng.poisson(0.7, size=(4000, 2, 80))]
    assert np.mean(found) == pytest.approx(0.05, abs=0.0104)


def test_a_tiny_pvalue_is_told() -> None:
    rng = np.random.default_rng(6)
    assert 0 < mann_whitney(rng.normal(1, size=2000), rng.normal(size=2000)).pvalue < 1e-100


def test_statuses() -> None:
    assert mann_whitney([], [1, 2]).status == "empty_arm"
    assert mann_whitney([1], [1, 2]).status == "too_few"
    assert mann_whitney([1, 1], [1, 1]).status == "zero_variance"
    apart = mann_whitney([5.0, 6, 7, 8], [1.0, 2, 3, 4])
    assert (apart.status, apart.estimate, round(apart.pvalue, 4)) == ("zero_variance", 1.0, 0.0286)
    with pytest.raises(ArgumentError, match="infinite"):
        mann_whitney([1, np.inf], [1, 2])
