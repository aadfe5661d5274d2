"""Whether what estimators of slates assume is found to be wrong, where it is and where it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from recsys.ope import Actions, LoggedFeedback, PopularityPolicy, Propensities, replay
from recsys.ope.checks import Check
from recsys.ope.estimators import ips
from recsys.ope.reading import contradicted
from recsys.ope.slates import running_products
from recsys.ope.weights import effective_n
from recsys.scoring import EpsilonGreedy

from .logs import made_log
from .test_named_estimators import LISTS, POPULARITY, WORTH, K, M, lists_log


def with_clicks(log: pl.DataFrame, rates: np.ndarray, seed: int) -> pl.DataFrame:
    clicks = np.random.default_rng(seed).random(rates.shape) < rates
    return log.with_columns(click=pl.Series(clicks.astype(float).ravel()))


def shown_in(log: pl.DataFrame) -> np.ndarray:
    return log["item_id"].to_numpy().reshape(-1, K)


def reading(log: pl.DataFrame) -> dict[str, Check]:
    policy = PopularityPolicy(POPULARITY, EpsilonGreedy(0.5, pool=M))
    found = replay({"new": policy}, log, estimator=LISTS)
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
    told = reading(lists_log(500, 1, above=False).drop("propensity_slate"))["iips"].consequence
    assert told.startswith("a test needs rips, which assumes less: the log does not tell the propensity 'given_above'")
    few = reading(lists_log(60, 1))["rips"]
    assert few.status == "not_run"
    assert few.consequence.startswith("sips, which assumes less, is not sure enough of itself for a test: effective-si")
    same = contradicted(ips(np.ones(50), np.arange(50.0)), ips(np.ones(50), np.arange(50.0)), "", 1.0)
    assert same.status == "not_run"


@dataclass
class Lists:
    """A policy that puts items of these probabilities into all positions, each by itself; a part of it is not shown."""

    of_items: np.ndarray
    of_new: float = 0.0
    tells: bool = True
    empty: float = 0.0
    name: str = "lists"
    trained_through: None = None

    def _short(self, log: LoggedFeedback) -> np.ndarray:
        return (log.positions == K) & (log.slates % 100 < 100 * self.empty)

    def propensities(self, log: LoggedFeedback) -> Propensities:
        own = np.where(self._short(log), 0.0, (1 - self.of_new) * self.of_items[log.actions])
        return Propensities(own, own, np.multiply.reduceat(own, log.offsets[:-1]))

    def actions(self, log: LoggedFeedback) -> Actions | None:
        m = len(self.of_items)
        width = np.where(self._short(log), 0, m + 1)
        chance = np.append(self.of_new, (1 - self.of_new) * self.of_items)
        filled = int((width > 0).sum())
        codes = np.tile(np.arange(-1, m, dtype=np.int32), filled)
        return Actions(np.append(0, np.cumsum(width)), codes, np.tile(chance, filled)) if self.tells else None


def independent_log(n: int, rates: np.ndarray, seed: int, *, users: int = 0, chained: bool = False) -> LoggedFeedback:
    """Positions filled uniformly, each by itself (or all as the first); positions earn by themselves."""
    rng, m = np.random.default_rng(seed), len(rates)
    items = rng.integers(m, size=(n, K))
    if chained:
        items[:] = items[:, :1]
    clicks = (rng.random((n, K)) < rates[items]).astype(float)
    who = np.repeat(rng.integers(users, size=n), K) if users else None
    log = made_log(items.ravel(), np.full(n * K, 1 / m), clicks.ravel(), items=m, slots=K, users=who)
    above = np.tile([1 / m] + [1.0 if chained else 1 / m] * (K - 1), n)
    known = Propensities(log.propensities.position, above, np.multiply.reduceat(above, log.offsets[:-1]))
    return replace(log, propensities=known, has_requests=True, has_positions=True)


RATES, EVEN = np.array([0.1, 0.2, 0.3, 0.4]), np.full(4, 0.25)
TILTED = np.array([0.4, 0.3, 0.2, 0.1])


def of_iips(policy: Lists, log: LoggedFeedback) -> Check:
    (check,) = [one for one in replay({"lists": policy}, log, estimator="iips").checks if one.name == "reading"]
    return check


def test_positions_filled_by_themselves_are_tested():
    assert of_iips(Lists(TILTED), independent_log(8000, RATES, 1)).status == "ok"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (Lists(TILTED, of_new=0.02), "the log does not show all of the policy: rips, which assumes less, loses more"),
        (Lists(TILTED, empty=0.1), "the policy leaves slots empty: rips"),
        (Lists(TILTED, tells=False), "the policy does not tell what else it would show: rips"),
    ],
)
def test_products_that_lose_a_part_of_the_policy_are_no_truth(policy: Lists, told: str):
    found = of_iips(policy, independent_log(8000, RATES, 1))
    assert found.status == "not_run"
    assert found.consequence.startswith(told)


def test_weights_that_do_not_average_to_one_are_no_truth():
    found = of_iips(Lists(EVEN), independent_log(8000, RATES, 2, chained=True))  # all of a list alike: 3 of 4 never so
    assert found.status == "not_run"
    assert "rips, which assumes less, is not sure enough of itself for a test: mean-weight" in found.consequence


def test_few_users_tell_nothing_however_many_lists_they_see():
    found = of_iips(Lists(TILTED), independent_log(8000, RATES, 3, users=12))
    assert found.status == "not_run"
    assert "effective-clusters" in found.consequence


def test_rare_rewards_are_counted_as_they_are_to_be_expected():
    rates, sharp = np.full(4, 0.004), np.array([0.85, 0.05, 0.05, 0.05])
    log = independent_log(5000, rates, 4)
    found = of_iips(Lists(sharp), log)
    assert found.status == "not_run"
    assert "rests on too few rewarded slates for a test" in found.consequence
    assert of_iips(Lists(sharp), independent_log(40_000, 5 * rates, 5)).status == "ok"


def test_the_size_that_counts_is_that_of_the_weakest_position():
    """Over all rows of these lists the effective size is above 100, at the last position it is not."""
    sharp = np.array([0.7, 0.1, 0.1, 0.1])
    log = independent_log(800, RATES, 6)
    weights = running_products(4 * sharp[log.actions], log.offsets)[0]
    assert effective_n(weights) > 100 > effective_n(weights[K - 1 :: K])
    found = of_iips(Lists(sharp), log)
    assert found.status == "not_run"
    assert "effective-size" in found.consequence


@pytest.mark.parametrize(("off", "verdict"), [(1.005, "estimable"), (1.05, "flagged"), (1.5, "not_estimable")])
def test_how_far_off_decides(off: float, verdict: str):
    rng = np.random.default_rng(6)
    rewards = rng.random(10_000)
    found = contradicted(ips(np.full(10_000, off) + 0.001 * rng.random(10_000), rewards), ips(np.ones(10_000), rewards),
                         "told", float(rewards.mean()))  # fmt: skip
    assert found.downgrades == verdict
    assert found.status == ("warn" if verdict == "estimable" else "fail")


def test_rewards_of_both_signs_are_held_against_their_absolute_size():
    """Profits of about ±1: the value is near 0, and a distance of a part of it may be little of what is at stake."""
    log = independent_log(20_000, RATES, 7)
    first = log.actions.reshape(-1, K)[:, :1]
    profit = np.random.default_rng(8).choice([-1.0, 1.0], size=(20_000, K))
    profit[:, 1:] += np.where(first == 0, 0.15, -0.05)
    shown = replace(log, rewards={"click": profit.ravel()})
    found = of_iips(Lists(np.array([0.7, 0.1, 0.1, 0.1])), shown)
    assert (found.status, found.downgrades) == ("fail", "flagged")
    alone, above = replay({"lists": Lists(np.array([0.7, 0.1, 0.1, 0.1]))}, shown, estimator=["iips", "rips"]).estimates
    assert abs(alone.value - above.value) > 0.5 * abs(above.value)


def test_a_list_with_an_empty_slot_is_none_of_the_log():
    log = independent_log(8000, RATES, 9)
    found = replay({"lists": Lists(EVEN, empty=0.2)}, log, estimator=["sips", "rips"])
    assert found["lists", "sips"].status == "not_estimable"
    assert found["lists", "sips"].reasons[0].startswith("slots: the policy leaves slots empty")
    rips = found["lists", "rips"]
    assert rips.status == "estimable"
    assert abs(rips.value - 0.25 * (K - 0.2)) < 4 * rips.standard_error
    assert replay({"lists": Lists(EVEN)}, log, estimator="sips")["lists"].status == "estimable"
