"""What a factor model prepares for serving: it changes no list, is not saved, and never outlives the factors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.core.progress import Progress
from recsys.dataset import Dataset
from recsys.models import ALS, BPR, GraphFilter, LogisticMF, PureSVD, Recommender


def some_events(seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset.from_frame({"user_id": rng.integers(0, 40, 600), "item_id": rng.integers(0, 60, 600)})


@pytest.fixture
def model() -> ALS:
    return ALS(factors=4, iterations=2).fit(some_events(1))


def test_the_first_user_alone_and_all_users_get_the_same_lists(model: ALS) -> None:
    users = [int(user) for user in model.users_.ids]
    alone = [model.recommend([user], k=5).to_polars() for user in users[:3]]
    everyone = model.recommend(users, k=5).to_polars()
    for user, found in zip(users, alone, strict=False):
        assert found.equals(everyone.filter(everyone["user_id"] == user))


def test_another_fit_serves_its_own_factors(model: ALS) -> None:
    model.recommend(k=5)
    model.fit(some_events(2))
    expected = ALS(factors=4, iterations=2).fit(some_events(2)).recommend(k=5).to_polars()
    assert model.recommend(k=5).to_polars().equals(expected)


def test_what_is_prepared_is_not_saved(model: ALS, tmp_path: Path) -> None:
    model.save(tmp_path / "before")
    expected = model.recommend(k=5).to_polars()
    model.save(tmp_path / "after")
    names = [sorted(file.name for file in (tmp_path / folder).iterdir()) for folder in ("before", "after")]
    assert names[0] == names[1]
    assert ALS.load(tmp_path / "after").recommend(k=5).to_polars().equals(expected)


def test_several_threads_may_serve_at_once(model: ALS) -> None:
    expected = ALS(factors=4, iterations=2).fit(some_events(1)).recommend(k=5).to_polars()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: model.recommend(k=5).to_polars(), range(8)):
            assert found.equals(expected)


def test_a_model_that_has_served_can_be_copied(model: ALS) -> None:
    expected = model.recommend(k=5)
    copied = deepcopy(model)
    assert copied.recommend(k=5).lists.tobytes() == expected.lists.tobytes()


def test_factors_that_an_index_stands_for_cannot_be_changed_by_accident(model: ALS) -> None:
    model.recommend(k=5)
    with pytest.raises(ValueError, match="read-only"):
        model.item_factors_ *= -1


@pytest.mark.parametrize(
    "model",
    [
        ALS(factors=100_000),
        ALS(factors=100_000, backend="implicit"),
        BPR(factors=100_000),
        BPR(factors=100_000, backend="implicit"),
        LogisticMF(factors=100_000),
        PureSVD(factors=40),
        GraphFilter(factors=40),
    ],
    ids=repr,
)
def test_more_factors_than_memory_has_room_for_are_refused_before_the_work(
    model: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress] = []
    data = some_events(1)
    most = 1_000_000 if model.params["factors"] == 100_000 else 10_000  # directions are no more than items
    monkeypatch.setattr("recsys.core.memory._SPARE", 0)
    monkeypatch.setattr("recsys.core.memory.available_bytes", lambda: most)
    monkeypatch.setattr("recsys.models.graphfilter.BYTES_PER_ENTRY", 0)
    with pytest.raises(
        ArgumentError, match=r"(100,000 factors|40 directions) of 40 users and 60 items need .* of memory"
    ):
        model.fit(data, progress=told.append)
    assert not told
