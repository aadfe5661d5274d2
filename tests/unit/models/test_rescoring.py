"""The rescored top-k against sums in float64, alone and among others, with a BLAS that errs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.models import rescoring
from recsys.models.ranking import Filters
from recsys.models.rescoring import rank_sum

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def parts(n: int = 70, n_items: int = 300, d: int = 40) -> Parts:
    rng = np.random.default_rng(8)
    scores, users, items = (rng.normal(size=size).astype(np.float32) for size in ((n, n_items), (n, d), (n_items, d)))
    items[5:9] = items[4]  # ties
    scores[:, 5:9] = scores[:, [4]]
    return scores, users, items


def everything(n_items: int) -> Filters:
    return Filters(None, np.ones(n_items, dtype=np.bool_), None)


def expected(case: Parts) -> np.ndarray:
    scores, users, items = (array.astype(np.float64) for array in case)
    return (scores + users @ items.T).astype(np.float32)


def test_it_is_the_float64_sum_rounded_once() -> None:
    case = parts()
    found = rank_sum(*case, 12, everything(300))
    whole = expected(case)
    order = np.argsort(-whole, axis=1, kind="stable")[:, :12]
    assert np.array_equal(found.indices, order)
    assert np.array_equal(found.scores, np.take_along_axis(whole, order, axis=1))


def test_a_user_alone_gets_the_same_bits() -> None:
    case = parts()
    together = rank_sum(*case, 12, everything(300), n_threads=2)
    for user in (0, 17, 69):
        alone = rank_sum(case[0][[user]], case[1][[user]], case[2], 12, everything(300), n_threads=1)
        assert alone.scores.tobytes() == together.scores[[user]].tobytes()
        assert alone.indices.tolist() == together.indices[[user]].tolist()


def test_errors_within_the_bound_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = parts()
    before = rank_sum(*case, 12, everything(300))
    rough = rescoring._rough_sum
    rng = np.random.default_rng(0)

    def erring(scores: np.ndarray, users: np.ndarray, items: np.ndarray, n_threads: int | None) -> np.ndarray:
        bound = 2.0**-24 * users.shape[1] * np.linalg.norm(users, axis=1)[:, None] * np.linalg.norm(items, axis=1)
        return (rough(scores, users, items, n_threads) + bound * rng.choice([-1, 1], scores.shape)).astype(np.float32)

    monkeypatch.setattr(rescoring, "_rough_sum", erring)
    after = rank_sum(*case, 12, everything(300))
    assert after.indices.tobytes() == before.indices.tobytes()
    assert after.scores.tobytes() == before.scores.tobytes()


def test_filters_hold_and_short_lists_end() -> None:
    case = parts(n=3)
    allow = np.zeros(300, dtype=np.bool_)
    allow[[3, 50, 51, 52]] = True
    seen = csr_array((np.ones(1, np.float32), np.int32([50]), np.int32([0, 1, 1, 1])), shape=(3, 300))
    found = rank_sum(*case, 6, Filters(seen, allow, None))
    assert [set(row) - {-1} for row in found.indices.tolist()] == [{3, 51, 52}, *[{3, 50, 51, 52}] * 2]
    assert (found.indices[:, 4:] == -1).all()
