"""Measures of an experiment in SQL: filters and columns of a table, names quoted, values bound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.times import parse_instant
from recsys.experiment.units.measures import DAY, Aggregate, Condition
from recsys.store import sql
from recsys.store.schema import KEY_TABLES, KEYED, columns_of, table_spec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FITTING = {  # kinds of values by family of the column that they are compared with
    "text": (str,),
    "integer": (int, float),
    "float": (int, float),
    "bool": (bool,),
    "date": (str,),
    "time": (str,),
    "zoned": (str,),
}
_WITH_NAN = ("FLOAT", "DOUBLE")


class Columns:
    """The columns of a table in SQL, with the values that queries on it bind.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    table : str
        ``events``, ``impressions`` or ``users``; its physical rows are called ``r`` in the expressions.

    Attributes
    ----------
    params : dict
        Values for ``$p0``, ``$p1``, …, filled by the methods.
    """

    def __init__(self, con: DuckDBPyConnection, table: str) -> None:
        self._table, self._rows = table, table_spec(table).rows
        self._types = columns_of(con, self._rows)
        self._id_types = {name: columns_of(con, keys)[name] for name, keys in KEY_TABLES.items()}
        self.params: dict[str, Any] = {}

    def type_of(self, column: str) -> str:
        """Return the SQL type of a column; ids have that of the external id.

        Raises
        ------
        NotFoundError
            The table has no such column.
        """
        known = self.types()
        if column not in known:
            raise NotFoundError(
                f"{self._table} has no column {column!r}", f"it has {', '.join(known)}", did_you_mean(column, known)
            )
        return known[column]

    def types(self) -> dict[str, str]:
        """Return all columns with their SQL types; ids have that of the external id."""
        ids = {name: self._id_types[name] for name, key in KEYED.items() if key in self._types}
        return ids | {name: kind for name, kind in self._types.items() if name not in (*KEYED.values(), "ingest_id")}

    def passes(self, conditions: Sequence[Condition]) -> str:
        """Return the SQL condition on a row: all conditions hold; never NULL.

        Raises
        ------
        NotFoundError
            A column does not exist.
        ArgumentError
            A value cannot be compared with its column.
        """
        return " AND ".join(f"coalesce({self._condition(one)}, false)" for one in conditions) or "true"

    def number(self, column: str) -> str:
        """Return the expression of a column as DOUBLE; NaN where there is no value.

        Raises
        ------
        NotFoundError
            The column does not exist.
        DataError
            It does not hold numbers.
        """
        kind = self.type_of(column)
        if column in KEYED or sql.family(kind) not in ("integer", "float", "bool"):
            raise DataError(f"{self._table}.{column} is {kind}", "a column of numbers was expected")
        return f"coalesce(r.{sql.name(column)}::DOUBLE, 'nan'::DOUBLE)"

    def code(self, column: str) -> str:
        """Return the expression of a column as whole numbers from 0 that are equal where the values are; else −1.

        They are the store's keys for ids, the number of the day for ``day``, and 63 bits of a hash for other columns:
        two of a unit's 10,000 distinct values share one with a chance of 5e-12.
        """
        if column == DAY and DAY not in self._types:
            return "coalesce(r.ts::DATE - DATE '0001-01-01', -1)::BIGINT"
        kind = self.type_of(column)
        if column in KEYED:
            return f"coalesce(r.{KEYED[column]}, -1)::BIGINT"
        quoted = f"r.{sql.name(column)}"
        if kind in _WITH_NAN:
            # NaN is no value, and 0 and -0 are one.
            return f"CASE WHEN coalesce(isnan({quoted}), true) THEN -1 ELSE (hash({quoted} + 0) >> 1)::BIGINT END"
        return f"CASE WHEN {quoted} IS NULL THEN -1 ELSE (hash({quoted}) >> 1)::BIGINT END"

    def check(self, aggregate: Aggregate) -> None:
        """Raise if an aggregate other than ``expr`` cannot be computed on this table; see `number` and `code`."""
        if aggregate.column is not None and aggregate.function != "expr":
            (self.code if aggregate.function == "count_distinct" else self.number)(aggregate.column)

    def _condition(self, one: Condition) -> str:
        kind = self.type_of(one.column)
        family = sql.family(kind)
        fitting = _FITTING.get(family, ())
        for value in one.values:
            if not isinstance(value, fitting) or (isinstance(value, bool) and family != "bool"):
                raise ArgumentError(
                    f"the filter on {one.column} compares with {value!r}",
                    f"{self._table}.{one.column} is {kind}, and a value like that was expected",
                )
        # A FLOAT is compared with the number that a FLOAT holds of the value: .1 is .1.
        cast = {"date": "::DATE", "time": "::TIMESTAMP", "zoned": "::TIMESTAMPTZ"}.get(family, "")
        cast = "::FLOAT" if kind == "FLOAT" else cast
        timed = family in ("date", "time", "zoned")
        values = [_instant(one.column, value) if timed else value for value in one.values]
        marks = [self._bind(value) + cast for value in values]
        wanted = f"({', '.join(marks)})" if one.operator == "in" else marks[0]
        operator = "IN" if one.operator == "in" else one.operator
        if one.column in KEYED:
            key, keys = KEYED[one.column], KEY_TABLES[one.column]
            return f"r.{key} IN (SELECT k.{key} FROM {keys} k WHERE k.{one.column} {operator} {wanted})"
        quoted = f"r.{sql.name(one.column)}"
        number = f" AND NOT isnan({quoted})" if kind in _WITH_NAN else ""  # NaN is no value
        return f"({quoted} {operator} {wanted}{number})"

    def _bind(self, value: object) -> str:
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"${name}"


def _instant(column: str, value: object) -> datetime:
    return parse_instant(f"the filter on {column}", str(value))
