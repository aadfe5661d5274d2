"""Ship, stop, continue or blocked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recsys.experiment import ConfidenceSequence, GroupSequential, Mean, Proportion
from recsys.experiment.analyzing import analyze

from .made_up import experiment, unit_table

N = 4000
RNG = np.random.default_rng(12)
ARM = RNG.permutation(np.repeat([0, 1], N // 2))
NOISE = RNG.normal(100, 20, N)
SAFE = RNG.normal(50, 5, N)
MINUTES, CRASHES = Mean("minutes"), Mean("crashes", role="guardrail", direction="decrease", margin=0.02)


def decision(values, guard=SAFE, *, arm=ARM, planned=N, look="planned", table=None, **changed):
    test = experiment(MINUTES, CRASHES, planned_units=planned, **changed)
    found = unit_table(arm, {"minutes": values, "crashes": guard}) if table is None else table
    return analyze(test, found, look=look).decide()


def test_a_better_goal_with_safe_guardrails_ships():
    found = decision(NOISE + 5 * ARM)
    assert (found.action, found.arm) == ("ship", "als")
    assert "minutes is better with als: +" in found.summary
    assert "crashes with als is no more than 2 % worse" in found.summary


def test_a_worse_goal_stops():
    found = decision(NOISE - 5 * ARM)
    assert (found.action, found.arm) == ("stop", None)
    assert "minutes is worse with als: -" in found.summary


def test_less_is_better_where_it_is_declared():
    goal = Mean("wait", direction="decrease")
    test = experiment(goal, planned_units=N)
    assert analyze(test, unit_table(ARM, {"wait": NOISE - 5 * ARM})).decide().action == "ship"
    assert analyze(test, unit_table(ARM, {"wait": NOISE + 5 * ARM})).decide().action == "stop"


def test_a_broken_guardrail_stops_whatever_the_goal_says():
    found = decision(NOISE + 5 * ARM, SAFE * (1 + 0.1 * ARM))
    assert found.action == "stop"
    assert "worse by more than the 2 %" in found.summary


def test_a_guardrail_that_is_not_shown_safe_does_not_ship():
    found = decision(NOISE + 5 * ARM, RNG.normal(50, 40, N))
    assert found.action == "stop"
    assert "may be worse by more than the 2 %" in found.summary


def test_nothing_shown_at_the_planned_size_stops():
    found = decision(NOISE)
    assert found.action == "stop"
    assert "no difference shown" in found.summary


def test_before_the_planned_size_it_goes_on_and_says_how_far_it_is():
    found = decision(NOISE + 5 * ARM, planned=2 * N)
    assert found.action == "continue"
    assert "4,000 of 8,000 planned units have matured (50 %)" in found.summary


def test_the_pvalue_may_be_asked_for_by_name_and_that_is_told():
    found = decision(NOISE + 5 * ARM, planned=2 * N, look="final")
    assert found.action == "ship"
    assert "asked for before the planned size" in found.deviations[0]
    assert "Not as planned" in found.summary


def test_a_failed_check_blocks():
    arm = (np.arange(N) < 0.45 * N).astype(int)
    found = decision(NOISE + 5 * arm, arm=arm)
    assert (found.action, found.arms) == ("blocked", {"als": "blocked"})
    assert "srm" in found.summary


def test_guardrails_alone_can_ship():
    test = experiment(CRASHES, planned_units=N)
    assert analyze(test, unit_table(ARM, {"crashes": SAFE})).decide().action == "ship"


def test_a_goal_that_cannot_be_estimated_never_ships():
    found = decision(np.ones(N))
    assert found.action == "stop"
    assert "cannot be estimated (the values do not vary)" in found.summary


def test_the_best_of_several_arms_ships():
    arm = np.arange(6000) % 3
    values = np.random.default_rng(1).normal(100, 10, 6000) + np.array([0.0, 3.0, 6.0])[arm]
    test = experiment(
        MINUTES, arms={"pop": 0.3334, "a": 0.3333, "b": 0.3333}, planned_units=6000
    )  # fmt: skip
    found = analyze(test, unit_table(arm, {"minutes": values}, arms=("pop", "a", "b"))).decide()
    assert (found.action, found.arm, found.arms) == ("ship", "b", {"a": "ship", "b": "ship"})


@pytest.mark.parametrize("monitoring", [ConfidenceSequence(), GroupSequential(4)])
def test_monitoring_may_stop_early(monitoring):
    days = np.repeat(np.arange(40), N // 40)
    goal = Mean("minutes", window="1d")
    test = experiment(goal, planned_units=2 * N, monitoring=monitoring)
    better = analyze(test, unit_table(ARM, {"minutes": NOISE + 6 * ARM}, days=days))
    assert better.decide().action == "ship"
    assert np.isnan(better["minutes"].pvalue)
    assert better["minutes"].sequential.crossed
    nothing = analyze(test, unit_table(ARM, {"minutes": NOISE}, days=days))
    assert nothing.decide().action == "continue"


def test_the_frozen_plan_is_held_against_the_analysis():
    test = experiment(MINUTES, planned_units=N)
    found = analyze(test, unit_table(ARM, {"minutes": NOISE}), deviations=("metrics.minutes.cap: planned nothing",))
    assert found.decide().deviations == ("metrics.minutes.cap: planned nothing",)
    assert found.decide().view().tables[-1].columns == ("not as planned",)


def test_decisions_are_plain_values_and_text():
    found = decision(NOISE + 5 * ARM)
    assert found.to_dict()["action"] == "ship"
    assert repr(found).startswith("als-vs-pop: Ship als.")
    assert replace(found) == found


def test_a_share_of_units_ships_too():
    came = np.random.default_rng(2).random(N) < 0.3 + 0.1 * ARM
    test = experiment(Proportion("rated"), planned_units=N)
    assert analyze(test, unit_table(ARM, {"rated": came})).decide().action == "ship"


def test_a_sequence_without_a_plan_goes_on():
    goal = Mean("minutes", window="1d")
    test = experiment(goal, monitoring=ConfidenceSequence())
    assert analyze(test, unit_table(ARM, {"minutes": NOISE})).decide().action == "continue"


def test_an_effect_that_went_away_is_not_better():
    """The p-value, the interval and the verdict of a sequence are of the same look."""
    goal, days = Mean("minutes", window="1d"), np.arange(N) * 30 // N
    values = NOISE + np.where(days < 6, 12.0, -3.0) * ARM
    test = experiment(goal, planned_units=N, monitoring=ConfidenceSequence())
    found = analyze(test, unit_table(ARM, {"minutes": values}, days=days))["minutes"]
    assert found.sequential.crossed
    assert found.sequential.ci_low < 0 < found.sequential.ci_high
    assert found.pvalue_adjusted > 0.05
    assert found.verdict == "not clear"


def test_a_crossed_bound_is_not_enough_when_the_effect_went_away():
    goal, days = Mean("minutes", window="1d"), np.arange(N) * 20 // N
    values = NOISE + np.where(days < 6, 10.0, -3.0) * ARM
    test = experiment(goal, planned_units=N, monitoring=GroupSequential(4))
    found = analyze(test, unit_table(ARM, {"minutes": values}, days=days))["minutes"]
    assert found.sequential.crossed
    assert found.sequential.ci_low < 0 < found.sequential.ci_high
    assert found.verdict == "not clear"


def test_rows_that_one_arm_may_have_lost_are_the_first_reason():
    lost = (ARM == 0) & (np.arange(N) % 10 < 3)
    table = unit_table(ARM, {"minutes": np.where(lost, 0, NOISE), "crashes": np.where(lost, 0, SAFE)}, seen=~lost)
    found = decision(None, table=table)
    assert "the arms differ in who occurs in the data" in found.reasons[0]
    assert "rows lost in one arm" in found.summary


def test_a_broken_guardrail_stops_before_the_windows_of_the_goal_have_ended():
    goal = Mean("minutes", window="28d")
    test = experiment(goal, CRASHES, planned_units=2 * N, monitoring=ConfidenceSequence())
    waiting = {"minutes": np.zeros(N, np.bool_)}

    def found(guard):
        return analyze(test, unit_table(ARM, {"minutes": NOISE, "crashes": guard}, matured=waiting))

    assert found(SAFE * (1 + 0.1 * ARM)).decide().action == "stop"
    assert found(SAFE).check("maturity").status == "warn"
    assert found(SAFE).decide().action == "continue"
    both = experiment(Mean("other"), goal, CRASHES, planned_units=N)
    columns = {"other": NOISE + 5 * ARM, "minutes": NOISE, "crashes": SAFE}
    early = analyze(both, unit_table(ARM, columns, matured=waiting))
    assert early["other"].verdict == "better"
    assert early.decide().action == "continue"  # the other goal might be worse
    assert analyze(both, unit_table(ARM, columns)).decide().action == "ship"
