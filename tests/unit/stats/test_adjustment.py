import numpy as np
import pytest
from scipy import stats as reference

from recsys.stats import Moments, adjusted_difference, difference_in_means, difference_in_ratios


def arms(seed: int, n: int, m: int, rho: float = 0.7, lift: float = 0.0, slope: float = 1.0) -> list[np.ndarray]:
    """Outcome and a pre-period covariate of correlation rho; the treatment may change the slope."""
    rng = np.random.default_rng(seed)
    found = []
    for size, effect, factor in ((n, lift, slope), (m, 0.0, 1.0)):
        before = rng.normal(size=size)
        after = rho * factor * before + np.sqrt(1 - rho**2) * rng.normal(size=size) + effect + 5
        found.append(np.column_stack([after, before]))
    return found


def test_one_covariate_is_welch_on_the_adjusted_values() -> None:
    treatment, control = arms(1, 80, 120, lift=0.2)
    found = adjusted_difference(Moments.of(treatment), Moments.of(control), outcome=0, covariates=[1])
    cross = [np.cov(arm.T) / len(arm) for arm in (treatment, control)]
    theta = (cross[0][0, 1] + cross[1][0, 1]) / (cross[0][1, 1] + cross[1][1, 1])
    assert found.theta == pytest.approx([theta], rel=1e-11)
    expected = reference.ttest_ind(*(arm[:, 0] - theta * arm[:, 1] for arm in (treatment, control)), equal_var=False)
    interval = expected.confidence_interval()
    assert found.effect.estimate == pytest.approx((interval.low + interval.high) / 2, rel=1e-10)
    # One degree of freedom more is spent on theta.
    half = (interval.high - interval.low) / 2 * np.sqrt(198 / 197)
    assert (found.effect.ci_high - found.effect.ci_low) / 2 == pytest.approx(half, rel=1e-10)
    assert found.effect.statistic == pytest.approx(expected.statistic / np.sqrt(198 / 197), rel=1e-10)
    assert found.unadjusted == difference_in_means(Moments.of(treatment), Moments.of(control))


@pytest.mark.parametrize("rho", [0.3, 0.7, 0.95])
def test_the_variance_falls_by_rho_squared(rho: float) -> None:
    treatment, control = arms(2, 100_000, 100_000, rho)
    found = adjusted_difference(Moments.of(treatment), Moments.of(control), outcome=0, covariates=[1])
    assert found.variance_reduction == pytest.approx(rho**2, abs=0.006)


def simulated(repeats: int, *, n: int, m: int, slope: float, lift: float, covariates: int = 1) -> list[object]:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(repeats):
        parts = []
        for size, effect, factor in ((n, lift, slope), (m, 0.0, 1.0)):
            before = rng.gamma(2, size=(size, covariates))
            after = factor * before.sum(axis=1) + rng.normal(size=size) + effect - 2 * covariates * (factor - 1)
            parts.append(Moments.of(np.column_stack([after, before])))
        found.append(adjusted_difference(*parts, outcome=0, covariates=range(1, covariates + 1)))
    return found


@pytest.mark.parametrize(("n", "m", "slope", "covariates"), [(100, 100, 1.0, 1), (60, 400, 2.5, 1), (60, 60, 1.0, 4)])
def test_adjusted_intervals_cover(n: int, m: int, slope: float, covariates: int) -> None:
    found = simulated(1500, n=n, m=m, slope=slope, lift=0.3, covariates=covariates)
    inside = np.mean([one.effect.ci_low <= 0.3 <= one.effect.ci_high for one in found])
    assert inside == pytest.approx(0.95, abs=0.017)  # three standard errors of 1500 draws
    estimates = np.array([one.effect.estimate for one in found])
    assert estimates.mean() == pytest.approx(0.3, abs=3.5 * estimates.std() / np.sqrt(1500))
    assert np.var(estimates) < 0.9 * np.var([one.unadjusted.estimate for one in found])


def test_unequal_arms_with_other_slopes_lose_nothing() -> None:
    """Freedman's case: the pooled regression slope would be worse here than no adjustment."""
    rng = np.random.default_rng(4)
    before = rng.normal(size=(2, 20_000))
    treatment = np.column_stack([-before[0, :2000] + 0.1 * rng.normal(size=2000), before[0, :2000]])
    control = np.column_stack([3 * before[1] + 0.1 * rng.normal(size=20_000), before[1]])
    found = adjusted_difference(Moments.of(treatment), Moments.of(control), outcome=0, covariates=[1])
    assert found.variance_reduction > 0


def test_several_covariates_are_the_regression_of_statsmodels() -> None:
    """With equal arms of the same covariates, pooled theta is the slope within arms of a regression on the arm."""
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    before = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3))
    rows = [np.column_stack([before @ [1.0, -2.0, 0.5] + rng.normal(size=300) + lift, before]) for lift in (0.4, 0.0)]
    found = adjusted_difference(Moments.of(rows[0]), Moments.of(rows[1]), outcome=0, covariates=[1, 2, 3])
    both = np.vstack(rows)
    design = np.column_stack([np.repeat([1.0, 0.0], 300), np.ones(600), both[:, 1:]])
    expected = sm.OLS(both[:, 0], design).fit()
    assert found.theta == pytest.approx(expected.params[2:], rel=1e-9)
    assert found.effect.estimate == pytest.approx(expected.params[0], rel=1e-9)


