import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import Moments, adjusted_difference, cluster_difference, difference_in_means, regression_adjusted


def data(
    seed: int, n: int = 300, p: int = 3, clusters: int | None = None, within: bool = True
) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    codes = np.arange(n) if clusters is None else rng.integers(clusters, size=n)
    treated = rng.random(n) < 0.4 if clusters is None or within else (codes % 3 == 0)
    x = rng.gamma(2, size=(n, p)) @ rng.normal(size=(p, p)) + 5
    level = rng.normal(size=codes.max() + 1)[codes] if clusters else 0.0
    y = x @ np.arange(1.0, p + 1) + treated * (0.7 + 0.5 * (x[:, 0] - 5)) + level + rng.normal(size=n) * (1 + treated)
    return y, treated, x, codes


def design(treated: np.ndarray, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=0)
    arm = treated[:, None].astype(float)
    return np.hstack([np.ones_like(arm), arm, centred, arm * centred])


@pytest.mark.parametrize("errors", ["HC2", "HC3"])
def test_robust_errors_are_those_of_statsmodels(errors: str) -> None:
    import statsmodels.api as sm

    y, treated, x, _ = data(1)
    fit = sm.OLS(y, design(treated, x)).fit(cov_type=errors, use_t=True)
    found = regression_adjusted(y, treated, x, errors=errors).effect
    assert (found.estimate, found.standard_error, found.df) == pytest.approx(
        (fit.params[1], fit.bse[1], fit.df_resid), rel=1e-9
    )
    assert (found.ci_low, found.ci_high) == pytest.approx(fit.conf_int()[1], rel=1e-9)
    assert found.pvalue == pytest.approx(fit.pvalues[1], rel=1e-7)
    assert found.control == pytest.approx(fit.params[0], rel=1e-9)


@pytest.mark.parametrize("within", [True, False])
def test_clustered_errors_are_those_of_statsmodels(within: bool) -> None:
    import statsmodels.api as sm

    y, treated, x, codes = data(2, clusters=30, within=within)
    fit = sm.OLS(y, design(treated, x)).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    found = regression_adjusted(y, treated, x, clusters=codes, errors="CR1").effect
    assert (found.estimate, found.standard_error) == pytest.approx((fit.params[1], fit.bse[1]), rel=1e-9)
    assert (found.ci_low, found.ci_high) == pytest.approx(fit.conf_int()[1], rel=1e-9)


@pytest.mark.parametrize("within", [True, False])
def test_cr2_and_its_degrees_of_freedom_are_those_of_the_definition(within: bool) -> None:
    """Bell & McCaffrey (2002) with matrices written out: residuals times (I − H_gg)^(−1/2) in every cluster."""
    y, treated, x, codes = data(3, n=120, p=2, clusters=12, within=within)
    columns = design(treated, x)
    inverse = np.linalg.inv(columns.T @ columns)
    hat = columns @ inverse @ columns.T
    residual = y - hat @ y
    variance, directions = 0.0, []
    for cluster in range(12):
        rows = np.flatnonzero(codes == cluster)
        values, vectors = np.linalg.eigh(np.eye(len(rows)) - hat[np.ix_(rows, rows)])
        weight = (vectors / np.sqrt(values)) @ vectors.T @ columns[rows] @ inverse[:, 1]
        variance += float(weight @ residual[rows]) ** 2
        directions.append((np.eye(len(y)) - hat)[:, rows] @ weight)
    spread = np.array(directions) @ np.array(directions).T
    df = np.trace(spread) ** 2 / (spread**2).sum()
    found = regression_adjusted(y, treated, x, clusters=codes).effect
    assert (found.standard_error, found.df) == pytest.approx((np.sqrt(variance), df), rel=1e-8)


def test_cr2_of_single_units_is_hc2() -> None:
    y, treated, x, codes = data(4, n=80)
    one, other = regression_adjusted(y, treated, x), regression_adjusted(y, treated, x, clusters=codes)
    assert other.effect.standard_error == pytest.approx(one.effect.standard_error, rel=1e-9)
    assert other.effect.df < one.effect.df


def test_without_covariates_it_is_the_difference_of_means() -> None:
    y, treated, _, codes = data(5, clusters=20, within=False)
    found = regression_adjusted(y, treated, np.zeros((300, 0)))
    plain = difference_in_means(Moments.of(y[treated]), Moments.of(y[~treated]))
    assert found.effect.standard_error == pytest.approx(plain.standard_error, rel=1e-11)
    assert found.unadjusted == found.effect._replace(method=found.unadjusted.method)
    clustered = regression_adjusted(y, treated, np.zeros((300, 0)), clusters=codes)
    assert clustered.effect.estimate == pytest.approx(cluster_difference(y, treated, codes).estimate, rel=1e-10)


