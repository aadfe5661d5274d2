import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset, Vocabulary, id_series


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_integer_codes_are_ranks(ids, others):
    vocabulary = Vocabulary.from_ids(ids)
    rank = {value: place for place, value in enumerate(sorted(set(ids)))}
    asked = [*ids, *others]
    assert vocabulary.encode(pl.Series(asked, dtype=pl.Int64)).tolist() == [rank.get(value, -1) for value in asked]


@given(st.lists(st.text()), st.lists(st.text()))
def test_text_codes_are_ranks_by_utf8_bytes(ids, others):
    vocabulary = Vocabulary.from_ids(pl.Series(ids, dtype=pl.String))
    ordered = sorted(set(ids), key=lambda value: value.encode())
    assert vocabulary.ids.to_list() == ordered
    assert vocabulary.encode([*ids, *others]).tolist() == [
        ordered.index(v) if v in ordered else -1 for v in [*ids, *others]
    ]


@pytest.mark.parametrize("spread", [1, 10**6])
def test_dense_and_sparse_ids_agree(spread):
    ids = np.arange(5, 2000, 3) * spread
    vocabulary = Vocabulary.from_ids(ids)
    asked = pl.Series([None, 5 * spread, 6 * spread, 5 * spread - 1, 10**12, -(2**63)], dtype=pl.Int64)
    assert vocabulary.encode(asked).tolist() == [-1, 0, -1, -1, -1, -1]


def test_decode_inverts_encode_and_refuses_codes_without_an_id():
    vocabulary = Vocabulary.from_ids(["b", "a", "ü", "a"])
    assert vocabulary.decode(vocabulary.encode(["ü", "a"])).to_list() == ["ü", "a"]
    with pytest.raises(ArgumentError, match="code -1 has no id"):
        vocabulary.decode([-1])
    with pytest.raises(ArgumentError, match="code 3 has no id"):
        vocabulary.decode([0, 3])


def test_hash_tells_content_not_order():
    assert Vocabulary.from_ids([2, 1]) == Vocabulary.from_ids([1, 2])
    assert Vocabulary.from_ids([1, 2]) != Vocabulary.from_ids([1, 3])
    assert Vocabulary.from_ids(["1", "2"]) != Vocabulary.from_ids([1, 2])
    assert Vocabulary.from_ids(["ab", "c"]) != Vocabulary.from_ids(["a", "bc"])


def test_an_integer_given_as_text_is_understood_only_in_its_own_spelling():
    assert Vocabulary.from_ids([7, 8]).encode(["7", "07", "x", "8"]).tolist() == [0, -1, -1, 1]
    assert Vocabulary.from_ids(["7", "8"]).encode([7, 9]).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, None], "null in 1 of 2 rows"),
        ([1.5], "holds 1.5"),
        ([float("nan")], "holds nan"),
        ([2**63], "64 bits"),
        (["a", 1], "mixture of types"),
        ([[1]], "Integer or text ids"),
    ],
)
def test_bad_ids_are_refused(ids, message):
    with pytest.raises(DataError, match=message):
        Vocabulary.from_ids(ids)


def test_kinds_do_not_mix():
    with pytest.raises(DataError, match="mixed"):
        Vocabulary.from_ids([1], ["a"])
    assert len(Vocabulary.from_ids([], ["a"])) == 1
    assert Vocabulary.from_ids([]).kind == "int"


def test_unsorted_ids_are_refused_by_the_constructor():
    with pytest.raises(ArgumentError, match="sorted and distinct"):
        Vocabulary(pl.Series([2, 1]))


@pytest.mark.parametrize("ids", [["a", 1], [1, "a"], [None, "a", 1], [1, 2**70], [1, 2.5]])
def test_mixed_ids_are_refused_from_any_container(ids):
    """A list, an object array, a mapping of columns, a pandas frame: text and numbers are never brought together."""
    frames = {"user_id": ids, "item_id": [1] * len(ids)}
    with pytest.raises(DataError):
        id_series(ids, nulls=True)
    with pytest.raises(DataError):
        id_series(np.array(ids, dtype=object), nulls=True)
    with pytest.raises(DataError):
        Dataset.from_frame(frames)
    with pytest.raises(DataError):
        Dataset.from_frame(pd.DataFrame(frames))


def test_an_object_array_of_one_type_is_fine():
    assert id_series(np.array([1, 2], dtype=object)).to_list() == [1, 2]
    assert id_series(np.array(["b", "a"], dtype=object)).to_list() == ["b", "a"]
