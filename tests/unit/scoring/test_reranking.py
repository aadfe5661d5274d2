from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, NotEstimableError, NotFoundError
from recsys.dataset import Vocabulary
from recsys.scoring import MMR, Calibrated
from recsys.scoring.reranking import ItemSide, scaled

Array = np.ndarray[Any, Any]
GENRES = [["a"], ["a"], ["a"], ["b"], ["a", "b"], None]
SCORES = np.array([[5, 4, 3, 2, 1, 0]], np.float32)
POOL = np.arange(6, dtype=np.int32)[None]


def no_vectors() -> Array:
    raise NotEstimableError("no vectors", "some were expected")


def side(vectors: Any = no_vectors, attributes: Any = None) -> ItemSide:
    known = pl.DataFrame({"genres": GENRES}) if attributes is None else attributes
    return ItemSide(Vocabulary.from_ids(list("uvwxyz")), known, vectors)


def history(*items: int, weight: float = 1.0) -> csr_array[Any, tuple[int, int]]:
    row = np.zeros((1, 6), np.float32)
    row[0, list(items)] = weight
    return csr_array(row)


def order(reranker: Any, seen: Any = None, k: int = 3, **known: Any) -> list[int]:
    reorder = reranker.prepare(side(**known))
    return list(reorder(POOL, SCORES, history() if seen is None else seen, k, 1)[0].tolist())


def test_scores_are_scaled_row_by_row() -> None:
    assert scaled(np.array([[1, 0, -1, -np.inf]], np.float32)).tolist() == [[1, 0.5, 0, 0]]
    assert scaled(np.full((1, 2), -np.inf, np.float32)).tolist() == [[0, 0]]
    assert scaled(np.array([[3e38, -3e38]], np.float32)).tolist() == [[1, 0]]


def test_mmr_by_vectors_and_by_an_attribute() -> None:
    directions = np.array([[2, 0], [3, 0], [1, 0.1], [0, 5], [1, 1], [0, 0]], np.float32)
    assert order(MMR(1.0), vectors=lambda: directions) == [0, 1, 2]
    assert order(MMR(0.5), vectors=lambda: directions) == [0, 3, 5]
    assert order(MMR(0.5), vectors=lambda: csr_array(directions)) == [0, 3, 5]
    assert order(MMR(0.5, attribute="genres")) == [0, 3, 5]
    # Items of which nothing is known are alike: they do not fill a list for being unlike the others.
    assert order(MMR(0.5, attribute="genres"), attributes=pl.DataFrame({"genres": ["a", *[None] * 5]})) == [0, 1, 2]
    frame = pl.DataFrame({"item_id": ["z", "u"], "genres": ["b", "b"]})
    assert order(MMR(0.0, attribute="genres", item_attributes=frame), k=2) == [0, 1]


def test_calibration_follows_the_history() -> None:
    assert order(Calibrated("genres", weight=0.0), history(3)) == [0, 1, 2]
    assert order(Calibrated("genres", weight=0.9), history(3)) == [3, 5, 4]
    assert order(Calibrated("genres", weight=0.9), history(0)) == [0, 1, 2]
    halves = order(Calibrated("genres", weight=0.95), history(0, 3), k=2)
    assert sorted(halves) in ([0, 3], [4, 5])
    # Weights count, repeats of one genre do not weigh more than they should; negative weights say nothing.
    skewed = csr_array(history(0, weight=9) + history(3, weight=1))
    assert order(Calibrated("genres", weight=0.95), skewed) == [0, 4, 1]
    assert order(Calibrated("genres", weight=1.0), history(3, weight=-1)) == [0, 1, 2]


def test_a_history_without_the_attribute_keeps_the_order() -> None:
    assert order(Calibrated("genres", weight=1.0), history(5)) == [0, 1, 2]


def divergence(wanted: Array, listed: Array) -> float:
    smoothed = 0.99 * listed / max(listed.sum(), 1e-12) + 0.01 * wanted
    on = wanted > 0
    return float((wanted[on] * np.log(wanted[on] / smoothed[on])).sum())


def test_the_weight_trades_scores_for_calibration() -> None:
    """From the original list at 0 to a divergence far below the original's at 1, never up on the way, on average."""
    rng = np.random.default_rng(4)
    tags = (rng.random((200, 6)) < 0.3).astype(np.float32)
    names = [[f"g{code}" for code in np.flatnonzero(row)] for row in tags]
    shares = tags / np.maximum(tags.sum(axis=1, keepdims=True), 1)
    pool = np.argsort(rng.random((50, 200)), axis=1)[:, :60].astype(np.int32)
    scores = -np.sort(-rng.random((50, 60)), axis=1).astype(np.float32)
    seen = csr_array((rng.random((50, 200)) < 0.05).astype(np.float32))
    wanted = seen @ shares
    wanted /= wanted.sum(axis=1, keepdims=True)
    items = ItemSide(Vocabulary.from_ids(range(200)), pl.DataFrame({"genres": names}), no_vectors)
    means = []
    for weight in (0.0, 0.2, 0.5, 0.8, 1.0):
        places = Calibrated("genres", weight=weight).prepare(items)(pool, scores, seen, 10, 1)
        lists = np.take_along_axis(pool, places, axis=1)
        assert weight > 0 or places.tolist() == [list(range(10))] * 50
        means.append(np.mean([divergence(wanted[user], shares[lists[user]].sum(axis=0)) for user in range(50)]))
    assert means == sorted(means, reverse=True)
    assert means[-1] < means[0] / 4


def test_what_is_missing_is_named() -> None:
    with pytest.raises(NotEstimableError, match="no vectors"):
        order(MMR())
    with pytest.raises(NotFoundError, match=r"'genre' \(found: genres\)"):
        order(MMR(attribute="genre"))
    with pytest.raises(NotFoundError, match=r"'mood' \(found: none\)"):
        Calibrated("mood").prepare(side()._replace(attributes=None))
    for make in (lambda: MMR(1.2), lambda: MMR(pool=0), lambda: Calibrated("genres", weight=-0.1)):
        with pytest.raises(ArgumentError):
            make()


@pytest.mark.parametrize("reranker", [MMR(attribute="genres"), Calibrated("genres")])
def test_items_are_given_once(reranker: Any) -> None:
    first, second = (pl.DataFrame({"item_id": ["u"], "genres": [word]}) for word in "ab")
    known = reranker.with_items(first)
    assert known.item_attributes is first
    assert known.with_items(second) is known
    assert known.to_dict() == reranker.to_dict()
    assert "item_attributes" not in repr(known)


def test_rerankers_are_equal_to_themselves_alone() -> None:
    frame = pl.DataFrame({"item_id": ["u"], "genres": ["a"]})  # could not be compared as a truth value
    mmr, calibrated = MMR(0.5, 100, "genres", item_attributes=frame), Calibrated("genres", item_attributes=frame)
    assert mmr != calibrated
    assert mmr == mmr
    assert len({mmr, calibrated, mmr}) == 2
