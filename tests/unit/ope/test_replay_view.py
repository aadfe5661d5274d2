"""The tables and the conclusion of a replay tell apart what differs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.ope import Check, Estimate, LoggedFeedback, replay, replay_learning
from recsys.ope.concluding import reasons_of
from recsys.ope.diagnostics import rewarded_check
from recsys.ope.learning import BetaThompson
from recsys.ope.replay_view import checks_table


def fail(**of: str) -> Check:
    return Check("rewarded", "fail", 2.0, 15.0, "a handful of rows", downgrades="flagged", **of)


def test_checks_that_differ_by_estimator_or_reward_say_which() -> None:
    rows = checks_table((fail(policy="new", estimator="dm"), fail(policy="new", estimator="rejection"))).rows
    assert [row[2] for row in rows] == ["new, dm", "new, rejection"]
    rows = checks_table((fail(policy="new", weighting="position"), fail(policy="new", weighting="slate"))).rows
    assert [row[2] for row in rows] == ["new, position weights", "new, slate weights"]
    rows = checks_table((fail(policy="a", reward="click", estimator="dm"), fail(policy="b"), fail())).rows
    assert [row[2] for row in rows] == ["a", "b", "the log"]


def refused(policy: str, reason: str) -> Estimate:
    nan = float("nan")
    return Estimate(policy, "click", "snips", "impression", nan, nan, nan, nan, 0.95, "none", 5, 5.0, "not_estimable",
                    (reason,))  # fmt: skip


def test_each_policy_is_told_its_own_reason() -> None:
    same = [refused("a", "size: few rows (2 of 9)"), refused("b", "size: few rows (2 of 9)")]
    assert reasons_of(same) == "few rows (2 of 9)"
    other = [refused("a", "size: few rows (2 of 9)"), refused("c", "support: never shown (30 %)"),
             refused("b", "size: few rows (3 of 9)")]  # fmt: skip
    assert reasons_of(other) == "a and b, few rows; c, never shown"


def test_a_single_row_is_counted_as_one() -> None:
    found = rewarded_check(np.ones(9), np.eye(1, 9)[0])
    assert found.detail.startswith("1 rewarded row with weight")


@pytest.mark.parametrize("path", ["men.csv", Path("men.csv")])
def test_a_path_is_no_log_and_the_readers_are_named(path: object) -> None:
    for asked in (
        lambda: replay({"new": {"item_id": [1], "probability": [1.0]}}, path),
        lambda: replay_learning(BetaThompson(), path),
        lambda: LoggedFeedback.from_frame(path),
    ):
        with pytest.raises(ArgumentError, match=r"path 'men.csv'.*load_layout\('open-bandit'.*recsys replay"):
            asked()
