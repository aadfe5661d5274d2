"""Every estimator by its name through `replay`: the truth of simulated lists, or a plain reason why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import DataError, NotFoundError
from recsys.ope import CallablePolicy, FramePolicy, Limits, LoggedFeedback, PopularityPolicy, UniformPolicy, replay
from recsys.ope.named import ESTIMATORS
from recsys.ope.policies import SequentialPolicy
from recsys.scoring import EpsilonGreedy, PlackettLuce

from .logs import made_log, uniform_log

M, K, N = 6, 3, 6000
WORTH = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3])  # clicks of an item at the top
FADING = np.array([1.0, 0.6, 0.4])
LISTS = ["sips", "iips", "rips", "cascade_dr", "pseudo_inverse"]


def drawn(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return lists drawn in proportion to weights, without replacement (the Gumbel trick)."""
    keys = np.log(weights) + rng.gumbel(size=(n, len(weights)))
    return np.argsort(-keys, axis=1)[:, :K]


def lists_log(n: int, seed: int, *, above: bool = True) -> pl.DataFrame:
    """Return a log of lists drawn uniformly without replacement; positions earn by themselves."""
    rng = np.random.default_rng(seed)
    items = drawn(np.ones(M), n, rng)
    frame = pl.DataFrame(
        {
            "request_id": np.repeat(np.arange(n), K),
            "item_id": items.ravel(),
            "position": np.tile(np.arange(1, K + 1), n),
            "click": (rng.random((n, K)) < WORTH[items] * FADING).astype(float).ravel(),
            "propensity_position": np.full(n * K, 1 / M),
            "propensity_given_above": np.tile(1 / (M - np.arange(K)), n),
            "propensity_slate": np.full(n * K, 1 / (M * (M - 1) * (M - 2))),
        }
    )
    return frame if above else frame.drop("propensity_given_above")


POPULARITY = {"item_id": np.arange(M), "popularity": np.arange(M) + 1.0}


@pytest.mark.parametrize("explore", [EpsilonGreedy(0.5, pool=M), PlackettLuce(1.5, pool=M)])
def test_estimators_of_lists_find_the_truth(explore):
    policy = PopularityPolicy(POPULARITY, explore)
    found = replay({"new": policy}, lists_log(N, 1), estimator=LISTS)
    by_rank = PopularityPolicy(POPULARITY, explore).actions(LoggedFeedback.from_frame(lists_log(100, 2)))
    marginal = np.zeros((K, M))
    for row in range(K):
        inside = slice(by_rank.indptr[row], by_rank.indptr[row + 1])
        marginal[row, by_rank.codes[inside]] = by_rank.probabilities[inside]
    truth = float((marginal * WORTH * FADING[:, None]).sum())
    for name in LISTS:
        one = found["new", name]
        assert one.status in ("estimable", "flagged"), (name, one.reasons)
        assert abs(one.value - truth) < 4 * one.standard_error, name
    assert found["new", "cascade_dr"].standard_error < found["new", "rips"].standard_error


def test_what_the_log_never_shows_adds_up_down_a_list():
    one_more = UniformPolicy(items=list(range(M + 1)))  # a seventh of each position, three sevenths of a list at most
    loose = Limits(unsupported=0.2)
    found = replay({"new": one_more}, lists_log(N, 1), estimator=["iips", "rips", "sips"], limits=loose)
    assert [found["new", name].status for name in ("iips", "rips", "sips")] == ["flagged", *["not_estimable"] * 2]
    lost = {check.weighting: check.number for check in found.checks if check.name == "support"}
    assert lost == {"": pytest.approx(1 / 7), "above": pytest.approx(2 / 7), "slate": pytest.approx(3 / 7)}


