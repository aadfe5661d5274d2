from datetime import datetime

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.simulation import simulate
from recsys.simulation import truth as truth_module
from recsys.simulation.behaviour import expected_requests, mean_completion
from recsys.simulation.population import build_population


@pytest.fixture(scope="module")
def service():
    return simulate(users=1400, items=40, days=60, slots=4, seed=5)


@pytest.fixture(scope="module")
def impressions(service):
    return service.impressions()


def random_lists(service, seed, k=4):
    rng = np.random.default_rng(seed)
    n, items = service.settings.users, service.settings.items
    top = np.argsort(rng.random((n, items)), axis=1)[:, :k]
    return pl.DataFrame(
        {
            "user_id": np.repeat(np.arange(1, n + 1), k),
            "item_id": top.ravel() + 1,
            "rank": np.tile(np.arange(1, k + 1), n),
        }
    )


def ips(impressions, policy, reward):
    """Inverse propensity score by position, with its standard error over requests."""
    requests = impressions["request_id"].n_unique()
    matched = impressions.join(policy, on=["user_id", "item_id"]).filter(pl.col("position") == pl.col("rank"))
    earned = (matched[reward] / matched["propensity_position"]).to_numpy()
    per_request = (
        matched.select("request_id", earned=earned).group_by("request_id").agg(pl.col("earned").sum())["earned"]
    )
    mean = per_request.sum() / requests
    return mean, np.sqrt(((per_request**2).sum() / requests - mean**2) / requests)


@pytest.mark.parametrize("reward", ["click", "minutes"])
@pytest.mark.parametrize("policy", ["ideal", "popular", "random"])
def test_ips_on_the_log_estimates_the_true_value(service, impressions, policy, reward):
    truth = service.truth
    lists = {
        "ideal": truth.ideal_policy(reward=reward),
        "popular": truth.popular_policy(),
        "random": random_lists(service, 2),
    }[policy]
    estimate, error = ips(impressions, lists, reward)
    value = truth.policy_value(lists, reward=reward)
    assert abs(estimate - value) < 4 * error
    assert error < 0.12 * value  # the test could see a difference of a few percent


@pytest.mark.parametrize("reward", ["click", "minutes"])
def test_the_mean_of_the_log_is_the_logging_value(service, impressions, reward):
    per_request = impressions.group_by("request_id").agg(pl.col(reward).sum())[reward]
    error = per_request.std() / np.sqrt(len(per_request))
    assert abs(per_request.mean() - service.truth.logging_value(reward=reward)) < 4 * error


@pytest.mark.parametrize("reward", ["click", "minutes"])
@pytest.mark.parametrize("weight", ["requests", "users"])
def test_policy_value_equals_a_naive_sum(reward, weight):
    service = simulate(users=12, items=15, days=9, slots=3)
    world, lists = service.world, random_lists(service, 1, k=5)
    population = build_population(world.settings, 0)
    liking = population.preference(world.catalogue, np.arange(12)[:, None], np.arange(15)[None, :])
    weights = expected_requests(world, population) if weight == "requests" else np.ones(12)
    day_weight = np.diff(world.clock.cumulated_days)
    total = 0.0
    for row in lists.iter_rows(named=True):
        u, i, position = row["user_id"] - 1, row["item_id"] - 1, row["rank"]
        if position > 3 or not world.catalogue.available[population.country[u], i]:
            continue
        days = range(population.joined[u], 9)
        open_days = sum(day_weight[day] for day in days if world.catalogue.released[i] <= day)
        earned = liking[u, i]
        if reward == "minutes":
            earned *= mean_completion(liking[u, i]) * world.catalogue.duration[i]
        total += weights[u] * position**-0.7 * open_days / sum(day_weight[day] for day in days) * earned
    found = service.truth.policy_value(lists, reward=reward, weight=weight)
    assert found == pytest.approx(total / weights.sum(), rel=1e-12)


def test_the_value_of_a_mixture_is_the_mixture_of_the_values(service):
    first, second = random_lists(service, 3), random_lists(service, 4)
    mixture = pl.concat([first.with_columns(probability=pl.lit(0.25)), second.with_columns(probability=pl.lit(0.75))])
    values = [service.truth.policy_value(policy) for policy in (first, second, mixture)]
    assert values[2] == pytest.approx(0.25 * values[0] + 0.75 * values[1], rel=1e-12)


