"""Logs as they come: the store's impressions, the Open Bandit layout, the simulator with its known truth."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from recsys.dataset import Dataset
from recsys.layouts import load_layout
from recsys.models import ItemKNN
from recsys.ope import LoggedFeedback, RecommenderPolicy, UniformPolicy
from recsys.scoring import Eligibility, PlackettLuce
from recsys.scoring.closed_forms import position_tables
from recsys.simulation import simulate
from recsys.store import Store

CUT = datetime(2026, 1, 21)
PLACKETT_LUCE = PlackettLuce(1.0, pool=30)


@pytest.fixture(scope="module")
def world():
    return simulate(users=800, items=60, days=40, seed=3, shelf=60, slots=4)


def test_the_impressions_of_a_store_are_a_log(world, tmp_path):
    frame = world.impressions().head(400)
    store = Store(tmp_path / "shop")
    store.ingest("impressions", frame)
    log, straight = LoggedFeedback.from_frame(store.impressions()), LoggedFeedback.from_frame(frame)
    assert sorted(log.rewards) == ["click", "minutes"]
    for own, other in zip(log.propensities, straight.propensities, strict=True):
        assert own.tolist() == other.tolist()
    assert log.actions.tolist() == straight.actions.tolist()
    assert log.times.tolist() == straight.times.tolist()
    assert log.versions == straight.versions
    assert log.rewards["click"].tolist() == straight.rewards["click"].tolist()


def test_the_open_bandit_layout_is_a_log_of_single_rows(tmp_path):
    rows = "".join(f"{n},2019-11-24 00:00:{n:02}.5+00:00,{n % 3},{n % 3 + 1},{n % 2},0.25,a,b,c,d\n" for n in range(12))
    features = ",".join(f"user_feature_{number}" for number in range(4))
    head = f",timestamp,item_id,position,click,propensity_score,{features}\n"
    for policy in ("random", "bts"):
        folder = tmp_path / policy / "men"
        folder.mkdir(parents=True)
        (folder / "men.csv").write_text(head + rows)
    log = LoggedFeedback.from_frame(load_layout("open-bandit", tmp_path)["impressions"].collect())
    assert log.versions == ("bts/1", "random/1")
    assert list(log.rewards) == ["click"]
    assert not log.has_requests
    assert log.has_positions
    assert log.users is None
    random = log.of_versions("random")
    assert len(random) == 12
    assert UniformPolicy().propensities(random).position.tolist() == [1 / 3] * 12


def test_weights_of_a_recommender_give_its_true_value(world):
    """Unbiased: every item of the user's country may be shown by the logger, so by theory the error is noise alone."""
    plays = world.events().filter((pl.col("ts") < CUT) & (pl.col("event") == "play"))
    model = ItemKNN(20).fit(Dataset.from_frame(plays))
    country = world.users().select("user_id", "country")
    asked = {
        "eligibility": Eligibility().available(world.availability(), by="country"),
        "user_attributes": country,
        "exclude_seen": False,
    }
    log = LoggedFeedback.from_frame(world.impressions()).period(since=CUT)
    told = RecommenderPolicy(model, explore=PLACKETT_LUCE, **asked).propensities(log)
    weights = told.position / log.propensities.position
    values = np.add.reduceat(weights * log.rewards["click"], log.offsets[:-1])
    lists = model.recommend(log.users.ids, 30, on_unknown="fallback", at=log.slate_times.max(), **asked)
    table = position_tables(PLACKETT_LUCE, lists.scores.astype(np.float64), 4)
    users, places = np.nonzero(lists.lists >= 0)
    policy = pl.concat(
        pl.DataFrame(
            {
                "user_id": lists.users.gather(users),
                "item_id": model.items_.decode(lists.lists[users, places]),
                "rank": np.full(len(users), rank + 1),
                "probability": table[users, places, rank],
            }
        )
        for rank in range(4)
    )
    truth = world.truth.since(CUT).policy_value(policy)
    # Four standard errors over requests; users cluster a little, what is released meanwhile is not in the lists.
    assert values.mean() == pytest.approx(truth, abs=4 * values.std() / np.sqrt(len(values)))
    assert values.std() / np.sqrt(len(values)) < 0.1 * truth
    by_slate = np.add.reduceat(weights, log.offsets[:-1]) / 4
    assert by_slate.mean() == pytest.approx(1, abs=4 * by_slate.std() / np.sqrt(len(by_slate)))
