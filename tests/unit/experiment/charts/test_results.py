"""What further questions, plans, validations and interleaving draw: the numbers are the results' own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recsys.experiment import Mean, Proportion, analyze, analyze_interleaving, interleave
from recsys.experiment.planning.result import CurvePoint, Plan
from recsys.experiment.validation.result import Validated, Validation

from ..made_up import experiment, unit_table

RNG = np.random.default_rng(12)
N = 4000
ARM = np.arange(N) % 2
COUNTRY = np.array(["se", "no", "dk", "fi"])[RNG.choice(4, N, p=[0.4, 0.3, 0.2, 0.1])]
COLUMNS = {"minutes": RNG.gamma(2.0, 10.0, N) + 2 * ARM, "clicked": RNG.random(N) < 0.3}
TABLE = unit_table(ARM, COLUMNS, days=np.arange(N) * 28 // N, attributes={"country": COUNTRY})
FOUND = analyze(experiment(Mean("minutes"), Proportion("clicked"), planned_units=N), TABLE)


def drawn(result):
    (chart,) = result.view().charts
    return chart


def test_segments_stand_beside_what_is_left_of_them_when_pooled():
    found = FOUND.segments("clicked", "country")
    chart = drawn(found)
    alone, pooled = chart.series
    assert alone.y == pooled.y == tuple(one.segment for one in found.segments)
    assert alone.x == tuple(one.difference for one in found.segments)
    assert pooled.low == tuple(one.pooled_ci_low for one in found.segments)
    assert chart.x.unit == "percentage points"


def test_days_are_intervals_and_days_added_up_are_a_band():
    daily, cumulative = FOUND.daily("minutes"), FOUND.cumulative("minutes")
    (series,) = drawn(daily).series
    assert series.mark == "interval"
    assert series.y == tuple(one.difference for one in daily.days)
    band, line = drawn(cumulative).series
    assert (band.mark, line.mark) == ("band", "line")
    assert band.high[-1] == pytest.approx(FOUND["minutes"].ci_high)
    assert f"after {len(cumulative.days)} days" in cumulative.summary


def test_a_day_that_cannot_be_estimated_is_named():
    found = FOUND.daily("minutes")
    gap = found.days[3]._replace(difference=np.nan, ci_low=np.nan, ci_high=np.nan, status="empty_arm")
    chart = drawn(replace(found, days=(*found.days[:3], gap, *found.days[4:])))
    assert len(chart.series[0].x) == 27
    assert f"not drawn: {gap.day}" in chart.note
    assert replace(found, days=()).view().charts == ()
    assert "no day" in replace(found, days=()).summary


def test_weeks_of_exposure_and_their_trend():
    found = FOUND.novelty("minutes")
    chart = drawn(found)
    assert chart.series[0].y == tuple(one.difference for one in found.cohorts)
    assert f"Change from week to week: {found.slope:.4g}" in chart.note


def test_triggered_units_stand_beside_all():
    found = FOUND.triggered({"country": "se"})
    chart = found.view().charts[0]
    part, whole = chart.series
    one = found.diluted[0]
    assert part.x[0] == found.analysis["minutes"].relative
    assert whole.x[0] == one.relative
    assert whole.low[0] == pytest.approx(one.ci_low * one.relative / one.difference)


def plan(units=4000, days=14.0):
    curve = tuple(CurvePoint("minutes", 7.0 * week, 2000.0 * week, 0.4 + week / 10, 0.05 / week) for week in (1, 2, 3))
    return Plan({"a": 0.5, "b": 0.5}, (), units, int(days), 28, 285.0, curve, 0.8, 0.95)


def test_a_plan_draws_power_and_what_it_finds_against_weeks():
    power, found = plan().view().charts
    assert (power.series[0].x, power.series[0].y) == ((1.0, 2.0, 3.0), (0.5, 0.6000000000000001, 0.7))
    assert found.series[0].y == (0.05, 0.025, 0.05 / 3)
    assert [(rule.axis, rule.at) for rule in power.rules] == [("x", 2.0), ("y", 0.8)]


def test_a_plan_beyond_its_curve_says_so_and_one_without_a_curve_draws_nothing():
    power, _ = plan(days=70.0).view().charts
    assert "The plan (10 weeks) lies beyond." in power.note
    assert [rule.axis for rule in power.rules] == ["y"]
    assert replace(plan(), curve=()).view().charts == ()


def test_without_traffic_a_plan_is_drawn_against_units_and_nan_powers_are_left_out():
    base = plan()
    curve = tuple(one._replace(days=np.nan, power=np.nan) for one in base.curve)
    (found,) = replace(base, curve=curve).view().charts
    assert found.series[0].x == (2000.0, 4000.0, 6000.0)


def test_false_alarms_stand_beside_alpha():
    row = Validated("minutes", "plain", 900, 500, 0.06, 0.04, 0.085, 0.4, 0.0, 0.05, 1.0, 0.7, 0.94, 0.92, 0.96, "ok")
    none = row._replace(metric="flat", status="zero variance", false_positives=np.nan)
    alarms, coverage = Validation((row, none), 900, 500, 0.5, 0.05, 0).view().charts
    assert (alarms.series[0].x, alarms.series[0].low, alarms.series[0].high) == ((0.06,), (0.04,), (0.085,))
    assert [rule.at for rule in (*alarms.rules, *coverage.rules)] == [0.05, 0.95]
    assert "Nothing is known of: flat." in alarms.note


def test_a_preference_is_drawn_with_its_interval_and_the_users_behind_it():
    users = np.repeat(np.arange(60), 5)
    one, two = (
        pl.DataFrame({"user_id": users, "item_id": np.tile(items, 60), "rank": np.tile(np.arange(1, 6), 60)})
        for items in (np.arange(5), np.arange(3, 8))
    )
    lists = interleave(one, two, k=5, names=("pop", "als"))
    clicks = lists.to_polars().select("user_id", "item_id").sample(80, seed=1)
    found = analyze_interleaving(lists, clicks)
    estimates, preferred = found.view().charts
    assert estimates.series[0].x[0] == found.preference.estimate
    assert (estimates.series[0].low[0], estimates.series[0].high[0]) == (
        found.preference.ci_low,
        found.preference.ci_high,
    )
    assert preferred.series[0].x == (found.signs.losses, found.signs.ties, found.signs.wins)
    nobody = analyze_interleaving(lists, clicks.head(0))
    assert nobody.view().charts == ()
