"""How a source's column becomes a table's column: SQL that parses a value and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recsys.core.errors import DataError
from recsys.store import sql

# Times outside are typing errors or wrong units; the upper bound is that of 64-bit nanoseconds.
FIRST_YEAR, LAST_YEAR = 1900, 2261
_FIRST_SECOND, _LAST_SECOND = -2_208_988_800, 9_214_646_399
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EXACT_IN_DOUBLE = 2**53


@dataclass(frozen=True)
class Column:
    """One column of a table as an expression over the source.

    Attributes
    ----------
    name : str
        The table's column.
    expression : str
        SQL over the source's columns; NULL where the value cannot be read.
    sql_type : str
        The type of the expression.
    problems : tuple of (str, str)
        What can be wrong with a row, in words, and the SQL condition for it, the first that holds counts.
    """

    name: str
    expression: str
    sql_type: str
    problems: tuple[tuple[str, str], ...] = ()


def constant_column(name: str, value: str, sql_type: str) -> Column:
    """Return a column that has one value in all rows."""
    return Column(name, f"CAST({sql.text(value)} AS {sql_type})", sql_type)


def id_column(name: str, source: str, source_type: str, id_type: str, *, nullable: bool = False) -> Column:
    """Return a column of external ids.

    Parameters
    ----------
    name, source : str
        The table's column and the quoted column of the source.
    source_type, id_type : str
        The SQL type of the source's column, and ``BIGINT`` or ``VARCHAR``.
    nullable : bool
        A row without this id is good.

    Notes
    -----
    Text stays as it is, byte for byte. Where ids are integers, text counts if it is the canonical decimal form ("7",
    not "07" or "7.0").
    """
    kind = sql.family(source_type)
    number = _whole_number(source, kind)
    if kind == "text" and id_type == "VARCHAR":
        parsed, absent, wrong = f"{source}::VARCHAR", f"coalesce({source}::VARCHAR, '') = ''", ""
        if nullable:
            parsed = f"nullif({parsed}, '')"
    elif kind == "text":
        parsed, absent, wrong = number, f"coalesce({source}, '') = ''", f"{name} is not a whole number"
    elif kind == "integer":
        parsed = number if id_type == "BIGINT" else f"{source}::VARCHAR"
        absent = f"{source} IS NULL"
        wrong = (
            f"{name} is out of range"
            if id_type == "BIGINT" and source_type in ("UBIGINT", "HUGEINT", "UHUGEINT")
            else ""
        )
    elif kind == "float":
        parsed = number if id_type == "BIGINT" else f"({number})::VARCHAR"
        absent, wrong = f"({source} IS NULL OR isnan({source}::DOUBLE))", f"{name} is not a whole number"
    else:
        raise DataError(f"the ids in {source} have the type {source_type}", "integers or text were expected")
    problems = [] if nullable else [(f"{name} is null", absent)]
    if wrong:
        problems.append((wrong, f"NOT ({absent}) AND ({parsed}) IS NULL"))
    return Column(name, parsed, id_type, tuple(problems))


def _whole_number(source: str, kind: str) -> str:
    if kind == "integer":
        return f"TRY_CAST({source} AS BIGINT)"
    if kind == "float":
        return (
            f"CASE WHEN {source} = trunc({source}) AND abs({source}) <= {_EXACT_IN_DOUBLE}"
            f" THEN TRY_CAST({source} AS BIGINT) END"
        )
    return f"CASE WHEN TRY_CAST({source} AS BIGINT)::VARCHAR = {source} THEN TRY_CAST({source} AS BIGINT) END"


def number_column(name: str, source: str, source_type: str, sql_type: str) -> Column:
    """Return a column of numbers (or truth values); NaN, infinities and other text are bad, nulls are good."""
    cast = f"TRY_CAST({source} AS {sql_type})"
    blank = f"{source} IS NULL" if sql.family(source_type) != "text" else f"coalesce({source}, '') = ''"
    problems = [(f"{name} is not a {_WORDS[sql_type]}", f"NOT ({blank}) AND {cast} IS NULL")]
    if sql_type == "DOUBLE":
        problems.append((f"{name} is NaN or infinite", f"NOT isfinite({cast})"))
    if sql_type == "INTEGER" and sql.family(source_type) in ("float", "text"):
        problems.append(
            (
                f"{name} is not a {_WORDS[sql_type]}",
                f"TRY_CAST({source} AS DOUBLE) <> trunc(TRY_CAST({source} AS DOUBLE))",
            )
        )
    if name.startswith("propensity"):
        problems.append((f"{name} is outside (0, 1]", f"NOT ({cast} > 0 AND {cast} <= 1)"))
    return Column(name, cast, sql_type, tuple(problems))


_WORDS = {"DOUBLE": "number", "INTEGER": "whole number", "BOOLEAN": "truth value"}


def text_column(name: str, source: str, source_type: str, *, nullable: bool) -> Column:
    """Return a column of text."""
    if sql.family(source_type) == "other":
        raise DataError(f"{source}, read as {name}, has the type {source_type}", "text or numbers were expected")
    problems = () if nullable else ((f"{name} is null", f"{source} IS NULL"),)
    return Column(name, f"{source}::VARCHAR", "VARCHAR", problems)


def time_column(
    name: str, source: str, source_type: str, *, unit: str | None, zone: str | None, nullable: bool
) -> Column:
    """Return a column of times in UTC.

    Parameters
    ----------
    name, source, source_type : str
        The table's column, and the quoted column of the source with its SQL type.
    unit : str or None
        The unit of epoch numbers (``s``, ``ms``, ``us``, ``ns``); None when the column holds times or ISO 8601 text.
    zone : str or None
        The time zone of times that do not say theirs; None is UTC.
    nullable : bool
        A row without a time is good.
    """
    kind = sql.family(source_type)
    if unit is not None:
        number = f"TRY_CAST({source} AS DOUBLE)" if kind == "text" else source
        parsed = _epoch(number, kind, UNITS[unit])
    elif kind == "zoned":
        parsed = f"timezone('UTC', {source}::TIMESTAMPTZ)"
    elif kind == "text":
        # The session runs in UTC, so this reads an offset if there is one and takes the text as UTC if there is none.
        parsed = f"timezone('UTC', TRY_CAST({source} AS TIMESTAMPTZ))"
        if zone is not None:
            local = _in_utc(f"TRY_CAST({source} AS TIMESTAMP)", zone)
            parsed = f"CASE WHEN regexp_matches({source}, '{HAS_ZONE}') THEN {parsed} ELSE {local} END"
    elif kind in ("time", "date"):
        parsed = f"{source}::TIMESTAMP" if zone is None else _in_utc(f"{source}::TIMESTAMP", zone)
    else:
        raise DataError(
            f"{source}, read as {name}, has the type {source_type}",
            "times, ISO 8601 text or epoch numbers were expected",
        )
    blank = f"coalesce({source}, '') = ''" if kind == "text" else f"{source} IS NULL"
    if kind == "float":
        blank = f"({blank} OR isnan({source}::DOUBLE))"
    problems = [] if nullable else [(f"{name} is null", blank)]
    span = f"TIMESTAMP '{FIRST_YEAR}-01-01' AND TIMESTAMP '{LAST_YEAR}-12-31'"
    words = (
        f"{name} is not a time" if kind == "text" and unit is None else f"{name} is outside {FIRST_YEAR}–{LAST_YEAR}"
    )
    problems.append((words, f"NOT ({blank}) AND NOT coalesce(({parsed}) BETWEEN {span}, false)"))
    return Column(name, parsed, "TIMESTAMP", tuple(problems))


HAS_ZONE = r"\d[ ]?(Z|UTC|[+-]\d\d(:?\d\d)?)$"


def _in_utc(local: str, zone: str) -> str:
    return f"timezone('UTC', timezone({sql.text(zone)}, {local}))"


def _epoch(number: str, kind: str, per_second: int) -> str:
    bounds = f"{_FIRST_SECOND * per_second} AND {_LAST_SECOND * per_second}"
    if kind == "integer":
        micros = f"{number}::BIGINT * {1_000_000 // per_second}" if per_second <= 1_000_000 else f"{number} // 1000"
    else:
        micros = f"round({number} * {1_000_000 / per_second!r})"
    return f"CASE WHEN {number} BETWEEN {bounds} THEN make_timestamp(CAST({micros} AS BIGINT)) END"


def extra_column(name: str, source: str, source_type: str, sql_type: str) -> Column:
    """Return a column that recsys keeps without knowing it, cast to the type it is stored with."""
    if sql.family(source_type) == "zoned":
        return Column(name, f"timezone('UTC', {source}::TIMESTAMPTZ)", "TIMESTAMP")
    if source_type == sql_type:
        return Column(name, source, sql_type)
    return Column(name, f"TRY_CAST({source} AS {sql_type})", sql_type)


def stored_type(source_type: str) -> str:
    """Return the type with which an unknown column is stored: times without a zone, text for enums and nulls.

    Examples
    --------
    >>> stored_type("TIMESTAMP WITH TIME ZONE"), stored_type("UINTEGER"), stored_type("FLOAT")
    ('TIMESTAMP', 'BIGINT', 'DOUBLE')
    """
    kind = sql.family(source_type)
    plain = {"zoned": "TIMESTAMP", "time": "TIMESTAMP", "text": "VARCHAR", "float": "DOUBLE", "json": "VARCHAR"}
    if kind == "integer":
        return "BIGINT" if source_type not in ("UBIGINT", "HUGEINT", "UHUGEINT") else "DOUBLE"
    return plain.get(kind, source_type)


def common_type(first: str, second: str) -> str:
    """Return a type that holds the values of both stored types.

    Examples
    --------
    >>> common_type("BIGINT", "DOUBLE"), common_type("BIGINT", "VARCHAR"), common_type("DATE", "DATE")
    ('DOUBLE', 'VARCHAR', 'DATE')
    """
    if first == second:
        return first
    return "DOUBLE" if {first, second} == {"BIGINT", "DOUBLE"} else "VARCHAR"


def reason(columns: Mapping[str, Column]) -> str:
    """Return the SQL expression that says in words why a row is bad; NULL for a good row."""
    cases = [
        f"WHEN {condition} THEN {sql.text(words)}"
        for column in columns.values()
        for words, condition in column.problems
    ]
    return f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"