def test_a_covariate_that_repeats_or_does_not_vary_is_ignored() -> None:
    treatment, control = (np.column_stack([arm, 3 * arm[:, 1] + 1, np.full(len(arm), 0.1)]) for arm in arms(6, 90, 90))
    one = adjusted_difference(Moments.of(treatment), Moments.of(control), outcome=0, covariates=[1])
    all_of_them = adjusted_difference(Moments.of(treatment), Moments.of(control), outcome=0, covariates=[1, 2, 3])
    assert all_of_them.effect.estimate == pytest.approx(one.effect.estimate, rel=1e-9)
    assert all_of_them.theta[2] == 0
    nothing = adjusted_difference(Moments.of(treatment), Moments.of(control), outcome=0, covariates=[3])
    assert nothing.effect.estimate == pytest.approx(nothing.unadjusted.estimate, rel=1e-12)
    assert nothing.effect.ci_low == pytest.approx(nothing.unadjusted.ci_low, rel=1e-12)
    assert nothing.variance_reduction == pytest.approx(0, abs=1e-12)


def test_ratio_outcome_and_covariate_are_linearised() -> None:
    rng = np.random.default_rng(7)
    rows = []
    for lift in (0.3, 0.0):
        taste = rng.gamma(3, size=400)
        counts = rng.poisson(3 + taste, size=(2, 400)) + 1.0
        totals = counts * (taste + np.array([[lift], [0.0]])) + rng.normal(size=(2, 400))
        rows.append(np.column_stack([totals[0], counts[0], totals[1], counts[1]]))
    treatment, control = map(Moments.of, rows)
    found = adjusted_difference(treatment, control, outcome=(0, 1), covariates=[(2, 3)])
    assert found.unadjusted == difference_in_ratios(treatment, control)
    linear = []
    for arm in rows:
        columns = [(arm[:, i] - arm[:, i].sum() / arm[:, i + 1].sum() * arm[:, i + 1]) / arm[:, i + 1].mean()
                   + arm[:, i].sum() / arm[:, i + 1].sum() for i in (0, 2)]  # fmt: skip
        linear.append(Moments.of(np.column_stack(columns)))
    expected = adjusted_difference(*linear, outcome=0, covariates=[1])
    assert found.effect.estimate == pytest.approx(expected.effect.estimate, rel=1e-9)
    assert found.effect.pvalue == pytest.approx(expected.effect.pvalue, rel=1e-7)
    assert found.variance_reduction > 0.3


def test_relative_effects_agree_with_absolute_ones_and_cover() -> None:
    rng = np.random.default_rng(8)
    inside = []
    for _ in range(1500):
        before = rng.gamma(2, size=(2, 60))
        after = before * [[1.3], [1.0]] + rng.normal(size=(2, 60))
        arms = [Moments.of(np.column_stack(columns)) for columns in zip(after, before, strict=True)]
        found = adjusted_difference(*arms, outcome=0, covariates=[1], relative=True).effect
        absolute = adjusted_difference(*arms, outcome=0, covariates=[1]).effect
        assert (absolute.ci_low <= 0 <= absolute.ci_high) == (found.ci_low <= 0 <= found.ci_high)
        inside.append(found.ci_low <= 0.3 <= found.ci_high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.017)  # three standard errors of 1500 draws


def test_strata_adjust_within() -> None:
    rng = np.random.default_rng(9)
    sizes = ((900, 100), (100, 900))
    parts = []
    for arm, counts in enumerate(sizes):
        strata = []
        for stage, size in enumerate(counts):
            before = rng.normal(4 * stage, 1, size=size)
            after = before + 6 * stage + 0.5 * (1 - arm) + rng.normal(size=size) / 3
            strata.append(Moments.of(np.column_stack([after, before])))
        parts.append(strata)
    found = adjusted_difference(*parts, outcome=0, covariates=[1])
    assert found.effect.ci_low < 0.5 < found.effect.ci_high
    assert found.effect.standard_error < 0.05
    assert found.variance_reduction > 0.8
    assert found.effect.method == "CUPED, stratified Welch"


def test_statuses() -> None:
    rows = Moments.of([[1.0, 2.0], [2.0, 3.0], [4.0, 1.0]])
    same = Moments.of(np.column_stack([rows.mean[0] + np.arange(9.0), rows.mean[0] + np.arange(9.0)]))
    assert adjusted_difference(Moments.empty(2), rows, outcome=0, covariates=[1]).effect.status == "empty_arm"
    assert adjusted_difference(Moments.of([[1.0, 2.0]]), rows, outcome=0, covariates=[1]).effect.status == "too_few"
    assert adjusted_difference(same, same, outcome=0, covariates=[1]).effect.status == "zero_variance"
    zero = Moments.of([[1.0, 0.0], [2.0, 0.0]])
    assert adjusted_difference(rows, zero, outcome=(0, 1), covariates=[0]).effect.status == "zero_denominator"
