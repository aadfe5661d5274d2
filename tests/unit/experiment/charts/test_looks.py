"""Looks drawn: bands of sequences, intervals of planned looks, what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from recsys.core.times import from_micros
from recsys.experiment import ConfidenceSequence, GroupSequential, Mean, analyze
from recsys.experiment.analysis_view import MOST_LOOKED, monitors_view
from recsys.experiment.charts.looks import looks_chart

from ..made_up import experiment, unit_table

RNG = np.random.default_rng(4)
N, DAYS = 6000, 20
ARM = np.arange(N) % 2
TABLE = unit_table(ARM, {"minutes": RNG.gamma(2.0, 10.0, N) + 2 * ARM}, days=np.arange(N) * DAYS // N)
METRIC = Mean("minutes", window="2d")


def monitor(**changed):
    return analyze(experiment(METRIC, planned_units=N, **changed), TABLE).monitor("minutes")


def test_a_sequence_is_a_band_from_its_first_look_on():
    found = monitor(monitoring=ConfidenceSequence(burn_in=500), end="2024-10-24")
    chart = looks_chart(found)
    band, line = chart.series
    told = [look for look in found.looks if np.isfinite(look.ci_low)]
    assert 0 < len(told) < len(found.looks)
    assert (band.low, band.high) == (tuple(one.ci_low for one in told), tuple(one.ci_high for one in told))
    assert line.y == tuple(one.difference for one in told)
    assert line.x == tuple(from_micros(one.at) for one in told)
    assert "days with too few units" in chart.note
    assert "An interval for one look alone is narrower" in chart.note
    assert [(rule.axis, rule.label) for rule in chart.rules] == [
        ("y", ""), ("x", "planned units"), ("x", "planned end"),
    ]  # fmt: skip
    assert chart.rules[2].at == datetime(2024, 10, 26)  # the window of the last unit
    assert chart.title == found.summary


def test_planned_looks_are_intervals_where_they_were_due():
    found = monitor(monitoring=GroupSequential(4))
    (series,) = looks_chart(found).series
    assert series.mark == "interval"
    assert len(series.x) == len(found.looks) == 4
    assert found.view().charts == (looks_chart(found),)


def test_no_look_no_chart():
    found = monitor(monitoring=GroupSequential(4))
    assert looks_chart(replace(found, looks=())) is None
    sequence = monitor()
    assert looks_chart(replace(sequence, looks=sequence.looks[-1:])) is None  # one point is no curve


def test_many_effects_are_not_all_drawn_and_it_is_said():
    found = monitor()
    shown = monitors_view("x", [found] * (MOST_LOOKED + 3))
    assert len(shown.charts) == MOST_LOOKED
    assert "3 further charts not drawn" in shown.notes


def test_a_long_experiment_is_thinned():
    days = np.arange(N) * 500 // N
    table = unit_table(ARM, {"minutes": RNG.gamma(2.0, 10.0, N)}, days=days)
    found = analyze(experiment(METRIC, planned_units=N), table).monitor("minutes")
    band, _ = looks_chart(found).series
    assert len(found.looks) == 500
    assert len(band.x) <= 200
    assert band.low[-1] == found.looks[-1].ci_low


def told(intervals):
    """Return a monitor whose looks, one a day from 1 October on, have these intervals."""
    found, day = monitor(), 86_400_000_000
    first = (20_000 - 2) * day  # the end of 1 October 2024
    looks = tuple(
        found.looks[-1]._replace(
            at=first + place * day, difference=(low + high) / 2, ci_low=low, ci_high=high, crossed=not low <= 0 <= high
        )
        for place, (low, high) in enumerate(intervals)
    )
    return replace(found, looks=looks)


@pytest.mark.parametrize(
    ("intervals", "says"),
    [
        ([(-1, 2), (1, 3), (1, 2)], "above 0 since 2024-10-02"),
        ([(-1, 2), (1, 3), (-1, 2)], "above 0 on 2024-10-02, but the interval of 2024-10-03 holds 0 again"),
        ([(1, 3), (-1, 2), (1, 2)], "above 0 since 2024-10-03"),
        ([(1, 3), (-3, -2), (-3, -1)], "below 0 since 2024-10-02"),
        ([(-1, 2), (-1, 3)], "no difference shown after 2 looks"),
    ],
)
def test_a_title_says_what_holds_by_now(intervals, says):
    assert told(intervals).summary == f"minutes, als − pop: {says}"


def test_what_several_looks_show_is_what_they_show_by_now():
    still, no_more, never = told([(1, 3)]), told([(1, 3), (-1, 2)]), told([(-1, 2)])
    assert monitors_view("x", [never]).title == "x: nothing shown so far"
    assert monitors_view("x", [still, never]).title == "x: a difference is shown in minutes (als)"
    assert monitors_view("x", [no_more]).title == "x: one was shown in minutes (als), and the last look holds 0 again"
