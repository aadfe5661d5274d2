"""What the checks of weights, rewards and support say, on cases that can be worked out, and how often they err."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from recsys.ope.checks import Check, Limits, downgraded
from recsys.ope.diagnostics import (
    cluster_check,
    clustered_error,
    mean_weight,
    rewarded_check,
    size_checks,
    support_bounds,
    support_check,
    weight_histogram,
)

from .logs import uniform_log


def test_two_weights_among_ten_thousand_are_told():
    weights = np.zeros(10_000)
    weights[:2] = 5000.0
    size, largest = size_checks(weights)
    assert (size.status, size.downgrades, size.number) == ("fail", "not_estimable", 2.0)
    assert (largest.status, largest.downgrades, largest.number) == ("fail", "not_estimable", 0.5)


def test_no_overlap_is_not_estimable():
    size, largest = size_checks(np.zeros(100))
    assert size.downgrades == "not_estimable"
    assert "nothing" in size.consequence
    assert largest.status == "not_run"


def test_two_users_are_two_observations_however_many_rows_they_have():
    users = np.repeat(np.arange(102), [5000] * 2 + [2] * 100)
    found = cluster_check(np.ones(len(users)), users)
    assert (found.status, found.downgrades) == ("fail", "not_estimable")
    assert found.number == pytest.approx(10_200**2 / (2 * 5000**2 + 100 * 4))
    assert cluster_check(np.ones(100), np.repeat(np.arange(10), 10)).downgrades == "flagged"
    assert cluster_check(np.ones(100), np.arange(100)).status == "ok"


def test_all_the_clicks_of_one_user_are_one():
    clicks = (np.arange(10_000) < 500).astype(float)
    users = np.arange(10_000) // 500
    assert rewarded_check(np.ones(10_000), clicks).status == "ok"
    assert rewarded_check(np.ones(10_000), clicks, clusters=users).downgrades == "not_estimable"


def test_the_error_of_independent_rows_is_that_of_the_mean():
    values = np.random.default_rng(1).normal(size=50)
    assert clustered_error(values, None) == pytest.approx(stats.sem(values), rel=1e-12)
    assert clustered_error(values, np.arange(50)) == pytest.approx(stats.sem(values), rel=1e-12)


def test_rows_that_are_copies_count_once():
    values = np.random.default_rng(1).normal(size=50)
    doubled = clustered_error(np.repeat(values, 2), np.repeat(np.arange(50), 2))
    assert doubled == pytest.approx(stats.sem(values), rel=1e-12)
    assert math.isnan(clustered_error(values, np.zeros(50, int)))


def test_the_mean_weight_finds_doubled_propensities_and_lets_true_ones_pass():
    log = uniform_log(4000, 10, seed=3)
    target = np.arange(1, 11) / 55
    weights = target[log.actions] / log.propensities.position
    assert mean_weight(weights).status == "ok"
    found = mean_weight(weights / 2)
    assert (found.status, found.downgrades) == ("fail", "not_estimable")
    assert mean_weight(weights * 0.8, expected=0.8).status == "ok"  # a policy that leaves a fifth of the slots empty


def test_a_small_error_of_the_mean_weight_flags_only():
    weights = np.random.default_rng(0).uniform(0.95, 1.15, 4000)
    found = mean_weight(weights)
    assert (found.status, found.downgrades) == ("fail", "flagged")
    assert mean_weight(np.random.default_rng(0).uniform(0.99, 1.02, 4000)).status == "warn"


def test_equal_weights_have_a_mean_of_one():
    assert mean_weight(np.full(1000, 0.1) / np.full(1000, 0.1)).status == "ok"
    assert mean_weight(np.full(1000, 0.5)).downgrades == "not_estimable"


def test_the_mean_weight_errs_as_often_as_its_level_says():
    rng = np.random.default_rng(5)
    target, n, level = np.arange(1, 6) / 15, 400, 0.05
    alarms = sum(
        mean_weight(target[rng.integers(5, size=n)] * 5, limits=Limits(level=level)).status == "fail"
        for _ in range(4000)
    )
    assert 0.04 < alarms / 4000 < 0.06  # 2.9 standard errors of a share of .05


def test_the_mean_weight_of_very_uneven_weights_seldom_fails():
    rng = np.random.default_rng(11)
    draws = np.exp(rng.normal(-2, 2, (1500, 1000)))  # right propensities: weights have the mean 1
    alarms = sum(mean_weight(weights).status == "fail" for weights in draws)
    assert alarms / 1500 < 0.015  # 4.5 % by a normal test without a correction for their skewness


def test_the_mean_weight_of_uneven_weights_still_finds_doubled_propensities():
    rng = np.random.default_rng(12)
    draws = np.exp(rng.normal(-0.5, 1, (300, 500)))
    for times in (0.5, 2.0):
        found = sum(mean_weight(times * weights).downgrades == "not_estimable" for weights in draws)
        assert found / 300 > 0.9


def test_rewards_of_very_uneven_size_are_flagged():
    rng = np.random.default_rng(9)
    minutes = rng.lognormal(-3, 2.5, (200, 1000))  # normal intervals of 95 % cover 73 % of such means
    found = [rewarded_check(np.full(1000, 1.0), one) for one in minutes]
    assert sum(one.downgrades == "flagged" for one in found) > 180
    assert "larger ones may not have come" in found[0].reason
    even = rng.normal(0, 1, 60)  # both ways alike: nothing is hidden in a tail
    assert rewarded_check(np.full(60, 1.0), even).status == "ok"
    fine = rng.lognormal(0, 0.7, 1000)
    assert rewarded_check(np.full(1000, 1.0), fine).status == "ok"


def test_a_handful_of_clicks_is_flagged_and_one_is_nothing():
    weights = np.zeros(10_000)
    weights[:300] = 34.0
    rewards = np.zeros(10_000)
    rewards[:5] = 1
    found = rewarded_check(weights, rewards)
    assert (found.downgrades, found.number) == ("flagged", 5.0)
    assert rewarded_check(weights, rewards * (np.arange(10_000) < 1)).downgrades == "not_estimable"
    assert rewarded_check(weights, np.ones(10_000)).status == "ok"


def test_a_part_never_shown_has_bounds():
    assert support_check(0.15).downgrades == "not_estimable"
    assert support_check(0.05).downgrades == "flagged"
    assert support_check(0.0).status == "ok"
    assert support_check(None).status == "not_run"
    assert support_bounds(0.03, 0.15, (0, 2)) == pytest.approx((0.03, 0.33))


def test_the_histogram_holds_every_row_once():
    weights = np.array([0.0, 0.0, 1.0, 1.5, 150.0])
    bins = weight_histogram(weights)
    assert sum(one.rows for one in bins) == 5
    assert bins[0].rows == 2
    assert bins[0].weight_share == 0
    assert bins[-1].rows == 1
    assert bins[-1].weight_share == pytest.approx(150 / 152.5)


def test_the_worst_check_decides_and_warnings_do_not():
    checks = [
        Check("a", "fail", downgrades="flagged", consequence="so"),
        Check("b", "fail", downgrades="not_estimable", consequence="worse", detail="1 of 2"),
        Check("c", "warn", downgrades="not_estimable"),
    ]
    assert downgraded("estimable", checks) == ("not_estimable", ("b: worse (1 of 2)", "a: so"))
    assert downgraded("estimable", checks[2:]) == ("estimable", ())
