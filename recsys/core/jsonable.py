"""Plain values that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def finite_values(value: Any) -> Any:
    """Return plain values with NaN and infinities as None and numpy's scalars as Python's, in all depths.

    Examples
    --------
    >>> finite_values({"pvalue": float("nan"), "bounds": (-float("inf"), 1.5)})
    {'pvalue': None, 'bounds': [None, 1.5]}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite_values(one) for key, one in value.items()}
    return [finite_values(one) for one in value] if isinstance(value, list | tuple) else value


def fit_for_json(method: Callable[[T], dict[str, Any]]) -> Callable[[T], dict[str, Any]]:
    """Return a method `to_dict` whose NaN and infinities are None: JSON has no words for them."""

    @wraps(method)
    def told(self: T) -> dict[str, Any]:
        return {key: finite_values(one) for key, one in method(self).items()}

    return told
