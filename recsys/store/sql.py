"""Names and values written into SQL text, quoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def name(identifier: str) -> str:
    """Return a quoted identifier.

    Examples
    --------
    >>> name('a"b')
    '"a""b"'
    """
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a quoted string.

    Examples
    --------
    >>> text("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def family(sql_type: str) -> str:
    """Return what kind of type it is: integer, float, text, bool, date, time, zoned or other.

    Examples
    --------
    >>> family("DECIMAL(10,2)"), family("TIMESTAMP_MS"), family("TIMESTAMP WITH TIME ZONE")
    ('float', 'time', 'zoned')
    """
    upper = sql_type.upper()
    if upper in _INTEGERS:
        return "integer"
    if upper in ("FLOAT", "DOUBLE") or (upper.startswith("DECIMAL") and not upper.endswith("]")):
        return "float"
    if upper in ("VARCHAR", "UUID", '"NULL"') or (upper.startswith("ENUM(") and not upper.endswith("]")):
        return "text"
    if upper in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        return "zoned"
    if upper in ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
        return "time"
    return {"BOOLEAN": "bool", "DATE": "date", "JSON": "json"}.get(upper, "other")


_INTEGERS = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
}


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C be Ctrl-C: DuckDB turns it into ``RuntimeError("Query interrupted")`` while a query runs.

    Raises
    ------
    KeyboardInterrupt
        The user interrupted a query of the block.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise


def one_row(con: DuckDBPyConnection, query: str, params: Sequence[Any] | None = None) -> tuple[Any, ...]:
    """Return the first row of a query, read to its end: `fetchone` alone leaves a connection busy.

    Parameters
    ----------
    con : DuckDBPyConnection
        An open connection or cursor.
    query : str
        A query with at least one row.
    params : sequence, optional
        Values for ``?``.
    """
    rows = con.execute(query, params).fetchall()
    return tuple(rows[0])


def has_rows(con: DuckDBPyConnection, query: str, params: Sequence[Any] | None = None) -> bool:
    """Return whether a query has any row."""
    return bool(con.execute(query, params).fetchall())
