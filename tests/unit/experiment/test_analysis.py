"""The whole analysis: what is withheld, what is adjusted for, gates, plain values; its error rates."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import kstest

from recsys import stats
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.display import to_text
from recsys.experiment import ConfidenceSequence, GroupSequential, Mean, Proportion, Ratio
from recsys.experiment.analyzing import analyze
from recsys.experiment.effects import all_effects
from recsys.experiment.outcomes import outcome_of
from recsys.experiment.verdicts import judge

from .made_up import DAY, START, experiment, unit_table

RNG = np.random.default_rng(21)
N = 3000
ARM = RNG.permutation(np.arange(N) % 3)
PRE = RNG.gamma(2.0, 10.0, N)
ARMS = ("pop", "als", "bpr")
METRICS = (
    Mean("minutes", pre_period="28d", cap=0.999),
    Proportion("rated"),
    Mean("crashes", role="guardrail", direction="decrease", margin=0.1),
    Mean("depth", role="diagnostic"),
)
WEIGHTS = {"arms": {"pop": 0.3334, "als": 0.3333, "bpr": 0.3333}}


def three_arms(lift=0.0, **more):
    columns = {
        "minutes": PRE * 0.8 + np.random.default_rng(5).gamma(2.0, 3.0, N) + lift * (ARM == 1),
        "minutes.pre": PRE,
        "rated": np.random.default_rng(6).random(N) < 0.3,
        "crashes": np.random.default_rng(7).gamma(20.0, 1.0, N),
        "depth": np.random.default_rng(8).normal(5.0, 1.0, N),
    }
    return unit_table(ARM, columns, arms=ARMS, **more)


def analysis(lift=0.0, look="planned", planned=N, table=None, **changed):
    test = experiment(*METRICS, **WEIGHTS, planned_units=planned, **changed)
    return analyze(test, three_arms(lift) if table is None else table, look=look)


def test_every_metric_of_every_arm_has_an_effect_in_the_order_declared():
    found = analysis()
    assert [(one.metric, one.arm) for one in found.effects] == [
        (metric.name, arm) for metric in METRICS for arm in ("als", "bpr")
    ]
    assert found["minutes"] is found.effect("minutes", "als")
    with pytest.raises(NotFoundError, match="did you mean 'minutes'"):
        found["minuets"]
    with pytest.raises(NotFoundError, match="no arm 'pop' beside the control"):
        found.effect("minutes", "pop")


def test_goals_times_arms_are_one_family():
    found = analysis()
    goals = [one for one in found.effects if one.role == "goal"]
    expected = stats.holm([one.pvalue for one in goals])
    assert [one.pvalue_adjusted for one in goals] == expected.tolist()
    assert all(math.isnan(one.pvalue_adjusted) for one in found.effects if one.role != "goal")


@pytest.mark.parametrize("correction", ["none", "bonferroni", "holm", "hochberg", "bh", "by", "dunnett"])
def test_adjusted_pvalues_are_never_below_the_plain_ones(correction):
    goals = [one for one in analysis(correction=correction).effects if one.role == "goal"]
    assert all(one.pvalue_adjusted >= one.pvalue for one in goals)
    assert (correction == "none") == all(one.pvalue_adjusted == one.pvalue for one in goals)


def test_pvalues_are_withheld_before_the_planned_size_unless_asked_for():
    early = analysis(lift=5.0, planned=10 * N)
    assert all(one.withheld and math.isnan(one.pvalue) for one in early.effects)
    assert early["minutes"].verdict == "too early"
    assert "withheld" in to_text(early.view())
    asked = analysis(lift=5.0, planned=10 * N, look="final")
    assert asked["minutes"].pvalue < 1e-6
    assert "before the planned size" in asked.deviations[0]
    assert not analysis().deviations


def test_the_end_of_the_period_counts_when_its_windows_have_ended():
    goal = Mean("minutes", window="7d")
    table = three_arms(through_day=20)
    assert not analyze(experiment(goal, **WEIGHTS, end="2024-10-18"), table).reached["minutes"]  # day 14, + 7
    assert analyze(experiment(goal, **WEIGHTS, end="2024-10-16"), table).reached["minutes"]


def test_without_any_plan_the_result_says_so():
    found = analyze(experiment(*METRICS, **WEIGHTS), three_arms())
    assert "neither a size nor an end was planned" in found.deviations[0]
    assert not math.isnan(found["minutes"].pvalue)


def test_gates_by_name():
    broken = unit_table(np.repeat([0, 1, 2], [1200, 900, 900]), three_arms().columns, arms=ARMS)
    found = analysis(table=broken)
    assert found.failed(["srm"])[0].startswith("srm")
    assert found.failed(["guardrail"]) == ()
    assert analysis().failed(["srm", "guardrail"]) == ()
    with pytest.raises(ArgumentError, match="a gate is 'smr'.*did you mean 'srm'"):
        found.failed(["smr"])


def test_a_broken_guardrail_is_a_failed_gate():
    table = three_arms()
    columns = {**table.columns, "crashes": table.columns["crashes"] * (1 + 0.3 * (ARM == 2))}
    found = analysis(table=unit_table(ARM, columns, arms=ARMS))
    assert found.failed(["guardrail"]) == ("crashes of bpr is broken",)


def test_results_are_plain_values_frames_and_text_of_eighty_columns():
    found = analysis(lift=3.0)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["decision"]["action"] == found.decision.action
    assert len(plain["effects"]) == 8
    frame = found.to_polars()
    assert frame.shape[0] == 8
    assert frame.filter(pl.col("metric") == "minutes")["difference"][0] == found["minutes"].difference
    assert max(map(len, repr(found).splitlines())) <= 80
    assert "minutes" in found._repr_html_()


def test_segments_of_a_missing_attribute_are_refused():
    test = experiment(*METRICS, **WEIGHTS, segments=("country",))
    with pytest.raises(ArgumentError, match="no attribute 'country'"):
        analyze(test, three_arms())


def test_an_unknown_look_is_refused():
    with pytest.raises(ArgumentError, match="One of planned, final"):
        analysis(look="peek")


@pytest.mark.parametrize("arm", [[], [0], [1], [0, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]])
def test_small_and_empty_tables_block_and_never_raise(arm):
    metrics = (
        Mean("minutes", pre_period="7d", cap=0.9, covariates=("country",)),
        Proportion("rated", role="guardrail", margin=0.1),
    )
    columns = {name: np.arange(len(arm)) % 2 for name in ("minutes", "minutes.pre", "rated")}
    table = unit_table(arm, columns, attributes={"country": ["de"] * len(arm)})
    for monitoring in (None, ConfidenceSequence()):
        test = experiment(*metrics, segments=("country",), planned_units=2, monitoring=monitoring)
        found = analyze(test, table)
        assert found.decide().action == "blocked"
        assert found["minutes"].status != "ok"
        json.dumps(found.to_dict(), allow_nan=False)
        assert repr(found)


def test_nothing_that_joins_is_no_effect_of_zero():
    n = 1000
    table = unit_table(np.arange(n) % 2, {"minutes": np.zeros(n)}, seen=np.zeros(n))
    found = analyze(experiment(planned_units=n), table)
    assert found.decide().action == "blocked"
    assert math.isnan(found["minutes"].difference)
    assert "ids may not match" in found.summary


def test_null_experiments_ship_no_more_often_than_alpha_allows():
    """2 goals x 2 arms, Holm over four tests: P(any adjusted p < .05) is at most 5 %, and half of that ships."""
    rng = np.random.default_rng(77)
    repetitions, n = 400, 300
    reached = {"a": True, "b": True}
    test = experiment(Mean("a"), Mean("b"), **WEIGHTS, planned_units=n)
    pvalues, alarms, ships = [], 0, 0
    arm = np.arange(n) % 3
    for _ in range(repetitions):
        shared = rng.gamma(2.0, 1.0, n)
        table = unit_table(arm, {"a": shared + rng.gamma(2.0, 1.0, n), "b": shared + rng.random(n)}, arms=ARMS)
        found = judge(
            all_effects([outcome_of(one, table) for one in test.metrics], 0.95), test, reached, {}, final=False
        )
        pvalues.append(found[0].pvalue)
        alarms += (alarm := any(one.pvalue_adjusted < 0.05 for one in found))
        ships += alarm and analyze(test, table).decide().action == "ship"
    assert kstest(pvalues, "uniform").pvalue > 0.001
    assert alarms <= repetitions * 0.05 + 3.3 * math.sqrt(repetitions * 0.05 * 0.95)
    assert alarms >= 3  # a test that never rejects would pass the line above
    assert ships < alarms  # some of them are worse, not better


def test_intervals_cover_an_injected_lift_and_it_ships():
    rng = np.random.default_rng(78)
    repetitions, n, lift = 100, 400, 1.0
    test = experiment(Mean("a", pre_period="7d"), planned_units=n)
    arm = np.arange(n) % 2
    covered = ships = 0
    for _ in range(repetitions):
        before = rng.gamma(2.0, 2.0, n)
        table = unit_table(arm, {"a": before + rng.gamma(2.0, 1.0, n) + lift * arm, "a.pre": before})
        found = analyze(test, table)
        covered += found["a"].ci_low <= lift <= found["a"].ci_high
        ships += found.decide().action == "ship"
    assert abs(covered / repetitions - 0.95) < 3.3 * math.sqrt(0.95 * 0.05 / repetitions)
    assert ships / repetitions > 0.95  # lift / error = 1 / (sqrt(2) * 2 / 20) = 7 standard errors; checks may block


def test_group_sequential_goals_say_how_alpha_is_shared():
    shown = to_text(analysis(monitoring=GroupSequential(2)).view())
    assert "4 goals × arms share alpha equally" in shown
    assert "alpha = 0.0125 over 2 looks" in shown
    alone = to_text(analysis(monitoring=GroupSequential(2), correction="none").view())
    assert "share alpha" not in alone
    assert "alpha = 0.05 over 2 looks" in alone


def test_goals_that_are_not_ripe_count_in_the_family():
    goals = (Mean("minutes"), Mean("late", window="28d"))
    table = three_arms(lift=1.0)
    columns = {"minutes": table.columns["minutes"], "late": table.columns["minutes"]}
    few = unit_table(ARM, columns, arms=ARMS, matured={"late": np.arange(N) < 30}, through_day=10)
    for correction, factor in (("bonferroni", 4), ("holm", 4), ("dunnett", None)):
        found = analyze(experiment(*goals, **WEIGHTS, planned_units=N, correction=correction), few)
        early, later = found["minutes"], found["late"]
        assert later.withheld
        assert math.isnan(later.pvalue_adjusted)
        smallest = min(one.pvalue for one in found.effects if one.metric == "minutes")
        lowest = min(one.pvalue_adjusted for one in found.effects if one.metric == "minutes")
        if factor:
            assert lowest == pytest.approx(min(factor * smallest, 1.0), rel=1e-12)
        assert early.pvalue_adjusted > early.pvalue


def test_a_ratio_of_two_tables_waits_for_both():
    goal = Ratio("ctr", numerator="count()", denominator_table="impressions", window="7d")
    columns = {"ctr.numerator": np.ones(N), "ctr.denominator": np.arange(N) % 5}
    table = unit_table(ARM, columns, arms=ARMS, through_day=30)
    test = experiment(goal, **WEIGHTS, end="2024-10-18")
    assert analyze(test, table).reached["ctr"]
    late = replace(table, complete_through={**table.complete_through, "impressions": START + 15 * DAY})
    assert not analyze(test, late).reached["ctr"]


@pytest.mark.parametrize("monitoring", [None, ConfidenceSequence(), GroupSequential(2)])
def test_a_final_look_before_the_planned_size_is_always_told(monitoring):
    asked = analysis(planned=10 * N, look="final", monitoring=monitoring)
    assert "before the planned size" in asked.deviations[0]


def test_deviations_are_told_once():
    found = analyze(experiment(Mean("minutes", pre_period="28d"), **WEIGHTS), three_arms())
    assert found.triggered(ARM >= 0).analysis.deviations == found.deviations


def test_no_check_tells_a_pvalue_of_an_effect():
    table = three_arms(lift=5.0)
    columns = {**table.columns, "depth": np.where(np.arange(N) == 7, 1e4, table.columns["depth"])}
    found = analysis(planned=10 * N, table=unit_table(ARM, columns, arms=ARMS))
    detail = found.check("outliers").detail
    assert "with them" in detail
    assert "(p " not in detail
