"""Whether what estimators of slates assume is found to be wrong, where it is and where it is not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from recsys.ope import Limits, PopularityPolicy, replay
from recsys.ope.checks import Check
from recsys.ope.estimators import ips
from recsys.ope.reading import contradicted
from recsys.scoring import EpsilonGreedy

from .test_named_estimators import LISTS, POPULARITY, WORTH, K, M, lists_log


def with_clicks(log: pl.DataFrame, rates: np.ndarray, seed: int) -> pl.DataFrame:
    clicks = np.random.default_rng(seed).random(rates.shape) < rates
    return log.with_columns(click=pl.Series(clicks.astype(float).ravel()))


def shown_in(log: pl.DataFrame) -> np.ndarray:
    return log["item_id"].to_numpy().reshape(-1, K)


def reading(log: pl.DataFrame, limits: Limits = Limits()) -> dict[str, Check]:  # noqa: B008 - frozen
    policy = PopularityPolicy(POPULARITY, EpsilonGreedy(0.5, pool=M))
    found = replay({"new": policy}, log, estimator=LISTS, limits=limits)
    return {check.estimator: check for check in found.checks if check.name == "reading"}


def test_positions_that_earn_alone_contradict_nothing():
    found = reading(lists_log(6000, 1))
    assert {name: check.status for name, check in found.items()} == dict.fromkeys(LISTS[1:], "ok")


def test_users_who_read_on_less_below_a_good_item_contradict_iips_alone():
    log = lists_log(20_000, 2)
    rates = 3 * WORTH[shown_in(log)]
    rates[:, 1:] *= np.cumprod(1 - rates, axis=1)[:, :-1]
    found = reading(with_clicks(log, rates, 3))
    assert (found["iips"].status, found["iips"].downgrades) == ("fail", "not_estimable")
    assert "seems to depend on the items above it" in found["iips"].consequence
    assert {found[name].status for name in ("rips", "cascade_dr")} == {"ok"}
    policy = PopularityPolicy(POPULARITY, EpsilonGreedy(0.5, pool=M))
    both = replay({"new": policy}, with_clicks(log, rates, 3), estimator=["iips", "rips"])
    assert np.isnan(both["new", "iips"].value)
    assert both["new", "rips"].status == "estimable"


def test_a_good_item_below_that_draws_users_away_contradicts_rips():
    log = lists_log(60_000, 4)
    rates = 3 * WORTH[shown_in(log)]
    rates[:, 0] *= 1 - rates[:, 1]
    found = reading(with_clicks(log, rates, 5))
    assert {found[name].status for name in ("rips", "cascade_dr")} == {"fail"}
    assert "below it" in found["rips"].consequence


def test_what_cannot_be_tested_says_why():
    assert "'given_above'" in reading(lists_log(500, 1, above=False).drop("propensity_slate"))["iips"].consequence
    few = reading(lists_log(60, 1))["rips"]
    assert few.status == "not_run"
    assert "rests on too few slates" in few.consequence
    same = contradicted(ips(np.ones(50), np.arange(50.0)), ips(np.ones(50), np.arange(50.0)), "")
    assert same.status == "not_run"


@pytest.mark.parametrize(("off", "verdict"), [(1.005, "estimable"), (1.05, "flagged"), (1.5, "not_estimable")])
def test_how_far_off_decides(off: float, verdict: str):
    rng = np.random.default_rng(6)
    rewards = rng.random(10_000)
    found = contradicted(ips(np.full(10_000, off) + 0.001 * rng.random(10_000), rewards), ips(np.ones(10_000), rewards),
                         "told")  # fmt: skip
    assert found.downgrades == verdict
    assert found.status == ("warn" if verdict == "estimable" else "fail")
