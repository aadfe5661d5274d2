"""Results as plain JSON values; standard library only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from os import PathLike
from typing import Any


def to_json_value(value: Any) -> Any:
    """Return `value` as what JSON can hold: NaN and infinities become null, times ISO 8601, frames lists of rows.

    Examples
    --------
    >>> to_json_value({"a": float("nan"), "b": (1, 2)})
    {'a': None, 'b': [1, 2]}
    """
    if value is None or isinstance(value, str | bool | int):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat() + ("Z" if isinstance(value, datetime) and value.tzinfo is None else "")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): to_json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return _sequence(value)
    if isinstance(value, PathLike):
        return str(value)
    return _object(value)


def _sequence(value: Any) -> Any:
    if hasattr(value, "_asdict"):  # a NamedTuple
        return to_json_value(value._asdict())
    ordered = sorted(value, key=str) if isinstance(value, set | frozenset) else value
    return [to_json_value(item) for item in ordered]


def _object(value: Any) -> Any:
    for method in ("to_dicts", "to_dict", "to_list", "tolist"):  # polars frames, results, series, numpy
        if hasattr(value, method):
            return to_json_value(getattr(value, method)())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return str(value)
