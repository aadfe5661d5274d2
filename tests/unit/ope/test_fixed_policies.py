"""Policies without a model."""

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset
from recsys.ope import (
    CallablePolicy,
    FramePolicy,
    LoggedFeedback,
    LoggingPolicy,
    Policy,
    PopularityPolicy,
    Propensities,
    UniformPolicy,
)
from recsys.scoring import EpsilonGreedy

LOG = LoggedFeedback.from_frame(
    {
        "request_id": [1, 1, 2, 2],
        "user_id": ["u", "u", "v", "v"],
        "item_id": ["a", "b", "c", "a"],
        "position": [1, 2, 1, 2],
        "propensity_position": [0.5, 0.25, 0.2, 0.4],
        "country": ["SE", "SE", "DE", "DE"],
        "click": [1, 0, 0, 1],
    }
)
PROBABILITIES = pl.DataFrame(
    {
        "country": ["SE", "SE", "DE", "DE", "DE"],
        "item_id": ["a", "b", "a", "never", "shown"],
        "probability": [0.75, 0.25, 0.5, 0.25, 0.25],
    }
)


def test_they_are_policies():
    for policy in (LoggingPolicy(), UniformPolicy(), PopularityPolicy({}), FramePolicy({}), CallablePolicy(len)):
        assert isinstance(policy, Policy)
    assert LoggingPolicy().propensities(LOG) is LOG.propensities


def test_uniform_lists_are_drawn_without_replacement():
    told = UniformPolicy().propensities(LOG)
    assert told.position.tolist() == pytest.approx([1 / 3] * 4)
    assert told.given_above.tolist() == pytest.approx([1 / 3, 1 / 2, 1 / 3, 1 / 2])
    assert told.slate.tolist() == pytest.approx([1 / 6, 1 / 6])
    more = UniformPolicy(["a", "c", "x", "y"])
    assert more.propensities(LOG).position.tolist() == [0.25, 0.0, 0.25, 0.25]
    actions = more.actions(LOG)
    assert actions.indptr.tolist() == [0, 3, 6, 9, 12]
    assert actions.codes[:3].tolist() == [-1, 0, 2]
    assert actions.probabilities[:3].tolist() == [0.5, 0.25, 0.25]


def test_popularity_shows_the_same_list_to_everyone_ties_by_item():
    counts = {"item_id": ["x", "b", "a", "c"], "popularity": [9, 5, 5, 1]}
    assert PopularityPolicy(counts).propensities(LOG).position.tolist() == [0.0, 0.0, 0.0, 1.0]  # x, a
    greedy = PopularityPolicy(counts, explore=EpsilonGreedy(0.4, pool=4)).propensities(LOG)
    assert greedy.position[0] == pytest.approx(0.1)
    assert greedy.given_above[1] == pytest.approx(0.4 / 3)  # x is left and better
    data = Dataset.from_frame({"user_id": [1, 2, 1], "item_id": ["a", "a", "b"]})
    assert PopularityPolicy(data).propensities(LOG).position.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_a_frame_tells_by_context():
    policy = FramePolicy(PROBABILITIES.sample(fraction=1.0, shuffle=True, seed=1))
    told = policy.propensities(LOG)
    assert told.position.tolist() == [0.75, 0.25, 0.0, 0.5]
    assert told.given_above is None
    assert told.slate is None
    actions = policy.actions(LOG)
    assert np.diff(actions.indptr).tolist() == [2, 2, 2, 2]
    assert actions.codes.tolist() == [0, 1, 0, 1, -1, 0, -1, 0]
    assert actions.probabilities.tolist() == [0.75, 0.25, 0.75, 0.25, 0.5, 0.5, 0.5, 0.5]


def test_a_frame_tells_by_position_user_and_request():
    frame = pl.DataFrame({"position": [1, 1, 2], "item_id": ["a", "c", "a"], "probability": [0.5, 0.5, 1.0]})
    assert FramePolicy(frame).propensities(LOG).position.tolist() == [0.5, 0.0, 0.5, 1.0]
    by_request = pl.DataFrame({"request_id": [1, 2], "item_id": ["a", "c"], "probability": [1.0, 1.0]})
    assert FramePolicy(by_request).propensities(LOG).position.tolist() == [1.0, 0.0, 1.0, 0.0]
    by_user = pl.DataFrame({"user_id": ["u", "v"], "item_id": ["b", "c"], "probability": [1.0, 1.0]})
    assert FramePolicy(by_user).propensities(LOG).position.tolist() == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (PROBABILITIES.with_columns(probability=pl.col("probability") * 100), "sum to 100 in 5 of 5 rows"),
        (PROBABILITIES.head(4), "sum to 0.75 in 2 of 4 rows"),
        (PROBABILITIES.with_columns(probability=pl.Series([1.5, -0.5, 0.5, 0.25, 0.25])), "negative in 1 of 5"),
        (PROBABILITIES.with_columns(probability=pl.Series([0.5, float("nan"), 0.5, 0.25, 0.25])), "NaN in 1 of 5"),
        (PROBABILITIES.head(2), "no probabilities for 2 of 4 rows of the log .*'DE'"),
        (pl.concat([PROBABILITIES, PROBABILITIES]), "listed twice in 10 of 10"),
        (PROBABILITIES.rename({"country": "land"}), "no column 'land'"),
    ],
)
def test_frames_that_are_no_probabilities_are_refused(frame, message):
    with pytest.raises(DataError, match=message):
        FramePolicy(frame).propensities(LOG)


def test_a_callable_is_checked():
    assert CallablePolicy(lambda log: np.full(len(log), 0.5)).propensities(LOG).position.tolist() == [0.5] * 4
    whole = CallablePolicy(lambda log: Propensities(slate=np.full(log.n_slates, 0.1))).propensities(LOG)
    assert whole.position is None
    with pytest.raises(ArgumentError, match=r"shape \(2,\)"):
        CallablePolicy(lambda log: np.ones(2)).propensities(LOG)
    for bad in (1.5, -0.1, float("nan")):
        with pytest.raises(DataError, match="in 1 of 4 rows .*first in row 2"):
            CallablePolicy(lambda log, bad=bad: np.where(np.arange(4) == 2, bad, 0.5)).propensities(LOG)


def test_lists_with_gaps_have_no_propensities_given_those_above():
    part = LoggedFeedback.from_frame({"request_id": [1, 1], "item_id": ["a", "b"], "position": [1, 3], "click": [1, 0]})
    assert UniformPolicy(["a", "b", "c"]).propensities(part)[1:] == (None, None)


def test_entries_that_would_not_fit_are_not_made(monkeypatch):
    monkeypatch.setattr("recsys.ope.fixed_policies.MOST_ENTRIES", 7)
    assert UniformPolicy().actions(LOG) is None
    assert FramePolicy(PROBABILITIES).actions(LOG) is None
