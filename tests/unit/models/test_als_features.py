from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.dataset import Dataset
from recsys.evaluation import evaluate
from recsys.models import ALS, load_model
from recsys.models.als_features import ItemPrior, item_prior
from recsys.models.als_objective import Objective
from recsys.models.als_training import both_sides, half_step

GENRES = np.array(["drama", "comedy", "crime"])
RNG = np.random.default_rng(12)


def data(with_genres: bool = True) -> Dataset:
    """Users of three tastes; items 300 … 302 of each genre, 303 of none and 304 of a genre of its own have no event."""
    users, items = np.nonzero(
        RNG.random((90, 60)) < np.where(np.arange(90)[:, None] % 3 == np.arange(60) % 3, 0.5, 0.02)
    )
    catalogue = pl.DataFrame(
        {
            "item_id": [*range(60), 300, 301, 302, 303, 304],
            "genre": [*GENRES[np.arange(60) % 3], *GENRES, None, "western"],
            "language": ["en", "de"] * 30 + ["en"] * 3 + [None, None],
        }
    )
    everything = Dataset.from_frame({"user_id": range(90), "item_id": [*catalogue["item_id"], *range(25)]})
    return Dataset.from_frame(
        {"user_id": users, "item_id": items}, like=everything, item_attributes=catalogue if with_genres else None
    )


def model(**changes: object) -> ALS:
    return ALS(**{"factors": 8, "item_features": ["genre"], "regularization": 0.02, **changes})  # type: ignore[arg-type]


def test_a_new_item_is_recommended_to_those_who_like_its_genre() -> None:
    train = data()
    fitted = model().fit(train)
    assert fitted.candidates().tolist() == [*[True] * 63, False, False]
    codes = fitted.items_.encode(pl.Series([300, 301, 302]))
    scores = fitted.score_codes(np.arange(90, dtype=np.int32))[:, codes]
    assert (scores.argmax(axis=1) == np.arange(90) % 3).all()
    lists = fitted.recommend(k=12).to_polars().filter(pl.col("item_id") >= 300)
    assert (lists["user_id"] % 3 == lists["item_id"] % 3).all()
    assert lists["user_id"].n_unique() > 60
    assert set(fitted.recommend(k=70, exclude_seen=False).to_polars()["item_id"]) == {*range(60), 300, 301, 302}
    assert len(fitted.similar_items([300], k=5).to_polars()) == 5
    why = fitted.explain(0, 300, k=3)
    assert why.score == pytest.approx(scores[0, 0], rel=1e-4)  # float32 against float64


def test_the_vector_of_a_new_item_is_that_of_its_attributes() -> None:
    fitted = model(item_features="genre,language").fit(data())
    drama, crime = fitted.item_factors_[[60, 62]]
    others = fitted.item_factors_[:60]
    mean_of = [others[np.arange(60) % 3 == genre].mean(axis=0) for genre in (0, 2)]
    for found, expected, wrong in ((drama, *mean_of), (crime, *mean_of[::-1])):
        assert np.linalg.norm(found - expected) < 0.3 * np.linalg.norm(found - wrong)


def test_without_named_attributes_nothing_changes() -> None:
    train = data()
    with_genres, without = (model(item_features=None).fit(one) for one in (train, replace(train, item_attributes=None)))
    assert with_genres.candidates().sum() == 60
    assert not hasattr(with_genres, "described_")
    assert with_genres.recommend(k=9).scores.tobytes() == without.recommend(k=9).scores.tobytes()


def test_stored_users_are_folded_in_to_the_bit_and_artefacts_keep_all(tmp_path: Path) -> None:
    train = data()
    fitted = model().fit(train)
    stored = fitted.recommend(k=9)
    folded = fitted.recommend(k=9, history=train.to_polars())
    assert folded.lists.tolist() == stored.lists.tolist()
    assert folded.scores.tobytes() == stored.scores.tobytes()
    loaded = load_model(fitted.save(tmp_path / "model"))
    assert loaded.recommend(k=9).scores.tobytes() == stored.scores.tobytes()
    assert model().fit(train).recommend(k=9).scores.tobytes() == stored.scores.tobytes()


def test_a_hit_of_a_new_item_counts_as_one_that_could_be_recommended() -> None:
    train = data()
    test = Dataset.from_frame({"user_id": [0, 1], "item_id": [300, 301]}, like=train)
    found = evaluate(model().fit(train), test, metrics=["recall@70"])
    assert found["recall@70"] == 1.0
    assert evaluate(model(item_features=None).fit(train), test, metrics=["recall@70"])["recall@70"] == 0.0


def test_each_step_with_a_prior_is_the_minimum() -> None:
    objective = Objective(1.0, 0.1, 0.3, 1.0)
    train = data()
    weights = objective.weights(train.matrix())
    items = both_sides(weights, objective)[1]
    prior = item_prior(train.item_attributes, ["genre", "language"], items.ridge, train.item_events > 0)
    vectors, means = RNG.standard_normal((90, 5)).astype(np.float32), RNG.standard_normal((65, 5)).astype(np.float32)
    held, solved = vectors.copy(), np.empty((65, 5), np.float32)
    half_step(items, solved, held, objective, means=means)
    wide, fixed = weights.toarray().T.astype(np.float64), held.astype(np.float64)
    rotation = np.linalg.lstsq(vectors.astype(np.float64), fixed)[0]
    scores = solved @ fixed.T
    gradient = (wide * (scores - 1) + 0.1 * scores) @ fixed + items.ridge[:, None] * (solved - means @ rotation)
    assert np.abs(gradient).max() < 1e-5 * np.abs(wide @ fixed).max()
    # W is a ridge regression.
    shape, predicted = prior.features.toarray().astype(np.float64), prior.means(solved)
    ridge = prior.ridge[prior.ridge > 0].mean()
    system = shape.T @ (prior.ridge[:, None] * shape) + ridge * np.eye(shape.shape[1])
    expected = shape @ np.linalg.solve(system, shape.T @ (prior.ridge[:, None] * solved))
    assert np.allclose(predicted, expected, atol=1e-5)


def test_only_values_that_warm_items_have_tell_something() -> None:
    train = data()
    prior = item_prior(train.item_attributes, ["genre"], np.ones(65), train.item_events > 0)
    assert isinstance(prior, ItemPrior)
    assert prior.described.tolist() == [*[True] * 63, False, False]


def test_unusable_attributes_are_named() -> None:
    with pytest.raises(NotFoundError, match="no item attributes"):
        model().fit(data(with_genres=False))
    with pytest.raises(ArgumentError, match="did you mean 'genre'"):
        model(item_features=["genr"]).fit(data())
    with pytest.raises(ArgumentError, match="'implicit'"):
        model(backend="implicit").fit(data())
