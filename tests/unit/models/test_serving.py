from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import DataError
from recsys.dataset import Dataset, Label, Vocabulary
from recsys.models.serving import Audience, History, attributes_of, read_history, take_rows


def history(users: list[int], rows: list[list[float]], attributes: dict[str, list[object]] | None = None) -> History:
    matrix = csr_array(np.float32(rows))
    frame = None if attributes is None else pl.DataFrame(attributes)
    return History(Vocabulary.from_ids(users), matrix, matrix, frame)


def test_take_rows_repeats_reorders_and_leaves_empty() -> None:
    matrix = csr_array(np.float32([[1, 0, 2], [0, 0, 0], [0, 3, 0]]))
    assert take_rows(matrix, np.int32([2, -1, 0, 0])).toarray().tolist() == [[0, 3, 0], [0, 0, 0], [1, 0, 2], [1, 0, 2]]
    assert take_rows(matrix, np.zeros(0, np.int32)).shape == (0, 3)


def test_histories_are_read_in_the_models_items_and_label() -> None:
    data = Dataset.from_frame(
        {"user_id": [1, 1, 1, 2], "item_id": ["z", "b", "b", "a"], "value": [1.0, 2.0, 4.0, 5.0]}, label=Label("sum")
    )
    read = read_history(data, Vocabulary.from_ids(["b", "c", "z"]), Label("max"))
    assert read.weights.toarray().tolist() == [[4, 0, 1], [0, 0, 0]]
    assert read.seen.toarray().tolist() == [[1, 0, 1], [0, 0, 0]]
    assert read.ignored == 1


def test_text_that_means_the_models_integers_keeps_rows_sorted() -> None:
    read = read_history({"user_id": [1, 1], "item_id": ["10", "9"]}, Vocabulary.from_ids([9, 10]), Label())
    assert read.weights.toarray().tolist() == [[1, 1]]
    assert read.weights.indices.tolist() == [0, 1]


def test_fresh_rows_take_the_place_of_stored_ones() -> None:
    stored, fresh = history([1, 2], [[1, 0], [0, 1]]), history([2, 3], [[5, 0], [0, 0]])
    audience = Audience(np.int32([0, 1, -1, -1]), np.int32([-1, 0, 1, -1]), stored, fresh)
    block = audience.block()
    assert block.codes.tolist() == [0, -1, -1, -1]
    assert block.weights.toarray().tolist() == [[1, 0], [5, 0], [0, 0], [0, 0]]
    assert audience.warm().tolist() == [True, True, False, False]


def test_a_user_may_be_warm_without_weight() -> None:
    weights, seen = csr_array(np.float32([[0, 0], [2, 0], [0, 0]])), csr_array(np.float32([[1, 0], [1, 1], [0, 0]]))
    stored = History(Vocabulary.from_ids([1, 2, 3]), weights, seen, None)
    audience = Audience(np.int32([0, 1, 2, 1]), np.int32([-1, -1, -1, 0]), stored, stored)
    assert audience.warm().tolist() == [True, True, False, True]
    assert audience.weighted().tolist() == [False, True, False, False]


def test_newer_attributes_win_and_gaps_are_filled_from_older_ones() -> None:
    stored = history([1, 2], [[1], [1]], {"country": ["SE", "DE"], "age": [7, 8]})
    fresh = history([2, 3], [[1], [1]], {"country": ["NO", None]})
    audience = Audience(np.int32([0, 1, -1]), np.int32([-1, 0, 1]), stored, fresh)
    found = audience.attributes(["country", "age"])
    assert found is not None
    assert found["country"].to_list() == ["SE", "NO", None]
    assert found["age"].to_list() == [7, 8, None]
    assert Audience(np.int32([0]), np.int32([-1]), history([1], [[1]])).attributes(["country"]) is None


def test_given_attributes_are_matched_by_id() -> None:
    ids = pl.Series([8, 7, 8])
    found = attributes_of(ids, {"user_id": ["8", "9"], "country": ["SE", "DE"], "age": [3, 4]}, ["country", "plan"])
    assert found.to_dict(as_series=False) == {"country": ["SE", None, "SE"]}
    with pytest.raises(DataError, match="more than one row"):
        attributes_of(ids, {"user_id": [8, 8], "country": ["SE", "DE"]}, ["country"])
    with pytest.raises(DataError, match="'user_id' is missing"):
        attributes_of(ids, {"user": [8]}, ["country"])


def test_a_history_that_was_read_is_not_read_again() -> None:
    read = history([1], [[1, 2]])
    assert read_history(read, Vocabulary.from_ids([1]), Label()) is read
