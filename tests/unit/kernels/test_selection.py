"""The promises of the top-k kernels; each holds for the compiled code and for the twins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import TopK, select_topk, sparse_topk, topk

Call = Callable[..., TopK]


@pytest.fixture(params=["compiled", "reference"], autouse=True)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_KERNELS", request.param)


def over_factors(scores: np.ndarray[Any, Any], k: int, **options: Any) -> TopK:
    """`topk` whose scores are the given ones."""
    users, n_items = np.pad(np.asarray(scores, np.float32), ((0, 0), (0, 1))), scores.shape[1]
    return topk(users, np.eye(n_items, n_items + 1, dtype=np.float32), k, **options)


def over_weights(scores: np.ndarray[Any, Any], k: int, **options: Any) -> TopK:
    """`sparse_topk` whose scores are the given ones; every score is a stored entry."""
    users, items = scores.shape
    full = csr_array(
        (np.asarray(scores, np.float32).ravel(), np.tile(np.arange(items), users), np.arange(users + 1) * items),
        shape=scores.shape,
    )
    return sparse_topk(full, csr_array(np.eye(items, dtype=np.float32)), k, **options)


def over_scores(scores: np.ndarray[Any, Any], k: int, **options: Any) -> TopK:
    return select_topk(np.asarray(scores, np.float32), k, **options)


every_kernel = pytest.mark.parametrize("call", [over_factors, over_weights, over_scores])
some_users = pytest.mark.parametrize("n_users", [1, 40])


@every_kernel
@some_users
def test_ties_go_to_the_smaller_index(call: Call, n_users: int) -> None:
    scores = np.tile([1, 2, 0, 2, 2, 1], (n_users, 1))
    assert call(scores, 5).indices.tolist() == [[1, 3, 4, 0, 5]] * n_users


@every_kernel
@some_users
def test_all_equal_scores_give_the_first_items(call: Call, n_users: int) -> None:
    assert call(np.ones((n_users, 700)), 4).indices.tolist() == [[0, 1, 2, 3]] * n_users


@every_kernel
@some_users
def test_missing_slots_are_minus_one_and_minus_infinity(call: Call, n_users: int) -> None:
    result = call(np.tile([3, 1, 2], (n_users, 1)), 5)
    assert result.indices.tolist() == [[0, 2, 1, -1, -1]] * n_users
    assert result.scores.tolist() == [[3, 2, 1, -np.inf, -np.inf]] * n_users
    assert result.indices.dtype == np.int32
    assert result.scores.dtype == np.float32


@every_kernel
@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (3, 0), (20, 0)])
def test_no_users_or_no_items(call: Call, shape: tuple[int, int]) -> None:
    result = call(np.ones(shape), 2)
    assert result.indices.tolist() == [[-1, -1]] * shape[0]
    assert result.scores.shape == (shape[0], 2)


@every_kernel
@some_users
def test_filters_for_everyone_and_per_user(call: Call, n_users: int) -> None:
    scores = np.tile([6, 5, 4, 3, 2, 1], (n_users, 1))
    first_two = csr_array(np.tile([1, 1, 0, 0, 0, 0], (n_users, 1)))
    odd = np.array([False, True] * 3)
    assert call(scores, 6, exclude=first_two).indices.tolist() == [[2, 3, 4, 5, -1, -1]] * n_users
    assert call(scores, 6, allow=odd).indices.tolist() == [[1, 3, 5, -1, -1, -1]] * n_users
    assert call(scores, 6, deny=odd).indices.tolist() == [[0, 2, 4, -1, -1, -1]] * n_users
    assert call(scores, 6, allow=first_two, deny=odd).indices.tolist() == [[0, -1, -1, -1, -1, -1]] * n_users
    assert call(scores, 3, exclude=first_two, deny=first_two).indices.tolist() == [[2, 3, 4]] * n_users
    assert call(scores, 2, allow=odd, exclude=first_two).indices.tolist() == [[3, 5]] * n_users


@every_kernel
def test_a_filter_counts_by_its_pattern_repeats_and_stored_zeros_included(call: Call) -> None:
    odd_csr = csr_array((np.array([0.0, 0.0, 1.0]), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 4))
    scores = np.array([[1, 2, 3, 4]])
    assert call(scores, 4, allow=odd_csr).indices.tolist() == [[2, 0, -1, -1]]
    assert call(scores, 4, exclude=odd_csr).indices.tolist() == [[3, 1, -1, -1]]


@every_kernel
def test_threads_change_nothing(call: Call) -> None:
    scores = np.random.default_rng(0).integers(0, 9, (1100, 60))
    one, three = call(scores, 7, n_threads=1), call(scores, 7, n_threads=3)
    assert one.indices.tobytes() == three.indices.tobytes()
    assert one.scores.tobytes() == three.scores.tobytes()


@every_kernel
@pytest.mark.parametrize("k", [0, -1, 1.5, True, "10", None])
def test_k_must_be_a_positive_whole_number(call: Call, k: Any) -> None:
    with pytest.raises(ArgumentError, match="k is"):
        call(np.ones((2, 3)), k)


@every_kernel
def test_filters_of_another_kind_or_shape_are_refused(call: Call) -> None:
    scores = np.ones((2, 3))
    for wrong in (np.ones(3), np.ones(4, np.bool_), [0, 1], csr_array((3, 2)), csr_array((2, 3)).tocsc()):
        with pytest.raises(ArgumentError, match="allow is"):
            call(scores, 1, allow=wrong)
    with pytest.raises(ArgumentError, match="exclude is"):
        call(scores, 1, exclude=np.ones(3, np.bool_))


@every_kernel
def test_codes_out_of_range_are_refused(call: Call) -> None:
    broken = csr_array((2, 3), dtype=np.float32)
    broken.indices, broken.data, broken.indptr = np.array([7]), np.ones(1, np.float32), np.array([0, 0, 1])
    with pytest.raises(DataError, match="code 7"):
        call(np.ones((2, 3)), 1, exclude=broken)


def test_factors_that_are_not_finite_are_refused() -> None:
    good, bad = np.ones((9, 3), np.float32), np.ones((9, 3), np.float32)
    for value in (np.nan, np.inf, -np.inf):
        bad[4, 1] = value
        with pytest.raises(DataError, match="row 4 of user_factors"):
            topk(bad, good, 1)
        with pytest.raises(DataError, match="row 4 of item_factors"):
            topk(good, bad, 1)


def test_factors_of_another_kind_are_refused() -> None:
    good = np.ones((2, 3), np.float32)
    for wrong in (good.astype(np.float64), good[0], good.tolist()):
        with pytest.raises(ArgumentError, match="user_factors is"):
            topk(wrong, good, 1)
    with pytest.raises(ArgumentError, match="3 columns and item_factors 2"):
        topk(good, good[:, :2], 1)
    with pytest.raises(ArgumentError, match="0 columns"):
        topk(good[:, :0], good[:, :0], 1)


def test_scores_that_could_overflow_are_refused() -> None:
    large = np.full((2, 4), 1e19, np.float32)
    with pytest.raises(DataError, match="could reach"):
        topk(large, large, 1)
    weights, history = csr_array(np.full((2, 2), 3e38, np.float32)), csr_array(np.full((1, 2), 2, np.float32))
    with pytest.raises(DataError, match="user 0 overflow"):
        sparse_topk(history, weights, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_dense_scores_of_nan_or_infinity_are_refused(value: float) -> None:
    scores = np.zeros((5, 100), np.float32)
    scores[:, 0] = 1
    scores[3, 99] = value
    with pytest.raises(DataError, match="user 3"):
        select_topk(scores, 1)


def test_minus_infinity_is_no_candidate() -> None:
    assert select_topk(np.array([[-np.inf, -1]], np.float32), 2).indices.tolist() == [[1, -1]]


def test_only_reached_items_are_candidates_and_a_stored_zero_reaches() -> None:
    history = csr_array(np.array([[1, 0, 0], [0, 0, 0]], np.float32))
    weights = csr_array((np.array([0, -1], np.float32), np.array([1, 2]), np.array([0, 2, 2, 2])), shape=(3, 3))
    assert sparse_topk(history, weights, 3).indices.tolist() == [[1, 2, -1], [-1, -1, -1]]


def test_read_only_memory_maps_and_strided_views(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    users, items = rng.standard_normal((20, 6)).astype(np.float32), rng.standard_normal((50, 6)).astype(np.float32)
    np.save(tmp_path / "users.npy", users)
    np.save(tmp_path / "items.npy", items)
    expected = topk(users, items, 3)
    mapped = topk(np.load(tmp_path / "users.npy", mmap_mode="r"), np.load(tmp_path / "items.npy", mmap_mode="r"), 3)
    strided = topk(np.repeat(users, 2, axis=1)[:, ::2], np.asfortranarray(items), 3)
    for other in (mapped, strided):
        assert other.indices.tobytes() == expected.indices.tobytes()
        assert other.scores.tobytes() == expected.scores.tobytes()


def test_permuting_users_permutes_the_result() -> None:
    rng = np.random.default_rng(2)
    users, items = rng.standard_normal((600, 9)).astype(np.float32), rng.standard_normal((1500, 9)).astype(np.float32)
    order = rng.permutation(len(users))
    whole, shuffled = topk(users, items, 5), topk(users[order], items, 5)
    np.testing.assert_array_equal(shuffled.indices, whole.indices[order])
    np.testing.assert_array_equal(shuffled.scores, whole.scores[order])


def test_a_user_alone_gets_what_they_get_among_many() -> None:
    rng = np.random.default_rng(3)
    users, items = rng.standard_normal((40, 33)).astype(np.float32), rng.standard_normal((900, 33)).astype(np.float32)
    whole = topk(users, items, 6)
    for row in range(0, 40, 13):
        alone = topk(users[row : row + 1], items, 6)
        assert alone.scores.tobytes() == whole.scores[row].tobytes()
        assert alone.indices.tobytes() == whole.indices[row].tobytes()
