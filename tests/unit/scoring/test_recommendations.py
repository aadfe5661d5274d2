from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from recsys.dataset import Vocabulary
from recsys.scoring import Recommendations


def lists() -> Recommendations:
    return Recommendations(
        users=pl.Series("user_id", [5, 4]),
        items=Vocabulary.from_ids(["a", "b", "c"]),
        lists=np.array([[2, 0], [1, -1]], dtype=np.int32),
        scores=np.array([[0.5, 0.25], [3.0, -np.inf]], dtype=np.float32),
        sources=np.array([0, 1], dtype=np.uint8),
        skipped=(9,),
    )


def test_rows_are_in_order_and_empty_slots_are_left_out() -> None:
    frame = lists().to_polars()
    assert frame.columns == ["user_id", "item_id", "rank", "score", "source"]
    assert frame.rows() == [(5, "c", 1, 0.5, "model"), (5, "a", 2, 0.25, "model"), (4, "b", 1, 3.0, "fallback")]


def test_empty_lists_keep_the_columns() -> None:
    none = Recommendations(
        pl.Series("user_id", [], dtype=pl.Int64),
        Vocabulary.from_ids([1]),
        np.zeros((0, 3), np.int32),
        np.zeros((0, 3), np.float32),
        np.zeros(0, np.uint8),
    )
    assert none.to_polars().shape == (0, 5)
    assert none.k == 3


def test_a_pandas_frame_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    frame = lists().to_pandas()
    assert frame.columns.tolist() == ["user_id", "item_id", "rank", "score", "source"]
    assert [tuple(row) for row in frame.itertuples(index=False)] == lists().to_polars().rows()
    assert frame["user_id"].dtype == np.int64
    assert frame["score"].dtype == np.float32


def test_plain_values_and_repr() -> None:
    plain = lists().to_dict()
    assert plain["recommendations"][2] == {"user_id": 4, "item_id": "b", "rank": 1, "score": 3.0, "source": "fallback"}
    assert plain["skipped"] == [9]
    assert repr(lists()) == "Recommendations(2 users × 2 items, 1 by the fallback)"
