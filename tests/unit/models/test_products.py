from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.core.progress import Progress, silent
from recsys.core.threads import thread_limit
from recsys.models import products
from recsys.models.products import dense_product, gram, gram_work, largest_entries


def matrix(seed: int = 0, shape: tuple[int, int] = (40, 30)) -> csr_array:
    rng = np.random.default_rng(seed)
    return csr_array(rng.normal(size=shape).astype(np.float32) * (rng.random(shape) < 0.3))


@pytest.mark.parametrize("steps", [1, 200, 1 << 24])
def test_a_gram_matrix_in_chunks(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    monkeypatch.setattr(products, "_STEPS_PER_CHUNK", steps)
    X, told = matrix(), list[Progress]()
    rows, columns = np.arange(1.0, 31.0), np.arange(31.0, 1.0, -1)
    found = gram(X, rows=rows, columns=columns, stage="g", progress=told.append)
    dense = X.toarray().astype(np.float64)
    # Sums of tens of float32 products.
    assert np.allclose(found.toarray(), rows[:, None] * (dense.T @ dense) * columns, rtol=1e-4, atol=1e-3)
    assert found.has_sorted_indices
    assert found.dtype == np.float32
    assert told[-1].done == told[-1].total
    bare = gram(X, diagonal=False, stage="g", progress=silent)
    assert not bare.diagonal().any()


def test_progress_comes_on_the_callers_thread_one_block_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_STEPS_PER_CHUNK", 1)
    told = list[tuple[int, int]]()
    with thread_limit(3):
        gram(matrix(), stage="g", progress=lambda step: told.append((step.done, threading.get_ident())))
    assert told == [(done, threading.get_ident()) for done in range(1, 31)]


def test_the_work_bounds_the_entries() -> None:
    X = matrix()
    assert (np.diff(gram(X, stage="g", progress=silent).indptr) <= gram_work(X)).all()


def test_the_largest_entries_of_each_row() -> None:
    values, columns = np.float32([2, 1, 2, 5, 5, 5, 9]), np.int32([0, 1, 2, 3, 1, 2, 0])
    pattern = csr_array((values, columns, np.array([0, 3, 3, 7])), shape=(3, 4))
    assert largest_entries(pattern, values, 2).tolist() == [True, False, True, False, True, False, True]
    assert largest_entries(pattern, values, 5).all()


@pytest.mark.parametrize("steps", [1, 1 << 24])
def test_dense_products_have_the_same_bits_in_any_chunks(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    left, right = matrix(), matrix(1, (30, 20))
    before = dense_product(left, right.toarray())
    monkeypatch.setattr(products, "_STEPS_PER_CHUNK", steps)
    assert dense_product(left, right.toarray(), n_threads=2).tobytes() == before.tobytes()
    assert np.allclose(before, left.toarray() @ right.toarray(), atol=1e-5)
