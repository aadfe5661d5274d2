"""Wrong turns of `rs.replay`: a typed status or one clear error each, never a traceback, never a silent number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import RecsysError
from recsys.ope import LoggedFeedback, UniformPolicy, replay

N = 2000
RNG = np.random.default_rng(0)
LOG = pl.DataFrame(
    {"item_id": RNG.integers(5, size=N), "propensity_position": np.full(N, 0.2), "click": (RNG.random(N) < 0.1) * 1}
)
LISTS = LOG.with_columns(request_id=pl.int_range(N) // 2, position=pl.int_range(N) % 2 + 1)
NOTHING_LEFT = LoggedFeedback.from_frame(LOG).keep(np.zeros(N, np.bool_))
GOOD = {"new": {"item_id": [0, 1, 2, 3, 4], "probability": [0.1, 0.2, 0.3, 0.2, 0.2]}}


def asked(policies: object = None, log: object = None, **options: Any) -> Callable[[], Any]:
    return lambda: replay(GOOD if policies is None else policies, LOG if log is None else log, **options)


def logged(**columns: Any) -> Callable[[], Any]:
    return asked(log=LOG.with_columns(**columns))


def frame(items: list[Any], chances: list[float]) -> dict[str, dict[str, list[Any]]]:
    return {"new": {"item_id": items, "probability": chances}}


@pytest.mark.parametrize(
    ("turn", "match"),
    [
        (logged(propensity_position=pl.lit(20.0)), "percent"),
        (logged(propensity_position=pl.lit(float("nan"))), "NaN"),
        (logged(propensity_position=pl.lit(0.0)), "is 0"),
        (logged(propensity_position=pl.lit(-0.2)), "negative"),
        (logged(click=pl.lit(float("inf"))), "infinite"),
        (asked(log=LOG.with_columns(click=pl.lit("yes")), reward="click"), "String"),
        (asked(log=LOG.rename({"item_id": "item"})), "'item_id' is missing"),
        (asked(log=LOG.rename({"propensity_position": "pscore"})), "looks like a propensity"),
        (asked(log={"item_id": [1, 2], "click": [1]}), "different lengths"),
        (asked(log="log.csv"), "is the path"),
        (asked(log=pl.concat([LISTS, LISTS])), "taken twice"),
        (asked(log=LISTS.with_columns(pl.col("position") - 1)), "count from 0"),
        (asked(log=LOG.with_columns(ts=pl.lit("2020-01-01"))), "ts has type String"),
        (asked(frame([0, 1], [50, 50])), "sum to 100"),
        (asked(frame([0, 1], [1.5, -0.5])), "negative"),
        (asked(frame([0, 0], [0.5, 0.5])), "twice"),
        (asked({"new": lambda log: np.full(len(log), 20)}), "20 in"),
        (asked({"new": lambda log: ["a"] * len(log)}), "no array of numbers"),
        (asked({"new": lambda log: None}), "shape"),
        (asked(UniformPolicy), r"UniformPolicy\(…\)"),
        (asked("uniform"), r"is a str.*rs.ope.UniformPolicy"),
        (asked({"logged": UniformPolicy()}), "called .logged."),
        (asked(estimator=[]), "no estimator"),
        (asked(estimator=None), "estimator is None"),
        (asked(estimator="clipped_ips", parameters=[1]), "mapping of names"),
        (asked(reward_range=(0, 1, 2)), "reward_range"),
        (asked(reward_range="01"), "reward_range"),
        (asked(reward_range=(0, float("nan"))), "reward_range"),
        (asked(estimator="ips", interval="bernstein", bound=0.1), "lowest="),
        (asked(interval="exact"), "estimator='rejection'"),
        (asked(estimand="request"), "names no requests"),
        (asked(confidence=95), "below 1"),
        (asked(log=LOG.clear()), "the log has no rows"),
        (asked(log=NOTHING_LEFT), "the log has no rows"),
    ],
)
def test_a_wrong_turn_is_told(turn: Callable[[], Any], match: str) -> None:
    with pytest.raises(RecsysError, match=match):
        turn()


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (asked(log=LOG.head(1)), "few rows"),
        (asked(UniformPolicy(), LOG.head(1)), "few rows"),
        (logged(propensity_position=pl.lit(0.4)), "average"),
        (logged(propensity_position=pl.lit(1.0)), "deterministic"),
        (logged(click=pl.lit(0)), "hardly any row"),
        (asked(log=LOG.drop("propensity_position")), "no propensities"),
        (asked(frame([77], [1.0])), "never shown"),
        (asked({"new": lambda log: np.zeros(len(log))}), "shares nothing"),
    ],
)
def test_what_the_log_cannot_tell_has_no_number(turn: Callable[[], Any], reason: str) -> None:
    found = turn()
    (one,) = found.estimates
    assert (one.status, one.value == one.value) == ("not_estimable", False)
    assert any(reason in why for why in one.reasons)
    assert "cannot say" in found.conclusion


def test_a_reward_that_is_always_one_is_worth_one() -> None:
    found = replay(GOOD, LOG.with_columns(click=pl.lit(1)))["new"]
    assert (found.value, found.ci_low, found.ci_high) == (1.0, 1.0, 1.0)
