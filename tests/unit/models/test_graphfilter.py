"""GraphFilter against the dense formula, and against the papers' own forms of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.linalg import expm

from recsys.core.errors import ArgumentError
from recsys.dataset import Dataset
from recsys.models import GraphFilter
from recsys.models import graphfilter as module


def log(n_users: int = 50, n_items: int = 20) -> Dataset:
    rng = np.random.default_rng(4)
    pairs = np.argwhere(rng.random((n_users, n_items)) < np.linspace(0.6, 0.1, n_items))
    frame = {"user_id": pairs[:, 0], "item_id": pairs[:, 1], "value": rng.integers(1, 4, len(pairs)).astype(np.float64)}
    return Dataset.from_frame(pl.DataFrame(frame))


def weights(model: GraphFilter) -> np.ndarray:
    return np.asarray(model.item_weights_.toarray() + model.history_factors_ @ model.item_factors_.T)


def graph(data: Dataset, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    X = data.matrix().toarray().astype(np.float64)
    users, items = X.sum(axis=1), X.sum(axis=0)
    R = (users**-a)[:, None] * X * items**-b
    return R.T @ R, items


def test_it_is_the_dense_formula() -> None:
    data = log()
    model = GraphFilter(0.3, 0.45, 0.15, factors=5, ideal_weight=0.3, sharpening=1.2, neighbors=None).fit(data)
    P, items = graph(data, 0.3, 0.45)
    values, vectors = np.linalg.eigh(P)
    P, values, V = P / values[-1], values[::-1][:5] / values[-1], vectors[:, ::-1][:, :5]
    down, up = np.diag(items**-0.15), np.diag(items**0.15)
    sharp = P - V @ np.diag(values - values * np.exp(-1.2 * values)) @ V.T
    ideal = np.diag(items**-0.5) @ V @ V.T @ np.diag(items**0.5)
    # float32 on matrices of size 20; the randomised vectors span everything, so they are exact.
    assert np.abs(weights(model) - (down @ sharp @ up + 0.3 * ideal)).max() < 1e-5


def test_with_all_eigenvectors_sharpening_is_the_heat_equation_backwards() -> None:
    data = log()
    model = GraphFilter(0.5, 0.5, 0.0, factors=20, ideal_weight=0.0, sharpening=2.0, neighbors=None).fit(data)
    P, _ = graph(data, 0.5, 0.5)  # λ₁ is 1 with these exponents
    assert np.abs(weights(model) - P @ expm(-2.0 * P)).max() < 1e-5


def test_gf_cf_and_the_linear_filter_are_special_cases() -> None:
    data = log()
    P, items = graph(data, 0.5, 0.5)
    V = np.linalg.eigh(P)[1][:, -3:]
    gfcf = GraphFilter(0.5, 0.5, 0.0, factors=3, ideal_weight=0.3, sharpening=0.0, neighbors=None).fit(data)
    expected = P + 0.3 * np.diag(items**-0.5) @ V @ V.T @ np.diag(items**0.5)
    assert np.abs(weights(gfcf) - expected).max() < 1e-5
    assert gfcf.item_factors_.shape == (20, 3)
    linear = GraphFilter(0.5, 0.5, 0.0, ideal_weight=0.0, sharpening=0.0, neighbors=None).fit(data)
    assert linear.item_factors_.shape == (20, 0)
    assert np.abs(weights(linear) - P).max() < 1e-6


def test_only_the_largest_entries_of_each_row_are_kept() -> None:
    data = log()
    full, cut = (
        GraphFilter(ideal_weight=0.0, sharpening=0.0, neighbors=kept).fit(data).item_weights_.toarray()
        for kept in (None, 6)
    )
    assert ((cut != 0).sum(axis=1) == 6).all()
    assert np.array_equal(cut[cut != 0], full[cut != 0])
    for before, after in zip(full, cut, strict=True):
        assert before[after == 0].max() <= after[after != 0].min()


def test_lists_and_similar_items_are_those_of_the_dense_product() -> None:
    data = log()
    model = GraphFilter(factors=4).fit(data)
    W, X = weights(model).astype(np.float64), data.matrix().toarray()
    scores = X @ W
    scores[X > 0] = -np.inf
    found = model.recommend(data.users, k=3)
    assert found.lists.tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :3].tolist()
    np.fill_diagonal(W, -np.inf)
    near = model.similar_items([0, 7], k=4).to_polars()
    expected = [[item, int(other)] for item in (0, 7) for other in np.argsort(-W[item], kind="stable")[:4]]
    assert near.select("item_id", "similar_item_id").rows() == [tuple(pair) for pair in expected]


def test_the_default_number_of_factors_follows_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FEWEST", 2)
    monkeypatch.setattr(module, "_SIZE_PER_FACTOR", 5)
    assert GraphFilter().fit(log(50, 20)).item_factors_.shape[1] == 2 * 4
    assert GraphFilter(ideal_weight=0.0).fit(log(12, 20)).item_factors_.shape[1] == 2


def test_the_unit_of_weights_does_not_matter() -> None:
    data = log()
    minutes = Dataset.from_frame(data.to_polars().with_columns(value=pl.col("value") * 64))
    first, second = (GraphFilter(factors=4).fit(one) for one in (data, minutes))
    assert np.abs(weights(first) - weights(second)).max() < 1e-5


def test_more_than_memory_has_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.core.memory.available_bytes", lambda: 1 << 28)
    with pytest.raises(ArgumentError, match="20 items need .* of memory.*set neighbors"):
        GraphFilter().fit(log())


@pytest.mark.parametrize(
    "params", [{"user_exponent": 3}, {"tilt": np.inf}, {"factors": 0}, {"sharpening": -1}, {"neighbors": 0}]
)
def test_unusable_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(params))):
        GraphFilter(**params).fit(log())
