"""Outcomes that are there for some units only."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, kstest, skew

from recsys.experiment import Mean, analyze
from recsys.experiment.integrity.checks import Thresholds
from recsys.experiment.integrity.outcomes import missing_outcome_check, skewness_check
from recsys.experiment.outcomes import outcome_of

from ..made_up import experiment, unit_table

N = 4000
METRICS = (Mean("survey"),)


def answered(shares, seed=4):
    """Return a table in which units have an outcome with chances of their arm, and which those are."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, N)
    known = rng.random(N) < np.take(shares, arm)
    return unit_table(arm, {"survey": rng.normal(7, 2, N)}, matured={"survey": known}), arm, known


def test_an_outcome_that_one_arm_lacks_blocks():
    table, *_ = answered([1.0, 0.75])
    found = analyze(experiment(*METRICS, planned_units=100), table)
    assert found.check("missing-outcomes").status == "fail"
    assert found.decision.action == "blocked"
    assert "pop 100.0 %, als 7" in found.check("missing-outcomes").detail


def test_the_pvalue_is_that_of_the_contingency_table():
    table, arm, known = answered([0.80, 0.78])
    counts = [[np.count_nonzero((arm == one) & (known == other)) for one in (0, 1)] for other in (True, False)]
    expected = chi2_contingency(counts, correction=False).pvalue
    assert missing_outcome_check(METRICS, table, Thresholds()).number == pytest.approx(expected, rel=1e-9)


def test_outcomes_that_are_missing_by_chance_pass_at_the_nominal_rate():
    pvalues = [
        missing_outcome_check(METRICS, answered([0.7, 0.7], seed)[0], Thresholds()).number for seed in range(400)
    ]
    assert kstest(pvalues, "uniform").pvalue > 0.01  # fixed seeds


def test_shares_are_compared_within_stages():
    """A ramp whose ratio changed: the units of b came later, and fewer of their windows have ended."""
    rng = np.random.default_rng(6)
    stage = np.arange(N) % 2
    arm = rng.random(N) < np.where(stage == 0, 0.1, 0.5)
    known = rng.random(N) < np.where(stage == 0, 0.9, 0.3)
    table = unit_table(arm, {"survey": np.zeros(N)}, stage=stage, matured={"survey": known})
    assert missing_outcome_check(METRICS, table, Thresholds()).status == "ok"


def test_nothing_is_compared_when_all_units_have_an_outcome():
    assert missing_outcome_check(METRICS, answered([1.0, 1.0])[0], Thresholds()).status == "not_run"


def test_too_few_units_for_a_skewed_metric_are_told():
    values = np.random.default_rng(4).exponential(10, 4000)  # skewness 2: 1,420 units an arm are wanted
    arm = np.arange(4000) % 2
    wanted = 355 * skew(values) ** 2

    def check(n, **settings):
        table = unit_table(arm[:n], {"minutes": values[:n]})
        return skewness_check([outcome_of(Mean("minutes", **settings), table)])

    enough = check(4000)
    assert enough.status == "ok"
    assert enough.number == pytest.approx(2000 / wanted, rel=1e-9)
    few = check(1000)
    assert few.status == "warn"
    assert "hold less often" in few.consequence
    assert "500 units" in few.detail
    assert check(1000, cap_at=15).status == "ok"
    assert skewness_check([]).status == "not_run"
    found = analyze(experiment(Mean("minutes")), unit_table(arm[:1000], {"minutes": values[:1000]}))
    assert any(warning.startswith("skewness") for warning in found.warnings)
