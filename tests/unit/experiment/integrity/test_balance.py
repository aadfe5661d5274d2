"""Whether the arms were alike before the experiment."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from recsys.experiment.integrity.balance import arm_balance, balance_check, covariates_of, pre_period_check
from recsys.experiment.integrity.checks import Thresholds

from ..made_up import unit_table

LIMITS = Thresholds()


def table_of(rng, n=400, shift=0.0, **more):
    arm = rng.integers(0, 2, n)
    age = rng.normal(40, 10, n) + shift * arm
    country = rng.choice(["de", "fr", "us"], n)
    return unit_table(arm, {"minutes.pre": rng.gamma(2, 10, n)}, attributes={"age": age, "country": country}, **more)


def test_the_joint_test_is_hotelling_by_hand():
    rng = np.random.default_rng(2)
    table = table_of(rng)
    covariates = covariates_of(table, ("age", "country"))
    found = arm_balance(table, covariates, 1)
    values = np.column_stack(covariates.columns)
    x, y = values[table.arm == 1], values[table.arm == 0]
    shift = x.mean(0) - y.mean(0)
    error = np.cov(x.T) / len(x) + np.cov(y.T) / len(y)
    from scipy.stats import chi2

    assert found.df == 4  # age, two of three countries, the pre-period
    assert found.pvalue == pytest.approx(chi2.sf(shift @ np.linalg.solve(error, shift), 4), rel=1e-9)
    spread = np.sqrt((np.var(x, axis=0, ddof=1) + np.var(y, axis=0, ddof=1)) / 2)
    np.testing.assert_allclose(found.differences, shift / spread, rtol=1e-9)


def test_pvalues_of_randomised_arms_are_uniform():
    rng = np.random.default_rng(7)
    found = []
    for _ in range(400):
        table = table_of(rng)
        found.append(arm_balance(table, covariates_of(table, ("age", "country")), 1).pvalue)
    assert kstest(found, "uniform").pvalue > 0.001


def test_a_covariate_that_differs_fails_and_is_named():
    check = balance_check(table_of(np.random.default_rng(1), n=4000, shift=5.0), ("age",), LIMITS)
    assert check.status == "fail"
    assert "age in als" in check.detail
    assert "+0.5" in check.detail


def test_collinear_and_constant_covariates_cost_nothing():
    rng = np.random.default_rng(4)
    arm, age = rng.integers(0, 2, 300), rng.normal(size=300)
    table = unit_table(arm, {}, attributes={"age": age, "months": age * 12, "one": np.ones(300)})
    found = arm_balance(table, covariates_of(table, ("age", "months", "one")), 1)
    assert found.df == 1
    assert 0 <= found.pvalue <= 1


def test_a_ramp_whose_ratio_changed_is_balanced_within_stages():
    rng = np.random.default_rng(6)
    stage = np.repeat([0, 1], 5000)
    arm = (rng.random(10_000) < np.where(stage == 0, 0.1, 0.5)).astype(int)
    age = rng.normal(np.where(stage == 0, 60, 20), 5)  # who comes depends on when; the arm does too
    table = unit_table(arm, {}, stage=stage, attributes={"age": age})
    assert balance_check(table, ("age",), LIMITS).status == "ok"
    without = unit_table(arm, {}, attributes={"age": age})
    assert balance_check(without, ("age",), LIMITS).status == "fail"


def test_missing_values_have_a_column_of_their_own():
    table = unit_table([0, 1] * 50, {}, attributes={"age": [30.0, None, 40.0, 50.0] * 25})
    covariates = covariates_of(table, ("age",))
    assert covariates.names == ("age", "age?")
    assert np.isfinite(covariates.columns).all()


def test_nothing_to_compare_is_not_run():
    assert balance_check(unit_table([0, 1] * 5, {}), (), LIMITS).status == "not_run"
    assert balance_check(unit_table([0, 1], {}, attributes={"age": [1, 2]}), ("age",), LIMITS).status == "not_run"
    assert balance_check(unit_table([], {}, attributes={"age": []}), ("age",), LIMITS).status == "not_run"


def test_the_pre_period_is_adjusted_over_metrics_and_arms():
    check = pre_period_check(["a", "b"], ["als", "als"], np.array([0.0004, np.nan]), LIMITS)
    assert (check.status, check.number) == ("fail", 0.0004)
    check = pre_period_check(["a", "b"], ["als", "als"], np.array([0.0006, 0.5]), LIMITS)
    assert (check.status, check.number) == ("warn", pytest.approx(0.0012))
    assert pre_period_check([], [], np.array([]), LIMITS).status == "not_run"
