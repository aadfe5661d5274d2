from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from recsys.simulation import simulate


@pytest.fixture(scope="module")
def service():
    return simulate(users=1500, items=80, days=40, slots=4, seed=3)


@pytest.fixture(scope="module")
def events(service):
    return service.events()


@pytest.fixture(scope="module")
def impressions(service):
    return service.impressions()


@pytest.mark.parametrize("impressions", [True, False])
def test_about_as_many_events_as_asked_for(impressions):
    service = simulate(users=1000, items=2000, days=40, events_per_user_day=2, impressions=impressions)
    joined = service.users()["signup_at"].dt.date().clip(date(2026, 1, 1), date(2026, 2, 10))
    days = (date(2026, 2, 10) - joined).dt.total_days().sum()
    assert len(service.events()) / days == pytest.approx(2, rel=0.2)


def test_columns_are_those_of_the_store(events, impressions):
    assert events.columns[:5] == ["user_id", "item_id", "ts", "event", "value"]
    assert set(impressions.columns) >= {"request_id", "ts", "user_id", "item_id", "position", "propensity_position"}
    assert set(impressions.columns) >= {"propensity_slate", "propensity_given_above", "policy", "policy_version"}
    assert set(impressions.columns) >= {"viewed", "candidate_set", "click", "minutes"}
    assert events["ts"].dtype == impressions["ts"].dtype == pl.Datetime("us")
    assert events.drop("request_id", "completion").null_count().sum_horizontal().item() == 0
    assert impressions.null_count().sum_horizontal().item() == 0


def test_values_are_minutes_and_stars(service, events):
    plays = events.filter(pl.col("event") == "play").join(service.items(), on="item_id")
    assert (plays["value"] - plays["duration"] * plays["completion"]).abs().max() < 1e-3
    ratings = events.filter(pl.col("event") == "rating")
    assert set(ratings["value"].unique().to_list()) == {1, 2, 3, 4, 5}
    assert ratings["completion"].is_null().all()
    assert len(ratings) / len(plays) == pytest.approx(0.1, abs=0.01)


def test_nobody_watches_before_joining_nor_what_is_not_there(service, events, impressions):
    users, items = service.users(), service.items()
    for table in (events, impressions):
        rows = table.join(users, on="user_id").join(items, on="item_id")
        assert (rows["ts"].dt.date() >= rows["signup_at"].dt.date()).all()
        assert (rows["ts"] >= rows["released_at"]).all()
        assert rows.select(pl.col("countries").str.contains(pl.col("country"))).to_series().all()
        assert rows["ts"].max() < datetime(2026, 2, 10)


def test_clicks_lead_to_plays(events, impressions):
    clicks = impressions.filter(pl.col("click") == 1).select("request_id", "user_id", "item_id", "minutes")
    plays = events.filter(pl.col("request_id").is_not_null() & (pl.col("event") == "play"))
    both = clicks.join(plays, on=["request_id", "user_id", "item_id"])
    assert len(both) == len(clicks) == len(plays)
    assert (both["minutes"] == both["value"]).all()
    assert impressions.filter(pl.col("click") == 0)["minutes"].max() == 0
    assert not impressions.filter(~pl.col("viewed"))["click"].max()


def test_attention_falls_with_the_position_as_declared(impressions):
    viewed = impressions.group_by("position").agg(pl.col("viewed").mean()).sort("position")["viewed"].to_numpy()
    np.testing.assert_allclose(viewed, np.arange(1, 5) ** -0.7, atol=0.012)


def test_a_viewed_item_is_clicked_as_often_as_it_is_liked(service, impressions):
    viewed = impressions.filter("viewed")
    liking = service.truth.preference(viewed["user_id"], viewed["item_id"])
    clicks = viewed["click"].to_numpy()
    z = (clicks - liking).sum() / np.sqrt((liking * (1 - liking)).sum())
    assert abs(z) < 4
    for position in range(1, 5):  # given that it is viewed, the position does not matter
        here = viewed["position"].to_numpy() == position
        assert abs((clicks - liking)[here].sum()) < 4 * np.sqrt((liking * (1 - liking))[here].sum())


def test_weights_sum_to_the_number_of_actions(impressions):
    # E[1 / p] is the number of items on the shelf, whatever the policy: here within noise, policy by policy.
    sizes = impressions.group_by("candidate_set").agg(pl.col("item_id").n_unique())
    rows = impressions.join(sizes.rename({"item_id": "size"}), on="candidate_set").filter(
        pl.len().over("candidate_set") > 3000
    )
    for _, part in rows.group_by("policy", "policy_version", "position"):
        weight = 1 / part["propensity_position"]
        error = (weight - part["size"]).mean() / (weight.std() / np.sqrt(len(part)))
        assert abs(error) < 5


def test_policies_take_turns(impressions):
    shares = impressions.group_by("policy").len()
    uniform = shares.filter(pl.col("policy") == "uniform")["len"].item() / len(impressions)
    assert uniform == pytest.approx(0.1, abs=0.01)
    popular = impressions.filter(pl.col("policy") == "popular")
    change = popular.group_by("policy_version").agg(pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last"))
    first, second = change.sort("policy_version").iter_rows(named=True)
    assert first["last"] < datetime(2026, 1, 21) <= second["first"]


def test_some_rows_arrive_days_late(events):
    delay = events["arrived_at"] - events["ts"]
    assert delay.min() >= timedelta(0)
    assert (delay > timedelta(hours=1)).mean() == pytest.approx(0.02, abs=0.006)
    on_time = simulate(users=50, items=20, days=5, late_share=0).events()
    assert (on_time["arrived_at"] - on_time["ts"]).max() < timedelta(minutes=1)


def test_text_ids_name_the_same_rows():
    numbers, texts = (simulate(users=120, items=30, days=10, ids=ids) for ids in ("int", "text"))
    assert texts.events()["user_id"].str.slice(1).cast(pl.Int64).equals(numbers.events()["user_id"])
    assert texts.impressions()["item_id"].str.slice(1).cast(pl.Int64).equals(numbers.impressions()["item_id"])
    assert texts.users()["user_id"][0] == "u001"
