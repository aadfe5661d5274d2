"""Sample-ratio checks: overall, by stage, day and segment, and at every look."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from recsys.experiment.integrity.checks import Thresholds
from recsys.experiment.integrity.ratio import overall, ratio_cells, ratio_checks

from ..made_up import unit_table

EVEN = np.array([[0.5, 0.5]])
LIMITS = Thresholds()


def table_of(*sizes: int, **more):
    arm = np.repeat(np.arange(len(sizes)), sizes)
    return unit_table(arm, {}, arms=tuple("abcd"[: len(sizes)]), **more)


def test_cookie_cats_fails_as_published():
    check = overall(table_of(44_700, 45_489), EVEN, 0.01)
    assert check.status == "fail"
    assert check.number == pytest.approx(0.0086, abs=5e-5)
    assert "χ² = 6.90" in check.detail
    assert "blocked" in check.consequence


def test_weights_of_ninety_to_ten_are_what_is_expected():
    assert overall(table_of(9_010, 990), np.array([[0.9, 0.1]]), 0.01).status == "ok"
    assert overall(table_of(9_010, 990), EVEN, 0.01).status == "fail"


def test_an_arm_without_weight_costs_no_degree_of_freedom_and_may_have_no_unit():
    weights = np.array([[0.5, 0.5, 0.0]])
    check = overall(table_of(480, 520, 0), weights, 0.01)
    assert check.number == pytest.approx(chisquare([480, 520]).pvalue, rel=1e-12)
    assert overall(table_of(480, 520, 3), weights, 0.01).status == "fail"


def test_too_few_units_are_not_tested():
    assert overall(table_of(3, 4), EVEN, 0.01).status == "not_run"
    assert overall(table_of(0, 0), EVEN, 0.01).status == "not_run"


def test_units_of_several_arms_count_in_each():
    table = table_of(500, 500, enrolment={"units": np.array([700, 500]), "in_several_arms": 200})
    assert overall(table, EVEN, 0.01).status == "fail"


def test_before_the_end_of_a_monitored_experiment_only_the_sequential_test_gates():
    rng = np.random.default_rng(3)
    early = blocked = ended = 0
    for _ in range(40):  # under the null, 30 looks each
        arm, days = rng.integers(0, 2, 3000), np.repeat(np.arange(30), 100)
        tables = [unit_table(arm[:n], {}, days=days[:n]) for n in range(100, 3001, 100)]
        looks = [ratio_checks(one, EVEN, (), LIMITS, monitored=True, over=False) for one in tables]
        early += any(check.status == "warn" for look in looks for check in look if check.name == "srm")
        blocked += any(check.blocks for look in looks for check in look)
        ended += ratio_checks(tables[-1], EVEN, (), LIMITS, monitored=True)[0].status == "fail"
    assert early >= 2  # the plain test is below .01 at some look far more often than in 1 % of experiments
    assert blocked <= 2
    assert ended <= early
    broken = {one.name: one.status for one in ratio_checks(table_of(6000, 5000), EVEN, (), LIMITS, monitored=True)}
    assert broken == {"srm": "fail", "srm:sequential": "fail"}
    unweighted = np.array([[0.5, 0.5, 0.0]])
    assert ratio_checks(table_of(480, 520, 3), unweighted, (), LIMITS, monitored=True, over=False)[0].status == "fail"


def test_a_ramp_whose_ratio_changed_is_no_mismatch():
    stage = np.repeat([0, 0, 1, 1], [900, 100, 1000, 1000])
    arm = np.repeat([0, 1, 0, 1], [900, 100, 1000, 1000])
    weights = np.array([[0.9, 0.1], [0.5, 0.5]])
    table = unit_table(arm, {}, stage=stage, days=stage * 7)
    found = {check.name: check.status for check in ratio_checks(table, weights, (), LIMITS)}
    assert found == {"srm": "ok", "srm:stage": "ok", "srm:day": "ok"}
    assert overall(table, np.array([[0.5, 0.5]]), 0.01).status == "fail"


def test_stages_that_cancel_are_found_by_stage():
    stage = np.repeat([0, 0, 1, 1], [600, 400, 400, 600])
    table = unit_table(np.repeat([0, 1, 0, 1], [600, 400, 400, 600]), {}, stage=stage)
    found = {check.name: check for check in ratio_checks(table, np.array([[0.5, 0.5]] * 2), (), LIMITS)}
    assert found["srm"].status == "ok"
    assert found["srm:stage"].status == "fail"


def test_a_bad_day_and_a_bad_segment_are_named():
    rng = np.random.default_rng(5)
    days, arm = np.repeat(np.arange(10), 400), rng.integers(0, 2, 4000)
    arm[days == 3] = np.repeat([0, 1], [290, 110])
    country = np.where(days == 3, "fr", "de")
    table = unit_table(arm, {}, days=days, attributes={"country": country})
    found = {check.name: check for check in ratio_checks(table, EVEN, ("country",), LIMITS)}
    assert found["srm:day"].status == "fail"
    assert "2024-10-07" in found["srm:day"].detail
    assert found["srm:country"].status == "fail"
    assert "fr" in found["srm:country"].detail


def test_cells_with_few_units_are_left_out():
    days = np.repeat([0, 1], [1000, 4])
    cells = ratio_cells(unit_table(np.arange(1004) % 2, {}, days=days), EVEN, days, ["a", "b"])
    assert np.isnan(cells.pvalues).tolist() == [False, True]


def test_false_alarms_are_at_the_nominal_rate():
    rng = np.random.default_rng(11)
    counts = rng.binomial(5000, 0.5, size=4000)
    days = np.repeat(np.arange(4000), 5000)
    # one table with 4,000 "days" of 5,000 units each: every day is an A/A test of its own
    arm = (np.tile(np.arange(5000), 4000) < np.repeat(counts, 5000)).astype(np.int16)
    pvalues = ratio_cells(unit_table(arm, {}, days=days), EVEN, days, [str(day) for day in range(4000)]).pvalues
    assert kstest(pvalues, "uniform").pvalue > 0.001  # counts are whole numbers: close to uniform, not exactly
    assert abs(np.mean(pvalues < 0.05) - 0.05) < 3.3 * np.sqrt(0.05 * 0.95 / 4000)


def test_the_sequential_check_may_be_looked_at_every_day():
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(300):
        days = np.repeat(np.arange(30), 60)
        table = unit_table(rng.integers(0, 2, len(days)), {}, days=days)
        check = ratio_checks(table, EVEN, (), Thresholds(srm=0.05), monitored=True)[-1]
        assert check.name == "srm:sequential"
        alarms += check.status == "fail"
    assert alarms <= 15 + 3.3 * np.sqrt(300 * 0.05 * 0.95)  # at most 5 % over all looks together, Monte Carlo error
    broken = unit_table((np.arange(6000) % 100 < 45).astype(int), {}, days=np.repeat(np.arange(30), 200))
    assert ratio_checks(broken, EVEN, (), LIMITS, monitored=True)[-1].status == "fail"
