from __future__ import annotations

import numpy as np
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import thread_limit
from recsys.dataset import Dataset, Vocabulary, random_split
from recsys.evaluation import evaluate
from recsys.models import BPR


def tastes(n_users: int = 400, n_items: int = 320, seed: int = 5) -> Dataset:
    """Four tastes; popular items are taken more often, a tenth of the events is anything."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), 12).astype(np.int32)
    items = (rng.random(len(users)) ** 2 * (n_items // 4)).astype(np.int32) * 4 + users % 4
    odd = rng.random(len(users)) < 0.1
    items[odd] = rng.integers(0, n_items, odd.sum())
    return Dataset.from_codes(
        Vocabulary.from_ids(np.arange(n_users)), Vocabulary.from_ids(np.arange(n_items)), users, items
    )


@pytest.mark.parametrize("factors", [5, 16])
def test_the_thread_count_changes_no_bit(factors: int) -> None:
    data, found = tastes(), []
    for threads in (1, 2, 3):
        with thread_limit(threads):
            model = BPR(factors=factors, iterations=5, seed=3).fit(data)
        found.append((model.user_factors_.tobytes(), model.item_factors_.tobytes()))
    assert found[0] == found[1] == found[2]
    assert BPR(factors=factors, iterations=5, seed=4).fit(data).item_factors_.tobytes() != found[0][1]


def test_it_ranks_better_than_implicits() -> None:
    split = random_split(tastes(), 0.25, seed=1)
    settings = {"factors": 16, "iterations": 40, "learning_rate": 0.05}
    ours, theirs = (
        evaluate(BPR(**settings, backend=backend).fit(split.train), split.test, ["ndcg@20"])["ndcg@20"]
        for backend in ("recsys", "implicit")
    )
    assert ours > theirs


def test_a_small_catalogue_is_compared_with_one_negative() -> None:
    """Of 20 items the hardest of 8 would mostly be one that the user would like."""
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, 30, 200), rng.integers(0, 20, 200)
    data = Dataset.from_frame({"user_id": users, "item_id": items})
    one, eight = (BPR(factors=4, iterations=3, negatives=negatives).fit(data) for negatives in (1, 8))
    assert one.item_factors_.tobytes() == eight.item_factors_.tobytes()


def test_items_without_events_are_no_negatives() -> None:
    data = tastes()
    some = data.keep(data.item_codes % 2 == 0)
    model = BPR(factors=8, iterations=3).fit(some)
    assert (model.negatives_ % 2 == 0).all()
    assert not model.item_factors_[1::2, -1].any()
    assert model.item_factors_[::2, -1].all()


def test_what_does_not_converge_is_said() -> None:
    with pytest.raises(DataError, match="lower the learning rate"):
        BPR(factors=4, learning_rate=1e6, regularization=1e6, iterations=9).fit(tastes())


@pytest.mark.parametrize("wrong", [{"negatives": 0}, {"negatives": 33}, {"backend": "numpy"}, {"learning_rate": 0}])
def test_wrong_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        BPR(**wrong).fit(tastes())