def test_actions_given_above_sum_to_one_and_average_to_the_marginals():
    log = LoggedFeedback.from_frame(lists_log(500, 3))
    for policy in (UniformPolicy(), PopularityPolicy(POPULARITY, EpsilonGreedy(0.3, pool=M)),
                   PopularityPolicy(POPULARITY, PlackettLuce(1.0, pool=M)), PopularityPolicy(POPULARITY)):  # fmt: skip
        assert isinstance(policy, SequentialPolicy)
        told, given = policy.actions_given_above(log), policy.propensities(log).given_above
        rows = np.repeat(np.arange(len(log)), np.diff(told.indptr))
        np.testing.assert_allclose(np.bincount(rows, told.probabilities, len(log)), 1, rtol=1e-12)
        own = np.zeros(len(log))
        same = told.codes == log.actions[rows]
        own[rows[same]] = told.probabilities[same]
        np.testing.assert_allclose(own, given, rtol=1e-9, atol=1e-12)  # two closed forms, summed in another order


def test_mips_is_right_where_items_of_a_category_earn_alike():
    rng = np.random.default_rng(4)
    n, chance = 6000, np.array([0.3, 0.1, 0.25, 0.05, 0.2, 0.1])
    items = rng.choice(M, size=n, p=chance)
    worth = np.array([0.05, 0.05, 0.1, 0.1, 0.3, 0.3])
    log = {"item_id": items, "propensity_position": chance[items], "click": (rng.random(n) < worth[items]) * 1.0}
    logger = FramePolicy({"item_id": np.arange(M), "probability": chance})
    target = np.array([0.0, 0.1, 0.0, 0.2, 0.0, 0.7])
    asked = {
        "estimator": ["mips", "snips"],
        "categories": {"item_id": np.arange(M), "category": ["x", "x", "y", "y", "z", "z"]},
    }
    policy = FramePolicy({"item_id": np.arange(M), "probability": target})
    found = replay({"new": policy}, log, logger=logger, **asked)
    mips, snips = found["new", "mips"], found["new", "snips"]
    assert abs(mips.value - target @ worth) < 4 * mips.standard_error
    assert (mips.status, mips.standard_error < snips.standard_error) == ("flagged", True)  # nothing tells that they do
    alone = replay({"new": policy}, log, logger=logger, estimator="mips",
                   categories={"item_id": np.arange(M), "kind": np.arange(M)})["new", "mips"]  # fmt: skip
    assert (alone.status, alone.value) == ("estimable", pytest.approx(snips.value, rel=1e-12))
    with pytest.raises(DataError, match="policy that wrote the log"):
        replay({"new": policy}, log, logger=UniformPolicy(), **asked)
    with pytest.raises(DataError, match="no category"):
        replay({"new": policy}, log, logger=logger, **(asked | {"categories": {"item_id": [1], "category": ["x"]}}))


def test_categories_that_know_nothing_give_no_number_to_rely_on():
    rng, worth = np.random.default_rng(3), np.linspace(0, 0.5, M)
    items = rng.integers(M, size=4000)
    log = {"item_id": items, "propensity_position": [1 / M] * 4000, "click": (rng.random(4000) < worth[items]) * 1.0}
    best = FramePolicy({"item_id": [M - 1], "probability": [1.0]})
    one = replay({"best": best}, log, reward="click", estimator="mips", logger=UniformPolicy(),
                 categories={"item_id": np.arange(M), "category": ["all"] * M})["best", "mips"]  # fmt: skip
    assert not one.ci_low <= worth[-1] <= one.ci_high
    assert (one.status, "taken to earn alike" in one.reasons[0]) == ("flagged", True)


