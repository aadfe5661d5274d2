"""A model is never measured on what it has seen, unless that is said by name; then the result is marked."""

import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import leave_last_out, user_split
from recsys.evaluation import backtest, evaluate
from recsys.models import ItemKNN, Popularity

DAYS = [(user, (user + day) % 5, user + day) for user in range(6) for day in range(4)]


def test_a_planted_leak_in_time_is_refused(random_log):
    """The test part is honest, the model has secretly learned from it too."""
    train, test = random_log()
    from recsys.dataset import concat

    leaked = Popularity().fit(concat(train, test))
    with pytest.raises(DataError, match="not later than 'popularity'") as caught:
        evaluate(leaked, test, ["ndcg@10"])
    assert caught.value.exit_code == 5
    assert evaluate(Popularity().fit(train), test, ["ndcg@10"])["ndcg@10"] > 0


def test_one_test_event_at_the_last_training_instant_is_refused(events):
    train = events([(1, 1, 0), (1, 2, 5), (2, 1, 1)])
    test = events([(1, 3, 6), (2, 2, 5), (2, 3, 7)], like=None)
    with pytest.raises(DataError, match="1 of 3 test events"):
        evaluate(Popularity().fit(train), test, ["recall@1"])


def test_a_leak_in_data_without_times_is_refused(events):
    train = events([(1, 1), (1, 2), (2, 1)])
    test = events([(1, 2), (2, 2)], like=train)
    with pytest.raises(DataError, match="1 of 2 test pairs are in the training"):
        evaluate(Popularity().fit(train), test, ["recall@1"])


def test_a_leak_across_vocabularies_is_found(events):
    train = events([("u", "b"), ("u", "c"), ("v", "b")])
    test = events([("t", "a"), ("u", "c"), ("v", "z")])
    with pytest.raises(DataError, match="1 of 3 test pairs"):
        evaluate(Popularity().fit(train), test, ["recall@1"])


def test_a_split_that_ignores_time_needs_its_name_and_is_marked(events):
    train, test = leave_last_out(events(DAYS))
    model = Popularity().fit(train)
    with pytest.raises(DataError, match="seen_data='disjoint'"):
        evaluate(model, test, ["recall@2"])
    found = evaluate(model, test, ["recall@2"], seen_data="disjoint")
    assert any("not a split in time" in note for note in found.warnings)


def test_disjoint_still_refuses_shared_pairs_and_allow_marks_them(events):
    data = events(DAYS)
    test = leave_last_out(data).test
    model = Popularity().fit(data)
    with pytest.raises(DataError, match="test pairs are in the training"):
        evaluate(model, test, ["recall@2"], seen_data="disjoint")
    found = evaluate(model, test, ["recall@2"], seen_data="allow", exclude_seen=False)
    assert any("NOT AN HONEST TEST" in note for note in found.warnings)
    assert any("NOT AN HONEST TEST" in note for note in found.view().notes)
    assert any("NOT AN HONEST TEST" in note for note in found.to_dict()["warnings"])


def test_an_honest_split_in_time_is_not_marked(random_log):
    train, test = random_log()
    assert evaluate(Popularity().fit(train), test, ["recall@2"]).warnings == ()


def test_histories_that_hold_the_answers_are_refused(events):
    from recsys.dataset import concat

    split = user_split(events([row[:2] for row in DAYS]), 0.5, history=0.5, seed=1)
    model = ItemKNN().fit(split.train)
    leaky = concat(split.history, split.test)
    with pytest.raises(DataError, match="test pairs are in the folded-in histories"):
        evaluate(model, split.test, ["recall@2"], history=leaky)
    assert len(evaluate(model, split.test, ["recall@2"], history=split.history)) > 0


def test_histories_from_the_future_are_refused(events):
    train = events([(1, 1, 0), (1, 2, 1), (2, 1, 0), (2, 3, 1), (3, 3, 0)])
    test = events([(1, 3, 3), (2, 2, 3)], like=train)
    future = events([(1, 1, 0), (1, 2, 4)], like=train)
    with pytest.raises(DataError, match="1 test users have folded-in events not earlier"):
        evaluate(ItemKNN().fit(train), test, ["recall@1"], history=future)


def test_backtest_trains_on_nothing_from_the_test_window(events, scored):
    """Every model sees, in its fit, only events before the cut; a leak would show in what it was given."""
    seen = []

    class Spy(scored):
        def _fit(self, data, matrix, **rest):
            seen.append((int(data.times.min()), int(data.times.max())))
            super()._fit(data, matrix, **rest)

    rows = [(user, (user * day) % 7, day) for user in range(5) for day in range(30)]
    found = backtest({"spy": Spy()}, events(rows), test="5d", windows=3, metrics=["recall@2"], exclude_seen=False)
    assert [through < row.cut for (_, through), row in zip(seen, found.results, strict=True)] == [True] * 3
    assert len({row.cut for row in found.results}) == 3


def test_an_unknown_policy_is_refused(random_log):
    train, test = random_log()
    with pytest.raises(ArgumentError, match="seen_data is 'ignore'"):
        evaluate(Popularity().fit(train), test, seen_data="ignore")
