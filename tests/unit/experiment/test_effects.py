"""Effects of one arm on one metric: against references, degenerate cases, statuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as reference

from recsys.experiment import Mean, Proportion, Ratio
from recsys.experiment.effects import effect_of, withhold
from recsys.experiment.outcomes import outcome_of

from .made_up import unit_table

MINUTES = Mean("minutes")
RNG = np.random.default_rng(3)
ARM = RNG.integers(0, 2, 800)
PRE = RNG.gamma(2.0, 10.0, 800)
VALUES = PRE + RNG.gamma(2.0, 3.0, 800) + 1.5 * ARM


def effect(metric, table, arm=1):
    return effect_of(outcome_of(metric, table), arm, 0.95)


def test_a_mean_is_welch():
    found = effect(MINUTES, unit_table(ARM, {"minutes": VALUES}))
    expected = reference.ttest_ind(VALUES[ARM == 1], VALUES[ARM == 0], equal_var=False)
    low, high = expected.confidence_interval()
    assert found.pvalue == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.ci_low, found.ci_high) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))
    assert found.relative == pytest.approx(found.difference / VALUES[ARM == 0].mean(), rel=1e-12)
    assert (found.n, found.n_control) == (int(ARM.sum()), int((1 - ARM).sum()))


def test_a_mean_of_1e8_keeps_its_variance():
    far = effect(MINUTES, unit_table(ARM, {"minutes": 1e8 + VALUES}))
    near = effect(MINUTES, unit_table(ARM, {"minutes": VALUES}))
    assert far.pvalue == pytest.approx(near.pvalue, rel=1e-6)  # the values themselves keep 8 decimals at 1e8


def test_a_tiny_pvalue_is_not_zero():
    found = effect(MINUTES, unit_table(ARM, {"minutes": VALUES + 30 * ARM}))
    assert 0 < found.pvalue < 1e-28


def test_cookie_cats_retention_as_published():
    counts = {"retention_7": (8502, 44_700, 8279, 45_489), "retention_1": (20_034, 44_700, 20_119, 45_489)}
    arm = np.repeat([0, 1], [44_700, 45_489])
    for name, (control, n_control, treated, n) in counts.items():
        came = np.concatenate([np.arange(n_control) < control, np.arange(n) < treated])
        found = effect(Proportion(name), unit_table(arm, {name: came}))
        published, z = {"retention_7": (0.00155, -3.164), "retention_1": (0.0744, -1.784)}[name]
        assert found.pvalue == pytest.approx(published, abs=0.00005)
        assert reference.norm.isf(found.pvalue / 2) == pytest.approx(-z, abs=0.0005)
        assert found.difference < 0


def test_the_covariate_narrows_the_interval_and_the_unadjusted_stands_beside():
    metric = Mean("minutes", pre_period="28d")
    found = effect(metric, unit_table(ARM, {"minutes": VALUES, "minutes.pre": PRE}))
    plain = effect(MINUTES, unit_table(ARM, {"minutes": VALUES}))
    assert found.unadjusted["difference"] == pytest.approx(plain.difference, rel=1e-12)
    assert found.unadjusted["pvalue"] == pytest.approx(plain.pvalue, rel=1e-12)
    rho = np.corrcoef(PRE, VALUES - 1.5 * ARM)[0, 1]
    assert found.variance_reduction == pytest.approx(rho**2, abs=0.02)
    assert found.standard_error < 0.5 * plain.standard_error
    assert found.covariates == ("minutes.pre",)


def test_a_categorical_covariate_is_one_column_a_category():
    country = np.where(PRE > 20, "de", np.where(PRE > 10, "fr", "us"))
    table = unit_table(ARM, {"minutes": VALUES}, attributes={"country": country})
    found = effect(Mean("minutes", covariates=("country",)), table)
    assert len(found.covariates) == 2
    assert found.variance_reduction > 0.4


def test_another_metric_before_exposure_is_a_covariate():
    columns = {"minutes": VALUES, "plays": PRE, "plays.pre": PRE}
    found = effect(Mean("minutes", covariates=("plays.pre",)), unit_table(ARM, columns))
    own = effect(Mean("minutes", pre_period="28d"), unit_table(ARM, {"minutes": VALUES, "minutes.pre": PRE}))
    assert found.covariates == ("plays.pre",)
    assert found.difference == pytest.approx(own.difference, rel=1e-12)
    assert found.standard_error == pytest.approx(own.standard_error, rel=1e-12)
    half = np.arange(len(ARM)) % 2 == 0
    unknown = unit_table(ARM, columns, matured={"plays.pre": half})
    fewer = effect(Mean("minutes", covariates=("plays.pre",)), unknown)
    assert (fewer.n_control, fewer.n) == tuple(int((half & (arm == ARM)).sum()) for arm in (0, 1))


def test_a_cap_is_pooled_reported_and_its_effect_shown():
    values = VALUES.copy()
    values[np.flatnonzero(ARM == 1)[0]] = 1e6
    found = effect(Mean("minutes", cap=0.99), unit_table(ARM, {"minutes": values}))
    (cap,) = found.caps
    assert cap.threshold == pytest.approx(np.quantile(values, 0.99, method="inverted_cdf"))
    assert (cap.units, cap.largest) == (int((values > cap.threshold).sum()), 1e6)
    assert found.uncapped["difference"] > 1000 > found.difference
    fixed = effect(Mean("minutes", cap_at=30.0), unit_table(ARM, {"minutes": values}))
    assert fixed.difference == pytest.approx(
        np.minimum(values, 30)[ARM == 1].mean() - np.minimum(values, 30)[ARM == 0].mean(), rel=1e-9
    )


def test_a_ratio_is_the_delta_method():
    sessions = RNG.poisson(3, 800) + 1.0
    minutes = sessions * RNG.gamma(5, 2, 800)
    table = unit_table(ARM, {"rate.numerator": minutes, "rate.denominator": sessions})
    found = effect(Ratio("rate"), table)
    variance, ratios = 0.0, []
    for arm in (1, 0):
        x, y = minutes[arm == ARM], sessions[arm == ARM]
        ratios.append(x.sum() / y.sum())
        variance += np.var((x - ratios[-1] * y) / y.mean(), ddof=1) / len(x)
    assert found.difference == pytest.approx(ratios[0] - ratios[1], rel=1e-12)
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_stages_of_a_ramp_are_strata():
    rng = np.random.default_rng(8)
    stage = np.repeat([0, 1], 20_000)
    arm = (rng.random(40_000) < np.where(stage == 0, 0.05, 0.5)).astype(int)
    values = rng.normal(np.where(stage == 0, 10, 30), 1.0)  # no effect, but the arm depends on when units came
    stratified = effect(MINUTES, unit_table(arm, {"minutes": values}, stage=stage))
    assert abs(stratified.difference) < 4 * stratified.standard_error
    naive = effect(MINUTES, unit_table(arm, {"minutes": values}))
    assert naive.difference > 3
    assert "stratified" in stratified.method


def test_only_units_whose_window_has_ended_count():
    matured = np.arange(800) < 500
    found = effect(MINUTES, unit_table(ARM, {"minutes": VALUES}, matured={"minutes": matured}))
    assert found.n + found.n_control == 500
    assert found.enrolled + found.enrolled_control == 800
    expected = reference.ttest_ind(VALUES[:500][ARM[:500] == 1], VALUES[:500][ARM[:500] == 0], equal_var=False)
    assert found.pvalue == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize(
    ("arm", "values", "more", "status"),
    [
        ([0, 0, 0], [1.0, 2.0, 3.0], {}, "empty_arm"),
        ([], [], {}, "empty_arm"),
        ([0, 1], [1.0, 2.0], {}, "too_few"),
        ([0, 0, 1], [1.0, 2.0, 3.0], {}, "too_few"),
        ([0, 0, 1, 1], [5.0, 5.0, 5.0, 5.0], {}, "zero_variance"),
        ([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0], {"matured": {"minutes": np.zeros(4, bool)}}, "not_matured"),
        ([0, 0, 1, 1], [0.0, 0.0, 0.0, 0.0], {"seen": np.zeros(4)}, "not_seen"),
        ([0, 0, 1, 1], [0.0, 1.0, 0.0, 0.0], {"seen": [1, 1, 0, 0]}, "not_seen"),
    ],
)
def test_what_cannot_be_estimated_says_why(arm, values, more, status):
    found = effect(MINUTES, unit_table(arm, {"minutes": values}, **more))
    assert found.status == status
    assert found.reason
    assert np.isnan(found.pvalue)
    assert np.isnan(found.ci_low)
    if status in ("not_seen", "not_matured", "empty_arm"):
        assert np.isnan(found.difference)  # never 0 ± 0


def test_a_control_of_zero_has_no_relative_effect():
    found = effect(MINUTES, unit_table(ARM, {"minutes": VALUES * ARM}))
    assert found.status == "ok"
    assert found.relative_status == "zero_denominator"
    assert np.isnan(found.relative)


def test_nobody_in_the_denominator_is_told():
    table = unit_table(ARM, {"rate.numerator": np.zeros(800), "rate.denominator": np.zeros(800)})
    assert effect(Ratio("rate"), table).status == "zero_denominator"


def test_few_units_are_not_adjusted_by_many_covariates():
    arm = np.arange(30) % 2
    table = unit_table(arm, {"minutes": VALUES[:30]}, attributes={"c": [str(place % 5) for place in range(30)]})
    found = effect(Mean("minutes", covariates=("c",)), table)
    assert "CUPED" not in found.method


def test_withheld_pvalues_are_gone_everywhere():
    metric = Mean("minutes", pre_period="28d", cap=0.99)
    found = withhold(effect(metric, unit_table(ARM, {"minutes": VALUES, "minutes.pre": PRE})))
    assert found.withheld
    assert np.isnan([found.pvalue, found.unadjusted["pvalue"], found.uncapped["pvalue"]]).all()
    assert "pvalue" in found.row()


def test_order_of_units_means_nothing():
    order = np.random.default_rng(0).permutation(800)
    one = effect(MINUTES, unit_table(ARM, {"minutes": VALUES}))
    other = effect(MINUTES, unit_table(ARM[order], {"minutes": VALUES[order]}, days=np.zeros(800)))
    assert other.difference == pytest.approx(one.difference, rel=1e-12)
