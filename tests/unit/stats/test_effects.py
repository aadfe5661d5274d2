import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import heterogeneity, partial_pooling, trend

SCHOOLS = [28.0, 8, -3, 7, -1, 1, 18, 12], [15.0, 10, 16, 11, 9, 11, 10, 18]


def test_cochrans_q_is_that_of_statsmodels() -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    rng = np.random.default_rng(1)
    estimates, errors = rng.normal(size=7), rng.uniform(0.2, 1, size=7)
    expected = combine_effects(estimates, errors**2, method_re="chi2")
    found = heterogeneity(estimates, errors)
    assert (found.q, found.tau_squared) == pytest.approx((expected.q, expected.tau2), rel=1e-10)
    assert (found.estimate, found.standard_error) == pytest.approx(
        (expected.mean_effect_fe, expected.sd_eff_w_fe), rel=1e-10
    )
    assert found.i_squared == pytest.approx(1 - 6 / expected.q, rel=1e-10)


def test_interaction_test_keeps_its_error_rate() -> None:
    rng = np.random.default_rng(2)
    errors = np.array([0.1, 0.2, 0.4, 0.4, 1.0])
    found = [heterogeneity(row, errors).pvalue < 0.05 for row in rng.normal(0.3, errors, size=(6000, 5))]
    assert np.mean(found) == pytest.approx(0.05, abs=0.0085)  # three standard errors of 6000 draws


def test_eight_schools_as_published() -> None:
    """Bayesian Data Analysis, table 5.3: medians 10, 8, 7, 8, 5, 6, 10, 8 and 95 % intervals, from 200 draws."""
    found = partial_pooling(*SCHOOLS)
    published = [(-2, 31), (-5, 23), (-11, 19), (-7, 21), (-9, 18), (-7, 28), (-1, 26), (-6, 33)]
    # 200 draws hold a 2.5 % quantile to some two or three points; the sixth is off by more in the book.
    for one, (low, high) in zip(found.estimates[:5], published, strict=False):
        assert one.ci_low == pytest.approx(low, abs=3.5)
        assert one.ci_high == pytest.approx(high, abs=3.5)
    assert found.common.estimate == pytest.approx(8, abs=0.5)
    assert found.tau == pytest.approx(5, abs=1)


def test_the_posterior_is_that_of_quadrature() -> None:
    from scipy.integrate import quad

    y, errors = np.array(SCHOOLS[0]), np.array(SCHOOLS[1])

    def terms(tau: float) -> tuple[float, float]:
        precision = 1 / (errors**2 + tau**2)
        common = precision @ y / precision.sum()
        density = precision.sum() ** -0.5 * np.prod(precision) ** 0.5 * np.exp(-0.5 * precision @ (y - common) ** 2)
        shrink = errors[0] ** 2 / (errors[0] ** 2 + tau**2)
        return density, density * (shrink * common + (1 - shrink) * y[0])

    total = quad(lambda tau: terms(tau)[0], 0, 500, limit=200)[0]
    expected = quad(lambda tau: terms(tau)[1], 0, 500, limit=200)[0] / total
    assert partial_pooling(*SCHOOLS).estimates[0].estimate == pytest.approx(
        expected, rel=1e-3
    )  # the grid's 1,000 steps


@pytest.mark.parametrize(("tau", "least_gain"), [(0.0, 0.5), (1.0, 0.15)])
def test_pooled_intervals_cover_on_the_average_and_lie_nearer(tau: float, least_gain: float) -> None:
    rng = np.random.default_rng(3)
    errors = np.array([0.5, 0.7, 1.0, 1.0, 1.5, 2.0])
    inside, gain = [], []
    for _ in range(150):
        effects = rng.normal(0.3, tau, size=6)
        raw = rng.normal(effects, errors)
        found = partial_pooling(raw, errors).estimates
        inside += [one.ci_low <= effect <= one.ci_high for one, effect in zip(found, effects, strict=True)]
        pooled = np.array([one.estimate for one in found])
        gain.append((((raw - effects) ** 2).sum(), ((pooled - effects) ** 2).sum()))
    before, after = np.sum(gain, axis=0)
    assert 1 - after / before > least_gain
    assert np.mean(inside) > 0.94  # conservative when the effects are equal: τ = 0 is never certain


def test_winners_are_not_exaggerated() -> None:
    rng = np.random.default_rng(4)
    raw_excess, pooled_excess = [], []
    for _ in range(100):
        effects = rng.normal(0, 0.5, size=8)
        raw = rng.normal(effects, 1.0)
        best = int(raw.argmax())
        raw_excess.append(raw[best] - effects[best])
        pooled_excess.append(partial_pooling(raw, np.ones(8)).estimates[best].estimate - effects[best])
    assert np.mean(raw_excess) > 1
    assert abs(np.mean(pooled_excess)) < 0.5


def test_trend_is_the_weighted_regression_of_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    times, errors = np.arange(12.0) + 20_000, rng.uniform(0.5, 2, size=12)
    estimates = 0.2 * np.arange(12) + rng.normal(0, errors)
    expected = sm.WLS(estimates, sm.add_constant(times - 20_000), errors**-2.0).fit(cov_type="fixed scale")
    found = trend(times, estimates, errors)
    assert (found.slope, found.standard_error) == pytest.approx((expected.params[1], expected.bse[1]), rel=1e-9)
    assert found.pvalue == pytest.approx(expected.pvalues[1], rel=1e-8)


def test_trend_keeps_its_error_rate() -> None:
    rng = np.random.default_rng(6)
    errors = np.linspace(0.5, 2, 14)
    found = [trend(np.arange(14), row, errors).pvalue < 0.05 for row in rng.normal(1, errors, size=(6000, 14))]
    assert np.mean(found) == pytest.approx(0.05, abs=0.0085)


def test_what_cannot_be_estimated_is_left_out_and_told() -> None:
    found = heterogeneity([1.0, np.nan, 2.0, 3.0], [0.5, 1.0, 0.0, 0.5])
    assert (found.used, found.df) == ((True, False, False, True), 1)
    assert heterogeneity([1.0], [1.0]).status == "too_few"
    assert heterogeneity([2.0, 2.0, 2.0], [1.0, 1.0, 1.0]).pvalue == 1
    pooled = partial_pooling([1.0, np.nan, 2.0], [0.5, 1.0, 0.5])
    assert pooled.status == "too_few"
    assert [one.estimate for one in pooled.estimates][::2] == [1.0, 2.0]
    assert pooled.estimates[1].status == "too_few"
    more = partial_pooling([1.0, np.nan, 2.0, 3.0], [0.5, 1.0, 0.5, 0.5])
    assert [one.status for one in more.estimates] == ["ok", "too_few", "ok", "ok"]
    assert trend([1, 2], [1.0, np.nan], [1.0, 1.0]).status == "too_few"
    assert trend([1, 1], [1.0, 2.0], [1.0, 1.0]).status == "zero_variance"
    with pytest.raises(ArgumentError, match="one length"):
        heterogeneity([1.0, 2.0], [1.0])
    with pytest.raises(ArgumentError, match="times"):
        trend([1, np.nan], [1.0, 2.0], [1.0, 1.0])
