"""Dense scores of sparse histories against the plain product, and against their numpy twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import sparse_scores


@st.composite
def cases(draw: st.DrawFn) -> tuple[csr_array, csr_array]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_users, n_items, share = draw(st.integers(0, 70)), draw(st.integers(1, 30)), draw(st.sampled_from([0, 0.2, 1]))
    shapes = (n_users, n_items), (n_items, n_items)
    parts = (rng.normal(size=shape).astype(np.float32) * (rng.random(shape) < share) for shape in shapes)
    return csr_array(next(parts)), csr_array(next(parts))


@settings(deadline=None)
@given(cases(), st.integers(1, 3))
def test_scores_are_the_product_in_the_order_of_the_history(case: tuple[csr_array, csr_array], n_threads: int) -> None:
    history, weights = case
    found = sparse_scores(history, weights, n_threads=n_threads)
    expected = np.zeros(history.shape, np.float32)
    dense, by_item = history.toarray(), weights.toarray()
    for item in range(history.shape[1]):
        expected += dense[:, [item]] * by_item[item]
    assert np.array_equal(found, expected)


@settings(deadline=None)
@given(cases())
def test_the_twin_agrees(case: tuple[csr_array, csr_array]) -> None:
    found = sparse_scores(*case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference")
        assert sparse_scores(*case).tobytes() == found.tobytes()


@pytest.mark.parametrize("kernels", ["compiled", "reference"])
@pytest.mark.parametrize(
    ("history", "weights", "error"),
    [
        (np.eye(2, dtype=np.float32), csr_array(np.eye(2, dtype=np.float32)), ArgumentError),
        (csr_array(np.eye(2, dtype=np.float32)), csr_array(np.eye(3, dtype=np.float32)), ArgumentError),
        (csr_array(np.eye(2)), csr_array(np.eye(2, dtype=np.float32)), ArgumentError),
        (3, csr_array(np.eye(2, dtype=np.float32)), ArgumentError),
        (csr_array(np.float32([[np.nan]])), csr_array(np.float32([[1]])), DataError),
        (csr_array(np.float32([[1]])), csr_array(np.float32([[np.inf]])), DataError),
    ],
)
def test_mistakes_are_named(
    history: csr_array, weights: csr_array, error: type[Exception], kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_KERNELS", kernels)
    with pytest.raises(error):
        sparse_scores(history, weights)
