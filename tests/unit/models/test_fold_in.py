from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from recsys.models.fold_in import solve_users, whiten

RNG = np.random.default_rng(2)
ITEMS = RNG.normal(size=(90, 12)).astype(np.float32)
LAMBDA = 3.0


def confidences(n: int, density: float) -> csr_array:
    matrix = random_array((n, 90), density=density, format="csr", dtype=np.float32, rng=RNG)
    return csr_array(matrix) * np.float32(40)


def exact(row: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Equation 4 of Hu et al., written out."""
    weights = np.diag(1 + row.astype(np.float64))
    wide = items.astype(np.float64)
    return np.linalg.solve(wide.T @ weights @ wide + LAMBDA * np.eye(12), wide.T @ weights @ (row > 0))


@pytest.mark.parametrize("density", [0.03, 0.15, 0.9])
def test_equals_the_normal_equations(density: float) -> None:
    matrix = confidences(25, density)
    whitened = whiten(ITEMS, LAMBDA)
    scores = solve_users(matrix, whitened.vectors) @ whitened.vectors.T
    for row, found in zip(matrix.toarray(), scores, strict=True):
        assert np.allclose(found, ITEMS @ exact(row, ITEMS), atol=2e-6)


def test_whitened_items_have_the_identity_as_gram_and_lead_back() -> None:
    whitened = whiten(ITEMS, LAMBDA)
    back = whitened.vectors @ whitened.basis.T
    assert np.allclose(back, ITEMS, atol=1e-5)
    inverse = np.linalg.inv(whitened.basis)
    gram = whitened.vectors.T @ whitened.vectors + LAMBDA * inverse @ inverse.T
    assert np.allclose(gram, np.eye(12), atol=1e-5)


def test_a_row_has_the_same_bits_in_any_company_and_on_any_thread() -> None:
    matrix = confidences(60, 0.2)
    vectors = whiten(ITEMS, LAMBDA).vectors
    together = solve_users(matrix, vectors, n_threads=1)
    assert together.tobytes() == solve_users(matrix, vectors, n_threads=3).tobytes()
    alone = np.vstack([solve_users(matrix[[row]], vectors) for row in range(60)])
    assert alone.tobytes() == together.tobytes()


def test_empty_rows_are_zero_and_vanishing_confidences_do_no_harm() -> None:
    matrix = csr_array((np.float32([1e-40]), np.int32([4]), np.int64([0, 0, 1])), shape=(2, 90))
    found = solve_users(matrix, whiten(ITEMS, LAMBDA).vectors)
    assert not found[0].any()
    assert np.allclose(
        found[1] @ whiten(ITEMS, LAMBDA).vectors.T, ITEMS @ exact((np.arange(90) == 4) * 1e-30, ITEMS), atol=1e-6
    )