def test_mips_counts_slots_that_the_policy_leaves_empty_as_earning_nothing():
    rng, chance = np.random.default_rng(1), np.array([0.3, 0.1, 0.25, 0.05, 0.2, 0.1])
    items = rng.choice(M, size=8000, p=chance)
    log = {"request_id": np.repeat(np.arange(4000), 2), "position": np.tile([1, 2], 4000), "item_id": items,
           "propensity_position": chance[items], "click": (rng.random(8000) < WORTH[items]) * 1.0}  # fmt: skip
    found = replay({"one": PopularityPolicy(POPULARITY, k=1)}, log, estimator=["mips", "snips"],
                   categories={"item_id": np.arange(M), "kind": np.arange(M)},
                   logger=FramePolicy({"item_id": np.arange(M), "probability": chance}))  # fmt: skip
    assert found["one", "mips"].value == pytest.approx(found["one", "snips"].value, rel=1e-12)


def test_the_column_of_categories_is_named_or_the_only_one():
    log = uniform_log(400, M, 1)
    items = {"": np.arange(M), "item_id": np.arange(M), "price": np.arange(M) / 7, "kind": ["x", "y"] * (M // 2)}
    asked = {"estimator": "mips", "logger": UniformPolicy()}
    by_name = replay(UniformPolicy(), log, **asked, categories=items, category="kind")
    only = {name: column for name, column in items.items() if name != "price"}
    assert by_name.to_dict() == replay(UniformPolicy(), log, **asked, categories=only).to_dict()
    with pytest.raises(NotFoundError, match="category='kind'"):
        replay(UniformPolicy(), log, **asked, categories=items)
    with pytest.raises(NotFoundError, match="'colour'"):
        replay(UniformPolicy(), log, **asked, categories=items, category="colour")


def test_each_estimator_says_what_the_log_lacks():
    policy = PopularityPolicy(POPULARITY, EpsilonGreedy(0.5, pool=M))
    bare = {"item_id": np.arange(900) % M, "click": np.arange(900) % 2.0}
    found = replay({"new": policy}, bare, estimator=[name for name in ESTIMATORS if not ESTIMATORS[name].slates])
    for one in found.estimates:
        if one.estimator == "dm":  # no weights: an estimate, with its doubts
            assert (one.status, one.value == one.value) == ("flagged", True)
        else:
            assert one.status == "not_estimable"
            assert "does not tell the propensity" in one.reasons[-1] or "categories" in one.reasons[-1]
    reasons = {
        one.estimator: one.reasons[-1]
        for one in replay({"new": policy}, lists_log(50, 1, above=False), estimator=LISTS).estimates
    }
    assert "'given_above'" in reasons["rips"]
    assert "'given_above'" in reasons["cascade_dr"]
    assert "propensity_given_above" in reasons["pseudo_inverse"]
    callable_policy = CallablePolicy(lambda log: replace(log, notes=()).propensities)
    reasons = {
        one.estimator: one.reasons
        for one in replay({"new": callable_policy}, lists_log(50, 1), estimator=["cascade_dr", "mips"][:1]).estimates
    }
    assert any("given the items above" in why for why in reasons["cascade_dr"])
    tiered = lists_log(50, 1).with_columns(pl.col("propensity_position") * 0.9)
    (one,) = replay({"new": policy}, tiered, estimator="pseudo_inverse").estimates
    assert any("does neither" in why for why in one.reasons)
    log = uniform_log(200, M, 1)
    (one,) = replay(
        UniformPolicy(), log, estimator="mips", categories={"item_id": np.arange(M), "category": [1] * M}
    ).estimates
    assert any("the logger was not given" in why for why in one.reasons)


def test_guaranteed_intervals_of_rewards_below_zero():
    rng = np.random.default_rng(5)
    items = rng.integers(4, size=4000)
    rewards = np.where(rng.random(4000) < 0.2 + 0.1 * items, 1.0, -1.0)
    log = made_log(items, np.full(4000, 0.25), rewards, items=4)
    policy = {"new": FramePolicy({"item_id": [0, 1, 2, 3], "probability": [0.1, 0.2, 0.3, 0.4]})}
    truth = float(np.array([0.1, 0.2, 0.3, 0.4]) @ (2 * (0.2 + 0.1 * np.arange(4)) - 1))
    for method in ("bernstein", "sequence"):
        with pytest.raises(Exception, match="lowest="):
            replay(policy, log, estimator="ips", interval=method, bound=1.6)
        one = replay(policy, log, estimator="ips", interval=method, bound=1.6, lowest=-1.6)["new"]
        assert one.ci_low < truth < one.ci_high
        assert "[-1.6, 1.6]" in one.interval
    with pytest.raises(Exception, match="reward_range="):
        replay(policy, log, estimator="rejection", interval="exact")
    one = replay(policy, log, estimator="rejection", interval="exact", reward_range=(-1, 1))["new"]
    assert one.ci_low < truth < one.ci_high


def test_a_propensity_that_no_log_can_show_has_a_status_and_no_overflow():
    log = uniform_log(2000, 10, 1)
    tiny = log.propensities.position.copy()
    tiny[3] = 1e-300
    log = replace(log, propensities=log.propensities._replace(position=tiny))
    with np.errstate(all="raise"):
        found = replay({"new": UniformPolicy()}, log, estimator=["ips", "snips", "dr", "dm"])
    for name in ("ips", "snips", "dr"):
        assert found["new", name].status == "not_estimable"
        assert any("1e-300" in why for why in found["new", name].reasons)
    assert found["new", "dm"].status == "flagged"
    with pytest.raises(DataError, match="most 1e"):
        LoggedFeedback.from_frame({"item_id": ["a"], "minutes": [1e200]})


def test_a_log_that_was_read_twice_is_seen_without_times_and_requests():
    rng = np.random.default_rng(6)
    items = rng.integers(20, size=400)
    once = pl.DataFrame({"item_id": items, "propensity_position": np.full(400, 0.05), "click": rng.random(400) < 0.2})

    def duplicates(frame):
        return next(one for one in replay({"new": UniformPolicy()}, frame).checks if one.name == "duplicates")

    assert duplicates(once).status == "not_run"
    found = duplicates(pl.concat([once, once]))
    assert (found.status, found.downgrades, found.number) == ("fail", "flagged", 2.0)
    assert duplicates(pl.concat([once, once.head(350)])).status == "not_run"  # told from chance no more


def test_support_is_looked_for_at_positions():
    """Item 5 is never at the second position, where it was due 300 times: a policy that puts it there is not known."""
    n = 6000
    rng = np.random.default_rng(7)
    position = rng.integers(1, 3, size=n)
    items = np.where(position == 1, rng.integers(6, size=n), rng.integers(5, size=n))
    log = {
        "item_id": items,
        "position": position,
        "propensity_position": np.where(position == 1, 1 / 6, 1 / 5),
        "click": rng.random(n) < 0.2,
    }
    found = replay({"new": UniformPolicy()}, log, estimator=["snips", "dm"])
    support = next(one for one in found.checks if one.name == "support")
    assert support.number == pytest.approx(0.5 / 6, abs=0.01)
    assert "by item and position, not by context" in support.detail
    assert found["new", "snips"].status == found["new", "dm"].status == "flagged"
    assert not [one for one in found.checks if one.name == "mean-weight" and one.status == "fail"]


def test_the_direct_method_says_what_its_model_rests_on():
    rng = np.random.default_rng(8)
    items = np.where(rng.random(4000) < 0.005, 1, 0)
    log = made_log(items, np.where(items == 1, 0.005, 0.995), rng.random(4000) * 1.0, items=2)
    rare = {"rare": FramePolicy({"item_id": [0, 1], "probability": [0.0, 1.0]})}
    one = replay(rare, log, estimator="dm")["rare"]
    assert one.status == "not_estimable"
    assert any(why.startswith("model-rows") for why in one.reasons)
    common = {"common": FramePolicy({"item_id": [0, 1], "probability": [0.9, 0.1]})}
    assert replay(common, log, estimator="dm")["common"].status == "flagged"
