"""A/A checks on simulated history: moments of splits, error rates, injected lifts, and what cannot be tested."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from recsys import stats
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.experiment import (
    Active,
    Count,
    Experiment,
    Frames,
    Mean,
    Proportion,
    Quantile,
    Ratio,
    UnitRequest,
    build_unit_table,
    validate,
)
from recsys.experiment.effects import all_effects
from recsys.experiment.outcomes import outcome_of
from recsys.experiment.validation.resplitting import split_moments
from recsys.experiment.validation.validating import _tests
from recsys.simulation import simulate

SPAN = {"since": "2026-01-20", "until": "2026-02-03"}
METRICS = (
    Mean("minutes", event="play", window="7d", pre_period="14d", cap=0.99),
    Proportion("rated", event="rating", window="7d", pre_period="14d"),
    Ratio("completion", numerator="sum(completion)", event="play", window="7d", pre_period="14d"),
    Quantile("heavy", q=0.75, event="play", window="7d"),
)


def experiment(*metrics, **options):
    return Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-03-01", metrics=metrics or METRICS, **options)


@pytest.fixture(scope="module")
def past():
    return Frames(events=simulate(users=1500, items=80, days=45, seed=5, impressions=False).events())


@pytest.fixture(scope="module")
def found(past):
    return validate(experiment(), past, splits=1000, seed=1, **SPAN)


@pytest.mark.parametrize("n", [40, 5000])
def test_moments_of_splits_are_the_moments_of_their_units(n):
    rng = np.random.default_rng(3)
    values = rng.normal([1e6, 2.0, -5.0], [1.0, 2.0, 0.5], size=(n, 3))
    masks = np.random.default_rng(9).random((50, n)) < 0.3
    for mask, parts in zip(masks, split_moments(values, 0.3, 50, np.random.default_rng(9)), strict=True):
        for mine, chosen in zip(parts, (mask, ~mask), strict=True):
            wanted = stats.Moments.of(values[chosen])
            assert mine.n == wanted.n
            assert mine.mean == pytest.approx(wanted.mean, rel=1e-12)
            # centred at the mean of all units: relative to the variances
            scale = np.sqrt(np.outer(np.diagonal(wanted.comoments), np.diagonal(wanted.comoments)))
            assert (np.abs(mine.comoments - wanted.comoments) < 1e-9 * scale).all()


def test_no_effect_is_found_in_five_percent(found):
    """1,000 splits: a share of 5 % is known to ±0.7 points (one standard error)."""
    assert [(row.metric, row.method) for row in found.rows] == [
        ("minutes", "plain"), ("minutes", "adjusted"), ("rated", "plain"), ("rated", "adjusted"),
        ("completion", "plain"), ("completion", "adjusted"), ("heavy", "plain"),
    ]  # fmt: skip
    for row in found.rows:
        error = np.sqrt(0.05 * 0.95 / row.splits)
        assert row.status == "ok"
        assert row.splits == (200 if row.metric == "heavy" else 1000)
        assert abs(row.false_positives - 0.05) < 3.5 * error
        assert row.ci_low <= row.false_positives <= row.ci_high
        if row.metric not in ("rated", "heavy"):  # p-values of counts and of order statistics come in steps
            assert row.uniformity > 0.001
    assert found.failed == ()
    assert "no more than chance" in found.summary


def test_the_lift_is_found_as_often_as_planned_and_lies_in_the_intervals(found):
    for row in found.rows:
        error = np.sqrt(0.8 * 0.2 / row.splits)
        if row.method == "plain":  # the lift is chosen so; that of a quantile goes by a rough standard error
            assert abs(row.power - 0.8) < (0.15 if row.metric == "heavy" else 0.03 + 3.5 * error)
        else:
            assert row.power > found.rows[found.rows.index(row) - 1].power - 0.02
        assert row.coverage > 0.95 - 3.5 * np.sqrt(0.05 * 0.95 / row.splits)
        assert row.lift > 0
    assert found["minutes"].variance_reduction > 0.05
    assert found["completion"].method == "adjusted"


def test_splits_are_tested_as_the_analysis_tests(past):
    """The tests of one split are those of an experiment in which the same units are in the same arms."""
    test = experiment(*METRICS[:3])
    table = build_unit_table(past, _request(test))
    for metric in test.metrics:
        outcome = outcome_of(metric, table)
        values = outcome.values[outcome.used]
        mask = np.random.default_rng(6).random((1, len(values)))[0] < 0.4
        (parts,) = split_moments(values, 0.4, 1, np.random.default_rng(6))
        arm = np.zeros(len(table), np.int16)
        arm[np.flatnonzero(outcome.used)[mask]] = 1
        (effect,) = all_effects([outcome_of(metric, replace(table, arms=("a", "b"), arm=arm))], 0.95)
        found = _tests(outcome, *parts, 0.05)
        assert found["plain"][0].pvalue == pytest.approx(effect.unadjusted["pvalue"], rel=1e-9)
        assert found["adjusted"][0].pvalue == pytest.approx(effect.pvalue, rel=1e-9)
        assert found["adjusted"][0].ci_low == pytest.approx(effect.ci_low, rel=1e-9)
        assert found["adjusted"][1] == pytest.approx(effect.variance_reduction, rel=1e-9)


def test_a_table_and_its_source_give_the_same_and_seeds_repeat(past):
    test = experiment(METRICS[0])
    few = validate(test, build_unit_table(past, _request(test)), splits=50, seed=4)
    assert validate(test, past, splits=50, seed=4, **SPAN).to_dict() == few.to_dict()
    assert validate(test, past, splits=50, seed=5, **SPAN).to_dict() != few.to_dict()


def _request(test):
    request = test.request()
    micros = [int(np.datetime64(SPAN[name], "us").astype(np.int64)) for name in ("since", "until")]
    return UnitRequest(Active(*micros), request.measures)


def test_cuped_saves_what_theory_says_on_simulated_history(past):
    """Deng et al. 2013: the variance of the difference falls by ρ², here measured over 2,000 random splits."""
    test = experiment(Mean("minutes", event="play", window="14d", pre_period="14d"))
    table = build_unit_table(past, _request(test))
    y, x = table.columns["minutes"], table.columns["minutes.pre"]
    used = table.matured["minutes"]
    y, x = y[used], x[used]
    rho2 = np.corrcoef(y, x)[0, 1] ** 2
    assert rho2 > 0.15
    plain, adjusted, told = [], [], []
    for left, right in split_moments(np.column_stack([y, x]), 0.5, 2000, np.random.default_rng(2)):
        found = stats.adjusted_difference(left, right, outcome=0, covariates=[1])
        plain.append(found.unadjusted.estimate)
        adjusted.append(found.effect.estimate)
        told.append(found.variance_reduction)
    assert np.mean(told) == pytest.approx(rho2, abs=0.01)  # θ is estimated: a degree of freedom
    # two variances of 2,000 splits each, correlated: their ratio is good to 3.2 % or better (one standard error)
    assert 1 - np.var(adjusted) / np.var(plain) == pytest.approx(rho2, abs=4 * 0.032 * (1 - rho2))
    row = validate(test, table, splits=200)["minutes"]
    assert row.variance_reduction == pytest.approx(rho2, abs=0.01)


def test_a_lift_of_any_size_and_side(past):
    test = experiment(METRICS[0], METRICS[1])
    down = validate(test, past, splits=100, lift=-0.2, **SPAN)
    assert down["minutes"].lift == pytest.approx(-0.2)
    assert down["rated"].lift == pytest.approx(-0.2, abs=0.01)  # whole units
    assert down["minutes"].effect < 0
    none = validate(test, past, splits=100, lift=0.0, **SPAN)
    assert none["minutes"].power == 0.0


def test_uneven_arms_go_by_the_weights(past):
    test = experiment(METRICS[0])
    assert validate(test, past, splits=20, **SPAN).share == 0.5
    uneven = Experiment(
        "x", {"a": 0.8, "b": 0.1, "c": 0.1}, control="a", start="2026-03-01", metrics=[METRICS[0]], confidence=0.9
    )
    found = validate(uneven, past, splits=400, **SPAN)
    assert (found.share, found.alpha) == (pytest.approx(1 / 9), 0.1)
    assert abs(found["minutes"].false_positives - 0.1) < 4 * np.sqrt(0.09 / 400)


def test_what_cannot_be_tested_has_a_status(past):
    test = experiment(
        Count("nothing", event="none", window="7d"),
        Ratio("empty", numerator="sum(value)", denominator="count()", event="none", window="7d"),
        Count("late", event="play", window="60d"),
    )
    found = validate(test, past, splits=20, **SPAN)
    assert [row.status for row in found.rows] == ["zero_variance", "zero_denominator", "too_few"]
    assert all(np.isnan(row.false_positives) for row in found.rows)
    assert "nothing could be validated" in found.summary
    assert found.to_polars()["power"].null_count() == 3
    assert repr(found)


def test_too_many_false_alarms_are_told(found):
    bad = replace(found, rows=(found.rows[0]._replace(false_positives=0.09),))
    assert [row.metric for row in bad.failed] == ["minutes"]
    assert bad.summary.startswith("too many false alarms")
    assert bad.to_dict()["failed"] == [["minutes", "plain"]]
    json.dumps(replace(bad, share=float("nan")).to_dict(), allow_nan=False)


def test_what_is_refused(past):
    test = experiment(METRICS[0])
    backwards = {"since": "2026-02-01", "until": "2026-01-01"}
    for wrong in ({}, backwards, {**SPAN, "splits": 1}, {**SPAN, "lift": -2.0}, {**SPAN, "share": 1.0}):
        with pytest.raises(ArgumentError):
            validate(test, past, **wrong)
    with pytest.raises(NotFoundError):
        validate(test, past, splits=20, **SPAN)["x"]
