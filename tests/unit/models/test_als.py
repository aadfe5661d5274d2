from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from recsys.core.errors import ArgumentError
from recsys.dataset import Dataset, Label
from recsys.models import ALS


def data(label: Label | None = None) -> Dataset:
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "user_id": random.integers(40, size=500),
            "item_id": random.zipf(1.4, size=500) % 30,
            "value": random.integers(1, 6, size=500).astype(np.float64),
            "ts": random.integers(10**12, size=500),
        }
    )
    return Dataset.from_frame(frame.with_columns(pl.col("ts").cast(pl.Datetime("us"))), label=label)


def trained_items(model: ALS) -> np.ndarray:
    return model.item_factors_.astype(np.float64) @ model.basis_.T


def test_stored_users_minimise_the_loss() -> None:
    """The gradient of the loss of Hu et al. (2008) in every user's vector is zero."""
    train = data()
    model = ALS(factors=6).fit(train)
    items = trained_items(model)
    weights = train.matrix().toarray().astype(np.float64)
    confidence, preference = 1 + model.alpha_ * weights, (weights > 0).astype(np.float64)
    users = np.linalg.solve(model.basis_.T, model.user_factors_.T.astype(np.float64)).T
    gradient = (confidence * (users @ items.T - preference)) @ items + model.regularization_ * users
    assert np.abs(gradient).max() < 1e-5 * np.abs((confidence * preference) @ items).max()


def test_equals_a_one_shot_fit_of_implicit() -> None:
    from implicit.cpu.als import AlternatingLeastSquares

    from recsys.core.seeds import derived_int

    train = data()
    told: list[int] = []
    model = ALS(factors=5, iterations=7, seed=9).fit(train, progress=lambda step: told.append(step.done))
    weights = csr_matrix(train.matrix())
    weights.data = 1 + (weights.data * model.alpha_).astype(np.float32)
    other = AlternatingLeastSquares(
        factors=5, iterations=7, regularization=model.regularization_, random_state=derived_int(9), num_threads=1
    )
    other.fit(weights, show_progress=False)
    assert np.allclose(trained_items(model), other.item_factors, atol=1e-5)
    assert told == [1, 2, 3, 4, 5, 6, 7]


def test_the_unit_of_weights_does_not_matter() -> None:
    train = data()
    minutes = Dataset.from_frame(train.to_polars().with_columns(pl.col("value") * 64))
    first, second = (ALS(factors=4).fit(one).recommend(k=5) for one in (train, minutes))
    assert first.lists.tolist() == second.lists.tolist()


def test_the_default_alpha_follows_the_density() -> None:
    dense, sparse = data(), Dataset.from_frame({"user_id": list(range(90)), "item_id": list(range(90))})
    assert ALS(factors=2).fit(dense).alpha_ * dense.matrix().data.mean() == pytest.approx(1.0, rel=1e-5)
    assert ALS(factors=2).fit(sparse).alpha_ == pytest.approx(0.03 * 90, rel=1e-5)
    assert ALS(factors=2, alpha=7.0).fit(sparse).alpha_ == pytest.approx(7.0)


def test_weights_and_time_decay_reach_the_model() -> None:
    plain, decayed = (ALS(factors=4).fit(data(label)).recommend(k=5) for label in (None, Label(half_life="1d")))
    assert plain.scores.tobytes() != decayed.scores.tobytes()


def test_explanations_are_the_terms_of_the_formula() -> None:
    train = data()
    model = ALS(factors=6).fit(train)
    user, item = 3, int(model.recommend([3], k=1).to_polars()["item_id"][0])
    told = model.explain(user, item, k=50)
    items, code = trained_items(model), int(model.items_.encode([item])[0])
    row = train.matrix()[[int(model.users_.encode([user])[0])]]
    extra = model.alpha_ * row.data.astype(np.float64)
    liked = items[row.indices]
    system = items.T @ items + model.regularization_ * np.eye(6) + (liked * extra[:, None]).T @ liked
    expected = (1 + extra) * (liked @ np.linalg.solve(system, items[code]))
    found = dict(zip(told.contributions["item_id"], told.contributions["contribution"], strict=True))
    assert found == pytest.approx(
        dict(zip(model.items_.decode(row.indices), expected, strict=True)), rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize(
    "params",
    [
        {"factors": 0},
        {"factors": 2.5},
        {"regularization": 0.0},
        {"alpha": -1.0},
        {"iterations": 0},
        {"patience": 0},
        {"seed": -1},
        {"seed": "x"},
    ],
)
def test_bad_parameters_are_named_at_fit(params: dict[str, object]) -> None:
    model = ALS(**params)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ArgumentError, match=next(iter(params))):
        model.fit(data())
