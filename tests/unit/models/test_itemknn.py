from __future__ import annotations

import threading

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import silent
from recsys.core.threads import thread_limit
from recsys.dataset import Dataset
from recsys.models import ItemKNN
from recsys.models import itemknn as module
from recsys.models.itemknn import Weighting

RNG = np.random.default_rng(8)
DENSE = np.where(RNG.random((30, 17)) < 0.3, RNG.integers(1, 4, size=(30, 17)), 0).astype(np.float32)


def naive(dense: np.ndarray, neighbors: int, shrink: float) -> np.ndarray:
    """Every pair by the formula; the largest kept, ties to the smaller code."""
    n_items = dense.shape[1]
    out = np.zeros((n_items, n_items))
    for item in range(n_items):
        sims = []
        for other in range(n_items):
            product = float(dense[:, item] @ dense[:, other])
            norm = np.linalg.norm(dense[:, item]) * np.linalg.norm(dense[:, other])
            if other != item and product > 0:
                sims.append((product / (norm + shrink), other))
        for value, other in sorted(sims, key=lambda pair: (-np.float32(pair[0]), pair[1]))[:neighbors]:
            out[item, other] = value
    return out


@pytest.mark.parametrize(("neighbors", "shrink"), [(3, 0.0), (100, 0.0), (4, 5.0)])
def test_equals_a_naive_twin(neighbors: int, shrink: float, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = naive(DENSE, neighbors, shrink)
    for cells in (1 << 23, 40):
        monkeypatch.setattr(module, "_CELLS_PER_CHUNK", cells)
        found = module.similarities(csr_array(DENSE), neighbors, shrink, silent)
        assert found.has_sorted_indices
        assert np.allclose(found.toarray(), expected, atol=1e-6)


def test_progress_comes_on_the_callers_thread_one_block_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CELLS_PER_CHUNK", 1)
    told = list[tuple[int, int]]()
    with thread_limit(3):
        module.similarities(csr_array(DENSE), 3, 0.0, lambda step: told.append((step.done, threading.get_ident())))
    assert told == [(done, threading.get_ident()) for done in range(1, 18)]


def test_ties_go_to_the_smaller_code() -> None:
    same = np.ones((2, 5), dtype=np.float32)
    found = module.similarities(csr_array(same), 2, 0.0, silent)
    assert [found[[item]].indices.tolist() for item in range(5)] == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_tfidf_weighs_users_of_many_items_less() -> None:
    matrix = csr_array(np.float32([[1, 1, 1, 0], [1, 0, 0, 0]]))
    found = module._weighted(matrix, "tfidf").toarray()
    assert found[0, :3] == pytest.approx([np.log(1 + 3 / 3)] * 3)
    assert found[1, 0] == pytest.approx(np.log(1 + 3))


def test_bm25_saturates_with_the_weight_and_the_length_of_the_item() -> None:
    matrix = csr_array(np.float32([[1, 9, 0, 0], [1, 0, 0, 0]]))
    found = module._weighted(matrix, "bm25").toarray()
    lengths = np.array([2, 9])
    norms = 1.2 * (0.25 + 0.75 * lengths / 5.5)
    expected = np.array([1, 9]) * 2.2 / (np.array([1, 9]) + norms) * np.log(1 + 2 / 2)
    assert found[0, :2] == pytest.approx(expected)


def test_only_items_with_a_path_are_recommended() -> None:
    data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3, 3], "item_id": ["a", "b", "a", "b", "c", "d"]})
    found = ItemKNN().fit(data).recommend([1, 3], k=3, exclude_seen=False).to_polars()
    assert found.filter(pl.col("user_id") == 1)["item_id"].to_list() == ["a", "b"]
    assert found.filter(pl.col("user_id") == 3)["item_id"].to_list() == ["c", "d"]


def test_a_history_that_leads_nowhere_new_gets_the_fallback() -> None:
    data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3, 3, 4], "item_id": ["a", "b", "a", "b", "c", "d", "a"]})
    model = ItemKNN().fit(data)
    found = model.recommend([1, 3, 4], k=2)
    assert found.sources.tolist() == [1, 1, 0]
    assert found.to_polars()["item_id"].to_list() == ["c", "d", "a", "b", "b"]
    codes = np.arange(4, dtype=np.int32)
    assert model.recommend_codes(codes, 2, fallback=False).items.tolist() == [[-1, -1]] * 3 + [[1, -1]]


def test_where_the_fallback_has_nothing_either_the_list_is_the_models() -> None:
    data = Dataset.from_frame({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]})
    found = ItemKNN().fit(data).recommend([1], k=2)
    assert (found.lists.tolist(), found.sources.tolist()) == ([[-1, -1]], [0])


@pytest.mark.parametrize("params", [{"neighbors": 0}, {"weighting": "cosin"}, {"shrink": -1.0}])
def test_bad_parameters_are_named_at_fit(params: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(params))):
        ItemKNN(**params).fit(Dataset.from_frame({"user_id": [1], "item_id": [1]}))  # type: ignore[arg-type]  # the test


def test_the_unit_of_weights_does_not_matter() -> None:
    frame = {"user_id": [1, 1, 2, 2, 3, 3], "item_id": [1, 2, 1, 3, 2, 3], "value": [1.0, 2, 3, 1, 2, 5]}
    minutes = {**frame, "value": [64 * value for value in frame["value"]]}
    first, second = (ItemKNN().fit(Dataset.from_frame(one)).item_weights_.toarray() for one in (frame, minutes))
    assert first == pytest.approx(second)


@pytest.mark.parametrize("weighting", ["cosine", "tfidf", "bm25"])
def test_items_that_only_the_future_knows_change_nothing(weighting: Weighting) -> None:
    events = pl.DataFrame({"user_id": [1, 1, 1, 2, 2, 3, 3], "item_id": [1, 2, 3, 1, 2, 2, 3]})
    later = pl.DataFrame({"user_id": [1] * 9, "item_id": list(range(11, 20))})
    whole = Dataset.from_frame(pl.concat([events, later]))
    alone, among = Dataset.from_frame(events), whole.keep(whole.item_codes < 3)
    weights = [ItemKNN(weighting=weighting).fit(data).item_weights_.toarray()[:3, :3] for data in (alone, among)]
    assert np.array_equal(*weights)


def test_bm25_refuses_weights_below_0() -> None:
    data = Dataset.from_frame({"user_id": [1, 1, 2], "item_id": [1, 2, 1], "value": [-1, -1, -2]})
    with pytest.raises(DataError, match="expected by bm25"):
        ItemKNN(weighting="bm25").fit(data)
