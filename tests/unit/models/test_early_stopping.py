from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset
from recsys.models import ALS
from recsys.models.early_stopping import EarlyStopping

TRAIN = Dataset.from_frame({"user_id": [0, 1, 2], "item_id": [0, 1, 2]})
HELD = Dataset.from_frame({"user_id": [0, 1], "item_id": [1, 0]}, like=TRAIN)
GOOD = np.eye(3, dtype=np.float32), np.float32([[0, 1, 0], [1, 0, 0], [0.5, 0.5, 0]])


def test_measures_ndcg_without_seen_items() -> None:
    assert EarlyStopping(TRAIN, HELD, 1).observe(*GOOD) == 1.0
    worse = GOOD[0], np.float32([[0, 0.1, 0], [0.1, 0, 0], [0.5, 0.5, 0]])
    assert EarlyStopping(TRAIN, HELD, 1).observe(*worse) == pytest.approx(1 / np.log2(3))


def test_repeats_of_training_pairs_are_no_hits() -> None:
    repeated = Dataset.from_frame({"user_id": [0, 0, 1, 1, 2], "item_id": [0, 1, 0, 1, 2]}, like=TRAIN)
    assert EarlyStopping(TRAIN, repeated, 1).observe(*GOOD) == 1.0


def test_keeps_a_copy_of_the_best_and_counts_patience() -> None:
    judge = EarlyStopping(TRAIN, HELD, 2)
    users, items = GOOD[0].copy(), GOOD[1].copy()
    judge.observe(users, items)
    items *= -1
    judge.observe(users, items)
    assert not judge.exhausted
    judge.observe(users, items)
    assert judge.exhausted
    assert np.array_equal(judge.best[1], GOOD[1])


def test_needs_users_in_both_parts_and_the_same_ids() -> None:
    apart = TRAIN.keep(np.array([False, False, True]))
    with pytest.raises(DataError, match="no user"):
        EarlyStopping(TRAIN.keep(np.array([True, True, False])), apart, 1)
    with pytest.raises(ArgumentError, match="validation has other ids"):
        ALS().fit(TRAIN, validation=Dataset.from_frame({"user_id": [9], "item_id": [9]}))


def test_training_without_times_cannot_be_ordered_whatever_the_validation() -> None:
    frame = {"user_id": [0, 1], "item_id": [1, 0], "ts": [datetime(2026, 1, 1)] * 2}
    model = ALS(factors=2, iterations=2).fit(TRAIN, validation=Dataset.from_frame(frame, like=TRAIN))
    assert model.trained_through_ is None
