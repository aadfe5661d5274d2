"""Declarations as plain values and back: what JSON, TOML and the hash of a plan are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, TypeVar

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError

T = TypeVar("T")


def to_plain(declaration: Any, types: Mapping[str, type] | None = None) -> dict[str, Any]:
    """Return the fields that differ from their defaults, as plain values.

    Defaults are left out so that a field which is added later changes no hash.

    Parameters
    ----------
    declaration : dataclass
    types : mapping of str to type, optional
        The words for alternatives; the word of this one stands first, as ``type``.
    """
    words = [word for word, kind in (types or {}).items() if type(declaration) is kind]
    plain: dict[str, Any] = {"type": words[0]} if words else {}
    for field in fields(declaration):
        value = getattr(declaration, field.name)
        if field.default is MISSING or value != field.default:
            plain[field.name] = float(value) if type(value) is int and "float" in str(field.type) else _plain(value)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def from_plain(kind: type[T], values: object, what: str) -> T:
    """Return a declaration from plain values.

    Raises
    ------
    ArgumentError
        It is not a table, a key is unknown, a required key is missing, or a value is refused.
    """
    table = as_table(values, what)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ArgumentError(
                f"{what} has the key {key!r}", f"one of {', '.join(known)} was expected", did_you_mean(key, known)
            )
    for name, field in known.items():
        if name not in table and field.default is MISSING and field.default_factory is MISSING:
            raise ArgumentError(f"{what} has no {name!r}", f"a value for {name} was expected")
    return kind(**table)


def from_typed(types: Mapping[str, type[T]], values: object, what: str) -> T:
    """Return one of several declarations; the key ``type`` says which."""
    table = as_table(values, what)
    if "type" not in table:
        raise ArgumentError(f"{what} has no 'type'", f"one of {', '.join(types)} was expected")
    word = one_of(f"the type of {what}", table["type"], types)
    return from_plain(types[word], {key: value for key, value in table.items() if key != "type"}, what)


def as_table(values: object, what: str) -> dict[str, Any]:
    """Return a mapping with text keys as a dict, or raise."""
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise ArgumentError(f"{what} is {values!r}", "a table of keys and values was expected")
    return dict(values)


def as_list(values: object, what: str) -> list[Any]:
    """Return a list or tuple as a list, or raise."""
    if not isinstance(values, list | tuple):
        raise ArgumentError(f"{what} is {values!r}", "a list was expected")
    return list(values)


def names(what: str, values: object) -> tuple[str, ...]:
    """Return distinct names as a tuple; a single text is not a list of its letters."""
    if (
        isinstance(values, str)
        or not isinstance(values, list | tuple)
        or not all(isinstance(one, str) for one in values)
    ):
        raise ArgumentError(f"{what} is {values!r}", "a list of names was expected", f"use {what}=['country']")
    if len(set(values)) < len(values):
        raise ArgumentError(f"{what} is {values!r}", "distinct names were expected")
    return tuple(values)
