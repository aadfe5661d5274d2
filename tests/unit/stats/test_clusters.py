import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import Moments, cluster_difference, difference_in_means, difference_in_ratios, regression_adjusted
from recsys.stats.clusters import cluster_codes


def accounts(rng: np.random.Generator, arms: int, mean_size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Profiles of accounts: sizes from 1, and a level of the account that all of them share."""
    sizes = rng.poisson(mean_size - 1, size=2 * arms) + 1
    codes = np.repeat(np.arange(2 * arms), sizes)
    values = rng.gamma(2, size=2 * arms)[codes] + 0.1 * sizes[codes] + rng.normal(size=len(codes))
    return values, codes < arms, codes


def test_equal_clusters_are_welch_on_their_means() -> None:
    from scipy import stats as reference

    rng = np.random.default_rng(1)
    values, codes = rng.normal(size=(40, 5)) + rng.normal(size=(40, 1)), np.repeat(np.arange(40), 5)
    found = cluster_difference(values.ravel(), codes < 20, codes)
    means = values.mean(axis=1)
    expected = reference.ttest_ind(means[:20], means[20:])
    assert (found.statistic, found.pvalue, found.df) == pytest.approx(
        (expected.statistic, expected.pvalue, 38), rel=1e-9
    )
    assert (found.n_treatment, found.n_control) == (20, 20)


def test_it_is_the_regression_without_covariates() -> None:
    values, treated, codes = accounts(np.random.default_rng(2), 25, 6)
    expected = regression_adjusted(values, treated, np.zeros((len(values), 0)), clusters=codes).effect
    found = cluster_difference(values, treated, codes)
    assert found[:9] == pytest.approx(expected[:9], rel=1e-9)


def test_many_clusters_are_those_of_statsmodels_and_of_the_ratio_of_their_sums() -> None:
    """A cluster's leverage is its share of the rows, here below 1 %: half of that is what the corrections differ by."""
    import statsmodels.api as sm

    values, treated, codes = accounts(np.random.default_rng(3), 600, 4)
    fit = sm.OLS(values, sm.add_constant(treated.astype(float))).fit(cov_type="cluster", cov_kwds={"groups": codes})
    found = cluster_difference(values, treated, codes)
    assert found.estimate == pytest.approx(fit.params[1], rel=1e-9)
    assert found.standard_error == pytest.approx(fit.bse[1], rel=0.003)
    sums = np.column_stack([np.bincount(codes, values), np.bincount(codes)])
    ratio = difference_in_ratios(Moments.of(sums[:600]), Moments.of(sums[600:]))
    assert (ratio.estimate, ratio.standard_error) == pytest.approx((found.estimate, found.standard_error), rel=0.003)


@pytest.mark.parametrize(("clusters", "size"), [(100, 5), (12, 20)])
def test_intervals_cover_where_plain_ones_do_not(clusters: int, size: float) -> None:
    rng = np.random.default_rng(4)
    inside, plain = [], []
    for _ in range(1500):
        values, treated, codes = accounts(rng, clusters, size)
        found = cluster_difference(values, treated, codes)
        inside.append(found.ci_low <= 0 <= found.ci_high)
        simple = difference_in_means(Moments.of(values[treated]), Moments.of(values[~treated]))
        plain.append(simple.ci_low <= 0 <= simple.ci_high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.017)  # three standard errors of 1500 draws
    assert np.mean(plain) < 0.85


def switchback(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Six regions over sixty periods with a level that drifts (ρ = 0.9); whoever comes gets the arm of the cell."""
    level = np.zeros((60, 6))
    for t in range(1, 60):
        level[t] = 0.9 * level[t - 1] + rng.normal(scale=0.5, size=6)
    arm = rng.random((60, 6)) < 0.5
    period, region = (np.repeat(one.ravel(), 12) for one in np.indices((60, 6)))
    return level[period, region] + rng.normal(size=len(period)), arm[period, region], (period, region)


def test_switchbacks_cover_although_periods_go_together() -> None:
    rng = np.random.default_rng(4)
    found = [cluster_difference(*switchback(rng)) for _ in range(1200)]
    assert np.mean([one.ci_low <= 0 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.019)


def test_large_means_keep_their_digits() -> None:
    values, treated, codes = accounts(np.random.default_rng(5), 30, 4)
    plain, far = (cluster_difference(values + at, treated, codes) for at in (0.0, 1e8))
    assert far.pvalue == pytest.approx(plain.pvalue, rel=1e-5)  # values themselves are rounded to 1.5e-8
    lift = cluster_difference(values + 1e8, treated, codes, relative=True)
    assert lift.estimate == pytest.approx(far.estimate / far.control, rel=1e-9)


def test_codes_combine_columns() -> None:
    codes, count = cluster_codes((["a", "b", "a", "a"], [1, 1, 2, 1]), 4)
    assert (count, codes[0] == codes[3], len(set(codes.tolist()))) == (3, True, 3)


def test_statuses_and_refusals() -> None:
    assert cluster_difference([1.0, 2.0], [True, True], [0, 1]).status == "empty_arm"
    assert cluster_difference([1.0, 2.0, 3.0], [True, True, False], [0, 1, 2]).status == "too_few"
    assert cluster_difference([0.1] * 4, [True, True, False, False], [0, 1, 2, 3]).status == "zero_variance"
    with pytest.raises(ArgumentError, match="1 clusters have rows in both arms"):
        cluster_difference([1.0, 2.0, 3.0], [True, False, False], [0, 0, 1])
    with pytest.raises(ArgumentError, match="treated"):
        cluster_difference([1.0, 2.0], [1, 0], [0, 1])
    with pytest.raises(ArgumentError, match="clusters have the shape"):
        cluster_difference([1.0, 2.0], [True, False], [0])
