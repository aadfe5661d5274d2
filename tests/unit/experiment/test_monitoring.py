"""Looks before the end: the same whenever one asks, and valid at all of them together."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from recsys.experiment import ConfidenceSequence, GroupSequential, Mean, Proportion
from recsys.experiment.analyzing import analyze
from recsys.experiment.comparing import compare_arms
from recsys.experiment.monitoring import maturity_days, monitor_effect
from recsys.experiment.outcomes import outcome_of

from .made_up import DAY, experiment, unit_table

GOAL = Mean("minutes", window="3d")
RNG = np.random.default_rng(5)
N = 2000
ARM = RNG.integers(0, 2, N)
DAYS = np.sort(RNG.integers(0, 20, N))
VALUES = RNG.normal(10, 3, N)


def table_until(day, values=VALUES, name="minutes"):
    """Return what was known at the end of a day: units exposed by then, those matured whose three days are over."""
    known = day >= DAYS
    return unit_table(
        ARM[known], {name: values[known]}, days=DAYS[known], matured={name: DAYS[known] + 4 <= day + 1},
        through_day=day + 1,
    )  # fmt: skip


def test_the_last_look_is_the_effect_of_today():
    test = experiment(GOAL, planned_units=N, monitoring=ConfidenceSequence())
    outcome = outcome_of(GOAL, table_until(15))
    monitor = monitor_effect(outcome, 1, test)
    today = compare_arms(outcome, 1, 0.95).absolute
    assert monitor.looks[-1].difference == pytest.approx(today.estimate, rel=1e-12)
    assert (monitor.looks[-1].n, monitor.looks[-1].n_control) == (today.n_treatment, today.n_control)
    half = (monitor.looks[-1].ci_high - monitor.looks[-1].ci_low) / 2
    assert half > 1.2 * (today.ci_high - today.ci_low) / 2  # the price of looking often


@pytest.mark.parametrize("monitoring", [ConfidenceSequence(), ConfidenceSequence("betting"), GroupSequential(4)])
def test_earlier_looks_are_as_they_were(monitoring):
    goal = Proportion("minutes", window="3d")
    test = experiment(goal, planned_units=N, monitoring=monitoring)
    early, late = (monitor_effect(outcome_of(goal, table_until(day, VALUES > 10)), 1, test).looks for day in (15, 19))
    assert len(late) > len(early) > 1
    for one, other in zip(early, late, strict=False):
        assert (one.at, one.n, one.status) == (other.at, other.n, other.status)
        np.testing.assert_allclose(one[4:10], other[4:10], rtol=1e-9)  # moments merge in another order: last digits


def test_a_sequence_says_nothing_during_its_burn_in():
    test = experiment(GOAL, planned_units=N, monitoring=ConfidenceSequence(burn_in=200))
    looks = monitor_effect(outcome_of(GOAL, table_until(19)), 1, test).looks
    for look in looks:
        assert (look.status == "burn_in") == (min(look.n, look.n_control) < 200)
    assert math.isinf(looks[0].ci_low)
    assert looks[0].pvalue == 1
    found = analyze(test, table_until(5))
    assert found["minutes"].verdict == "too early"


def test_group_sequential_looks_are_at_the_planned_shares():
    test = experiment(GOAL, planned_units=1600, monitoring=GroupSequential((0.25, 0.5, 1.0)))
    monitor = monitor_effect(outcome_of(GOAL, table_until(12)), 1, test)
    matured = np.count_nonzero(DAYS + 4 <= 13)
    assert len(monitor.looks) == sum(matured >= share * 1600 for share in (0.25, 0.5, 1.0))
    assert monitor.next_look == 1.0
    assert all(look.fraction >= share for look, share in zip(monitor.looks, (0.25, 0.5), strict=False))
    full = monitor_effect(outcome_of(GOAL, table_until(19)), 1, test)
    assert full.next_look is None
    assert full.looks[-1].fraction == 1.0
    assert full.looks[-1].bound < full.looks[0].bound


def test_a_period_that_ends_early_spends_what_is_left():
    test = experiment(GOAL, planned_units=2 * N, monitoring=GroupSequential(2))
    outcome = outcome_of(GOAL, table_until(19))
    waiting = monitor_effect(outcome, 1, test)
    over = monitor_effect(outcome, 1, test, over=True)
    assert (waiting.next_look, over.next_look) == (0.5, None)
    assert len(over.looks) == 1
    assert over.looks[0].bound == pytest.approx(1.96, abs=0.01)  # the only look: all of alpha


def test_a_window_without_end_is_looked_at_once():
    goal = Mean("minutes")
    _, n_days, _ = maturity_days(outcome_of(goal, table_until(19)))
    assert n_days == 1
    assert len(monitor_effect(outcome_of(goal, table_until(19)), 1, experiment(goal)).looks) == 1


def test_nothing_matured_gives_no_look():
    monitor = monitor_effect(outcome_of(GOAL, table_until(1)), 1, experiment(GOAL))
    assert monitor.looks == ()
    assert monitor.sequential is None
    assert "nothing to look at yet" in monitor.summary
    assert monitor.to_polars().is_empty()
    assert repr(monitor)


def test_looks_are_frames_plain_values_and_text():
    test = experiment(GOAL, planned_units=N, monitoring=GroupSequential(3))
    monitor = monitor_effect(outcome_of(GOAL, table_until(19)), 1, test)
    assert monitor.to_polars()["n"].to_list() == [look.n for look in monitor.looks]
    json.dumps(monitor.to_dict())
    assert "z / bound" in repr(monitor)
    assert max(map(len, repr(monitor).splitlines())) <= 80


@pytest.mark.parametrize("monitoring", [ConfidenceSequence(burn_in=50), GroupSequential(4)])
def test_looking_every_day_alarms_no_more_than_alpha(monitoring):
    """200 A/A experiments with 20 daily looks; outcomes are final when units mature."""
    rng = np.random.default_rng(31)
    repetitions, n = 200, 800
    days = np.repeat(np.arange(20), n // 20)
    test = experiment(GOAL, planned_units=n, monitoring=monitoring)
    alarms = 0
    for _ in range(repetitions):
        table = unit_table(rng.integers(0, 2, n), {"minutes": rng.gamma(2.0, 1.0, n)}, days=days)
        alarms += monitor_effect(outcome_of(GOAL, table), 1, test).crossed
    assert alarms <= repetitions * 0.05 + 3.3 * math.sqrt(repetitions * 0.05 * 0.95)


def test_a_day_that_is_not_over_is_no_group_sequential_look():
    test = experiment(GOAL, planned_units=N, monitoring=GroupSequential(2))
    day = int(DAYS[N // 2]) + 3  # half of the units matured by the end of this day
    whole = table_until(day)
    growing = replace(whole, through=whole.through - DAY // 4, complete_through={"events": whole.through - DAY // 4})
    assert len(monitor_effect(outcome_of(GOAL, whole), 1, test).looks) == 1
    found = monitor_effect(outcome_of(GOAL, growing), 1, test)
    assert (found.looks, found.next_look) == ((), 0.5)
