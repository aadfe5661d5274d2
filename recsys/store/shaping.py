"""From a reading to the rows of a table: which columns, parsed how, and what is wrong with which rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recsys.core.errors import DataError
from recsys.store import columns as parse
from recsys.store import sql
from recsys.store.columns import Column
from recsys.store.matching import match_columns, overlooked
from recsys.store.schema import TableSpec
from recsys.store.staging import Reading

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DEFAULT_EVENT = "event"
# Below this share of canonical integers a text column of ids is text; above it, the odd ones out are bad rows.
_MOSTLY = 0.99
_SAMPLE = 10_000


@dataclass(frozen=True)
class Shape:
    """How a source fills a table.

    Attributes
    ----------
    columns : dict of str to Column
        The table's columns that the source fills.
    id_types : dict of str to str
        ``BIGINT`` or ``VARCHAR`` for each entity that the source names.
    notes, warnings : tuple of str
        What was decided for the user; what he should look at.
    sources : mapping of str to str
        The source's column of each of the table's columns that has one.
    """

    columns: dict[str, Column]
    id_types: dict[str, str]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    def normalised(self, relation: str) -> str:
        """Return the SELECT of the table's columns, `_reason` (why a row is bad, or NULL), `_row` (as it came)."""
        picked = ", ".join(f"{column.expression} AS {sql.name(name)}" for name, column in self.columns.items())
        return f"SELECT {picked}, {parse.reason(self.columns)} AS _reason, source AS _row FROM {relation} AS source"


@dataclass(frozen=True)
class Wishes:
    """What the user said about the columns of a source; see `Store.ingest`."""

    mapping: Mapping[str, str]
    constants: Mapping[str, str]
    timezone: str | None = None
    time_unit: str | None = None
    id_types: Mapping[str, str] | None = None


def shape_reading(
    con: DuckDBPyConnection, spec: TableSpec, reading: Reading, wishes: Wishes, fixed: Mapping[str, str]
) -> Shape:
    """Decide how a source fills a table.

    Parameters
    ----------
    con : DuckDBPyConnection
        The staging connection.
    spec : TableSpec
        The table.
    reading : Reading
        The source.
    wishes : Wishes
        The user's mapping and hints.
    fixed : mapping of str to str
        Id types that the store, or an earlier file of this ingest, has fixed.

    Raises
    ------
    NotFoundError
        A required column is missing.
    DataError
        A column has a type that cannot be what it is read as.
    """
    matched = match_columns(spec, list(reading.columns), wishes.mapping, wishes.constants, reading.source.label)
    shaper = _Shaper(con, spec, reading, wishes, matched)
    ids = shaper.id_types(fixed)
    columns = {name: shaper.column(name, source, ids) for name, source in matched.items()}
    columns |= {name: shaper.constant(name, value, ids) for name, value in wishes.constants.items()}
    if spec.name == "events" and "event" not in columns:
        columns["event"] = parse.constant_column("event", DEFAULT_EVENT, "VARCHAR")
        shaper.notes.append(f"no column `event`: all rows are events of the kind {DEFAULT_EVENT!r}")
    if "ts" in spec.typed and "ts" not in columns:
        shaper.notes.append("no column `ts`: the rows have no time, so they cannot be split by time")
    return Shape(columns, ids, tuple(shaper.notes), overlooked(spec, matched), matched)


