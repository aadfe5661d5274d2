"""Other libraries' frames as polars, without pyarrow: Arrow through its C stream, pandas column by column."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from recsys.core.errors import ArgumentError, DataError
from recsys.store.arrow import ArrowStream

if TYPE_CHECKING:
    import pandas as pd


def is_frame(source: object) -> bool:
    """Return whether an object is a frame: polars (eager or lazy), pandas, or anything with an Arrow C stream.

    Examples
    --------
    >>> is_frame(pl.DataFrame()), is_frame("events.csv")
    (True, False)
    """
    return isinstance(source, pl.LazyFrame) or hasattr(source, "__arrow_c_stream__") or _is_pandas(source)


def to_polars(source: Any) -> pl.DataFrame:
    """Return a frame as polars, with column types that DuckDB can read.

    Parameters
    ----------
    source : polars.DataFrame, polars.LazyFrame, pandas.DataFrame or Arrow object
        The frame. The index of a pandas frame is ignored.

    Raises
    ------
    ArgumentError
        It is not a frame.
    DataError
        A column has a type that cannot be stored.

    Examples
    --------
    >>> to_polars(pl.LazyFrame({"a": [1]})).columns
    ['a']
    """
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if _is_pandas(source):
        frame = pl.DataFrame([_pandas_column(str(name), source[name]) for name in _distinct_columns(source)])
    elif isinstance(source, pl.DataFrame):
        frame = source
    elif hasattr(source, "__arrow_c_stream__"):
        frame = _from_arrow(source)
    else:
        raise ArgumentError(
            f"a {type(source).__name__} was given", "a file, a polars, pandas or Arrow frame was expected"
        )
    return _storable(frame)


def _is_pandas(source: object) -> bool:
    # Asking the module's name spares the import of pandas for everybody who does not use it.
    return type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns")


def _from_arrow(source: Any) -> pl.DataFrame:
    try:
        return pl.DataFrame(ArrowStream(source))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:  # a panic is not an Exception
        raise DataError(f"the Arrow data cannot be read: {str(error).splitlines()[0]}") from None


def _storable(frame: pl.DataFrame) -> pl.DataFrame:
    """Replace what DuckDB cannot take: columns of nulls only, 128-bit integers, Python objects."""
    for name, dtype in frame.schema.items():
        if dtype == pl.Object:
            raise DataError(f"column {name!r} holds Python objects", "numbers, text, times or lists were expected")
    awkward = [name for name, dtype in frame.schema.items() if dtype in (pl.Null, pl.Int128)]
    return frame.with_columns(pl.col(awkward).cast(pl.String)) if awkward else frame


def _distinct_columns(frame: pd.DataFrame) -> list[Any]:
    names = list(frame.columns)
    if len(set(map(str, names))) < len(names):
        raise DataError(f"the frame has two columns of the same name: {', '.join(map(str, names))}")
    return names


def _pandas_column(name: str, column: pd.Series[Any]) -> pl.Series:
    dtype: Any = column.dtype
    kind = getattr(dtype, "kind", "O")
    if getattr(dtype, "tz", None) is not None:
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return pl.Series(name, _microseconds(naive)).dt.replace_time_zone("UTC")
    if isinstance(dtype, np.dtype):
        if kind == "M":
            return pl.Series(name, _microseconds(column.to_numpy()))
        if kind in "iufbm":
            return pl.Series(name, np.ascontiguousarray(column.to_numpy()))
    elif kind in "iufb":  # pandas' nullable numbers: values beside a mask
        missing = column.isna().to_numpy(dtype=bool)
        filled = column.fillna(False if kind == "b" else 0).to_numpy(dtype=dtype.numpy_dtype)
        return pl.Series(name, filled).set(pl.Series(missing), None)
    return _object_column(name, column)


def _microseconds(times: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(times.astype("datetime64[us]"))


def _object_column(name: str, column: pd.Series[Any]) -> pl.Series:
    """Read a column of Python objects; mixed types become text, as ids of both kinds must."""
    missing = column.isna().to_numpy(dtype=bool)
    values = [None if gone else value for gone, value in zip(missing, column.to_numpy(dtype=object), strict=True)]
    kinds = {type(value) for value in values if value is not None}
    if all(issubclass(kind, (list, np.ndarray)) for kind in kinds) and kinds:
        return pl.Series(name, [None if value is None else list(value) for value in values])
    for accepted, dtype in (
        ((str,), pl.String),
        ((bool, np.bool_), pl.Boolean),
        ((int, np.integer), pl.Int64),
        ((int, float, np.integer, np.floating), pl.Float64),
        ((date, datetime), pl.Datetime("us")),
    ):
        if kinds and all(issubclass(kind, accepted) for kind in kinds):
            return pl.Series(name, values, dtype=dtype)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
