"""Recommenders as policies: histories as of a request against a plain loop, rights in time, the training period."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset, Label
from recsys.models import ALS, ItemKNN, Popularity
from recsys.ope import LoggedFeedback, RecommenderPolicy, replay
from recsys.scoring import MMR, Eligibility, EpsilonGreedy, PlackettLuce
from recsys.scoring.closed_forms import given_lists

START = datetime(2026, 1, 1)
USERS, ITEMS, SLOTS = 12, 15, 3


def events(rng, first_hour, last_hour, n, users=USERS):
    return pl.DataFrame(
        {
            "user_id": rng.integers(0, users, n),
            "item_id": [f"i{item:02}" for item in rng.integers(0, ITEMS, n)],
            "ts": [START + timedelta(minutes=int(m)) for m in rng.integers(first_hour * 60, last_hour * 60, n)],
        }
    )


def log_of(rng, requests, anonymous=False):
    items = np.concatenate([rng.permutation(ITEMS + 2)[:SLOTS] for _ in range(requests)])  # two that no model knows
    users = np.repeat(rng.integers(0, USERS + 2, requests), SLOTS)
    hours = np.repeat(rng.integers(100, 200, requests), SLOTS)
    frame = pl.DataFrame(
        {
            "request_id": np.repeat(np.arange(requests), SLOTS),
            "ts": [START + timedelta(hours=int(hour)) for hour in hours],
            "user_id": users,
            "item_id": [f"i{item:02}" for item in items],
            "position": np.tile(np.arange(1, SLOTS + 1), requests),
            "propensity_position": 0.1,
            "click": rng.integers(0, 2, requests * SLOTS),
        }
    )
    return LoggedFeedback.from_frame(frame.drop("user_id") if anonymous else frame)


RIGHTS = pl.DataFrame(
    {
        "item_id": [f"i{item:02}" for item in range(10)],
        "from": [START + timedelta(hours=100 + 7 * item) for item in range(10)],
        "until": [None if item % 2 else START + timedelta(hours=160 + item) for item in range(10)],
    }
)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(11)
    past = events(rng, 0, 90, 150, users=USERS - 2)
    later = events(rng, 100, 200, 120)
    return past, pl.concat([past, later]), log_of(rng, 60)


def looped(model, log, explorer, history, eligibility):
    """Ask the model for one request at a time, with the events before it and nothing else."""
    position, above = np.zeros((2, len(log)))
    for slate in range(log.n_slates):
        rows = slice(log.offsets[slate], log.offsets[slate + 1])
        user, at = log.users.ids[int(log.user_codes[rows][0])], int(log.slate_times[slate])
        own = None
        if history is not None:
            own = history.filter((pl.col("user_id") == user) & (pl.col("ts").dt.epoch("us") < at))
        size = max(SLOTS, explorer.pool) if explorer else SLOTS
        lists = model.recommend(
            [user],
            size,
            history=None if own is None or not len(own) else own,
            eligibility=eligibility,
            at=at,
            on_unknown="fallback",
        )
        pool = model.items_.decode(lists.lists[0][lists.lists[0] >= 0]).to_list()
        shown = log.items.decode(log.actions[rows]).to_list()
        places = np.array([[pool.index(item) if item in pool else -1 for item in shown]], dtype=np.int32)
        told = given_lists(explorer, lists.scores.astype(np.float64), places)
        position[rows], above[rows] = told.position[0], told.given_above[0]
    return position, above


@pytest.mark.parametrize(
    "explorer", [None, EpsilonGreedy(0.4, pool=6), PlackettLuce(1.0, pool=8), PlackettLuce(0.5, by="score")]
)
@pytest.mark.parametrize("with_history", [True, False])
@pytest.mark.parametrize("rights", [None, Eligibility().available(RIGHTS, unlisted="allow")])
def test_every_request_is_asked_with_the_history_before_it(world, explorer, with_history, rights):
    past, history, log = world
    model = ItemKNN(5).fit(Dataset.from_frame(past))
    own = history if with_history else None
    policy = RecommenderPolicy(model, explore=explorer, history=own, eligibility=rights)
    told = policy.propensities(log)
    position, above = looped(model, log, explorer, own, rights)
    np.testing.assert_allclose(told.position, position, rtol=1e-12)
    np.testing.assert_allclose(told.given_above, above, rtol=1e-12)
    np.testing.assert_allclose(told.slate, above.reshape(-1, SLOTS).prod(axis=1), rtol=1e-12)
    assert 0 < (told.position > 0).mean() < 1


@pytest.mark.parametrize(
    "explorer", [None, EpsilonGreedy(0.4, pool=6), PlackettLuce(1.0, pool=8), PlackettLuce(0.5, pool=7, by="score")]
)
def test_actions_hold_the_logged_probabilities_and_sum_to_one(world, explorer):
    past, history, log = world
    policy = RecommenderPolicy(ItemKNN(5).fit(Dataset.from_frame(past)), explore=explorer, history=history)
    actions, told = policy.actions(log), policy.propensities(log)
    rows = np.repeat(np.arange(len(log)), np.diff(actions.indptr))
    sums = np.bincount(rows, weights=actions.probabilities, minlength=len(log))
    filled = sums > 0  # some have seen almost everything: their last slots stay empty
    assert filled.mean() > 0.9
    np.testing.assert_allclose(sums[filled], 1.0, rtol=1e-9)
    logged = np.zeros(len(log))
    same = actions.codes == log.actions[rows]
    logged[rows[same]] = actions.probabilities[same]
    np.testing.assert_allclose(logged, told.position, rtol=1e-9, atol=1e-15)
    inside = rows[1:] == rows[:-1]
    assert (np.diff(actions.codes)[inside] > 0).all()
    assert actions.codes.min() >= -1


def test_a_decaying_label_does_not_ask_who_else_is_served(world):
    past, history, log = world
    label = Label(half_life="2d")
    model = ALS(4, iterations=2, seed=1).fit(Dataset.from_frame(past, label=label))
    told = RecommenderPolicy(model, history=history, explore=PlackettLuce(1.0, by="score")).propensities(log)
    for slate in range(0, log.n_slates, 7):
        alone = log.keep(np.arange(log.n_slates) == slate)
        own = RecommenderPolicy(model, history=history, explore=PlackettLuce(1.0, by="score")).propensities(alone)
        rows = slice(log.offsets[slate], log.offsets[slate + 1])
        np.testing.assert_allclose(own.position, told.position[rows], rtol=1e-5)  # float32 sums of another block


def test_a_log_without_users_gets_the_fallback(world):
    past, _, _ = world
    log = log_of(np.random.default_rng(2), 20, anonymous=True)
    data = Dataset.from_frame(past)
    knn = RecommenderPolicy(ItemKNN(5).fit(data)).propensities(log)
    popular = RecommenderPolicy(Popularity().fit(data)).propensities(log)
    assert knn.position.tolist() == popular.position.tolist()


def test_who_is_served_by_the_fallback_is_told(world):
    past, history, log = world
    policy = RecommenderPolicy(ItemKNN(5).fit(Dataset.from_frame(past)), history=history)
    users = log.user_codes[log.offsets[:-1]]
    before = np.zeros(log.n_slates, np.bool_)
    for slate in range(log.n_slates):
        own = history.filter(pl.col("user_id") == log.users.ids[int(users[slate])])
        before[slate] = (own["ts"].dt.epoch("us") < int(log.slate_times[slate])).any()
    fallback = policy.served_by_fallback(log)
    assert fallback[~before].all()
    assert 0 < fallback.mean() < 0.5


def test_impressions_of_the_training_period_are_refused_unless_asked_for(world):
    _, history, log = world
    model = Popularity().fit(Dataset.from_frame(history))
    with pytest.raises(DataError, match=r"popularity has learned .* of 60 requests .*allow_training_period"):
        RecommenderPolicy(model).propensities(log)
    assert len(RecommenderPolicy(model, allow_training_period=True).propensities(log).position) == len(log)
    assert RecommenderPolicy(model).trained_through == model.trained_through_


def test_wrong_turns_are_refused(world):
    past, history, log = world
    data = Dataset.from_frame(past)
    model = ItemKNN(5).fit(data)
    with pytest.raises(ArgumentError, match="fitted recommender"):
        RecommenderPolicy("als")
    with pytest.raises(ArgumentError, match="re-ranker"):
        RecommenderPolicy(model.with_policy(rerank=MMR(0.5)), explore=EpsilonGreedy(0.1))
    with pytest.raises(ArgumentError, match="history has no times"):
        RecommenderPolicy(model, history=past.drop("ts")).propensities(log)
    untimed = LoggedFeedback.from_frame({"item_id": ["i01"], "user_id": [1], "click": [1]})
    with pytest.raises(ArgumentError, match="log has no times"):
        RecommenderPolicy(model, history=history).propensities(untimed)
    unplaced = LoggedFeedback.from_frame({"request_id": [1, 1], "item_id": ["i01", "i02"], "click": [1, 0]})
    with pytest.raises(ArgumentError, match="no positions"):
        RecommenderPolicy(model).propensities(unplaced)


@pytest.mark.parametrize("explorer", [None, EpsilonGreedy(0.2), PlackettLuce(1.0, by="score")])
def test_positions_far_beyond_the_catalogue_take_no_memory(world, explorer):
    past, _, _ = world
    frame = {"request_id": [1, 1], "item_id": ["i01", "i02"], "position": [1, 2_000_000_000], "click": [1, 0]}
    log = LoggedFeedback.from_frame(frame)
    policy = RecommenderPolicy(Popularity().fit(Dataset.from_frame(past)), explore=explorer)
    assert policy.propensities(log).position[1] == 0
    actions = policy.actions(log)
    assert actions.indptr[2] == actions.indptr[1]  # the slot stays empty


def test_an_empty_log_has_empty_propensities(world):
    past, history, log = world
    empty = log.keep(np.zeros(log.n_slates, np.bool_))
    policy = RecommenderPolicy(ItemKNN(5).fit(Dataset.from_frame(past)), history=history)
    assert len(policy.propensities(empty).position) == 0
    assert policy.actions(empty).indptr.tolist() == [0]


def test_a_re_ranked_list_is_the_list_of_the_model(world):
    past, _, log = world
    model = ItemKNN(5).fit(Dataset.from_frame(past)).with_policy(rerank=MMR(0.3, pool=10))
    told = RecommenderPolicy(model).propensities(log)
    position, _ = looped(model, log, None, None, None)
    assert told.position.tolist() == position.tolist()


def test_a_replay_asks_the_model_once(monkeypatch):
    model = Popularity().fit(Dataset.from_frame({"user_id": [1, 2, 1], "item_id": ["a", "a", "b"]}))
    rng = np.random.default_rng(1)
    items = np.array(["a", "b"])[rng.integers(2, size=400)]
    log = {"user_id": np.arange(400) % 40 + 10, "item_id": items, "propensity_position": np.full(400, 0.5),
           "click": rng.random(400) < 0.3}  # fmt: skip
    asked, recommend = [], Popularity.recommend

    def counted(self, users=None, *words, **options):
        asked.append(len(users))
        return recommend(self, users, *words, **options)

    monkeypatch.setattr(Popularity, "recommend", counted)
    found = replay({"new": RecommenderPolicy(model, explore=EpsilonGreedy(0.5))}, log, estimator=["snips", "dr"])
    assert asked == [40]
    weights = np.where(items == "a", 0.75, 0.25) / 0.5
    assert found["new", "snips"].value == pytest.approx(np.average(log["click"], weights=weights), rel=1e-12)
