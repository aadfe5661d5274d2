"""Re-ranking and exploration through the models: nothing forbidden, the same draw in any company, honest sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import NotEstimableError
from recsys.dataset import Dataset
from recsys.evaluation import compare, evaluate
from recsys.models import ALS, EASE, GraphFilter, ItemKNN, Popularity, Recommender, ranking
from recsys.scoring import MMR, Calibrated, Eligibility, EpsilonGreedy, PlackettLuce

USERS, ITEMS = 40, 30
GENRES = pl.DataFrame({"item_id": range(ITEMS), "genres": [[f"g{code % 4}", f"g{code % 3}"] for code in range(ITEMS)]})
RERANK: dict[str, Any] = {
    "none": None,
    "mmr": MMR(0.3, pool=15, attribute="genres"),
    "vectors": MMR(0.5, pool=20),
    "calibrated": Calibrated("genres", weight=0.8, pool=12),
}
EXPLORE: dict[str, Any] = {
    "none": None,
    "epsilon": EpsilonGreedy(0.6, pool=18, seed=3),
    "plackett-luce": PlackettLuce(2.0, pool=25, seed=3),
    "score": PlackettLuce(0.5, pool=9, by="score", seed=3),
}


def log() -> Dataset:
    rng = np.random.default_rng(2)
    users = np.repeat(np.arange(USERS), 8)
    items = np.concatenate([rng.choice(ITEMS, 8, replace=False) for _ in range(USERS)])
    return Dataset.from_frame({"user_id": users, "item_id": items}, item_attributes=GENRES)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return log()


@pytest.fixture(scope="module")
def models(data: Dataset) -> dict[str, Recommender]:
    made = [Popularity(), ItemKNN(neighbors=12), ALS(factors=6, iterations=3, seed=1), EASE(), GraphFilter()]
    return {model.name: model.fit(data) for model in made}


@settings(max_examples=60)
@given(
    st.sampled_from(["popularity", "itemknn", "als", "ease", "graphfilter"]),
    st.sampled_from(sorted(RERANK)),
    st.sampled_from(sorted(EXPLORE)),
    st.sets(st.integers(0, ITEMS - 1), max_size=ITEMS),
    st.lists(st.tuples(st.integers(0, USERS + 2), st.integers(0, ITEMS - 1)), max_size=60),
    st.sampled_from([1, 4, 40]),
)
def test_what_is_denied_or_seen_never_comes_back(
    models: dict[str, Recommender],
    data: Dataset,
    name: str,
    rerank: str,
    explore: str,
    denied: set[int],
    pairs: list[tuple[int, int]],
    k: int,
) -> None:
    if name == "popularity" and rerank == "vectors":
        return
    rules = Eligibility().deny(sorted(denied))
    if pairs:
        rules = rules.deny_pairs(pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row"))
    everyone = [*range(USERS), USERS + 1, USERS + 2]
    options = {"eligibility": rules, "on_unknown": "fallback", "k": k}
    found = models[name].recommend(everyone, rerank=RERANK[rerank], explore=EXPLORE[explore], **options)
    frame = found.to_polars()
    assert not rules.forbids(frame["user_id"], frame["item_id"]).any()
    assert not set(zip(frame["user_id"], frame["item_id"], strict=True)) & set(
        zip(*data.to_polars().select("user_id", "item_id"), strict=True)
    )
    assert not frame.select("user_id", "item_id").is_duplicated().any()
    plain = models[name].recommend(everyone, **options)
    assert (found.lists >= 0).sum(axis=1).tolist() == (plain.lists >= 0).sum(axis=1).tolist()
    assert found.sources.tolist() == plain.sources.tolist()
    # Candidates are the best of the model; their scores are its scores.
    best = models[name].recommend(everyone, **{**options, "k": max(k, 25)})
    known = {(u, i): s for u, i, s in best.to_polars().select("user_id", "item_id", "score").iter_rows()}
    assert all(known[row[:2]] == row[2] for row in frame.select("user_id", "item_id", "score").iter_rows())


@pytest.mark.parametrize("explore", [name for name in EXPLORE if name != "none"])
@pytest.mark.parametrize("rerank", ["none", "mmr"])
def test_company_chunks_and_threads_change_nothing(
    models: dict[str, Recommender], rerank: str, explore: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"k": 5, "rerank": RERANK[rerank], "explore": EXPLORE[explore], "on_unknown": "fallback"}
    users = [*range(USERS), 777]
    together = models["als"].recommend(users, **options, n_threads=1).to_polars()
    alone = pl.concat(models["als"].recommend([user], **options, n_threads=2).to_polars() for user in reversed(users))
    monkeypatch.setattr(ranking, "_POOL_CELLS_PER_CHUNK", 60)
    chunked = models["als"].recommend(users, **options).to_polars()
    assert together.equals(chunked)
    assert together.sort("user_id", "rank").equals(alone.sort("user_id", "rank"))


def test_drawn_rows_carry_their_propensities(models: dict[str, Recommender]) -> None:
    found = models["als"].recommend([1, 2, 777], 4, explore=EpsilonGreedy(0.7, seed=5), on_unknown="fallback")
    frame = found.to_polars()
    assert frame.columns[5:] == ["propensity_position", "propensity_slate", "propensity_given_above"]
    slates = frame.group_by("user_id").agg(
        pl.col("propensity_given_above").product(), pl.col("propensity_slate").first()
    )
    assert np.allclose(slates["propensity_given_above"], slates["propensity_slate"])
    assert set(frame["source"]) == {"model", "fallback", "exploration"}
    assert found.sources.tolist() == [0, 0, 1]
    assert found.policy == {
        "rerank": None,
        "explore": {"name": "epsilon-greedy", "epsilon": 0.7, "pool": 100, "seed": 5},
    }
    assert found.to_dict()["policy"] == found.policy
    assert models["als"].recommend([1], 4).to_polars().columns[5:] == []
    without = models["als"].recommend([1], 4, explore=EpsilonGreedy(0.0))
    assert without.lists.tolist() == models["als"].recommend([1], 4).lists.tolist()
    assert without.to_polars()["propensity_position"].to_list() == [1.0] * 4


def test_without_a_seed_every_call_draws_anew_and_says_how(models: dict[str, Recommender]) -> None:
    explore = PlackettLuce(2.0)
    first, second = (models["als"].recommend(k=5, explore=explore) for _ in range(2))
    assert first.lists.tolist() != second.lists.tolist()
    assert first.policy is not None
    seed = first.policy["explore"]["seed"]
    again = models["als"].recommend(k=5, explore=PlackettLuce(2.0, seed=seed))
    assert again.lists.tolist() == first.lists.tolist()


def test_a_model_with_a_policy_is_measured_with_it(models: dict[str, Recommender], data: Dataset) -> None:
    test = Dataset.from_frame({"user_id": [*range(USERS)] * 2, "item_id": [*range(20), *range(20)] * 2}, like=data)
    als, diverse = models["als"], models["als"].with_policy(MMR(0.1, attribute="genres"))
    options: dict[str, Any] = {"seen_data": "allow"}
    plain, changed = (evaluate(model, test, ["ild@5", "recall@5"], **options)["ild@5"] for model in (als, diverse))
    assert changed > plain
    calibrated = als.with_policy(Calibrated("genres", weight=0.9))
    found = compare({"als": als, "mmr": diverse, "calibrated": calibrated}, test, ["recall@5", "ild@5"], **options)
    assert found.evaluations["mmr"]["ild@5"] == changed
    codes = data.users.encode([3, 9])
    assert diverse.recommend_codes(codes, 5).items.tolist() == diverse.recommend([3, 9], 5).lists.tolist()
    drawn = als.with_policy(explore=EXPLORE["epsilon"])
    assert drawn.recommend_codes(codes, 5).items.tolist() == drawn.recommend([3, 9], 5).lists.tolist()
    assert drawn.recommend_codes(np.int32([-1, 3]), 5).sample is not None
    assert als.recommend([3, 9], 5).policy is None


def test_a_clone_keeps_the_policy_and_a_saved_model_its_attributes(
    models: dict[str, Recommender], data: Dataset, tmp_path: Path
) -> None:
    diverse = models["als"].with_policy(MMR(0.1, attribute="genres"))
    assert diverse.clone().fit(data).recommend([1]).lists.tolist() == diverse.recommend([1]).lists.tolist()
    loaded = ALS.load(diverse.save(tmp_path / "als"))
    assert not loaded.list_policy
    assert (
        loaded.recommend([1], rerank=diverse.list_policy.rerank).lists.tolist() == diverse.recommend([1]).lists.tolist()
    )


def test_calibration_uses_the_history_that_serves(models: dict[str, Recommender]) -> None:
    rerank = Calibrated("genres", weight=1.0)
    newer = {"user_id": [1], "item_id": [3]}  # of the genres g3 and g0
    genres = {row["item_id"]: set(row["genres"]) for row in GENRES.to_dicts()}
    found = models["als"].recommend([1], 3, history=newer, rerank=rerank).to_polars()["item_id"]
    assert all(genres[item] <= {"g3", "g0"} for item in found)
    before = models["als"].recommend([1], 3, rerank=rerank).to_polars()["item_id"]
    assert before.to_list() != found.to_list()


def test_popularity_has_no_vectors(models: dict[str, Recommender]) -> None:
    with pytest.raises(NotEstimableError, match="attribute"):
        models["popularity"].recommend([1], rerank=MMR())
