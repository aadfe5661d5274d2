from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError
from recsys.core.progress import Progress, silent
from recsys.dataset import Dataset
from recsys.models import PureSVD
from recsys.models.spectral import leading_directions


def log() -> Dataset:
    rng = np.random.default_rng(4)
    pairs = np.argwhere(rng.random((40, 15)) < np.linspace(0.6, 0.1, 15))
    frame = {"user_id": pairs[:, 0], "item_id": pairs[:, 1], "value": rng.integers(1, 4, len(pairs)).astype(np.float64)}
    return Dataset.from_frame(pl.DataFrame(frame))


@pytest.mark.parametrize("exponent", [0.0, -0.4])
def test_scores_are_those_of_the_truncated_decomposition(exponent: float) -> None:
    data = log()
    X = data.matrix().toarray().astype(np.float64) * data.matrix().toarray().sum(axis=0) ** exponent
    left, values, right = np.linalg.svd(X, full_matrices=False)
    expected = (left[:, :4] * values[:4]) @ right[:4]
    model = PureSVD(factors=4, popularity_exponent=exponent).fit(data)
    found = model.score_codes(np.arange(40, dtype=np.int32))
    # float32 with 4 directions out of 15; all 15 are in the random subspace.
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    unit = model.item_factors_.T @ model.item_factors_
    assert np.abs(unit - np.eye(4)).max() < 1e-5


def test_a_large_spectrum_is_found_by_iteration() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([[20, 15, 12, 10], np.linspace(3, 0.1, 196)])
    left, right = (np.linalg.qr(rng.normal(size=(size, 200)))[0] for size in (300, 250))
    matrix = csr_array(((left * values) @ right.T).astype(np.float32))
    told: list[Progress] = []
    found = leading_directions(matrix, 4, seed=0, iterations=4, stage="svd", progress=told.append)
    # (σ_37 / σ_4) ** 9 is about 1e-5, float32 about as much.
    assert np.abs(found.values - values[:4]).max() < 1e-3
    assert np.abs(np.abs((found.vectors * right[:, :4]).sum(axis=0)) - 1).max() < 1e-4
    assert [step.done for step in told] == [1, 2, 3, 4]
    again = leading_directions(matrix, 4, seed=0, iterations=4, stage="svd", progress=silent)
    assert again.vectors.tobytes() == found.vectors.tobytes()


def test_more_factors_than_there_are_directions() -> None:
    assert PureSVD(factors=500).fit(log()).item_factors_.shape == (15, 15)


@pytest.mark.parametrize("params", [{"factors": 0}, {"popularity_exponent": np.nan}, {"iterations": 0}])
def test_unusable_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(params))):
        PureSVD(**params).fit(log())
