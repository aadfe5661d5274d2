from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.models import sampled_fold_in as module
from recsys.models.sampled_fold_in import STEPS, descend_users, draw_negatives, sigmoid

RNG = np.random.default_rng(4)
VECTORS, BIASES = RNG.normal(size=(25, 6)).astype(np.float32), RNG.normal(size=25).astype(np.float32)
HISTORY = csr_array((RNG.random((40, 25)) < 0.2).astype(np.float32))


def _apart(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of log σ(s_i − s_j) by either score."""
    slope = sigmoid(negative - positive)
    return slope, slope


def fold(history: csr_array) -> np.ndarray:
    negatives = draw_negatives(np.ones(25, dtype=np.int64), 3)
    return descend_users(history, VECTORS, BIASES, negatives, _apart, 0.01)


def test_a_row_has_the_same_bits_in_any_company(monkeypatch: pytest.MonkeyPatch) -> None:
    together = fold(HISTORY)
    assert np.vstack([fold(HISTORY[[row]]) for row in range(40)]).tobytes() == together.tobytes()
    monkeypatch.setattr(module, "_USERS_PER_CHUNK", 7)
    assert fold(HISTORY).tobytes() == together.tobytes()


def test_a_history_longer_than_the_steps_counts_as_a_whole() -> None:
    """Half of the items point one way, half the other: whichever half has the smaller codes, neither may win."""
    n = 4 * STEPS
    vectors = np.repeat(np.eye(2, dtype=np.float32), [n // 2, n // 2], axis=0)
    vectors = np.vstack([vectors, np.zeros((1, 2), np.float32)])
    everything = csr_array(np.append(np.ones(n, np.float32), np.float32(0))[None, :])
    negatives = np.full(STEPS, n, np.int32)
    found = descend_users(everything, vectors, np.zeros(n + 1, np.float32), negatives, _apart, 0.01)[0]
    assert found[0] == pytest.approx(found[1], rel=0.05)


def test_a_users_items_end_above_the_others() -> None:
    found = fold(HISTORY)
    scores, liked = found @ VECTORS.T + BIASES, HISTORY.toarray() > 0
    auc = [(row[mask][:, None] > row[~mask]).mean() for row, mask in zip(scores, liked, strict=True) if mask.any()]
    before = [(BIASES[mask][:, None] > BIASES[~mask]).mean() for mask in liked if mask.any()]
    assert np.mean(auc) > np.mean(before) + 0.2


def test_negatives_are_drawn_by_popularity() -> None:
    drawn = draw_negatives(np.array([0, 1, 9]), 5)
    assert len(drawn) == STEPS
    assert np.bincount(drawn, minlength=3)[0] == 0
    assert np.mean(drawn == 2) == pytest.approx(0.9, abs=0.08)


def test_sigmoid_is_exact_and_does_not_overflow() -> None:
    values = np.float32([-1000, -2, 0, 3, 1000])
    with np.errstate(all="raise"):
        assert sigmoid(values) == pytest.approx([0, 1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-3)), 1], abs=1e-6)
