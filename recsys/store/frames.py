"""Frames of other libraries as polars frames with column types that DuckDB can read."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.store.arrow import ArrowStream


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
        The frame. The index of a pandas frame is ignored; its times with a zone keep that they have one.

    Raises
    ------
    ArgumentError
        It is not a frame.
    DataError
        A column has a type that cannot be stored, or two columns have one name.

    Examples
    --------
    >>> to_polars(pl.LazyFrame({"a": [1]})).columns
    ['a']
    """
    if _is_pandas(source):
        return _storable(_from_pandas(source))
    if isinstance(source, (pl.DataFrame, pl.LazyFrame)):
        return _storable(as_polars(source))
    if not hasattr(source, "__arrow_c_stream__"):
        raise ArgumentError(
            f"a {type(source).__name__} was given", "a file, a polars, pandas or Arrow frame was expected"
        )
    try:
        return _storable(as_polars(ArrowStream(source)))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:  # a panic is not an Exception
        raise DataError(f"the Arrow data cannot be read: {str(error).splitlines()[0]}") from None


def _is_pandas(source: object) -> bool:
    # Asking the module's name spares the import of pandas for everybody who does not use it.
    return type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns")


def _from_pandas(source: Any) -> pl.DataFrame:
    twice = [name for name, count in Counter(map(str, source.columns)).items() if count > 1]
    if twice:
        raise DataError(f"the frame has two columns of the same name: {', '.join(twice)}")
    frame = as_polars(source)
    zoned = [str(name) for name, dtype in source.dtypes.items() if getattr(dtype, "tz", None) is not None]
    return frame.with_columns(pl.col(zoned).dt.replace_time_zone("UTC")) if zoned else frame


def _storable(frame: pl.DataFrame) -> pl.DataFrame:
    """Replace what DuckDB cannot take: columns of nulls only, 128-bit integers; refuse Python objects."""
    for name, dtype in frame.schema.items():
        if dtype == pl.Object:
            raise DataError(f"column {name!r} holds Python objects", "numbers, text, times or lists were expected")
    awkward = [name for name, dtype in frame.schema.items() if dtype in (pl.Null, pl.Int128, pl.UInt128)]
    return frame.with_columns(pl.col(awkward).cast(pl.String)) if awkward else frame
