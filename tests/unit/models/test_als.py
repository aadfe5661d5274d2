from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from recsys.core.errors import ArgumentError, NotFittedError
from recsys.core.progress import Progress
from recsys.dataset import Dataset, Label
from recsys.models import ALS, make_model
from recsys.models.als_training import both_sides


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


@pytest.mark.parametrize("backend", ["recsys", "implicit"])
def test_stored_users_minimise_the_loss(backend: str) -> None:
    """The gradient of the loss in every user's vector is zero, whoever trained the items."""
    train = data()
    model = make_model("als", factors=6, backend=backend).fit(train)
    assert isinstance(model, ALS)
    labels = train.matrix().toarray().astype(np.float64)
    weights = labels / labels[labels > 0].mean()
    alpha, items = model.unobserved_weight_, model.item_factors_.astype(np.float64)
    target = weights + (alpha if backend == "implicit" else 0) * (labels > 0)
    exponent = 0 if backend == "implicit" else 1
    ridge = model.strength_ * (weights.sum(axis=1) + alpha * len(items)) ** exponent
    users = model.user_factors_.astype(np.float64)
    scores = users @ items.T
    gradient = (weights * scores - target + alpha * scores) @ items + ridge[:, None] * users
    assert np.abs(gradient).max() < 1e-5 * np.abs(target @ items).max()


def test_equals_a_one_shot_fit_of_implicit() -> None:
    from implicit.cpu.als import AlternatingLeastSquares

    from recsys.core.seeds import derived_int

    train = data()
    told: list[int] = []
    model = ALS(factors=5, iterations=7, seed=9, backend="implicit", unobserved_weight=0.25)
    model.fit(train, progress=lambda step: told.append(step.done))
    weights = csr_matrix(train.matrix())
    weights.data = 1 + (weights.data * np.float32(model.weight_scale_) / np.float32(0.25)).astype(np.float32)
    other = AlternatingLeastSquares(
        factors=5, iterations=7, regularization=model.strength_ / 0.25, random_state=derived_int(9), num_threads=1
    )
    other.fit(weights, show_progress=False)
    ours, theirs = (items @ items.T for items in (model.item_factors_, other.item_factors))
    assert np.allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())
    assert told == [1, 2, 3, 4, 5, 6, 7]


def test_implicit_gets_the_mean_ridge() -> None:
    train = data()
    model = ALS(factors=3, backend="implicit", regularization=0.05).fit(train)
    objective = ALS(factors=3, regularization=0.05).fit(train)._objective()
    sides = both_sides(objective.weights(train.matrix()), objective)
    assert model.strength_ == pytest.approx(np.mean([side.ridge.mean() for side in sides]))


def test_the_unit_of_weights_does_not_matter() -> None:
    train = data()
    minutes = Dataset.from_frame(train.to_polars().with_columns(pl.col("value") * 64))
    first, second = (ALS(factors=4).fit(one).recommend(k=5) for one in (train, minutes))
    assert first.lists.tolist() == second.lists.tolist()


def test_weights_and_time_decay_reach_the_model() -> None:
    plain, decayed = (ALS(factors=4).fit(data(label)).recommend(k=5) for label in (None, Label(half_life="1d")))
    assert plain.scores.tobytes() != decayed.scores.tobytes()


@pytest.mark.parametrize("backend", ["recsys", "implicit"])
def test_explanations_are_the_terms_of_the_formula(backend: str) -> None:
    train = data()
    model = make_model("als", factors=6, backend=backend).fit(train)
    assert isinstance(model, ALS)
    user, item = 3, int(model.recommend([3], k=1).to_polars()["item_id"][0])
    told = model.explain(user, item, k=50)
    items, code = model.item_factors_.astype(np.float64), int(model.items_.encode([item])[0])
    row = train.matrix()[[int(model.users_.encode([user])[0])]]
    weights, alpha = model.weight_scale_ * row.data.astype(np.float64), model.unobserved_weight_
    liked = items[row.indices]
    ridge = model.strength_ * ((weights.sum() + alpha * len(items)) if backend == "recsys" else 1)
    system = alpha * items.T @ items + ridge * np.eye(6) + (liked * weights[:, None]).T @ liked
    target = weights + (alpha if backend == "implicit" else 0)
    expected = target * (liked @ np.linalg.solve(system, items[code]))
    found = dict(zip(told.contributions["item_id"], told.contributions["contribution"], strict=True))
    assert found == pytest.approx(
        dict(zip(model.items_.decode(row.indices), expected, strict=True)), rel=1e-4, abs=1e-6
    )


