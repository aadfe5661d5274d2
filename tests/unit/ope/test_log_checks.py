"""What the checks of a log say, and how often they err."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recsys.ope import Propensities
from recsys.ope.checks import Limits
from recsys.ope.log_checks import calibration_check, drift_checks, log_checks

from .logs import made_log, uniform_log


def by_name(checks):
    return {check.name: check for check in checks}


def test_a_log_in_order_has_nothing_to_say():
    users = np.random.default_rng(0).integers(50, size=3000)
    log = uniform_log(3000, 10, seed=1, users=users, times=np.arange(3000), slots=3)
    assert {check.status for check in log_checks(log)} == {"ok"}


def test_a_deterministic_logger_is_not_estimable():
    log = uniform_log(100, 5, seed=1)
    log = replace(log, propensities=Propensities(position=np.ones(100)))
    found = by_name(log_checks(log))["randomness"]
    assert (found.status, found.downgrades) == ("fail", "not_estimable")


def test_a_log_without_propensities_is_left_to_direct_methods():
    log = replace(uniform_log(100, 5, seed=1), propensities=Propensities())
    assert by_name(log_checks(log))["randomness"].downgrades == "flagged"


@pytest.mark.parametrize(("duplicates", "status"), [(0, "ok"), (1, "warn"), (100, "fail")])
def test_repeated_rows(duplicates, status):
    log = replace(uniform_log(1000, 5, seed=1, times=np.arange(1000)), duplicates=duplicates)
    assert by_name(log_checks(log))["duplicates"].status == status


def test_equal_rows_without_anything_to_tell_them_apart_may_be_two():
    log = replace(uniform_log(1000, 5, seed=1), duplicates=100)
    assert by_name(log_checks(log))["duplicates"].status == "not_run"


def test_estimated_propensities_flag():
    log = replace(uniform_log(1000, 5, seed=1), estimated=True)
    assert by_name(log_checks(log))["propensities"].downgrades == "flagged"


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_propensities_that_are_off_by_a_factor_are_found(factor):
    n = 4000
    log = uniform_log(n, 20, seed=2, times=np.arange(n), context={"candidate_set": ["all"] * n})
    wrong = replace(log, propensities=Propensities(position=log.propensities.position * factor))
    assert calibration_check(log).status == "ok"
    assert (calibration_check(wrong).status, calibration_check(wrong).downgrades) == ("fail", "flagged")


def test_without_candidate_sets_only_an_excess_is_held_against_the_log():
    log = uniform_log(4000, 20, seed=2)
    halved, doubled = (
        replace(log, propensities=Propensities(position=log.propensities.position * factor)) for factor in (0.5, 2.0)
    )
    assert calibration_check(halved).status == "fail"
    assert calibration_check(doubled).status == "ok"


def test_an_item_that_came_later_is_no_miscalibration():
    rng = np.random.default_rng(4)
    early, late = rng.integers(10, size=3000), rng.integers(12, size=3000)
    actions = np.concatenate([early, late])
    propensity = np.repeat([1 / 10, 1 / 12], 3000)
    log = made_log(
        actions, propensity, np.zeros(6000), items=12, times=np.arange(6000), context={"candidate_set": ["all"] * 6000}
    )
    assert calibration_check(log).status == "ok"


def test_calibration_errs_as_often_as_its_level_says():
    limits, n = Limits(level=0.05), 1200
    alarms = sum(
        calibration_check(
            uniform_log(n, 20, seed=seed, times=np.arange(n), context={"candidate_set": ["all"] * n}), limits
        ).status
        != "ok"
        for seed in range(500)
    )
    assert 0.02 < alarms / 500 < 0.08  # three standard errors of a share of .05; χ² itself is an approximation


def test_drift_of_a_reward_between_halves_and_versions():
    rng = np.random.default_rng(6)
    n = 2000
    half = (np.arange(n) >= n // 2).astype(np.int32)
    log = uniform_log(n, 5, seed=6, times=np.arange(n), versions=("a", "b"), version_codes=half)
    steady, moved = rng.random(n), rng.random(n) + 0.2 * half
    found = by_name(drift_checks(log, {"steady": steady, "moved": moved, "equal": np.ones(n)}))
    assert {name: check.status for name, check in found.items()} == {
        "drift:steady": "ok",
        "drift:moved": "warn",
        "drift:equal": "ok",
    }
    assert found["drift:moved"].downgrades == "estimable"


def test_drift_errs_as_often_as_its_level_says():
    rng = np.random.default_rng(8)
    log = uniform_log(400, 5, seed=6, times=np.arange(400))
    columns = {str(number): rng.normal(size=400) for number in range(2000)}
    alarms = sum(check.status == "warn" for check in drift_checks(log, columns, Limits(level=0.05)))
    assert 0.036 < alarms / 2000 < 0.065  # three standard errors


def test_small_candidate_sets_are_added_up():
    rng = np.random.default_rng(9)
    n, days = 6000, 60
    day = np.arange(n) * days // n
    open_items = np.array([rng.permutation(20)[:10] for _ in range(days)])  # ten of twenty on each day
    actions = open_items[day, rng.integers(10, size=n)]
    sets = {"candidate_set": [f"day {one}" for one in day]}
    log = made_log(actions, np.full(n, 0.1), np.zeros(n), items=20, times=np.arange(n), context=sets)
    assert calibration_check(log).status == "ok"
    wrong = replace(log, propensities=Propensities(position=np.full(n, 0.13)))
    assert calibration_check(wrong).status == "fail"
