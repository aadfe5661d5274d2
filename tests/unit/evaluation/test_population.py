"""Who is measured, and what becomes of those who are not."""

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import DataError, NotFoundError
from recsys.dataset import Relevance
from recsys.evaluation import evaluate
from recsys.models import Popularity
from recsys.scoring import Eligibility

TRAIN = [("ann", "a", 0), ("ann", "b", 1), ("bob", "a", 1), ("bob", "c", 2), ("cyd", "a", 2), ("cyd", "d", 3)]


def test_every_test_user_is_accounted_for(events):
    """ann: one hit; bob: a repeat only; cyd: nothing relevant; dan: cold; eve: cold, and the item is cold too."""
    test = [("ann", "c", 9, 5), ("bob", "c", 9, 5), ("cyd", "b", 9, 1), ("dan", "a", 9, 5), ("eve", "new", 9, 5)]
    part = events(test, relevance=Relevance(at_least=4))
    model = Popularity().fit(events(TRAIN))
    found = evaluate(model, part, ["hit_rate@2"])
    counts = found.counts
    assert (counts.test_users, counts.users, counts.warm, counts.cold) == (5, 3, 1, 2)
    assert (counts.without_relevant, counts.only_repeats, counts.cold_skipped) == (1, 1, 0)
    assert (counts.relevant, counts.repeats) == (3, 1)
    assert (found.reach.cold_items, found.reach.ineligible) == (1, 0)
    assert found.users.to_list() == ["ann", "dan", "eve"]
    assert found.per_user["hit_rate@2"].to_list() == [1.0, 1.0, 0.0]


def test_cold_users_can_be_left_out_and_are_counted(events):
    part = events([("ann", "c", 9), ("dan", "a", 9)])
    found = evaluate(Popularity().fit(events(TRAIN)), part, ["recall@1"], on_cold="skip")
    assert found.users.to_list() == ["ann"]
    assert found.counts.cold_skipped == 1
    assert found.counts.cold == 0


def test_a_cold_item_is_a_miss_not_an_excuse(events):
    """Half of the relevant pairs are of an item without training events: recall cannot exceed one half."""
    part = events([("ann", "c", 9), ("ann", "new", 9)])
    found = evaluate(Popularity().fit(events(TRAIN)), part, ["recall@10", "ndcg@10"])
    assert found["recall@10"] == 0.5
    assert found.reach.share == 0.5
    assert found["ndcg@10"] < 1


def test_repeats_are_relevant_when_seen_items_may_be_listed(events):
    part = events([("ann", "a", 9), ("bob", "c", 9)])
    model = Popularity().fit(events(TRAIN))
    with pytest.raises(DataError, match="nobody can be measured"):
        evaluate(model, part, ["recall@1"])
    found = evaluate(model, part, ["recall@1"], exclude_seen=False)
    assert found.counts.repeats == 0
    assert found["recall@1"] == 0.5


def test_relevant_items_that_are_not_eligible_are_misses(events):
    users = pl.DataFrame({"user_id": ["ann", "bob"], "country": ["SE", "DE"]})
    train = events(TRAIN)
    part = events([("ann", "c", 9), ("ann", "d", 9), ("bob", "b", 9)], like=train, users=users)
    rights = pl.DataFrame({"item_id": ["a", "b", "c", "d"], "country": ["DE", "DE", "SE", "DE"]})
    rules = Eligibility().available(rights, by="country").deny_pairs({"user_id": ["bob"], "item_id": ["b"]})
    found = evaluate(Popularity().fit(train), part, ["recall@4", "auc"], eligibility=rules)
    assert found.reach.ineligible == 2
    assert found.per_user["recall@4"].to_list() == [0.5, 0.0]


def test_an_eligibility_by_attribute_needs_the_attribute(events):
    rights = pl.DataFrame({"item_id": ["a"], "country": ["DE"]})
    part = events([("ann", "c", 9)])
    with pytest.raises(NotFoundError, match="country"):
        evaluate(
            Popularity().fit(events(TRAIN)),
            part,
            ["recall@1"],
            eligibility=Eligibility().available(rights, by="country"),
        )


def test_attributes_given_apart_serve_rules_and_segments_beside_those_of_the_test_part(events):
    people = pl.DataFrame({"user_id": ["ann", "bob"], "age": [40, 9]})
    given = pl.DataFrame({"user_id": ["ann", "bob"], "country": ["SE", "DE"]})
    train = events(TRAIN)
    part = events([("ann", "c", 9), ("bob", "b", 9)], like=train, users=people)
    rights = pl.DataFrame({"item_id": ["c"], "country": ["SE"]})
    rules = Eligibility().available(rights, by="country")
    found = evaluate(
        Popularity().fit(train), part, ["recall@4"], eligibility=rules, by=["age", "country"], user_attributes=given
    )
    assert found.per_user.drop("warmth").rows() == [("ann", "40", "SE", 1.0), ("bob", "9", "DE", 0.0)]


def test_timed_rules_are_looked_up_at_the_oldest_test_event(events):
    train = events(TRAIN)
    part = events([("ann", "c", 9), ("ann", "d", 11)], like=train)
    rights = pl.DataFrame(
        {"item_id": ["c", "d"], "from": ["1970-01-10", "1970-01-11"], "until": ["1970-01-11", "1970-02-01"]}
    )
    rules = Eligibility().available(rights)
    found = evaluate(Popularity().fit(train), part, ["recall@4"], eligibility=rules)
    assert found["recall@4"] == 0.5
    assert any("as of 1970-01-10" in note for note in found.conventions)
    assert evaluate(Popularity().fit(train), part, ["recall@4"], eligibility=rules, at="1970-01-20")["recall@4"] == 0.5


def test_only_the_users_asked_for(events):
    part = events([("ann", "c", 9), ("bob", "b", 9)])
    found = evaluate(Popularity().fit(events(TRAIN)), part, ["recall@4"], users=["bob", "nobody"])
    assert found.users.to_list() == ["bob"]
    assert found.counts.not_in_test == 1


def test_other_vocabularies_change_nothing(random_log, scored):
    """The same test part, coded by its own vocabulary, gives the same values for the same users."""
    from recsys.dataset import Dataset

    train, test = random_log()
    apart = Dataset.from_frame(test.to_polars(), relevance=test.relevance)
    assert apart.items != train.items or apart.users != train.users
    metrics = ["ndcg@10", "recall@5", "auc", "novelty@5", "coverage@5", "popularity_lift@5"]
    model = scored(seed=3).fit(train)
    same, other = evaluate(model, test, metrics), evaluate(model, apart, metrics)
    assert same.users.to_list() == other.users.to_list()
    for name in same.values:
        np.testing.assert_array_equal(same.values[name], other.values[name])
    assert same.catalogue == other.catalogue
    assert same.counts == other.counts
    assert same.reach == other.reach


def test_nobody_to_measure_is_an_error_with_counts(events):
    part = events([("ann", "c", 9, 1.0)], relevance=Relevance(at_least=4))
    with pytest.raises(DataError, match="1 have no relevant item") as caught:
        evaluate(Popularity().fit(events(TRAIN)), part, ["recall@1"])
    assert "at_least" in str(caught.value)
