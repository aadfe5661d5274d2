"""Parameters given as text or as values, read as the types that a constructor declares."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal, get_args, get_origin, get_type_hints

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "none"}


def typed_parameters(name: str, kind: type, params: Mapping[str, object]) -> dict[str, Any]:
    """Return arguments for a constructor; text values are read as the type that the parameter has.

    Parameters
    ----------
    name : str
        What to call the thing in an error.
    kind : type
        Its ``__init__`` has annotations: bool, int, float, str, Literal of them, or None. Others are not known here.
    params : mapping
        Names and values.

    Raises
    ------
    ArgumentError
        There is no such parameter, or a value does not have the parameter's type.

    Examples
    --------
    >>> class Knn:
    ...     def __init__(self, neighbors: int = 10) -> None: ...
    >>> typed_parameters("knn", Knn, {"neighbors": "50"})
    {'neighbors': 50}
    """
    hints = get_type_hints(kind.__init__)  # type: ignore[misc]
    known = [key for key in inspect.signature(kind).parameters if object not in (hints[key], *get_args(hints[key]))]
    for key in params:
        if key not in known:
            raise ArgumentError(
                f"{name} has no parameter {key!r}",
                f"one of {', '.join(known)} was expected",
                did_you_mean(key, known),
            )
    return {key: _typed(key, value, hints[key]) for key, value in params.items()}


def _typed(key: str, value: object, hint: Any) -> object:
    """Return the value if it has the type of the hint, or the text read as that type."""
    if get_origin(hint) is Literal:
        return one_of(key, value, get_args(hint))
    kinds = get_args(hint) or (hint,)
    if type(None) in kinds and value in (None, "none"):
        return None
    for kind, read in ((bool, _truth), (int, _whole), (float, _number), (str, _text)):
        found = read(value) if kind in kinds and isinstance(value, bool) <= (kind is bool) else None
        if found is not None:
            return found
    expected = " or ".join(_WORDS[kind] for kind in kinds)
    raise ArgumentError(f"{key} is {value!r}", f"{expected} was expected")


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\s*[+-]?\d+\s*", value) else None
    return int(value) if isinstance(value, Integral) else None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, Real) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
