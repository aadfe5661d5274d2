"""`Measure`: one number for each unit, declared — an aggregate of the rows of a table, in a window after exposure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError

Table = Literal["events", "impressions"]
Function = Literal["count", "sum", "any", "max", "count_distinct", "expr"]
Operator = Literal["=", "!=", ">", ">=", "<", "<=", "in"]
Scalar = str | int | float | bool

TABLES: tuple[Table, ...] = ("events", "impressions")
OPERATORS: tuple[Operator, ...] = ("=", "!=", ">", ">=", "<", "<=", "in")
_WITHOUT_COLUMN = ("count", "any")
_WITH_COLUMN = ("sum", "max", "count_distinct")
DAY = "day"  # a column that every table has: the UTC calendar day of the row, for count_distinct(day)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What is computed over the rows of a unit.

    Attributes
    ----------
    function : {"count", "sum", "any", "max", "count_distinct", "expr"}
        A unit without rows has 0 in all of them.
    column : str or None
        The SQL expression of an ``expr``; None for ``count`` and ``any``. ``day`` is the UTC calendar day of a row.
    """

    function: Function
    column: str | None = None

    def __str__(self) -> str:
        return f"{self.function}({self.column or ''})"


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter on one column; a row without a value in it does not pass.

    Attributes
    ----------
    column : str
        Of the table.
    operator : {"=", "!=", ">", ">=", "<", "<=", "in"}
        How it is compared.
    values : tuple of str, int, float or bool
        One value, or with ``in`` at least one.
    """

    column: str
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number for each unit.

    Attributes
    ----------
    aggregate : Aggregate
        What is made of a unit's rows.
    table : {"events", "impressions"}
        Whose rows count.
    where : tuple of Condition
        All of them must hold.
    begin, end : int
        The window in microseconds from the unit's own first exposure, half-open; `end` None: to the end of the data
        that the analysis looks at.
    """

    aggregate: Aggregate
    table: Table = "events"
    where: tuple[Condition, ...] = ()
    begin: int = 0
    end: int | None = None


def parse_aggregate(text: str) -> Aggregate:
    """Read ``count()``, ``any()``, ``sum(value)``, ``max(value)`` or ``count_distinct(item_id)``.

    Raises
    ------
    ArgumentError
        The text is none of these.

    Examples
    --------
    >>> parse_aggregate("sum(value)")
    Aggregate(function='sum', column='value')
    """
    match = re.fullmatch(r"\s*(\w+)\s*\(\s*([^()]*?)\s*\)\s*", text) if isinstance(text, str) else None
    if match is None:
        raise ArgumentError(
            f"the aggregate is {text!r}",
            "count(), any(), sum(column), max(column) or count_distinct(column) was expected",
        )
    function = cast("Function", one_of("the aggregate", match[1], (*_WITHOUT_COLUMN, *_WITH_COLUMN)))
    column = match[2] or None
    if (column is not None) != (function in _WITH_COLUMN):
        expected = "no column" if function in _WITHOUT_COLUMN else f"a column, as in {function}(value),"
        raise ArgumentError(f"the aggregate is {text!r}", f"{expected} was expected")
    return Aggregate(function, column)


def parse_where(where: Mapping[str, object] | None) -> tuple[Condition, ...]:
    """Read a filter: ``{"event": "play", "device": ["tv", "web"], "completion": {">=": 0.5}}``.

    A value means equality, a list membership, a mapping one or more comparisons; dates are kept as ISO text. The result
    is in the order of the columns' names, so that equal filters are equal.

    Raises
    ------
    ArgumentError
        A value is none of these.

    Examples
    --------
    >>> parse_where({"completion": {">=": 0.5}, "event": "play"})[1]
    Condition(column='event', operator='=', values=('play',))
    """
    if where is not None and not (isinstance(where, Mapping) and all(isinstance(key, str) for key in where)):
        raise ArgumentError(f"a filter is {where!r}", "conditions by column were expected, such as {'event': 'play'}")
    conditions = []
    for column, wanted in sorted((where or {}).items()):
        if isinstance(wanted, Mapping):
            pairs = [(one_of(f"the comparison of {column}", key, OPERATORS), value) for key, value in wanted.items()]
        else:
            pairs = [("in" if _is_list(wanted) else "=", wanted)]
        for operator, value in sorted(pairs, key=lambda pair: pair[0]):
            conditions.append(Condition(column, cast("Operator", operator), _values(column, operator, value)))
    return tuple(conditions)


def plain_where(conditions: Sequence[Condition]) -> dict[str, object]:
    """Return a filter as `parse_where` reads it.

    Examples
    --------
    >>> plain_where(parse_where({"device": ["web", "tv"], "completion": {">=": 0.5}}))
    {'completion': {'>=': 0.5}, 'device': {'in': ['tv', 'web']}}
    """
    found: dict[str, dict[str, object]] = {}
    for one in conditions:
        found.setdefault(one.column, {})[one.operator] = list(one.values) if one.operator == "in" else one.values[0]
    return {column: wanted["="] if list(wanted) == ["="] else wanted for column, wanted in found.items()}


def _values(column: str, operator: str, value: object) -> tuple[Scalar, ...]:
    """Return what a column is compared with: one value, or with ``in`` distinct ones in ascending order."""
    given: Sequence[Any] = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
    values: tuple[Any, ...] = tuple(one.isoformat() if isinstance(one, date) else one for one in given)  # of TOML
    kinds = {"text" if isinstance(one, str) else type(one).__name__ for one in values}
    number = kinds <= {"int", "float"} and all(math.isfinite(one) for one in values)
    if not values or not (number or kinds in ({"text"}, {"bool"})) or (_is_list(value) != (operator == "in")):
        raise ArgumentError(
            f"the filter on {column} is {operator} {value!r}",
            "a value, a list of values of one type, or a comparison such as {'>=': 0.5} was expected",
        )
    return tuple(sorted(set(values))) if operator == "in" else values


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
