"""Frames from outside as polars (polars, pandas and Arrow objects), and polars as pandas, with pyarrow absent."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from recsys.core.errors import ArgumentError, DataError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def as_polars(frame: object, name: str = "frame", *, ids: Collection[str] = ()) -> pl.DataFrame:
    """Return a polars frame from a polars (lazy) frame, a pandas frame, an Arrow table or a mapping of columns.

    pandas is read column by column through numpy, so pyarrow is not needed; time zones are turned into UTC and dropped.
    A pandas column of text and numbers becomes text, but not one of those named by `ids`, where 1 is not "1".

    Raises
    ------
    ArgumentError
        The object is none of these.
    DataError
        A column of a mapping, or one of `ids`, holds text beside something else; columns of a mapping differ in length.

    Examples
    --------
    >>> as_polars({"user_id": [1, 2]}).shape
    (2, 1)
    """
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if type(frame).__module__.split(".")[0] == "pandas":
        return _from_pandas(frame, name, ids)
    if isinstance(frame, dict):
        try:
            return pl.DataFrame(frame)
        except pl.exceptions.ShapeError:
            lengths = {str(column): len(values) for column, values in frame.items() if hasattr(values, "__len__")}
            told = ", ".join(f"{column} {length:,}" for column, length in lengths.items())
            raise DataError(
                f"the columns of {name} have different lengths: {told}", "one length was expected"
            ) from None
        except TypeError:
            return pl.DataFrame([_series(str(column), values, strict=True) for column, values in frame.items()])
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame)
    raise ArgumentError(f"{name} is a {type(frame).__name__}", "a polars, pandas or Arrow frame was expected")


def as_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """Return a polars frame as pandas, column by column through numpy; `as_polars` makes the same frame of it.

    Whole numbers and truth values with nulls get pandas' nullable types, null floats are NaN; lists, structs and
    decimals become Python objects.

    Examples
    --------
    >>> import polars as pl
    >>> as_pandas(pl.DataFrame({"item": ["a", None], "n": [1, 2]})).dtypes["n"]
    dtype('int64')
    """
    import pandas as pd

    return pd.DataFrame({name: _values(frame[name]) for name in frame.columns}, index=pd.RangeIndex(frame.height))


def _values(column: pl.Series) -> Any:
    """Return one polars column as what pandas makes a column of."""
    import numpy as np
    import pandas as pd
    import polars as pl

    dtype = column.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return pd.Series(
            column.dt.convert_time_zone("UTC").to_numpy(), dtype=f"datetime64[{dtype.time_unit}, UTC]"
        ).dt.tz_convert(dtype.time_zone)
    plain = dtype.is_float() or (dtype.is_temporal() and dtype != pl.Time)
    whole = (dtype.is_integer() and dtype not in (pl.Int128, pl.UInt128)) or dtype == pl.Boolean
    if plain or (whole and not column.null_count()):
        return column.to_numpy()
    if whole:
        nullable = pd.arrays.BooleanArray if dtype == pl.Boolean else pd.arrays.IntegerArray
        return nullable(column.fill_null(False if dtype == pl.Boolean else 0).to_numpy(), column.is_null().to_numpy())
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return pd.Series(column.to_list(), dtype="str")
    objects = np.empty(len(column), dtype=object)
    for place, value in enumerate(column.to_list()):  # numpy would take equally long lists for a matrix
        objects[place] = value
    return objects


def _from_pandas(frame: Any, name: str, ids: Collection[str]) -> pl.DataFrame:
    import polars as pl

    if not hasattr(frame, "columns"):
        raise ArgumentError(
            f"{name} is a pandas {type(frame).__name__}", "a pandas DataFrame was expected", "use series.to_frame()"
        )
    columns = [str(column) for column in frame.columns]
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise DataError(f"{name} has several columns {', '.join(map(repr, twice))}", "distinct names were expected")
    return pl.DataFrame([_column(str(column), frame[column], strict=str(column) in ids) for column in frame.columns])


def _column(name: str, column: Any, *, strict: bool) -> pl.Series:
    """One pandas column: missing values become null, except NaN in a plain float column, which stays NaN."""
    import numpy as np
    import polars as pl

    kind = getattr(column.dtype, "kind", "O")
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if kind == "M":
        return pl.Series(name, column.to_numpy().astype("datetime64[us]"))
    if isinstance(column.dtype, np.dtype) and kind in "iufb":
        return pl.Series(name, np.ascontiguousarray(column.to_numpy()))
    missing = column.isna().to_numpy()
    if kind in "iufb":
        filled = column.fillna(False if kind == "b" else 0).to_numpy(
            dtype={"b": "bool"}.get(kind, column.dtype.name.lower())
        )
        return pl.Series(name, filled).set(pl.Series(missing), None)
    values = column.to_numpy(dtype=object)
    known = [None if absent else value for value, absent in zip(values.tolist(), missing.tolist(), strict=True)]
    return _series(name, known, strict=strict)


def _series(name: str, values: Any, *, strict: bool) -> pl.Series:
    """Return a column; numbers of several types become floats, other mixtures text, or are refused."""
    import polars as pl

    try:
        return pl.Series(name, values)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        kinds = {type(value).__name__ for value in values if value is not None}
        if not strict or kinds <= {"int", "float", "bool", "Decimal"}:
            return pl.Series(name, list(values), strict=False)
        raise DataError(
            f"column {name!r} holds a mixture of types ({', '.join(sorted(kinds))})",
            "values of one type were expected",
            "cast it first, e.g. to text",
        ) from error
