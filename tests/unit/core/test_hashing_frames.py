import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError
from recsys.core.frames import as_polars
from recsys.core.hashing import canonical_json, hash_arrays, hash_file


def test_hash_tells_dtype_shape_and_content_but_not_layout():
    grid = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert hash_arrays(grid) == hash_arrays(np.asfortranarray(grid))
    assert hash_arrays(grid) == hash_arrays(grid.astype(">i4"))
    others = [grid.reshape(3, 2), grid.astype(np.int64), grid + 1]
    assert len({hash_arrays(array) for array in [grid, *others]}) == 4
    assert hash_arrays("ab", "c") != hash_arrays("a", "bc")


def test_hash_of_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert hash_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_canonical_json_refuses_nan():
    assert canonical_json({"ü": None, "a": 0.1}) == '{"a":0.1,"ü":null}'
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(float("nan"))


def test_pandas_columns_keep_type_and_missing_values():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "int": pandas.array([1, None], dtype="Int64"),
            "bool": pandas.array([True, None], dtype="boolean"),
            "text": ["a", None],
            "category": pandas.Categorical(["x", None]),
            "float": [1.5, float("nan")],
            "zone": pandas.to_datetime(["2026-01-01T02:00+02:00", None]).tz_convert("Europe/Helsinki"),
        }
    )
    table = as_polars(frame)
    assert table.null_count().row(0) == (1, 1, 1, 1, 0, 1)
    assert table["float"].is_nan().to_list() == [False, True]
    assert table["zone"].dtype == pl.Datetime("us")
    assert str(table["zone"][0]) == "2026-01-01 00:00:00"
    assert table["int"].dtype == pl.Int64
    assert table["category"].to_list() == ["x", None]


def test_other_objects_are_refused():
    with pytest.raises(ArgumentError, match="frame is a list"):
        as_polars([1])
    with pytest.raises(ArgumentError, match="pandas Series"):
        as_polars(pytest.importorskip("pandas").Series([1]))
    assert as_polars(pl.LazyFrame({"a": [1]})).shape == (1, 1)
