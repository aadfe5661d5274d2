"""Who came into which arm: counts are those of the check, and the band is that of its sequential test."""

from __future__ import annotations

import numpy as np
import pytest

from recsys import stats
from recsys.experiment import Mean, Stage, analyze
from recsys.experiment.charts.arms import arm_charts, arms_table, units_by_day

from ..made_up import experiment, unit_table

RNG = np.random.default_rng(8)
N, DAYS = 6000, 12
DAY = np.sort(RNG.integers(0, DAYS, N))


def analysis(arm, names=("pop", "als"), **changed):
    columns = {"minutes": RNG.gamma(2.0, 10.0, len(arm))}
    table = unit_table(arm, columns, arms=names, days=DAY, **changed.pop("table", {}))
    return analyze(experiment(Mean("minutes"), **changed), table)


def test_shares_and_sizes_are_those_of_the_units():
    arm = (RNG.random(N) < 0.5).astype(int)
    found = analysis(arm)
    ratio, sizes = arm_charts(found)
    line = ratio.series[1]
    shares = [arm[day >= DAY].mean() for day in range(DAYS)]
    np.testing.assert_allclose(line.y, shares, rtol=1e-12)
    assert [at.day for at in line.x] == [4 + day for day in range(DAYS)]
    assert sizes.series[0].x == tuple(np.bincount(arm).tolist())
    assert sizes.series[1].x == (N / 2, N / 2)
    assert [(rule.axis, rule.at) for rule in ratio.rules] == [("y", 0.5)]
    assert "in order" in ratio.note
    table = arms_table(found)
    assert table.rows[1][:2] == ("als", int(arm.sum()))
    assert table.rows[1][3].values == tuple(units_by_day(found.table)[:, 1].tolist())


def test_the_line_leaves_the_band_when_the_sequential_test_raises_an_alarm():
    arm = (RNG.random(N) < 0.54).astype(int)
    ratio, _ = arm_charts(analysis(arm))
    band, line = ratio.series
    outside = [not low <= share <= high for low, share, high in zip(band.low, line.y, band.high, strict=True)]
    by_day = np.array([np.bincount(arm[day >= DAY], minlength=2) for day in range(DAYS)])
    alarms = [stats.sequential_sample_ratio(row, [0.5, 0.5]).pvalue < 0.01 for row in by_day]
    assert outside == alarms
    assert any(alarms)
    assert not all(alarms)


def test_three_arms_have_a_line_each_and_a_band_for_each_share():
    arm = RNG.choice(3, N, p=[0.5, 0.25, 0.25])
    found = analysis(arm, ("pop", "als", "bpr"), arms={"pop": 0.5, "als": 0.25, "bpr": 0.25})
    ratio, _ = arm_charts(found)
    assert [(one.mark, one.name) for one in ratio.series] == [
        ("band", "no alarm around 50 %"), ("band", "no alarm around 25 %"),
        ("line", "share of pop"), ("line", "share of als"), ("line", "share of bpr"),
    ]  # fmt: skip


def test_a_ramp_that_changes_the_shares_shows_what_was_expected_and_no_band():
    early = DAY < DAYS // 2
    arm = np.where(early, RNG.random(N) < 0.1, RNG.random(N) < 0.5).astype(int)
    ramp = [
        Stage("2024-10-04", share=0.2, weights={"pop": 0.9, "als": 0.1}),
        Stage("2024-10-10", share=1.0, weights={"pop": 0.5, "als": 0.5}),
    ]
    found = analysis(arm, ramp=ramp, assignment="elsewhere", table={"stage": (~early).astype(int)})
    ratio, sizes = arm_charts(found)
    assert [one.mark for one in ratio.series] == ["line", "step"]
    assert ratio.rules == ()
    expected = 0.1 * early.sum() + 0.5 * (~early).sum()
    assert sizes.series[1].x[1] == pytest.approx(expected)
    assert ratio.series[1].y[-1] == pytest.approx(expected / N)


def test_one_day_and_nobody():
    table = unit_table(np.arange(N) % 2, {"minutes": RNG.gamma(2.0, 10.0, N)})
    (sizes,) = arm_charts(analyze(experiment(Mean("minutes")), table))
    assert sizes.title == "Units by arm: 3,000 in pop, 3,000 in als"
    assert arm_charts(analyze(experiment(Mean("minutes")), unit_table([], {"minutes": []}))) == ()


def test_the_wide_band_of_the_first_units_does_not_flatten_the_days_that_follow():
    days = np.r_[np.zeros(20, int), DAY[20:]]  # 20 units on the first day: the band is everything
    arm = (RNG.random(N) < 0.5).astype(int)
    table = unit_table(arm, {"minutes": RNG.gamma(2.0, 10.0, N)}, arms=("pop", "als"), days=np.sort(np.where(
        np.arange(N) < 20, 0, days + 1)))  # fmt: skip
    ratio, _ = arm_charts(analyze(experiment(Mean("minutes")), table))
    band = ratio.series[0]
    ends = np.array([band.low, band.high])
    assert np.isinf(ends[:, 0]).all()
    assert np.isfinite(ends[:, -1]).all()
    half = ends[1, -1] - 0.5
    assert np.abs(ends[np.isfinite(ends)] - 0.5).max() <= 4 * half + 1e-12
    bounds = np.array(stats.sample_ratio_bounds(units_by_day(table).cumsum(axis=0).sum(axis=1), 0.5, alpha=0.01))
    np.testing.assert_array_equal(ends[np.isfinite(ends)], bounds[np.isfinite(ends)])
