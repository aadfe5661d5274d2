"""`replay`: values against truth, the gate on logs of every bad kind, what results tell."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.ope import Actions, LoggedFeedback, Propensities, replay
from recsys.ope.checks import parse_statuses
from recsys.ope.fixed_policies import CallablePolicy, PopularityPolicy
from recsys.scoring import EpsilonGreedy

from .logs import made_log, uniform_log

ITEMS = 10
CLICKS = 0.2 * np.arange(ITEMS) / (ITEMS - 1)  # of `uniform_log`
TARGET = np.arange(1, ITEMS + 1) / 55
VALUE = float(TARGET @ CLICKS)


def better(feedback):
    return TARGET[feedback.actions]


def frame(n: int = 4000, seed: int = 1) -> pl.DataFrame:
    log = uniform_log(n, ITEMS, seed)
    return pl.DataFrame(
        {
            "item_id": log.actions,
            "ts": pl.Series(np.arange(n)).cast(pl.Datetime("us")),
            "propensity_position": log.propensities.position,
            "click": log.rewards["click"],
        }
    )


def best(k: int) -> dict[str, list[float]]:
    return {"item_id": [ITEMS - 1 - place for place in range(k)], "probability": [1 / k] * k}


def test_a_policy_on_a_log_in_order_is_estimable_and_near_its_truth():
    found = replay({"better": better}, frame(), estimator=["snips", "ips", "rejection"])
    for name in ("snips", "ips", "rejection"):
        one = found["better", name]
        assert (one.status, one.reasons) == ("estimable", ())
        assert abs(one.value - VALUE) < 4 * one.standard_error
    assert found.conclusion.startswith("better would have earned 0.1")
    assert "above logged" in found.conclusion
    assert found.conclusion.endswith(").")
    assert found.status == "estimable"
    assert not found.failed(("flagged", "not_estimable"))


def test_slots_that_a_policy_leaves_empty_are_told():
    log = frame(4000).with_columns(pl.Series("position", np.arange(4000) % 2 + 1, pl.Int32))
    popular = PopularityPolicy({"item_id": np.arange(ITEMS), "popularity": TARGET}, EpsilonGreedy(0.9), k=1)
    (check,) = [one for one in replay(popular, log, estimator="ips").checks if one.name == "slots"]
    assert (check.status, round(check.number, 6)) == ("warn", 0.5)
    (check,) = [one for one in replay(replace(popular, k=2), log, estimator="ips").checks if one.name == "slots"]
    assert check.status == "ok"


def test_limits_are_limits():
    with pytest.raises(ArgumentError, match="limits is None"):
        replay({"better": better}, frame(), limits=None)


def test_a_gate_on_flagged_estimates_refuses_what_is_worse():
    found = replay({"better": better}, frame(20), estimator="snips")
    assert found.status == "not_estimable"
    assert found.failed(parse_statuses(["flagged"]))


def test_intervals_cover_the_truth():
    covered = 0
    for seed in range(300):
        one = replay({"better": better}, uniform_log(1000, ITEMS, seed))["better"]
        covered += one.ci_low <= VALUE <= one.ci_high
    assert 0.91 < covered / 300 < 0.985  # three standard errors of a share of .95


def test_a_constant_reward_is_worth_exactly_itself():
    log = uniform_log(1000, ITEMS, 3)
    log = replace(log, rewards={"click": np.ones(1000)})
    one = replay({"better": better}, log)["better"]
    assert (one.value, one.ci_low, one.ci_high) == (1.0, 1.0, 1.0)


def test_the_logging_policy_is_worth_the_mean_of_its_log():
    log = uniform_log(1000, ITEMS, 3)
    found = replay(CallablePolicy(lambda feedback: feedback.propensities.position, name="same"), log)
    assert found["same"].value == pytest.approx(log.rewards["click"].mean(), rel=1e-12)
    assert found["logged"].value == pytest.approx(log.rewards["click"].mean(), rel=1e-12)
    assert found.differences[0].estimate == pytest.approx(0, abs=1e-12)
    assert found.differences[0].status == "flagged"


def test_candidates_against_a_baseline_of_their_own():
    policies = {"better": better, "last": best(2), "uniform": lambda feedback: np.full(len(feedback), 0.1)}
    found = replay(policies, frame(), baseline="uniform", estimator=["snips", "ips"])
    table = found.differences_to_polars()
    assert table.select("policy", "baseline", "estimator", "estimate", "adjusted_pvalue").rows() == [
        (one.policy, one.baseline, one.estimator, one.estimate, one.adjusted_pvalue) for one in found.differences
    ]
    name = found.differences[0].policy
    assert found.difference(name) is found.differences[0]
    assert found.difference(name, estimator="ips").estimator == "ips"
    with pytest.raises(NotFoundError, match="no difference of uniform from uniform"):
        found.difference("uniform")
    pairs = [(one.policy, one.baseline, one.estimator) for one in found.differences]
    assert pairs == [(name, "uniform", how) for how in ("snips", "ips") for name in ("better", "last")]
    for one in found.differences:
        assert one.pvalue <= one.adjusted_pvalue <= min(1, 2 * one.pvalue)
        assert one.estimate == pytest.approx(
            found[one.policy, one.estimator].value - found["uniform", one.estimator].value, rel=1e-9
        )


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("propensity_position", 10.0, "percent"),
        ("propensity_position", math.nan, "NaN"),
        ("propensity_position", 0.0, "is 0"),
        ("propensity_position", -0.1, "negative"),
        ("propensity_position", None, "null"),
        ("click", math.nan, "NaN"),
        ("click", math.inf, "infinite"),
    ],
)
def test_values_that_are_none_are_refused(column, value, told):
    bad = frame(100).with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(pl.lit(value, pl.Float64)).otherwise(pl.col(column)).alias(column)
    )
    with pytest.raises(DataError, match=told):
        replay({"better": better}, bad)


def test_doubled_propensities_are_not_estimable():
    bad = frame().with_columns(pl.col("propensity_position") * 2)
    found = replay({"better": better}, bad, estimator=["snips", "ips"])
    for name in ("snips", "ips"):
        one = found["better", name]
        assert one.status == "not_estimable"
        assert math.isnan(one.value)
        assert math.isnan(one.ci_low)
        assert any(reason.startswith("mean-weight") for reason in one.reasons)
    assert found.conclusion.startswith("The log cannot say what better would have earned")
    assert found.conclusion.endswith(".")
    assert not found.conclusion.endswith("..")
    assert math.isnan(found.differences[0].estimate)


def test_slots_that_a_policy_leaves_empty_earn_nothing():
    class Half:
        name, trained_through = "half", None

        def propensities(self, feedback):
            return Propensities(TARGET[feedback.actions] / 2)

        def actions(self, feedback):
            n = len(feedback)
            codes = np.tile(np.arange(ITEMS, dtype=np.int32), n)
            return Actions(np.arange(n + 1) * ITEMS, codes, np.tile(TARGET / 2, n))

    names = ["ips", "snips", "rejection", "dr", "sndr", "dm"]
    found = replay({"half": Half()}, frame(), estimator=names)
    for name in names:
        one = found["half", name]
        assert one.status == ("flagged" if name == "dm" else "estimable"), one.reasons
        assert abs(one.value - VALUE / 2) < 4 * found["half", "ips"].standard_error


def test_doubled_rows_are_flagged():
    found = replay({"better": better}, pl.concat([frame(), frame()]))["better"]
    assert found.status == "flagged"
    assert found.reasons[0].startswith("duplicates")


def test_a_policy_that_does_what_was_never_shown_has_bounds_only():
    policy = {"item_id": [99, 8, 9], "probability": [0.5, 0.25, 0.25]}
    found = replay({"new": policy}, frame(), reward_range=(0, 1))
    assert found["new"].status == "not_estimable"
    (support,) = (check for check in found.checks if check.name == "support")
    assert support.number == pytest.approx(0.5)
    value = float((CLICKS[8] + CLICKS[9]) / 4)
    low, high = (float(word) for word in support.detail.split("[")[1].split("]")[0].split(", "))
    assert abs(low - value) < 0.02
    assert high == pytest.approx(low + 0.5, abs=1e-3)
    assert replay({"new": {"item_id": [99, 9], "probability": [0.05, 0.95]}}, frame())["new"].status == "flagged"


def test_no_overlap_and_one_row():
    assert replay({"new": {"item_id": [99], "probability": [1.0]}}, frame())["new"].status == "not_estimable"
    found = replay({"better": better}, frame().head(1))
    assert found["better"].status == "not_estimable"
    assert math.isnan(found["better"].value)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.view().title


def test_a_handful_of_clicks_is_no_confident_number():
    rng = np.random.default_rng(5)
    n = 10_000
    actions = rng.integers(34, size=n)
    log = made_log(actions, np.full(n, 1 / 34), (rng.random(n) < 0.005).astype(float), items=34)
    found = replay({"argmax": {"item_id": [3], "probability": [1.0]}}, log)["argmax"]
    assert found.status != "estimable"
    assert any(reason.startswith("rewarded") for reason in found.reasons)


def test_rejection_is_judged_by_the_rows_that_it_keeps():
    rng = np.random.default_rng(7)
    n = 10_000
    chance = np.where(np.arange(20) == 0, 0.002, 0.998 / 19)  # an item is rare in the log, as others in the policy
    actions = rng.choice(20, size=n, p=chance)
    log = made_log(actions, chance[actions], (rng.random(n) < 0.05).astype(float), items=20)
    found = replay({"uniform": lambda feedback: np.full(len(feedback), 0.05)}, log, estimator=["ips", "rejection"])
    assert found["uniform", "ips"].status == "estimable"
    assert found["uniform", "rejection"].effective_n < 500
    few = replay({"uniform": lambda feedback: np.full(len(feedback), 0.05)}, log.keep(np.arange(n) < 1500),
                 estimator=["ips", "rejection"])  # fmt: skip
    assert few["uniform", "rejection"].effective_n < 100
    assert few["uniform", "rejection"].status != "estimable"
    assert any(check.name == "kept-rows" for check in few.checks)


def test_a_deterministic_logger_is_not_estimable():
    log = replace(uniform_log(1000, ITEMS, 2), propensities=Propensities(position=np.ones(1000)))
    assert replay({"better": better}, log)["better"].status == "not_estimable"


def test_a_log_without_propensities_is_not_estimable():
    found = replay({"better": better}, frame().drop("propensity_position"))["better"]
    assert found.status == "not_estimable"
    assert "no propensities" in found.reasons[0]


def test_impressions_from_the_training_period_are_refused():
    policy = CallablePolicy(better, name="late", trained_through=2000)
    log = replace(uniform_log(4000, ITEMS, 1), times=np.arange(4000))
    with pytest.raises(DataError, match="2,001 of 4,000"):
        replay(policy, log)
    assert replay(policy, replace(log, times=np.arange(4000) + 2001))["late"].status == "estimable"
    assert replay(policy, replace(log, times=None))["late"].status == "flagged"


def test_several_rewards_are_corrected_together():
    log = uniform_log(2000, ITEMS, 1)
    log = replace(log, rewards={**log.rewards, "minutes": log.rewards["click"] * 30})
    found = replay({"better": better}, log)
    assert [one.reward for one in found.estimates] == ["click", "minutes"]
    assert found["better", "minutes"].value == pytest.approx(30 * found["better", "click"].value, rel=1e-12)
    first = found.differences[0]
    assert first.adjusted_pvalue == pytest.approx(min(1, 2 * first.pvalue), rel=1e-6)
    with pytest.raises(ArgumentError, match="several"):
        found["better"]


def test_what_cannot_be_meant_is_refused():
    log = frame(100)
    with pytest.raises(ArgumentError, match="snips"):
        replay({"better": better}, log, estimator="snip")
    with pytest.raises(NotFoundError, match="clicks"):
        replay({"better": better}, LoggedFeedback.from_frame(log), reward="clicks")
    with pytest.raises(NotFoundError, match="bettr"):
        replay({"better": better}, log, baseline="bettr")
    with pytest.raises(ArgumentError, match="no policy"):
        replay({}, log)
    with pytest.raises(ArgumentError, match="int"):
        replay({"better": 3}, log)
    with pytest.raises(ArgumentError, match="threshold"):
        replay({"better": better}, log, estimator="clipped_ips", parameters={"threshold": 3})
    with pytest.raises(ArgumentError, match="estimator='clipped_ips'"):
        replay({"better": better}, log, parameters={"clip": 3})
    with pytest.raises(ArgumentError, match="click, price"):
        replay({"better": better}, log.with_columns(pl.lit(9.5).alias("price")))
    with pytest.raises(ArgumentError, match="request"):
        replay({"better": better}, log, estimator="sips")


def test_results_as_frame_and_plain_values():
    found = replay({"better": better, "new": {"item_id": [99], "probability": [1.0]}}, frame())
    table = found.to_polars()
    assert table["policy"].to_list() == ["logged", "better", "new"]
    assert table["value"].null_count() == 1
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["estimates"][1]["value"] is None
    assert told["estimates"][1]["status"] == "not_estimable"
    assert sum(one["rows"] for one in told["weights"]["better"]) == 4000
    assert "the log cannot tell" in found.conclusion
    assert "not estimable" in repr(found)


def test_the_same_seed_gives_the_same_bytes():
    options = {"estimator": ["snips", "rejection"], "interval": "bootstrap", "replicates": 200, "seed": 4}
    shuffled = frame().sample(fraction=1, shuffle=True, seed=1)
    first, second = (replay({"better": better}, rows, **options).to_dict() for rows in (frame(), shuffled))
    assert first == second


def test_requests_are_counted_where_the_log_names_them():
    named = frame().with_columns(pl.int_range(pl.len()).alias("request_id")).sort("request_id")
    for rows, told in ((frame().drop("request_id", strict=False), None), (named, named["request_id"].n_unique())):
        found = replay({"better": better}, rows)
        assert found.log.requests == told
        assert ("request" in found.view().notes[0]) == (told is not None)


def test_a_clip_above_all_weights_cuts_nothing():
    ips, same = (replay({"better": better}, frame(), estimator=one, parameters=given)["better"]
                 for one, given in (("ips", None), ("clipped_ips", {"clip": 1e6})))  # fmt: skip
    assert (same.value, same.status) == (ips.value, "estimable")


def test_rows_that_users_share_are_no_large_rewards():
    rng = np.random.default_rng(8)
    items = rng.integers(4, size=900)
    log = {"user_id": rng.geometric(0.02, size=900) % 60, "item_id": items, "propensity_position": [0.25] * 900,
           "worth": rng.normal(0.2, 0.4, 900)}  # fmt: skip
    policy = {"item_id": [0, 1, 2, 3], "probability": [0.05, 0.15, 0.2, 0.6]}
    one = replay({"new": policy}, log, reward="worth", estimator="rejection")["new"]
    assert not [why for why in one.reasons if "large rewards" in why]


def test_estimators_with_a_reward_model():
    policy = {"item_id": list(range(ITEMS)), "probability": list(TARGET)}
    names = ["snips", "dm", "dr", "sndr", "switch_dr", "shrunk_dr", "clipped_ips"]
    found = replay({"better": policy}, frame(), estimator=names)
    for name in names:
        one = found["better", name]
        assert one.status == ("flagged" if name in ("dm", "switch_dr", "shrunk_dr", "clipped_ips") else "estimable")
        assert abs(one.value - VALUE) < 4 * found["better", "snips"].standard_error
    assert found["better", "dr"].standard_error < found["better", "snips"].standard_error
    assert any("SLOPE" in reason for reason in found["better", "clipped_ips"].reasons)
    given = replay({"better": policy}, frame(), estimator="clipped_ips", parameters={"clip": 1.5})["better"]
    assert given.parameters == (("clip", 1.5),)


def test_a_callable_has_no_reward_model_and_a_short_log_neither():
    one = replay({"better": better}, frame(), estimator=["snips", "dr"])["better", "dr"]
    assert one.status == "not_estimable"
    assert "what else it would show" in one.reasons[0]
    policy = {"item_id": list(range(ITEMS)), "probability": list(TARGET)}
    assert "too short" in str(replay({"better": policy}, frame().head(9), estimator="dr")["better"].reasons)


def slates(n: int) -> LoggedFeedback:
    rng = np.random.default_rng(11)
    order = np.array([rng.permutation(4)[:2] for _ in range(n)])
    clicks = rng.random((n, 2)) < 0.1 * order
    return LoggedFeedback.from_frame(
        pl.DataFrame(
            {
                "request_id": np.repeat(np.arange(n), 2),
                "user_id": np.repeat(np.arange(n) // 2, 2),
                "item_id": order.ravel(),
                "position": np.tile([1, 2], n),
                "propensity_position": np.full(2 * n, 0.25),
                "propensity_given_above": np.tile([1 / 4, 1 / 3], n),
                "propensity_slate": np.full(2 * n, 1 / 12),
                "click": clicks.ravel(),
            }
        )
    )


def test_estimators_of_slates_with_their_own_propensities():
    log = slates(3000)

    def downwards(feedback):  # item 3 at the top, then anything else
        top = np.where(feedback.positions == 1, feedback.actions == 3, (feedback.actions != 3) / 3)
        above = top.astype(float)
        return Propensities(above, above, np.multiply.reduceat(above, feedback.offsets[:-1]))

    found = replay({"downwards": downwards}, log, estimator=["iips", "sips", "rips"])
    truth = 0.3 + 0.1 * (0 + 1 + 2) / 3
    for name in ("iips", "sips", "rips"):
        one = found["downwards", name]
        assert (one.status, one.estimand, one.n) == ("estimable", "request", 3000), one.reasons
        assert abs(one.value - truth) < 4 * one.standard_error
    assert {check.weighting for check in found.checks} == {"", "position", "slate", "above"}
    with pytest.raises(ArgumentError, match="whole slates"):
        replay({"downwards": downwards}, log, estimator="sips", estimand="impression")
    only = replay({"better": lambda feedback: np.full(len(feedback), 0.25)}, log, estimator=["iips", "sips"])
    assert "slate" in only["better", "sips"].reasons[0]


def test_a_log_of_two_heavy_users_is_not_estimable():
    rng = np.random.default_rng(4)
    users = np.repeat(np.arange(102), [3000] * 2 + [2] * 100)
    chance = rng.beta(2, 18, 102)[users]
    log = pl.DataFrame({
        "user_id": users,
        "ts": pl.Series(np.arange(len(users)) * 10**6).cast(pl.Datetime("us")),
        "item_id": rng.integers(2, size=len(users)),
        "propensity_position": 0.5,
        "click": rng.random(len(users)) < chance,
    })  # fmt: skip
    found = replay({"new": {"item_id": [0, 1], "probability": [0.1, 0.9]}}, log)["new"]
    assert found.effective_n > 3000
    assert found.status == "not_estimable"
    assert found.reasons[0].startswith("effective-clusters")


def test_products_down_a_list_are_judged_at_their_weakest_position():
    rng = np.random.default_rng(6)
    requests, slots = 2000, 6
    log = pl.DataFrame({
        "request_id": np.repeat(np.arange(requests), slots),
        "position": np.tile(np.arange(1, slots + 1), requests),
        "item_id": rng.integers(4, size=requests * slots),
        "propensity_position": 0.25,
        "propensity_given_above": 0.25,
        "click": rng.integers(2, size=requests * slots),
    })  # fmt: skip

    def told(share):
        def policy(feedback):
            chance = np.where(feedback.actions == 0, share, (1 - share) / 3)
            return Propensities(chance, chance)

        return replay({"new": policy}, log, estimator="rips")["new"]

    weak, fine = told(0.85), told(0.3)
    assert weak.effective_n > 100
    assert weak.status == "not_estimable"
    assert weak.reasons[0].startswith("effective-size")
    assert "at position 6" in weak.reasons[0]
    assert fine.status == "estimable", fine.reasons


def test_a_user_who_sees_an_item_twice_is_no_repeated_row_when_the_log_has_no_times():
    users = pl.Series("user_id", np.repeat(np.arange(400), 10))
    log = frame(4000).drop("ts").with_columns(users)
    assert log.is_duplicated().any()
    assert replay({"better": better}, log)["better"].status == "estimable"