def test_a_warm_start_goes_on_by_item_id() -> None:
    train = data()
    frame = train.to_polars()
    more = Dataset.from_frame(pl.concat([frame, frame.head(3).with_columns(item_id=pl.lit(99, pl.Int64))]))
    first = ALS(factors=5, iterations=30).fit(train)
    told: list[Progress] = []
    warm = ALS(factors=5, iterations=1).fit(more, warm_start=first, progress=told.append)
    cold = ALS(factors=5, iterations=1).fit(more)
    far = ALS(factors=5, iterations=60).fit(more)
    scores = [model.user_factors_ @ model.item_factors_.T for model in (warm, cold, far)]
    # One sweep from yesterday's factors is nearer to the end than one from random ones.
    assert np.linalg.norm(scores[0] - scores[2]) < 0.5 * np.linalg.norm(scores[1] - scores[2])
    assert len(told) == 1


def test_a_warm_start_from_itself_equals_one_long_fit() -> None:
    train = data()
    model = ALS(factors=5, iterations=4, solver="exact").fit(train)
    again = model.fit(train, warm_start=model)
    long = ALS(factors=5, iterations=8, solver="exact").fit(train)
    # The stored items are turned into their basis once more, which costs a rounding.
    found, expected = (one.user_factors_ @ one.item_factors_.T for one in (again, long))
    assert np.allclose(found, expected, atol=1e-4)
    assert (
        model.fit(train).user_factors_.tobytes()
        == ALS(factors=5, iterations=4, solver="exact").fit(train).user_factors_.tobytes()
    )


@pytest.mark.parametrize("solver", ["cg", "subspace"])
def test_every_solver_arrives_where_the_exact_one_does(solver: str) -> None:
    random = np.random.default_rng(6)
    played = random.random((300, 200)) < np.where(np.arange(300)[:, None] % 3 == np.arange(200) % 3, 0.6, 0.2)
    users, items = np.nonzero(played)
    train = Dataset.from_frame({"user_id": users, "item_id": items})
    exact, other = (
        make_model("als", factors=12, iterations=40, regularization=0.05, solver=name, block_size=5).fit(train)
        for name in ("exact", solver)
    )
    assert isinstance(exact, ALS)
    assert isinstance(other, ALS)
    expected, found = (model.user_factors_ @ model.item_factors_.T for model in (exact, other))
    # Forty sweeps from the same start: what is left of the way is below a thousandth.
    assert np.linalg.norm(found - expected) < 2e-3 * np.linalg.norm(expected)


def test_what_cannot_be_started_from_is_refused() -> None:
    train = data()
    with pytest.raises(ArgumentError, match="warm_start has 4 factors"):
        ALS(factors=5).fit(train, warm_start=ALS(factors=4).fit(train))
    with pytest.raises(ArgumentError, match="'implicit'"):
        ALS(factors=4, backend="implicit").fit(train, warm_start=ALS(factors=4).fit(train))
    with pytest.raises(NotFittedError):
        ALS(factors=4).fit(train, warm_start=ALS(factors=4))


@pytest.mark.parametrize(
    "params",
    [
        {"factors": 0},
        {"factors": 2.5},
        {"regularization": 0.0},
        {"unobserved_weight": -1.0},
        {"regularization_exponent": -0.5},
        {"iterations": 0},
        {"solver": "sgd"},
        {"block_size": 0},
        {"init_std": 0.0},
        {"patience": 0},
        {"backend": "torch"},
        {"seed": -1},
        {"seed": "x"},
    ],
)
def test_bad_parameters_are_named_at_fit(params: dict[str, object]) -> None:
    model = ALS(**params)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ArgumentError, match=next(iter(params))):
        model.fit(data())
