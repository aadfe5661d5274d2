"""What an Evaluation says, and in which forms."""

import json

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, NotEstimableError, NotFoundError
from recsys.display import to_text
from recsys.evaluation import evaluate
from recsys.models import Popularity

METRICS = ["ndcg@10", "recall@5", "coverage@5", "novelty@5"]


@pytest.fixture(scope="module")
def found(random_log):
    train, test = random_log()
    return evaluate(Popularity().fit(train), test, METRICS, by=["country"])


def test_the_value_is_the_mean_over_users(found):
    assert found["ndcg@10"] == pytest.approx(found.values["ndcg@10"].mean(), abs=0)
    assert found["NDCG@10"] == found["ndcg@10"]
    assert found.interval("ndcg@10").ci_low < found["ndcg@10"] < found.interval("ndcg@10").ci_high
    assert found.interval("coverage@5").n == len(found)
    assert len(found) == found.counts.users == len(found.per_user)


def test_segments_add_up_to_all_users(found):
    frame = found.segments.filter(pl.col("metric") == "recall@5")
    for by in ("warmth", "country"):
        part = frame.filter(pl.col("by") == by)
        assert part["n"].sum() == len(found)
        assert (part["n"] * part["estimate"]).sum() == pytest.approx(len(found) * found["recall@5"])


def test_catalogue_metrics_stay_out_of_users_and_segments(found):
    assert "coverage@5" not in found.per_user.columns
    assert "coverage@5" not in found.segments["metric"].to_list()
    with pytest.raises(NotFoundError, match="one value for all lists"):
        found.per_user_values("coverage@5")
    np.testing.assert_array_equal(found.per_user_values("recall@5"), found.values["recall@5"])


def test_a_metric_that_was_not_measured_is_named_with_the_nearest(found):
    with pytest.raises(NotFoundError, match=r"ndcg@20 was not measured.*did you mean 'ndcg@10'"):
        found["ndcg@20"]


def test_plain_values_are_json_without_nan(found):
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["metrics"]["ndcg@10"]["estimate"] == found["ndcg@10"]
    assert told["population"]["users"] == len(found)
    assert told["unreachable"]["share"] == found.reach.share
    assert any("full ranking" in line for line in told["conventions"])


def test_the_text_fits_and_says_what_matters(found):
    text = to_text(found.view())
    assert max(map(len, text.splitlines())) <= 80
    for word in ("warm", "cold", "country", "95 % interval", "the item is cold: a miss", "candidates: all trained"):
        assert word in " ".join(text.split())
    assert repr(found) == text
    assert "<table>" in found._repr_html_()


def test_one_user_has_a_value_and_no_interval(events):
    train = events([(1, 1), (2, 2), (2, 3)])
    found = evaluate(Popularity().fit(train), events([(1, 2)], like=train), ["recall@1", "coverage@1"])
    assert found["recall@1"] == 1.0
    assert found.interval("recall@1").status == "too_few"
    assert found.to_polars()["ci_low"].to_list() == [None] * 3
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert "–" in repr(found)


def test_a_metric_without_a_value_for_anybody_says_so(events):
    """Everything is seen: the lists are empty, and an empty list has no novelty."""
    train = events([(1, 1), (1, 2), (2, 1), (2, 2)])
    test = events([(1, 9), (2, 9)])
    found = evaluate(Popularity().fit(train), test, ["novelty@2", "recall@2"])
    assert found["recall@2"] == 0
    with pytest.raises(NotEstimableError, match="novelty@2 has no value"):
        found["novelty@2"]
    assert found.to_dict()["metrics"]["novelty@2"]["estimate"] is None


def test_threads_and_chunks_change_nothing(random_log, scored, monkeypatch):
    from recsys.evaluation import measuring

    train, test = random_log()
    model = scored(seed=1).fit(train)
    whole = evaluate(model, test, [*METRICS, "auc"], n_threads=1)
    monkeypatch.setattr(measuring, "_USERS_PER_CHUNK", 7)
    monkeypatch.setattr(measuring, "_CELLS_PER_CHUNK", 100)
    told = []
    parts = evaluate(model, test, [*METRICS, "auc"], n_threads=2, progress=told.append)
    for name in whole.values:
        np.testing.assert_array_equal(whole.values[name], parts.values[name])
    assert told[-1].done == told[-1].total == len(whole)


def test_folded_in_users_are_warm(random_log, scored):
    from recsys.dataset import user_split
    from recsys.models import ItemKNN

    train, _ = random_log()
    split = user_split(train, 0.3, seed=2)
    found = evaluate(ItemKNN().fit(split.train), split.test, ["recall@5"], history=split.history, seen_data="disjoint")
    assert found.counts.cold == 0
    assert found["recall@5"] > 0
    assert any("folded in" in line for line in found.conventions)


def test_attributes_given_as_a_frame(random_log):
    train, test = random_log()
    ages = pl.DataFrame({"user_id": test.users.ids, "age": [None, *(["old", "young"] * 40)][: test.n_users]})
    found = evaluate(Popularity().fit(train), test, ["recall@5"], by=["age"], user_attributes=ages)
    assert set(found.segments.filter(pl.col("by") == "age")["level"]) <= {"old", "young", "(missing)"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": ["county"]}, "did you mean 'country'"),
        ({"by": "country"}, r"use by=\['country'\]"),
        ({"on_cold": "drop"}, "on_cold is 'drop'"),
        ({"confidence": 1.5}, "confidence is 1.5"),
        ({"metrics": []}, "metrics is empty"),
        ({"metrics": "ndcg@10"}, "list of metrics"),
        ({"metrics": ["ndgc@10"]}, "did you mean 'ndcg'"),
        ({"metrics": ["ild@10"]}, "item_attributes"),
    ],
)
def test_a_wrong_turn_gets_one_helpful_line(random_log, options, message):
    train, test = random_log()
    with pytest.raises((ArgumentError, NotFoundError), match=message):
        evaluate(Popularity().fit(train), test, **options)


def test_an_attribute_with_too_many_levels_is_refused(random_log):
    train, test = random_log()
    ages = pl.DataFrame({"user_id": test.users.ids, "born": np.arange(test.n_users)})
    with pytest.raises(ArgumentError, match="50 were expected"):
        evaluate(Popularity().fit(train), test, by=["born"], user_attributes=ages)


def test_diversity_uses_the_attributes_of_the_test_part(events):
    items = pl.DataFrame({"item_id": ["a", "b", "c", "d"], "genre": ["x", "x", "y", None]})
    train = events([("u", "d"), ("v", "a"), ("v", "b"), ("w", "c"), ("w", "a")])
    test = events([("u", "b")], like=train, items=items)
    found = evaluate(Popularity().fit(train), test, ["ild@2", "ild@3"])
    assert found["ild@2"] == 0.0
    assert found["ild@3"] == pytest.approx(2 / 3)