class _Shaper:
    """Decides column by column, collecting notes; looks into the data where the types do not say enough."""

    def __init__(
        self, con: DuckDBPyConnection, spec: TableSpec, reading: Reading, wishes: Wishes, matched: Mapping[str, str]
    ) -> None:
        self.con, self.spec, self.reading, self.wishes, self.matched = con, spec, reading, wishes, matched
        self.notes: list[str] = []
        self._extras = self._extra_types()

    def id_types(self, fixed: Mapping[str, str]) -> dict[str, str]:
        """Return the type of each entity's ids: as fixed before, as wished, or as the data suggests."""
        types: dict[str, str] = {}
        for name, kind in self.spec.typed.items():
            if kind != "ID" or (name not in self.matched and name not in self.wishes.constants):
                continue
            wished = {"int": "BIGINT", "text": "VARCHAR"}.get((self.wishes.id_types or {}).get(name, ""))
            types[name] = fixed.get(name) or wished or self._guessed_id_type(name)
        return types

    def _guessed_id_type(self, name: str) -> str:
        if name not in self.matched:
            return "VARCHAR"
        source = self.matched[name]
        if sql.family(self.reading.columns[source]) in ("integer", "float"):
            return "BIGINT"
        if source not in self.reading.untyped:
            return "VARCHAR"
        column = sql.name(source)
        (share,) = sql.one_row(
            self.con,
            f"SELECT avg((coalesce(TRY_CAST({column} AS BIGINT)::VARCHAR, '') = {column})::INTEGER)"
            f" FROM {self.reading.relation} WHERE {column} IS NOT NULL AND {column} <> ''",
        )
        return "BIGINT" if share is not None and share >= _MOSTLY else "VARCHAR"

    def constant(self, name: str, value: str, ids: Mapping[str, str]) -> Column:
        kind = self.spec.typed.get(name, "VARCHAR")
        return parse.constant_column(name, value, ids.get(name, "VARCHAR") if kind == "ID" else kind)

    def column(self, name: str, source: str, ids: Mapping[str, str]) -> Column:
        quoted, source_type = sql.name(source), self.reading.columns[source]
        kind = self.spec.typed.get(name)
        if kind is None:
            return parse.extra_column(name, quoted, source_type, self._extras[name])
        if kind == "ID":
            return parse.id_column(name, quoted, source_type, ids[name], nullable=name not in self.spec.required)
        if kind == "TIMESTAMP":
            return self._time(name, quoted, source_type)
        if kind == "VARCHAR":
            needed = name in self.spec.required or name == "event_id"
            return parse.text_column(name, quoted, source_type, nullable=not needed)
        return parse.number_column(name, quoted, source_type, kind)

    def _time(self, name: str, quoted: str, source_type: str) -> Column:
        kind = sql.family(source_type)
        unit = None
        if kind in ("integer", "float") or (kind == "text" and self._looks_numeric(quoted)):
            unit = self.wishes.time_unit or self._guessed_unit(name, quoted)
        elif kind in ("text", "time", "date") and self.wishes.timezone is None and self._has_naive(quoted, kind):
            self.notes.append(f"{name} says no time zone: taken as UTC; say otherwise with timezone= (--timezone)")
        return parse.time_column(
            name,
            quoted,
            source_type,
            unit=unit,
            zone=self.wishes.timezone,
            nullable=self.spec.versioned is not None,
        )

    def _sampled(self, expression: str, quoted: str) -> object:
        values = f"SELECT {quoted} AS v FROM {self.reading.relation} WHERE {quoted} IS NOT NULL LIMIT {_SAMPLE}"
        return sql.one_row(self.con, f"SELECT {expression} FROM ({values})")[0]

    def _looks_numeric(self, quoted: str) -> bool:
        share = self._sampled("avg((TRY_CAST(v AS DOUBLE) IS NOT NULL)::INTEGER)", quoted)
        return isinstance(share, float) and share > 0.5

    def _has_naive(self, quoted: str, kind: str) -> bool:
        if kind != "text":
            return True
        share = self._sampled(f"avg(regexp_matches(v, '{parse.HAS_ZONE}')::INTEGER)", quoted)
        return isinstance(share, float) and share < 1

    def _guessed_unit(self, name: str, quoted: str) -> str:
        """Return the unit by the middle value's size: today has 10 digits in seconds, 13 in ms, 16 in us."""
        middle = self._sampled("quantile_disc(abs(TRY_CAST(v AS DOUBLE)), 0.5)", quoted)
        size = float(middle) if isinstance(middle, (int, float)) else 0.0
        unit = next(
            unit for limit, unit in ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (float("inf"), "ns")) if size < limit
        )
        words = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[unit]
        self.notes.append(
            f"{name} read as epoch {words}, judged by its size; say otherwise with time_unit= (--time-unit)"
        )
        return unit

    def _extra_types(self) -> dict[str, str]:
        """Return how unknown columns are stored; text of a CSV file becomes a number if all of it is one."""
        extras = {name: source for name, source in self.matched.items() if name not in self.spec.typed}
        types = {name: parse.stored_type(self.reading.columns[source]) for name, source in extras.items()}
        for source in extras.values():
            if self.reading.columns[source] == "BLOB":
                raise DataError(f"column {source!r} holds bytes", "text, numbers or times were expected")
        loose = [name for name, source in extras.items() if source in self.reading.untyped]
        if not loose:
            return types
        checks = ", ".join(
            f"count({c}), bool_and(TRY_CAST({c} AS BIGINT)::VARCHAR IS NOT DISTINCT FROM {c}) FILTER ({c} IS NOT NULL),"
            f" bool_and(TRY_CAST({c} AS DOUBLE) IS NOT NULL AND NOT regexp_matches({c}, '^-?0[0-9]'))"
            f" FILTER ({c} IS NOT NULL)"
            for c in (sql.name(extras[name]) for name in loose)
        )
        row = sql.one_row(self.con, f"SELECT {checks} FROM {self.reading.relation}")
        for place, name in enumerate(loose):
            n, whole, real = row[3 * place : 3 * place + 3]
            types[name] = "BIGINT" if n and whole else "DOUBLE" if n and real else "VARCHAR"
        return types
