from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.dataset import Dataset
from recsys.models import Popularity

LOG = {
    "user_id": [1, 1, 1, 2, 3, 4],
    "item_id": ["a", "a", "b", "a", "b", "c"],
    "ts": [datetime(2026, 1, day) for day in (1, 3, 5, 1, 5, 5)],
}


def test_counts_users_not_events() -> None:
    model = Popularity().fit(Dataset.from_frame(LOG))
    assert model.item_factors_[:, 0].tolist() == [2.0, 2.0, 1.0]
    assert model.recommend([4], k=2).to_polars()["item_id"].to_list() == ["a", "b"]


def test_half_life_counts_back_from_the_end_of_training_and_takes_the_newest_event_of_a_user() -> None:
    model = Popularity(half_life="2d").fit(Dataset.from_frame(LOG))
    assert model.item_factors_[:, 0] == pytest.approx([0.5 + 0.25, 2.0, 1.0])
    assert model.recommend([2], k=3).scores[0, :2] == pytest.approx([2.0, 1.0])


def test_values_do_not_matter() -> None:
    weighted = Dataset.from_frame({**LOG, "value": [9.0, 1, 1, 1, 5, 7]})
    first, second = (Popularity(half_life="2d").fit(one) for one in (weighted, Dataset.from_frame(LOG)))
    assert np.array_equal(first.item_factors_, second.item_factors_)


def test_half_life_needs_times_and_sense() -> None:
    timeless = Dataset.from_frame({"user_id": [1], "item_id": ["a"]})
    with pytest.raises(ArgumentError, match="no times"):
        Popularity(half_life="2d").fit(timeless)
    with pytest.raises(ArgumentError, match="half_life"):
        Popularity(half_life="soon").fit(timeless)
