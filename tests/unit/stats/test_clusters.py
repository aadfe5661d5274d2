import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import Moments, cluster_difference, difference_in_means, difference_in_ratios
from recsys.stats.clusters import cluster_codes


def accounts(rng: np.random.Generator, arms: int, mean_size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Profiles of accounts: sizes from 1, and a level of the account that all of them share."""
    sizes = rng.poisson(mean_size - 1, size=2 * arms) + 1
    codes = np.repeat(np.arange(2 * arms), sizes)
    values = rng.gamma(2, size=2 * arms)[codes] + 0.1 * sizes[codes] + rng.normal(size=len(codes))
    return values, codes < arms, codes


def test_it_is_the_ratio_over_cluster_sums() -> None:
    values, treated, codes = accounts(np.random.default_rng(1), 30, 4)
    sums = np.column_stack([np.bincount(codes, values), np.bincount(codes)])
    expected = difference_in_ratios(Moments.of(sums[:30]), Moments.of(sums[30:]))
    found = cluster_difference(values, treated, codes)
    assert (found.estimate, found.standard_error, found.df) == pytest.approx(
        (expected.estimate, expected.standard_error, expected.df), rel=1e-9
    )
    assert (found.n_treatment, found.n_control) == (30, 30)
    assert found.treatment == pytest.approx(values[treated].mean(), rel=1e-12)


def test_it_is_the_clustered_regression_of_statsmodels() -> None:
    """The same sums; statsmodels corrects for all clusters at once, here each arm is scaled by its own G/(G − 1)."""
    import statsmodels.api as sm

    values, treated, codes = accounts(np.random.default_rng(2), 25, 6)
    fit = sm.OLS(values, sm.add_constant(treated.astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )
    found = cluster_difference(values, treated, codes)
    assert found.estimate == pytest.approx(fit.params[1], rel=1e-9)
    assert found.standard_error == pytest.approx(fit.bse[1] * np.sqrt(25 / 24), rel=1e-9)


@pytest.mark.parametrize(("clusters", "size", "low"), [(100, 5, 0.936), (15, 20, 0.925)])
def test_intervals_cover_where_plain_ones_do_not(clusters: int, size: float, low: float) -> None:
    """With 15 clusters an arm of unequal sizes the linearised variance is a little small: 93 to 95 %."""
    rng = np.random.default_rng(3)
    inside, plain = [], []
    for _ in range(1500):
        values, treated, codes = accounts(rng, clusters, size)
        found = cluster_difference(values, treated, codes)
        inside.append(found.ci_low <= 0 <= found.ci_high)
        simple = difference_in_means(Moments.of(values[treated]), Moments.of(values[~treated]))
        plain.append(simple.ci_low <= 0 <= simple.ci_high)
    assert low < np.mean(inside) < 0.965
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
    with pytest.raises(ArgumentError, match="1 clusters have rows in both arms"):
        cluster_difference([1.0, 2.0, 3.0], [True, False, False], [0, 0, 1])
    with pytest.raises(ArgumentError, match="treated"):
        cluster_difference([1.0, 2.0], [1, 0], [0, 1])
    with pytest.raises(ArgumentError, match="clusters have the shape"):
        cluster_difference([1.0, 2.0], [True, False], [0])
