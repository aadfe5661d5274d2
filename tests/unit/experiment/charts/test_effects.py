"""Forest plots of effects: their numbers are the analysis' own, and a failed check is said in each."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.experiment import Analysis, ConfidenceSequence, Mean, Proportion, analyze
from recsys.experiment.charts.effects import MOST_ARMS, effect_charts
from recsys.experiment.verdicts import relative_bounds

from ..made_up import experiment, unit_table

RNG = np.random.default_rng(5)
N = 4000
ARM = np.arange(N) % 2
COLUMNS = {
    "minutes": RNG.gamma(2.0, 10.0, N) + 2 * ARM,
    "crashes": RNG.poisson(3.0, N),
    "stalls": RNG.poisson(2.0, N),
}
METRICS = [
    Mean("minutes"),
    Mean("crashes", role="guardrail", direction="decrease", margin=0.05),
    Mean("stalls", role="guardrail", direction="decrease", margin=0.1),
]


def analysis(arm=ARM, columns=COLUMNS, metrics=METRICS, days=None, **changed) -> Analysis:
    changed = {"planned_units": N, **changed}
    return analyze(experiment(*metrics, **changed), unit_table(arm, columns, days=days))


def marks(chart):
    """Return (x, low, high) by label of the intervals of a chart."""
    return {
        label: (x, low, high)
        for series in chart.series
        if series.mark == "interval"
        for label, x, low, high in zip(series.y, series.x, series.low, series.high, strict=True)
    }


def test_the_numbers_drawn_are_those_of_the_effects():
    found = analysis()
    goals, guards = effect_charts(found)
    one = found["minutes"]
    assert marks(goals) == {"minutes (better)": (one.relative, *relative_bounds(one))}
    assert {label.split(" ")[0] for label in marks(guards)} == {"crashes", "stalls"}
    assert [(rule.axis, rule.at) for rule in goals.rules] == [("x", 0.0)]
    tolerated = next(series for series in guards.series if series.mark == "point")
    assert tolerated.x == (0.05, 0.1)  # less is better: more of it by the margin is what is tolerated
    assert "Less is better of: crashes, stalls." in guards.note


def test_a_margin_that_all_guardrails_share_is_one_line():
    _, guards = effect_charts(analysis(metrics=[METRICS[0], METRICS[1]]))
    assert [(rule.at, rule.label) for rule in guards.rules][1] == (0.05, "tolerated: +5 %")
    assert all(series.mark == "interval" for series in guards.series)


def test_a_blocked_decision_stands_in_every_chart_and_no_verdict_does():
    arm = (RNG.random(N) < 0.6).astype(int)
    found = analysis(arm)
    assert found.decision.action == "blocked"
    view = found.view()
    effects = [chart for chart in view.charts if "difference" in chart.x.label]
    assert len(effects) == 2
    for chart in effects:
        assert chart.title.startswith("Not to be trusted, srm failed: ")
        assert "blocks the decision" in chart.note
        assert not any("(" in label for label in marks(chart))
    assert "The decision is blocked: srm fails." in view.charts[0].note  # who came where is seen first
    assert found.decision.charts == view.charts[:1] + tuple(effects)


def test_intervals_at_all_looks_are_drawn_and_named_where_looks_are_paid_for():
    days = np.arange(N) * 10 // N
    found = analysis(metrics=[Mean("minutes", window="1d")], days=days, monitoring=ConfidenceSequence())
    (chart,) = effect_charts(found)
    (series,) = chart.series
    assert series.name == "95 % interval at all looks"
    assert series.high[0] > found["minutes"].relative_ci_high


def test_before_the_planned_size_it_is_said_to_be_too_early():
    (chart, _) = effect_charts(analysis(planned_units=10 * N))
    assert "Too early to judge" in chart.note
    assert list(marks(chart)) == ["minutes"]


def test_what_cannot_be_estimated_is_named_and_not_drawn():
    found = analysis(columns=COLUMNS | {"flat": np.ones(N)}, metrics=[Mean("minutes"), Mean("flat")])
    (chart,) = effect_charts(found)
    assert chart.note.endswith("Not estimable, so not drawn: flat.")


def test_a_metric_without_a_relative_effect_gets_a_chart_in_its_own_unit():
    columns = COLUMNS | {"rare": ((ARM == 1) & (np.arange(N) % 40 == 1)).astype(float)}
    found = analysis(columns=columns, metrics=[Mean("minutes"), Proportion("rare")])
    relative, absolute = effect_charts(found)
    assert [label.split(" ")[0] for label in marks(relative)] == ["minutes"]
    assert (absolute.x.unit, absolute.x.percent) == ("percentage points", True)
    one = found["rare"]
    assert next(iter(marks(absolute).values())) == (one.difference, one.ci_low, one.ci_high)


@pytest.mark.parametrize("empty", [False, True])
def test_an_empty_arm_and_no_units_draw_nothing_that_is_not_there(empty):
    n = 0 if empty else N
    found = analysis(ARM[:n] * 0, {name: values[:n] for name, values in COLUMNS.items()})
    assert not [chart for chart in found.view().charts if "difference" in chart.x.label]


def test_six_arms_and_fifteen_metrics_are_drawn_arm_by_arm():
    arms = ("pop", *(f"als{k}" for k in range(1, 6)))
    arm = np.arange(N) % 6
    columns = {f"m{k}": RNG.gamma(2.0, 10.0, N) for k in range(15)}
    shares = dict.fromkeys(arms[1:], 0.1666) | {"pop": 0.167}
    test = experiment(*map(Mean, columns), arms=shares, planned_units=N)
    found = analyze(test, unit_table(arm, columns, arms=arms))
    charts = effect_charts(found)
    assert len(charts) == 5 <= MOST_ARMS
    for chart, name in zip(charts, arms[1:], strict=True):
        assert chart.title == f"Goals: {name} − pop"
        assert len(marks(chart)) == 15
    assert marks(charts[1])["m3"][0] == found.effect("m3", "als2").relative
    assert sum(len(series.x) for chart in found.view().charts for series in chart.series) <= 500