@pytest.mark.parametrize("reward", ["click", "minutes"])
def test_nothing_beats_the_ideal_policy(service, reward):
    truth = service.truth
    best = truth.policy_value(truth.ideal_policy(reward=reward), reward=reward)
    for rival in (truth.popular_policy(), random_lists(service, 6), truth.ideal_policy(10, reward="click")):
        assert truth.policy_value(rival, reward=reward) <= best
    ideal = truth.ideal_policy(users=[3, 5])
    assert ideal["user_id"].unique().sort().to_list() == [3, 5]
    assert ideal.equals(truth.ideal_policy().filter(pl.col("user_id").is_in([3, 5])))


def test_lift_is_the_difference(service):
    truth = service.truth
    ideal, popular = truth.ideal_policy(), truth.popular_policy()
    lift = truth.lift(ideal, popular)
    assert lift.absolute == truth.policy_value(ideal) - truth.policy_value(popular) > 0
    assert lift.relative == pytest.approx(lift.absolute / truth.policy_value(popular))
    assert truth.lift(popular, popular).absolute == 0
    with pytest.raises(DataError, match="one of the policies only"):
        truth.lift(ideal.filter(pl.col("user_id") < 100), popular)


def test_anything_with_to_polars_is_a_policy(service):
    class Lists:
        def to_polars(self):
            return service.truth.popular_policy()

    assert service.truth.policy_value(Lists()) == service.truth.policy_value(service.truth.popular_policy())


def test_preferences_are_asked_for_in_pairs_across_blocks(service):
    users, items = [1, 1200, 1, 1399], [3, 4, 3, 40]
    liking = service.truth.preference(users, items)
    assert liking[0] == liking[2]
    assert liking[1] == service.truth.preference([1200], [4])[0]
    with pytest.raises(ArgumentError, match="1 users and 2 items"):
        service.truth.preference([1], [1, 2])


@pytest.mark.parametrize("user", [0, 1401, "u0001", 1.5, None])
def test_unknown_ids_are_named(service, user):
    with pytest.raises(NotFoundError, match="is not in this simulation"):
        service.truth.preference(pl.Series([user]), [1])


def test_text_ids_lead_to_the_same_truth():
    numbers, texts = (simulate(users=30, items=20, days=5, ids=ids) for ids in ("int", "text"))
    assert texts.truth.preference(["u07"], ["i03"]) == numbers.truth.preference([7], [3])
    ideal = texts.truth.ideal_policy()
    assert texts.truth.policy_value(ideal) == numbers.truth.policy_value(numbers.truth.ideal_policy())
    for stranger in ("u7", "x07", "u31", "u00"):
        with pytest.raises(NotFoundError):
            texts.truth.preference([stranger], ["i03"])


def test_what_is_no_policy_is_refused(service):
    good = service.truth.popular_policy()
    for bad, message in [
        (good.drop("rank"), "no column 'rank'"),
        (good.head(0), "empty"),
        (good.with_columns(pl.col("rank") - 1), "a rank of the policy is 0"),
        (good.with_columns(rank=pl.lit(1)), "at a rank sum to 4"),
        (good.with_columns(item_id=pl.lit(1)), "for an item sum to 4"),
        (good.with_columns(probability=pl.lit(1.5)), "between 0 and 1"),
        (good.with_columns(probability=pl.lit(float("nan"))), "between 0 and 1"),
    ]:
        with pytest.raises(DataError, match=message):
            service.truth.policy_value(bad)
    with pytest.raises(ArgumentError, match="reward"):
        service.truth.policy_value(good, reward="clicks")


@pytest.mark.parametrize("reward", ["click", "minutes"])
def test_the_truth_of_later_days_is_that_of_later_requests(service, impressions, reward):
    late = impressions.filter(pl.col("ts") >= datetime(2026, 2, 10))
    truth = service.truth.since("2026-02-10")
    lists = truth.ideal_policy(reward=reward)
    estimate, error = ips(late, lists, reward)
    assert abs(estimate - truth.policy_value(lists, reward=reward)) < 4 * error
    per_request = late.group_by("request_id").agg(pl.col(reward).sum())[reward]
    error = per_request.std() / np.sqrt(len(per_request))
    assert abs(per_request.mean() - truth.logging_value(reward=reward)) < 4 * error
    assert truth.policy_value(lists) != service.truth.policy_value(lists)


def test_days_outside_the_simulation_have_no_truth(service):
    assert service.truth.since("2026-01-01").logging_value() == service.truth.logging_value()
    for day in ("2025-12-31", "2026-03-02"):
        with pytest.raises(ArgumentError, match="since is"):
            service.truth.since(day)


def test_the_size_of_a_slice_does_not_matter(service, monkeypatch):
    whole = service.truth.ideal_policy(), service.truth.logging_value()
    monkeypatch.setattr(truth_module, "CELLS", 1000)
    assert service.truth.ideal_policy().equals(whole[0])
    assert service.truth.logging_value() == pytest.approx(whole[1], rel=1e-12)