def test_in_large_samples_it_is_cuped() -> None:
    y, treated, x, _ = data(6, n=40_000)
    found = regression_adjusted(y, treated, x)
    rows = np.column_stack([y, x])
    cuped = adjusted_difference(Moments.of(rows[treated]), Moments.of(rows[~treated]), outcome=0, covariates=[1, 2, 3])
    assert found.effect.estimate == pytest.approx(cuped.effect.estimate, abs=0.1 * cuped.effect.standard_error)
    assert found.theta == pytest.approx(cuped.theta, rel=0.02)
    slopes = [np.linalg.lstsq(np.column_stack([np.ones(side.sum()), x[side]]), y[side])[0][1:]
              for side in (treated, ~treated)]  # fmt: skip
    difference = slopes[0] - slopes[1]
    population = found.effect.standard_error**2 + difference @ np.cov(x.T) @ difference / len(y)
    assert np.sqrt(population) == pytest.approx(cuped.effect.standard_error, rel=0.01)


def coverage(n: int, clusters: int | None, errors: str, repeats: int = 700) -> float:
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(repeats):
        codes = np.arange(n) if clusters is None else np.sort((clusters * rng.random(n) ** 1.5).astype(int))
        level = rng.normal(size=n if clusters is None else clusters)
        draw = np.arange(len(level)) % 2 == 0
        treated = rng.permutation(draw)[codes]
        x = rng.normal(size=(n, 2)) + (0.0 if clusters is None else rng.normal(size=clusters)[codes][:, None])
        y = x @ [1.0, 0.5] + level[codes] + rng.normal(size=n) * (1 + 2 * treated)
        found = regression_adjusted(y, treated, x, clusters=None if clusters is None else codes, errors=errors).effect
        inside.append(found.ci_low <= 0 <= found.ci_high)
    return float(np.mean(inside))


def test_hc2_covers_in_small_samples() -> None:
    assert coverage(60, None, "HC2") == pytest.approx(0.95, abs=0.025)  # three standard errors of 700 draws


def test_cr2_covers_with_few_clusters_where_cr1_does_not() -> None:
    cr2, cr1 = coverage(240, 12, "CR2"), coverage(240, 12, "CR1")
    assert cr2 == pytest.approx(0.95, abs=0.03)
    assert cr1 < cr2 - 0.01


def test_relative_effects_agree_with_absolute_ones() -> None:
    y, treated, x, codes = data(8, clusters=25)
    for more in ({}, {"clusters": codes}):
        absolute = regression_adjusted(y, treated, x, **more).effect
        found = regression_adjusted(y, treated, x, relative=True, **more).effect
        assert found.estimate == pytest.approx(absolute.estimate / abs(absolute.control), rel=1e-12)
        assert found.pvalue == absolute.pvalue


def test_columns_that_repeat_and_large_means_change_nothing() -> None:
    y, treated, x, _ = data(9)
    plain = regression_adjusted(y, treated, x).effect
    more = np.column_stack([x, 2 * x[:, 0] - x[:, 1], np.full(len(y), 3.3)])
    repeated = regression_adjusted(y + 1e8, treated, more + 1e6).effect
    assert repeated.estimate == pytest.approx(plain.estimate, rel=1e-6)
    assert (repeated.df, repeated.pvalue) == pytest.approx((plain.df, plain.pvalue), rel=1e-4)


def test_statuses_and_refusals() -> None:
    x, arm = np.arange(6.0), np.array([True, True, True, False, False, False])
    assert regression_adjusted(x, np.ones(6, bool), x).effect.status == "empty_arm"
    assert regression_adjusted(x, np.arange(6) < 1, x).effect.status == "too_few"
    assert regression_adjusted(2 * x, arm, x).effect.status == "zero_variance"
    assert regression_adjusted(x, arm, x[::-1] % 2, clusters=[0, 0, 0, 1, 1, 1]).effect.status == "too_few"
    with pytest.raises(ArgumentError, match="constant in one arm"):
        regression_adjusted(x, arm, arm.astype(float))
    with pytest.raises(ArgumentError, match="NaN"):
        regression_adjusted(x, arm, np.where(x > 2, np.nan, x))
    with pytest.raises(ArgumentError, match="errors is 'CR1'"):
        regression_adjusted(x, arm, x, errors="CR1")
    with pytest.raises(ArgumentError, match="treated"):
        regression_adjusted(x, arm.astype(int), x)
