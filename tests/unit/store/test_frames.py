from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.store import Store
from recsys.store.arrow import ArrowStream
from recsys.store.frames import is_frame, to_polars

AT = datetime(2026, 1, 1, 12)


@pytest.mark.parametrize(
    ("column", "expected", "dtype"),
    [
        (pd.Series([1, 2], dtype="int32"), [1, 2], pl.Int32),
        (pd.Series([1.5, float("nan")]), [1.5, float("nan")], pl.Float64),
        (pd.Series([True, False]), [True, False], pl.Boolean),
        (pd.Series([1, None], dtype="Int64"), [1, None], pl.Int64),
        (pd.Series([0.5, None], dtype="Float64"), [0.5, None], pl.Float64),
        (pd.Series([True, None], dtype="boolean"), [True, None], pl.Boolean),
        (pd.Series(["ä", None]), ["ä", None], pl.String),
        (pd.Series(["x", "y"], dtype="category"), ["x", "y"], pl.String),
        (pd.Series(["x", None], dtype=object), ["x", None], pl.String),
        (pd.Series([1, "x"], dtype=object), ["1", "x"], pl.String),
        (pd.Series([1, None], dtype=object), [1, None], pl.Int64),
        (pd.Series([AT, None], dtype="datetime64[ns]"), [AT, None], pl.Datetime("us")),
        (pd.Series([AT, AT], dtype="datetime64[s]"), [AT, AT], pl.Datetime("us")),
        (
            pd.Series([AT]).dt.tz_localize("Europe/Berlin"),
            [datetime(2026, 1, 1, 11, tzinfo=UTC)],
            pl.Datetime("us", "UTC"),
        ),
        (pd.Series([date(2026, 1, 1)], dtype=object), [date(2026, 1, 1)], pl.Date),
        (pd.Series([2**70, 1], dtype=object), [str(2**70), "1"], pl.String),
        (pd.Series([["a", "b"], None], dtype=object), [["a", "b"], None], pl.List(pl.String)),
        (pd.Series([None, None], dtype=object), [None, None], pl.String),
        (pd.Series(np.arange(6))[::2], [0, 2, 4], pl.Int64),
    ],
)
def test_pandas_columns(column: pd.Series, expected: list[object], dtype: pl.DataType) -> None:
    found = to_polars(pd.DataFrame({"c": column}))["c"]
    assert found.dtype == dtype
    nulls_apart = [None if value != value else value for value in found.to_list()]  # NaN differs from itself
    assert nulls_apart == [None if value != value else value for value in expected]


def test_two_columns_of_one_name() -> None:
    with pytest.raises(DataError, match="two columns of the same name"):
        to_polars(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_python_objects_cannot_be_stored() -> None:
    with pytest.raises(DataError, match="column 'o' holds Python objects"):
        to_polars(pl.DataFrame({"o": [object()]}))


def test_what_is_a_frame() -> None:
    assert is_frame(pl.LazyFrame())
    assert is_frame(pd.DataFrame())
    assert is_frame(ArrowStream(pl.DataFrame()))
    assert not is_frame(["a"])
    with pytest.raises(ArgumentError, match="a dict was given"):
        to_polars({})


def test_every_kind_of_frame_stores_the_same_rows(store: Store) -> None:
    frame = pl.DataFrame({"user_id": [1, 2, 3], "item_id": ["a", "b", "c"], "ts": [AT] * 3, "value": [1.0, 2.0, 3.0]})
    store.ingest("events", frame)
    pandas = pd.DataFrame({name: frame[name].to_list() for name in frame.columns})
    for same in (frame.lazy(), pandas, ArrowStream(frame), pl.concat([frame[1:], frame[:1]], rechunk=False)):
        assert store.ingest("events", same).rows_duplicate == 3


def test_pyarrow_is_not_needed(tmp_path: object) -> None:
    code = f"""
        import sys
        sys.modules["pyarrow"] = None  # an import of it fails
        import pandas as pd, polars as pl, recsys.store
        store = recsys.store.Store({str(tmp_path)!r} + "/shop")
        plays = {{"user_id": ["a", "b"], "item_id": ["x", "y"], "ts": ["2026-01-01T00:00:00Z"] * 2}}
        store.ingest("events", pd.DataFrame(plays))
        store.ingest("items", pl.DataFrame({{"item_id": ["x"], "title": ["X"]}}))
        assert store.events().height == 2 and store.items().height == 1 and store.describe().rows == 2
        assert store.revert(1).rows == 2
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
