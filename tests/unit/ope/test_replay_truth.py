"""Replay against the truth of a simulated service: real models, exact propensities, per request."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from recsys.dataset import Dataset
from recsys.models import ItemKNN, Popularity, Recommender
from recsys.ope import LoggedFeedback, RecommenderPolicy, replay
from recsys.scoring import Eligibility, EpsilonGreedy
from recsys.simulation import Simulation, simulate

CUT = "2026-01-09T00:00:00"


@pytest.fixture(scope="module")
def world() -> Simulation:
    return simulate(users=1500, items=40, days=30, seed=12)


@pytest.fixture(scope="module")
def log(world: Simulation) -> LoggedFeedback:
    rows = world.impressions().filter(pl.col("ts") >= pl.lit(CUT).str.to_datetime())
    return LoggedFeedback.from_frame(rows, reward=["click", "minutes"])


def policy_of(model: Recommender, world: Simulation) -> RecommenderPolicy:
    """Return a policy that is the same all the time: rights by country, and only items that are there all the time."""
    rights = world.availability().filter(pl.col("from") < pl.lit(CUT).str.to_datetime())
    return RecommenderPolicy(
        model,
        explore=EpsilonGreedy(0.4),
        eligibility=Eligibility().available(rights, by="country"),
        user_attributes=world.users(),
        exclude_seen=False,
    )


def lists_of(policy: RecommenderPolicy, log: LoggedFeedback) -> pl.DataFrame:
    """Return what the policy shows to each user of the log, as the truth wants it."""
    first = np.unique(log.user_codes[log.offsets[:-1]], return_index=True)[1]
    part = log.keep(np.isin(np.arange(log.n_slates), first))
    actions = policy.actions(part)
    rows = np.repeat(np.arange(len(part)), np.diff(actions.indptr))
    known = actions.codes >= 0
    return pl.DataFrame(
        {
            "user_id": part.users.ids.gather(part.user_codes[rows][known].astype(np.int64)),
            "item_id": part.items.ids.gather(actions.codes[known].astype(np.int64)),
            "rank": part.positions[rows][known],
            "probability": actions.probabilities[known],
        }
    )


@pytest.mark.parametrize("model", [Popularity(), ItemKNN()], ids=lambda model: model.name)
def test_values_of_real_models(model: Recommender, world: Simulation, log: LoggedFeedback) -> None:
    plays = world.events().filter((pl.col("event") == "play") & (pl.col("ts") < pl.lit(CUT).str.to_datetime()))
    policy = policy_of(model.fit(Dataset.from_frame(plays)), world)
    found = replay({"model": policy}, log, estimator=["iips", "snips", "dr", "sndr"], estimand="request")
    lists, truth = lists_of(policy, log), world.truth.since(CUT)
    for reward in ("click", "minutes"):
        value = truth.policy_value(lists, reward=reward)
        for how in ("iips", "snips", "dr", "sndr"):
            one = found["model", reward, how]
            assert one.status == "estimable", one.reasons
            assert abs(one.value - value) < 3.5 * one.standard_error
