from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import DataError
from recsys.core.progress import silent
from recsys.dataset import Dataset
from recsys.models import ALS, BPR, LogisticMF, Recommender
from recsys.models.implicit_adapter import positive_weights, train_factors

MATRIX = csr_array(np.float32([[1, 2, 0], [0, 1, 1]]))


class Toy:
    """Has the surface of an implicit model; counts its epochs in the factors."""

    def __init__(self, broken: bool = False) -> None:
        self.user_factors = np.zeros((2, 1), np.float32)
        self.item_factors = np.full((3, 1), np.nan if broken else 0, np.float32)

    def fit(self, matrix: Any, show_progress: bool, callback: Any) -> None:
        assert type(matrix).__name__ == "csr_matrix"
        assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
        matrix.data[:] = -1
        for epoch in range(5):
            self.item_factors += 1
            callback(epoch, 0.1, None)


class Judge:
    """Has enough after two epochs."""

    seen = 0

    def observe(self, users: np.ndarray, items: np.ndarray) -> float:
        self.seen += 1
        return float(items[0, 0])

    @property
    def exhausted(self) -> bool:
        return self.seen == 2

    best = np.float32([[1]]), np.float32([[7]])


def train(toy: Toy, judge: Any = None) -> tuple[np.ndarray, np.ndarray]:
    return train_factors(lambda: toy, MATRIX, stage="toy", epochs=5, progress=silent, judge=judge)


def test_the_callers_matrix_is_left_alone() -> None:
    assert train(Toy())[1].tolist() == [[5], [5], [5]]
    assert MATRIX.data.tolist() == [1, 2, 1, 1]


def test_a_judge_ends_training_and_gives_the_best() -> None:
    toy = Toy()
    assert train(toy, Judge())[1].tolist() == [[7]]
    assert toy.item_factors[0, 0] == 2


def test_factors_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="infinite or NaN"):
        train(Toy(broken=True))


def test_negative_weights_are_refused() -> None:
    with pytest.raises(DataError, match="-2"):
        positive_weights(csr_array(np.float32([[-2]])), "als")


@pytest.mark.parametrize("model", [ALS(factors=2), BPR(factors=2), LogisticMF(factors=2)])
def test_fits_are_silent(model: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    from implicit import utils

    monkeypatch.setattr(utils, "_checked_blas_config", False)  # implicit warns of BLAS threads once a process
    data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(data)
