from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset
from recsys.models import RP3Beta


def log() -> Dataset:
    rng = np.random.default_rng(4)
    pairs = np.argwhere(rng.random((40, 15)) < np.linspace(0.6, 0.1, 15))
    frame = {"user_id": pairs[:, 0], "item_id": pairs[:, 1], "value": rng.integers(1, 4, len(pairs)).astype(np.float64)}
    return Dataset.from_frame(pl.DataFrame(frame))


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (1.0, 0.6), (0.7, 0.3)])
def test_the_weights_are_those_of_the_walk(alpha: float, beta: float) -> None:
    data = log()
    X = data.matrix().toarray().astype(np.float64)
    from_items = (X / X.sum(axis=0)).T ** alpha
    from_users = (X / X.sum(axis=1, keepdims=True)) ** alpha
    walk = from_items @ from_users
    if (alpha, beta) == (1.0, 0.0):
        assert np.allclose(walk.sum(axis=1), 1)
    walk /= X.sum(axis=0) ** beta
    np.fill_diagonal(walk, 0)
    found = RP3Beta(alpha, beta, neighbors=None).fit(data).item_weights_.toarray()
    assert np.allclose(found, walk, rtol=1e-5)  # sums of tens of float32 products


def test_each_item_keeps_its_nearest() -> None:
    full, cut = (RP3Beta(neighbors=kept).fit(log()).item_weights_.toarray() for kept in (None, 4))
    assert ((cut > 0).sum(axis=1) == 4).all()
    for before, after in zip(full, cut, strict=True):
        assert before[after == 0].max() <= after[after > 0].min()


def test_negative_weights_are_refused() -> None:
    data = Dataset.from_frame({"user_id": [1, 2], "item_id": [1, 2], "value": [1.0, -1.0]})
    with pytest.raises(DataError, match="-1"):
        RP3Beta().fit(data)


@pytest.mark.parametrize("params", [{"alpha": 0}, {"beta": -1}, {"neighbors": 0}])
def test_unusable_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(params))):
        RP3Beta(**params).fit(log())
