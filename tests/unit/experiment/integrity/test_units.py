"""Checks of exposures, assignments, overrides, and of whether units occur in the data."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.experiment.integrity.checks import Thresholds
from recsys.experiment.integrity.units import (
    arms_check,
    assignment_checks,
    exposure_checks,
    seen_check,
)

from ..made_up import unit_table

LIMITS = Thresholds()
ARM = np.arange(1000) % 2


def exposures(**enrolment):
    return {check.name: check for check in exposure_checks(unit_table(ARM, {}, enrolment=enrolment), LIMITS)}


def test_repeated_exposures_are_counted_and_harm_nothing():
    check = exposures(rows=1500, repeated=500)["duplicates"]
    assert (check.status, check.number) == ("ok", pytest.approx(1 / 3))
    assert "first exposure" in check.consequence


@pytest.mark.parametrize(("several", "status"), [(0, "ok"), (5, "warn"), (60, "fail")])
def test_units_in_several_arms_by_their_share(several, status):
    units = np.array([500 + several, 500 + several])
    check = exposures(units=units, in_several_arms=several)["several-arms"]
    assert check.status == status
    assert check.number == pytest.approx(several / (1000 + several))


def test_rows_that_cannot_be_used_are_told():
    check = exposures(unknown_variant={"old": 7}, without_unit=2, without_time=1)["unusable"]
    assert check.status == "warn"
    for word in ("'old' 7", "2 rows without a unit", "1 row without a time"):
        assert word in check.detail


@pytest.mark.parametrize(("wrong", "status"), [(0, "ok"), (3, "warn"), (40, "fail")])
def test_units_in_another_arm_than_their_own(wrong, status):
    assigned = ARM.astype(np.int16).copy()
    assigned[:wrong] = 1 - assigned[:wrong]
    check, _ = assignment_checks(unit_table(ARM, {}), assigned, LIMITS)
    assert (check.status, check.number) == (status, pytest.approx(wrong / 1000))


def test_without_an_assignment_nothing_is_compared_and_decrees_are_counted():
    check, placed = assignment_checks(unit_table(ARM, {}, enrolment={"decreed": 4}), None, LIMITS)
    assert check.status == "not_run"
    assert "4 units by decree" in placed.detail


def test_nothing_that_joins_fails_in_any_arm():
    nothing = seen_check(unit_table(ARM, {}, seen=np.zeros(1000)), LIMITS)
    assert nothing.status == "fail"
    assert "ids may not match" in nothing.consequence
    one_arm = seen_check(unit_table(ARM, {}, seen=ARM), LIMITS)
    assert (one_arm.status, one_arm.number) == ("fail", 0.0)


def test_arms_that_differ_in_who_is_seen_warn():
    seen = np.where(ARM == 1, np.arange(1000) % 10 < 5, np.arange(1000) % 10 < 8)
    check = seen_check(unit_table(ARM, {}, seen=seen), LIMITS)
    assert check.status == "warn"
    assert "rows lost in one arm" in check.consequence
    assert seen_check(unit_table(ARM, {}), LIMITS).status == "ok"
    stage = np.arange(1000) % 10 >= 5  # alike within stages: those who came later are seen less
    arm = np.where(stage, np.arange(1000) % 3 == 0, np.arange(1000) % 2 == 0)
    assert seen_check(unit_table(arm, {}, stage=stage, seen=~stage | (np.arange(1000) % 4 == 0)), LIMITS).status == "ok"


def test_rows_before_exposure_that_one_arm_lost_fail():
    early = np.where(ARM == 1, 3.0, np.where(np.arange(1000) % 10 < 7, 3.0, 0.0))
    check = seen_check(unit_table(ARM, {"minutes": early, "minutes.pre": early}), LIMITS)
    assert check.status == "fail"
    assert "no effect explains" in check.consequence
    same = np.where(np.arange(1000) // 2 % 10 < 7, 3.0, 0.0)
    assert seen_check(unit_table(ARM, {"minutes": early, "minutes.pre": same}), LIMITS).status == "ok"


def test_an_empty_arm_fails():
    assert arms_check(unit_table(np.zeros(10), {})).status == "fail"
    assert arms_check(unit_table([], {})).status == "fail"
    assert arms_check(unit_table([0, 1], {})).status == "fail"
    assert arms_check(unit_table([0, 1, 0, 1], {})).status == "ok"
    assert seen_check(unit_table([], {}), LIMITS).status == "fail"
