"""Whether a store can answer what an experiment asks: columns, their types, the mapping of units, kinds of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.experiment import Condition, Experiment, Measure
from recsys.store import sql
from recsys.store.expressions import check_expression
from recsys.store.filters import Columns
from recsys.store.schema import TABLES, columns_of, id_type, live_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def check_experiment(con: DuckDBPyConnection, experiment: Experiment, *, allow_unseen: bool = False) -> tuple[str, ...]:
    """Return what looks wrong about an experiment before the data of this store.

    Raises
    ------
    NotFoundError
        A column does not exist, or users have no column of the unit.
    ArgumentError, DataError
        A column does not have the type that a metric, filter or targeting needs.
    ArgumentError
        A kind of event has never occurred, one that is spelled much like it has, and `allow_unseen` is False.
    """
    measures = {name: one for metric in experiment.metrics for name, one in metric.measures().items()}
    for one in measures.values():
        columns = Columns(con, one.table)
        columns.check(one.aggregate)
        columns.passes(one.where)
    for table, expression in dict.fromkeys(
        (one.table, str(one.aggregate.column)) for one in measures.values() if one.aggregate.function == "expr"
    ):
        check_expression(con, table, expression)
    users = Columns(con, "users")
    wanted = [*experiment.segments, *(name for metric in experiment.metrics for name in metric.attributes)]
    for name in wanted:
        users.type_of(name)
    users.passes(experiment.targets)
    warnings = [
        *_unit_warnings(con, experiment),
        *_id_warnings(con, experiment),
        *_row_warnings(con, measures, allow_unseen=allow_unseen),
        *_variant_warnings(con, experiment),
    ]
    return tuple(dict.fromkeys(warnings))


def _id_warnings(con: DuckDBPyConnection, experiment: Experiment) -> list[str]:
    """Return a warning if exposures name units by numbers and the data by text, or the other way round."""
    exposed = id_type(con, "unit_id")
    unit = experiment.unit
    known = id_type(con, unit) if unit == "user_id" else columns_of(con, "user_rows")[unit]
    if exposed is None or known is None or sql.family(exposed) == sql.family(known):
        return []
    return [f"unit_id of exposures is {exposed}, and {unit} is {known}: they are compared as text"]


def _unit_warnings(con: DuckDBPyConnection, experiment: Experiment) -> list[str]:
    unit = experiment.unit
    if unit == "user_id":
        return []
    if unit not in columns_of(con, "user_rows") or unit in ("user_key", "ingest_id"):
        names = [name for name in columns_of(con, "user_rows") if name not in ("user_key", "valid_from", "ingest_id")]
        raise NotFoundError(
            f"the unit is {unit!r}, and users has no such column",
            f"user_id or a column of users was expected ({', '.join(names) or 'it has none'})",
            did_you_mean(unit, names) or "ingest users with a column that maps them to units",
        )
    kind = columns_of(con, "user_rows")[unit]
    if sql.family(kind) not in ("integer", "text"):
        raise DataError(f"users.{unit} is {kind}", "whole numbers or text were expected: they name units")
    (users, mapped) = sql.one_row(
        con,
        "SELECT count(DISTINCT r.user_key), count(DISTINCT r.user_key)"
        f" FILTER (r.user_key IN (SELECT user_key FROM user_rows r WHERE r.{sql.name(unit)} IS NOT NULL"
        f" AND {live_rows(con, 'users')})) FROM event_rows r WHERE {live_rows(con, 'events')}",
    )
    if mapped == users:
        return []
    return [f"{users - mapped:,} of {users:,} users with events have no {unit}: what they do counts for no unit"]


def _row_warnings(con: DuckDBPyConnection, measures: dict[str, Measure], *, allow_unseen: bool) -> list[str]:
    found = [
        f"the store holds no {table} yet"
        for table in dict.fromkeys(one.table for one in measures.values())
        if not sql.has_rows(con, f"SELECT 1 FROM {TABLES[table].rows} r WHERE {live_rows(con, table)} LIMIT 1")
    ]
    kinds = [
        str(row[0])
        for row in con.execute(
            f"SELECT DISTINCT r.event FROM event_rows r WHERE r.event IS NOT NULL AND {live_rows(con, 'events')}"
        ).fetchall()
    ]
    for name, one in measures.items():
        for value in (value for condition in one.where for value in _named(one, condition)) if kinds else ():
            if value not in kinds:
                told = f"{name.split('.')[0]} counts events of the kind {value!r}, and none has occurred"
                near = did_you_mean(str(value), kinds)
                if near and not allow_unseen:
                    known = f"one of {', '.join(sorted(kinds)[:8])} was expected"
                    raise ArgumentError(told, known, f"{near} If not, allow_unseen=True")
                found.append(f"{told}: {near or 'there are ' + ', '.join(sorted(kinds)[:8])}")
    return found


def _named(measure: Measure, condition: Condition) -> tuple[object, ...]:
    """Return the kinds of events that a filter asks for by name."""
    named = measure.table == "events" and condition.column == "event" and condition.operator in ("=", "in")
    return condition.values if named else ()


def _variant_warnings(con: DuckDBPyConnection, experiment: Experiment) -> list[str]:
    rows = con.execute(
        "SELECT r.variant, count(*) FROM exposure_rows r WHERE r.experiment = ?"
        f" AND {live_rows(con, 'exposures')} GROUP BY r.variant ORDER BY r.variant",
        [experiment.name],
    ).fetchall()
    unknown = {str(variant): int(count) for variant, count in rows if variant not in experiment.arms}
    if not unknown:
        return []
    named = ", ".join(f"{variant} ({count:,})" for variant, count in unknown.items())
    return [f"exposures name variants that are no arms: {named}"]
