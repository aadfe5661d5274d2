"""EASE against the textbook inverse, its constraint and the optimality of each regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import silent
from recsys.dataset import Dataset
from recsys.models import EASE
from recsys.models.ridge import dense_gram, invert_in_place, local_weights, weights_from_inverse


def log(n_users: int = 60, n_items: int = 25, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    pairs = np.argwhere(rng.random((n_users, n_items)) < np.linspace(0.5, 0.05, n_items))
    frame = {"user_id": pairs[:, 0], "item_id": pairs[:, 1], "value": rng.integers(1, 4, len(pairs)).astype(np.float64)}
    return Dataset.from_frame(pl.DataFrame(frame))


def penalties(X: np.ndarray, l2: float, dropout: float) -> np.ndarray:
    unit = np.square(X[X != 0]).mean()
    return l2 * unit + dropout / (1 - dropout) * np.square(X).sum(axis=0)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_the_weights_are_the_textbook_ones(dropout: float) -> None:
    data = log()
    X = data.matrix().toarray().astype(np.float64)
    P = np.linalg.inv(X.T @ X + np.diag(penalties(X, 5.0, dropout)))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    found = EASE(l2=5.0, dropout=dropout).fit(data).item_weights_
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    # A float32 Cholesky of a matrix whose condition number is about 100.
    assert np.abs(found - B).max() < 2e-5


def test_the_weights_solve_the_constrained_regressions() -> None:
    data = log(seed=3)
    X = data.matrix().toarray().astype(np.float64)
    ridge = penalties(X, 5.0, 0.3)
    B = np.asarray(EASE(l2=5.0, dropout=0.3).fit(data).item_weights_, dtype=np.float64)
    assert (np.diag(B) == 0).all()
    gradient = X.T @ (X @ B - X) + ridge[:, None] * B
    np.fill_diagonal(gradient, 0)  # the constraint takes care of that direction
    assert np.abs(gradient).max() < 1e-3 * np.abs(X.T @ X).max()


def test_dropout_is_the_mean_over_hidden_inputs() -> None:
    """Steck 2020: dropout of inputs, their rest scaled up, comes to a penalty of p / (1 − p) · diag(XᵀX)."""
    data = log(n_users=40, n_items=6, seed=1)
    X, p = data.matrix().toarray().astype(np.float64), 0.5
    rng = np.random.default_rng(0)
    left, right = np.zeros((6, 6)), np.zeros((6, 6))
    for _ in range(4000):
        hidden = X * (rng.random(X.shape) >= p) / (1 - p)
        left, right = left + hidden.T @ hidden / 4000, right + hidden.T @ X / 4000
    expected = np.zeros((6, 6))
    unit = np.square(X[X != 0]).mean()
    for item in range(6):
        others = np.delete(np.arange(6), item)
        expected[others, item] = np.linalg.solve(left[np.ix_(others, others)] + unit * np.eye(5), right[others, item])
    found = np.asarray(EASE(l2=1.0, dropout=p).fit(data).item_weights_)
    # 4,000 draws: the entries of the simulated Gram matrix are good to about 1 %.
    assert np.abs(found - expected).max() < 0.02 * max(1.0, np.abs(expected).max())


def test_all_items_as_neighbours_is_the_whole_regression() -> None:
    data = log(n_users=2000, seed=5)
    assert (data.matrix().T @ data.matrix()).nnz == 25 * 25
    whole, local = EASE(l2=5.0).fit(data), EASE(l2=5.0, neighbors=24).fit(data)
    assert isinstance(local.item_weights_, csr_array)
    # Two float32 solvers of the same systems.
    assert np.abs(whole.item_weights_ - local.item_weights_.toarray()).max() < 5e-5


def test_local_weights_are_regressions_on_the_nearest_items() -> None:
    data = log(seed=6)
    X = data.matrix().toarray().astype(np.float64)
    G, ridge = X.T @ X, penalties(X, 5.0, 0.0)
    cosines = G / np.sqrt(np.outer(np.diag(G), np.diag(G)))
    np.fill_diagonal(cosines, -1)
    found = EASE(l2=5.0, dropout=0.0, neighbors=7).fit(data).item_weights_
    for item in range(len(G)):
        near = np.sort(np.argsort(-cosines[item], kind="stable")[:7])
        column = np.zeros(len(G))
        column[near] = np.linalg.solve(G[np.ix_(near, near)] + np.diag(ridge[near]), G[near, item])
        assert np.abs(found[:, [item]].toarray()[:, 0] - column).max() < 5e-5


def test_items_without_neighbours_have_no_weights() -> None:
    gram = csr_array(np.diag(np.float32([1, 2, 0])))
    assert local_weights(gram, np.ones(3, np.float32), 2, silent).nnz == 0


def test_the_inverse_is_made_in_place_tile_by_tile() -> None:
    rng = np.random.default_rng(2)
    X = (rng.random((900, 600)) < 0.05).astype(np.float32)  # more than one tile
    gram = dense_gram(csr_array(X))
    assert np.array_equal(gram, X.T @ X)
    gram[np.arange(600), np.arange(600)] += 20
    expected = np.linalg.inv(gram.astype(np.float64))
    address = gram.ctypes.data
    invert_in_place(gram, silent)
    assert gram.ctypes.data == address
    assert np.array_equal(gram, gram.T)
    assert np.abs(gram - expected).max() < 1e-6
    weights_from_inverse(gram)
    assert not np.diag(gram).any()


def test_a_matrix_that_is_not_positive_definite_is_refused() -> None:
    with pytest.raises(DataError, match="raise l2"):
        invert_in_place(np.float32([[1, 2], [2, 1]]), silent)


def test_the_unit_of_weights_does_not_matter() -> None:
    data = log()
    frame = data.to_polars()
    minutes = Dataset.from_frame(frame.with_columns(value=pl.col("value") * 60))
    first, second = (np.asarray(EASE().fit(one).item_weights_) for one in (data, minutes))
    assert np.abs(first - second).max() < 1e-5  # rounding of the scaled Gram matrix


@pytest.mark.parametrize(("neighbors", "hint"), [(None, "set neighbors=100"), (10, "raise min_item_events")])
def test_more_items_than_memory_has_room_for_are_refused(neighbors: int | None, hint: str) -> None:
    with pytest.raises(ArgumentError, match=rf"the weights among 25 items need .* of memory.*{hint}"):
        EASE(neighbors=neighbors, max_memory=1e-6).fit(log())


def test_a_long_inversion_is_announced(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    EASE().fit(log())
    assert not caplog.records
    monkeypatch.setattr("recsys.models.ease._PRODUCTS_PER_SECOND", 1.0)
    EASE(neighbors=10).fit(log())
    assert not caplog.records
    EASE().fit(log())
    assert "2.5 kB of memory and about 260 minutes" in caplog.text


@pytest.mark.parametrize(
    "params", [{"l2": 0}, {"l2": np.nan}, {"dropout": 1.0}, {"dropout": -0.1}, {"neighbors": 0}, {"max_memory": 0}]
)
def test_unusable_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(params))):
        EASE(**params).fit(log())
