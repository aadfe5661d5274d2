"""Every type of column arrives in pandas, and comes back as it was, without pyarrow."""

import subprocess
import sys
from datetime import date, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from recsys.core.frames import as_pandas, as_polars
from recsys.display import Tabular

COLUMNS = {
    "Int8": ([1, None, 3], pl.Int8),
    "Int64": ([1, None, 2**62 + 1], pl.Int64),
    "UInt32": ([1, 2, 3], pl.UInt32),
    "Float64": ([0.5, float("nan"), 2.0], pl.Float64),
    "Float32": ([0.5, 1.0, 2.0], pl.Float32),
    "Boolean": ([True, None, False], pl.Boolean),
    "Boolean without gaps": ([True, True, False], pl.Boolean),
    "String": (["a", None, "<script>"], pl.String),
    "Datetime": ([datetime(2026, 1, 1, 12, 0, 0, 5), None, datetime(1969, 1, 1)], pl.Datetime("us")),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_as_it_was(name):
    values, dtype = COLUMNS[name]
    frame = pl.DataFrame({"column": pl.Series(values, dtype=dtype)})
    assert_frame_equal(as_polars(as_pandas(frame)), frame)


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([datetime(2026, 1, 1), None], pl.Datetime("us", "Europe/Berlin"), "datetime64[us, Europe/Berlin]"),
        ([date(2026, 1, 1), None], pl.Date, "datetime64[s]"),
        ([timedelta(days=1), None], pl.Duration("us"), "timedelta64[us]"),
        ([time(12), None], pl.Time, "object"),
        ([[1, 2], []], pl.List(pl.Int64), "object"),
        ([[1, 2], [3, 4]], pl.List(pl.Int64), "object"),
        ([2**100, None], pl.Int128, "object"),
        ([{"a": 1}, None], pl.Struct({"a": pl.Int64}), "object"),
        (["a", None], pl.Categorical, "str"),
        ([None, None], pl.Null, "object"),
        ([None, 0.5], pl.Float64, "float64"),
    ],
)
def test_other_columns_have_the_kind_that_pandas_has_for_them(values, dtype, kind):
    found = as_pandas(pl.DataFrame({"column": pl.Series(values, dtype=dtype)}))["column"]
    assert str(found.dtype) == kind
    assert len(found) == 2
    assert found.isna().tolist() == [value is None for value in values]


def test_an_instant_with_a_zone_stays_the_same_instant():
    frame = pl.DataFrame({"at": pl.Series([datetime(2026, 7, 1, 12)]).dt.replace_time_zone("Europe/Berlin")})
    assert as_pandas(frame)["at"][0].isoformat() == "2026-07-01T12:00:00+02:00"


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers_stay_whole(values):
    column = pl.Series("n", values, dtype=pl.Int64)
    assert_series_equal(as_polars(as_pandas(column.to_frame()))["n"], column)


def test_a_frame_without_rows_or_columns_keeps_its_shape():
    assert as_pandas(pl.DataFrame({"a": pl.Series([], dtype=pl.Int64)})).shape == (0, 1)
    assert as_pandas(pl.DataFrame()).shape == (0, 0)


def test_a_result_that_is_a_table_has_both():
    class Counts(Tabular):
        def to_polars(self):
            return pl.DataFrame({"n": [1, 2]})

    assert Counts().to_pandas()["n"].tolist() == [1, 2]


def test_pyarrow_is_not_needed():
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import polars as pl\nfrom recsys.core.frames import as_pandas\n"
        "frame = pl.DataFrame({'a': ['x', None], 'b': [1, None], 'c': [[1], [2]], 'd': [True, False]})\n"
        "print(as_pandas(frame).shape)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "(2, 4)"
