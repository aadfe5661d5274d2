"""Lists served, A/B tests and experiments in a simulated service: their data against their truth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.simulation import simulate

SINCE = "2026-01-16"


@pytest.fixture(scope="module")
def service():
    return simulate(users=1500, items=120, days=30, seed=3, events_per_user_day=1.5, impressions=False)


@pytest.fixture(scope="module")
def served(service):
    return service.serve(service.truth.ideal_policy(6), since=SINCE, seed=1)


def test_clicks_and_minutes_per_request_are_worth_what_the_truth_says(service, served):
    requests = served.impressions.group_by("request_id").agg(pl.col("click", "minutes").sum())
    truth, policy = service.truth.since(SINCE), service.truth.ideal_policy(6)
    for reward, column in (("click", "click"), ("minutes", "minutes")):
        values = requests[column].to_numpy()
        error = values.std() / np.sqrt(len(values))  # requests of a user differ less than those of all: an upper bound
        assert abs(values.mean() - truth.policy_value(policy, reward=reward)) < 4 * error


def test_sessions_and_searches_are_those_of_the_log(service, served):
    columns = ["user_id", "item_id", "ts", "completion", "session_id"]
    start = pl.lit(SINCE).str.to_datetime()
    searched = pl.col("request_id").is_null() & (pl.col("event") == "play")
    log = service.events().filter(searched & (pl.col("ts") >= start)).select(columns).sort(columns)
    assert served.events.filter(searched).select(columns).sort(columns).equals(log)
    assert served.events["ts"].min() >= served.impressions["ts"].min()


def test_every_click_is_a_play_and_nothing_unavailable_is_clicked(service, served):
    clicked = served.impressions.filter(click=1).select("request_id", "item_id").sort("request_id", "item_id")
    plays = served.events.filter(event="play").drop_nulls("request_id").select("request_id", "item_id")
    assert plays.sort("request_id", "item_id").equals(clicked)
    assert served.impressions.filter(click=1)["viewed"].all()
    rights = service.availability()
    home = service.users().select("user_id", "country")
    seen = served.impressions.filter(click=1).join(home, on="user_id").join(rights, on=["item_id", "country"])
    assert len(seen) == len(clicked)
    assert (seen["ts"] >= seen["from"]).all()


def test_same_seed_same_bytes_and_any_company(service, served):
    again = service.serve(service.truth.ideal_policy(6).sample(fraction=1, shuffle=True, seed=2), since=SINCE, seed=1)
    assert again.impressions.equals(served.impressions)
    assert again.events.equals(served.events)
    other = service.serve(service.truth.ideal_policy(6), since=SINCE, seed=2)
    assert other.impressions["click"].sum() != served.impressions["click"].sum()
    some = service.truth.ideal_policy(6).filter(pl.col("user_id") % 7 == 0)
    few = service.serve(some, since=SINCE, seed=1)
    assert few.impressions.equals(served.impressions.filter(pl.col("user_id") % 7 == 0))


def test_short_lists_and_gaps_leave_slots_empty(service):
    lists = pl.DataFrame({"user_id": [1, 1], "item_id": [5, 6], "rank": [2, 9]})
    rows = service.serve(lists, since="2026-01-01").impressions
    assert rows["position"].unique().to_list() == [2]
    assert rows["user_id"].unique().to_list() == [1]


def test_an_ab_test_has_the_effect_of_its_truth(service):
    arms = {"popular": service.truth.popular_policy(6), "ideal": service.truth.ideal_policy(6)}
    found = service.ab_test(arms, since=SINCE, seed=5)
    assert found.effects == {
        "popular": 0.0,
        "ideal": service.truth.since(SINCE).lift(arms["ideal"], arms["popular"]).relative,
    }
    clicks = found.impressions.group_by("user_id").agg(pl.col("click").sum())
    units = found.exposures.join(clicks, left_on="unit_id", right_on="user_id", how="left")
    by_arm = dict(units.group_by("variant").agg(pl.col("click")).iter_rows())
    means = {arm: np.mean(values) for arm, values in by_arm.items()}
    error = {arm: np.std(values) / np.sqrt(len(values)) / means[arm] for arm, values in by_arm.items()}
    ratio = means["ideal"] / means["popular"]
    assert abs(ratio - 1 - found.effects["ideal"]) < 4 * ratio * np.hypot(*error.values())
    shown = found.impressions.join(units.select(user_id="unit_id", variant="variant"), on="user_id")
    assert (shown["policy"] == shown["variant"]).all()


def test_exposures_come_with_the_first_request_and_history_before_is_untouched(service):
    found = service.experiment(
        {"a": 0.0, "b": 0.3, "c": -0.3}, since=SINCE, shares={"a": 0.5, "b": 0.3, "c": 0.2}, seed=4
    )
    exposures = found.exposures
    assert exposures.columns == ["experiment", "unit_id", "variant", "ts"]
    assert exposures["unit_id"].is_unique().all()
    assert exposures["ts"].is_sorted()
    assert exposures["ts"].min() >= pl.Series([SINCE]).str.to_datetime()[0]
    shares = exposures["variant"].value_counts(normalize=True).sort("variant")["proportion"]
    assert np.abs(shares.to_numpy() - [0.5, 0.3, 0.2]).max() < 4 * np.sqrt(0.25 / len(exposures))
    at = exposures.select(user_id="unit_id", variant="variant", at="ts")
    log = service.events()

    def parts(events):
        joined = events.join(at, on="user_id", how="left")
        before = joined.filter(pl.col("at").is_null() | (pl.col("ts") < pl.col("at"))).select(events.columns)
        return before, joined.filter((pl.col("ts") >= pl.col("at")) & (pl.col("event") == "play"))

    before, after = parts(log)
    lifted_before, lifted_after = parts(found.events)
    assert lifted_before.sort("ts", "user_id", "item_id", "event").equals(
        before.sort("ts", "user_id", "item_id", "event")
    )
    for arm, lift in found.effects.items():
        mine, theirs = after.filter(variant=arm), lifted_after.filter(variant=arm)
        # each play is added or taken away with the probability of the lift: a binomial count
        error = np.sqrt(abs(lift) * (1 - abs(lift)) / len(mine))
        assert abs(len(theirs) / len(mine) - 1 - lift) <= 4 * error
        weight = np.sqrt((mine["value"] ** 2).mean()) / mine["value"].mean()
        assert abs(theirs["value"].sum() / mine["value"].sum() - 1 - lift) <= 4 * error * weight


def test_assignment_depends_on_the_unit_and_the_seed(service):
    first = service.experiment({"a": 0.0, "b": 0.1}, since=SINCE, seed=4).exposures
    later = service.experiment({"a": 0.0, "b": 0.1}, since="2026-01-20", seed=4).exposures
    both = first.join(later, on="unit_id")
    assert (both["variant"] == both["variant_right"]).all()
    other = first.join(service.experiment({"a": 0.0, "b": 0.1}, since=SINCE, seed=5).exposures, on="unit_id")
    same = (other["variant"] == other["variant_right"]).mean()
    assert abs(same - 0.5) < 4 * 0.5 / np.sqrt(len(other))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.serve(s.truth.popular_policy(3), since="2027-01-01"), ArgumentError),
        (lambda s: s.serve(s.truth.popular_policy(3).with_columns(probability=pl.lit(0.5)), since=SINCE), DataError),
        (lambda s: s.serve(pl.DataFrame({"user_id": [1], "item_id": [999], "rank": [1]}), since=SINCE), NotFoundError),
        (lambda s: s.ab_test({"a": s.truth.popular_policy(3)}, since=SINCE), ArgumentError),
        (lambda s: s.experiment({"a": 0.1, "b": 0.0}, since=SINCE), ArgumentError),
        (lambda s: s.experiment({"a": 0.0, "b": 2.0}, since=SINCE), ArgumentError),
        (lambda s: s.experiment({"a": 0.0, "b": 0.1}, since=SINCE, shares={"a": 1.0, "c": 1.0}), ArgumentError),
        (lambda s: s.experiment({"a": 0.0, "b": 0.1}, since=SINCE, event="click"), ArgumentError),
    ],
)
def test_what_is_refused(service, call, error):
    with pytest.raises(error):
        call(service)
