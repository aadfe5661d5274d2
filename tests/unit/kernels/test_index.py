"""The promises of `TopKIndex`; each holds for the compiled code and for the twins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import TopK, TopKIndex, topk
from recsys.kernels._scan import PATH_CODES, PATHS

RNG = np.random.default_rng(4)
USERS, ITEMS = (RNG.standard_normal((n, 37)).astype(np.float32) for n in (70, 5000))


@pytest.fixture(params=["compiled", "reference"], autouse=True)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_KERNELS", request.param)


def assert_same(found: TopK, expected: TopK) -> None:
    assert found.indices.tobytes() == expected.indices.tobytes()
    assert found.scores.tobytes() == expected.scores.tobytes()


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("n_users", [0, 1, 70])
def test_an_index_gives_the_lists_of_topk(k: int, n_users: int) -> None:
    assert_same(TopKIndex(ITEMS).query(USERS[:n_users], k), topk(USERS[:n_users], ITEMS, k))


def test_users_that_are_known_beforehand_change_no_list() -> None:
    assert_same(TopKIndex(ITEMS, like=USERS).query(USERS, 9), topk(USERS, ITEMS, 9))
    assert_same(TopKIndex(ITEMS, like=USERS[:0]).query(USERS, 9), topk(USERS, ITEMS, 9))


def test_filters_of_every_kind() -> None:
    seen = csr_array((RNG.random((70, 5000)) < 0.1).astype(np.int8))
    some = csr_array((RNG.random((70, 5000)) < np.linspace(0, 0.3, 70)[:, None]).astype(np.int8))
    rare = RNG.random(5000) < 0.02
    index = TopKIndex(ITEMS)
    for filters in ({"exclude": seen}, {"allow": some, "deny": seen}, {"allow": rare}, {"deny": rare, "exclude": seen}):
        options: dict[str, Any] = filters
        assert_same(index.query(USERS, 20, **options), topk(USERS, ITEMS, 20, **options))


@pytest.mark.parametrize("simd", [*PATHS, *(path for path in PATH_CODES if path.startswith("emulated"))])
@pytest.mark.parametrize("d", [16, 64, 128])
@pytest.mark.parametrize("step", [-(2.0**-20), 0.0, 2.0**-20])
def test_items_exactly_at_the_bound(step: float, d: int, simd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items along the users, last in the scan, reach |u||v|, which is the k-th best score or one step beside it.

    All sums are exact in float32: integers, and multiples of 2⁻²⁰ below 128.
    """
    monkeypatch.setenv("RECSYS_SIMD", simd)
    n, k, along = 6000, 10, [1, 4, 5999]
    rng = np.random.default_rng(d)
    items = np.ones((n, d), np.float32) + rng.permuted(np.tile([-4, 4], (n, d // 2)), axis=1).astype(np.float32)
    items[along] = 1 + step
    users = np.ones((3, d), np.float32) * np.array([[1], [0.5], [4]], np.float32)
    scores = items.astype(np.float64) @ users.T.astype(np.float64)
    expected = [np.lexsort((np.arange(n), -column))[:k] for column in scores.T]
    found = TopKIndex(items, like=users).query(users, k)
    assert found.indices.tolist() == [codes.tolist() for codes in expected]
    assert found.scores.tolist() == [column[codes].tolist() for column, codes in zip(scores.T, expected, strict=True)]


def test_added_items_come_behind_and_the_old_index_stays() -> None:
    old = TopKIndex(ITEMS[:4000])
    expected = topk(USERS, ITEMS[:4000], 10)
    new = old.add(ITEMS[4000:4500]).add(ITEMS[4500:])
    assert len(new) == 5000
    assert_same(new.query(USERS, 10), topk(USERS, ITEMS, 10))
    assert_same(old.query(USERS, 10), expected)


@pytest.mark.parametrize("first", [0, 1, 100])
def test_many_or_much_longer_items_can_be_added(first: int) -> None:
    longer = np.vstack([ITEMS[:first], ITEMS[first:300] * np.float32(1e9)])
    assert_same(TopKIndex(longer[:first]).add(longer[first:]).query(USERS, 10), topk(USERS, longer, 10))


def test_adding_nothing_changes_nothing() -> None:
    index = TopKIndex(ITEMS)
    assert index.add(ITEMS[:0]) is index


def test_several_threads_may_ask_at_once() -> None:
    index, expected = TopKIndex(ITEMS), topk(USERS, ITEMS, 10)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: index.query(USERS, 10, n_threads=2), range(8)):
            assert_same(found, expected)


def test_read_only_memory_maps(tmp_path: Path) -> None:
    np.save(tmp_path / "items.npy", ITEMS)
    assert_same(TopKIndex(np.load(tmp_path / "items.npy", mmap_mode="r")).query(USERS, 5), topk(USERS, ITEMS, 5))


def test_no_items_give_empty_lists() -> None:
    found = TopKIndex(ITEMS[:0]).query(USERS, 2)
    assert (found.indices == -1).all()
    assert (found.scores == -np.inf).all()


def test_other_dtypes_and_lists_are_cast() -> None:
    found = TopKIndex(ITEMS.astype(np.float64)).query(USERS.tolist(), 3)
    expected = TopKIndex(ITEMS).query(USERS, 3)
    assert np.array_equal(found.indices, expected.indices)
    assert found.scores.tobytes() == expected.scores.tobytes()


def test_what_cannot_be_used_is_refused() -> None:
    bad = ITEMS.copy()
    bad[7, 3] = np.nan
    for wrong in (bad, ITEMS * np.float32(np.inf)):
        with pytest.raises(DataError, match="item_factors holds NaN"):
            TopKIndex(wrong)
        with pytest.raises(DataError, match="item_factors holds NaN"):
            TopKIndex(ITEMS).add(wrong)
    with pytest.raises(ArgumentError, match="item_factors is.*one row a vector"):
        TopKIndex(ITEMS[0])
    with pytest.raises(ArgumentError, match="0 columns"):
        TopKIndex(ITEMS[:, :0])
    with pytest.raises(ArgumentError, match="user_factors have 36 columns"):
        TopKIndex(ITEMS).query(USERS[:, 1:], 1)
    with pytest.raises(DataError, match="row 2 of user_factors"):
        TopKIndex(ITEMS).query(bad[5:8], 1)
    with pytest.raises(DataError, match="could reach"):
        TopKIndex(ITEMS * np.float32(1e20)).query(USERS * np.float32(1e20), 1)


def test_it_says_how_large_it_is() -> None:
    index = TopKIndex(ITEMS)
    assert repr(index) == "TopKIndex(5,000 items, 37 factors)"
    assert 0 < index.nbytes <= ITEMS.nbytes
