"""The short write transaction of an ingest: ids get keys, rows go in, and the log of ingests says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from recsys.core.errors import DataError
from recsys.core.hashing import canonical_json
from recsys.store import sql
from recsys.store.arrow import offered
from recsys.store.columns import common_type
from recsys.store.repeats import Repeats, find_repeats
from recsys.store.schema import (
    KEY_TABLES,
    KEYED,
    TableSpec,
    columns_of,
    fix_id_type,
    high_water,
    id_type,
    live_rows,
    refresh_views,
    view_query,
    whole_ingests,
)
from recsys.store.staged import StagedFile, content_hash, hash_family, row_hash
from recsys.store.staging import show_frame

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


PERSONS = ("user_id", "unit_id")


@dataclass(frozen=True)
class Published:
    """What became of one file.

    Attributes
    ----------
    ingest_id : int or None
        The number of the ingest; None when the file was there already.
    rows_ingested, rows_duplicate : int
        Rows that went in, and rows that were there already.
    known_as : int or None
        The earlier ingest that holds the same rows.
    repeats : Repeats or None
        Rows that equal others, where nothing else tells a row from its copy.
    """

    ingest_id: int | None
    rows_ingested: int
    rows_duplicate: int
    known_as: int | None = None
    repeats: Repeats | None = None


def publish(
    con: DuckDBPyConnection,
    spec: TableSpec,
    file: StagedFile,
    *,
    partition: tuple[datetime, datetime] | None = None,
    append: bool = False,
    options: Mapping[str, object],
    now: datetime,
) -> Published:
    """Store a staged file's rows inside the caller's write transaction.

    Parameters
    ----------
    con : DuckDBPyConnection
        The write cursor.
    spec : TableSpec
        The table.
    file : StagedFile
        The rows.
    partition : (datetime, datetime), optional
        Rows of this span (half-open) that arrived before are replaced.
    append : bool
        Store the rows even if the store has the same already.
    options : mapping
        What the user asked for, for the log.
    now : datetime
        The time of arrival.
    """
    known = None if partition or append else known_ingest(con, spec, file)
    if known is not None:
        return Published(None, 0, file.rows_good, known)
    ingest_id = high_water(con) + 1
    _fix_id_types(con, file)
    if file.reading.source.frame is not None:
        show_frame(con, file.reading.relation, file.reading.source)
    try:
        for entity, ids in file.new_ids.items():
            _add_keys(con, entity, ids)
        changed = _add_columns(con, spec, file)
        if partition:
            con.execute("INSERT INTO tombstones VALUES (?, ?, NULL, ?, ?)", [ingest_id, spec.name, *partition])
        inserted = _insert(con, spec, file, ingest_id)
        _quarantine(con, spec, file, ingest_id)
    finally:
        if file.reading.source.frame is not None:
            con.unregister(file.reading.relation)
    con.execute(
        "INSERT INTO ingests VALUES (?, 'ingest', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(ingest_id, spec.name, file.reading.source.label, now, file.content_hash),
            *(file.rows_read, inserted, file.rows_good - inserted, file.rows_bad, file.first, file.last),
            canonical_json(dict(options) | {"columns": sorted(file.shape.columns), "hash_family": hash_family(con)}),
        ],
    )
    if changed or partition:
        refresh_views(con)
    return Published(ingest_id, inserted, file.rows_good - inserted, repeats=_repeats(con, spec, file, ingest_id))


def _repeats(con: DuckDBPyConnection, spec: TableSpec, file: StagedFile, ingest_id: int) -> Repeats | None:
    if "event_id" in file.shape.columns or spec.versioned or "item_id" not in spec.required or not file.rows_good:
        return None
    return find_repeats(con, spec, file.shape.columns, ingest_id, file.rows_good, (file.first, file.last))


def known_ingest(con: DuckDBPyConnection, spec: TableSpec, file: StagedFile) -> int | None:
    """Return the ingest in sight that holds exactly the rows of a file, or None.

    Of `items` and `users`, an ingest that later versions of the same keys have overtaken does not count: storing it
    again makes its versions the newest ones.
    """
    candidates = con.execute(
        "SELECT r.ingest_id, r.content_hash, r.options FROM ingests r"
        f" WHERE (r.content_hash = $hash OR r.rows_ingested = $rows) AND {whole_ingests(con, spec.name)}"
        " ORDER BY r.ingest_id DESC",
        {"hash": file.content_hash, "rows": file.rows_good},
    ).fetchall()
    family = hash_family(con) if candidates else ""
    for ingest_id, content, options in candidates:
        logged = json.loads(options)
        if logged["hash_family"] != family and logged["columns"] == sorted(file.shape.columns):
            content = _hash_again(con, spec, ingest_id, logged["columns"])
        if content == file.content_hash:
            return None if spec.versioned and _overtaken(con, spec, ingest_id) else int(ingest_id)
    return None


def _hash_again(con: DuckDBPyConnection, spec: TableSpec, ingest_id: int, columns: list[str]) -> str:
    """Return the content hash of stored rows, as the DuckDB of today computes it."""
    everything = replace(spec, versioned=None)
    stored = view_query(con, everything, where=f"r.ingest_id = {ingest_id}")
    n_rows, total = sql.one_row(con, f"SELECT count(*), coalesce(sum({row_hash(columns)}), 0)::VARCHAR FROM ({stored})")
    return content_hash(columns, n_rows, total)


def _overtaken(con: DuckDBPyConnection, spec: TableSpec, ingest_id: int) -> bool:
    key = KEYED[spec.versioned or ""]
    return sql.has_rows(
        con,
        f"SELECT 1 FROM {spec.rows} r WHERE r.ingest_id > {ingest_id} AND ({live_rows(con, spec.name)})"
        f" AND r.{key} IN (SELECT {key} FROM {spec.rows} WHERE ingest_id = {ingest_id}) LIMIT 1",
    )


def _fix_id_types(con: DuckDBPyConnection, file: StagedFile) -> None:
    for entity, wanted in file.shape.id_types.items():
        fixed = id_type(con, entity)
        if fixed is None:
            fix_id_type(con, entity, wanted)
        elif fixed != wanted:
            raise DataError(
                f"{entity} became {fixed} in another ingest meanwhile",
                f"{wanted} was expected",
                "ingest the file again",
            )


def _add_keys(con: DuckDBPyConnection, entity: str, ids: pl.DataFrame) -> None:
    table, key = KEY_TABLES[entity], KEYED[entity]
    with offered(con, "arrived_ids", ids) as arrived:
        con.execute(
            f"INSERT INTO {table} SELECT (SELECT coalesce(max({key}), -1) FROM {table})"
            f" + row_number() OVER (ORDER BY {entity}), {entity}"
            f" FROM (SELECT {entity} FROM {arrived} ANTI JOIN {table} USING ({entity}))"
        )


def _add_columns(con: DuckDBPyConnection, spec: TableSpec, file: StagedFile) -> bool:
    """Make room for columns that the table has not seen, widen those that arrive wider; return whether any were."""
    present = columns_of(con, spec.rows)
    changed = False
    for name, column in file.shape.columns.items():
        if name in KEYED:
            continue
        if name not in present:
            con.execute(f"ALTER TABLE {spec.rows} ADD COLUMN {sql.name(name)} {column.sql_type}")
            changed = True
        elif name not in spec.typed and common_type(present[name], column.sql_type) != present[name]:
            wider = common_type(present[name], column.sql_type)
            con.execute(f"DROP VIEW {sql.name(spec.name)}")
            con.execute(f"ALTER TABLE {spec.rows} ALTER {sql.name(name)} TYPE {wider}")
            changed = True
    return changed


def _insert(con: DuckDBPyConnection, spec: TableSpec, file: StagedFile, ingest_id: int) -> int:
    rows, targets, values, joins = file.good_rows(), [], [], []
    for name in file.shape.columns:
        if name not in KEYED:
            targets.append(sql.name(name))
            values.append(f"n.{sql.name(name)}")
            continue
        key, table = KEYED[name], KEY_TABLES[name]
        targets.append(key)
        values.append(f"{table}.{key}")
        joins.append(f"{'JOIN' if name in spec.required else 'LEFT JOIN'} {table} ON {table}.{name} = n.{name}")
    once = "event_id" in file.shape.columns
    if spec.versioned:  # the last of several rows for one key and one time counts
        partition = ", ".join((spec.versioned, *(["valid_from"] if "valid_from" in file.shape.columns else [])))
        rows = (
            f"SELECT * EXCLUDE (_place) FROM (SELECT *, row_number() OVER () AS _place FROM ({rows}))"
            f" QUALIFY row_number() OVER (PARTITION BY {partition} ORDER BY _place DESC) = 1"
        )
    if once:
        rows = f"SELECT * FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY event_id) = 1"
        known = f"SELECT r.event_id FROM {spec.rows} r WHERE r.event_id IS NOT NULL AND ({live_rows(con, spec.name)})"
        joins.append(f"ANTI JOIN ({known}) k ON k.event_id = n.event_id")
    (inserted,) = sql.one_row(
        con,
        f"INSERT INTO {spec.rows} ({', '.join(targets)}, ingest_id)"
        f" SELECT {', '.join(values)}, {ingest_id} FROM ({rows}) n {' '.join(joins)}",
    )
    if inserted != file.rows_good and not once and not spec.versioned:
        raise DataError(
            f"{file.reading.source.label} changed while it was read",
            f"{file.rows_good} rows were expected, {inserted} came",
            "ingest it again when nobody writes to it",
        )
    return int(inserted)


def _quarantine(con: DuckDBPyConnection, spec: TableSpec, file: StagedFile, ingest_id: int) -> None:
    label = sql.text(file.reading.source.label)
    if file.where():
        con.execute(
            f"INSERT INTO quarantine SELECT {ingest_id}, {sql.text(spec.name)}, {label}, _reason, {_person(file)},"
            f" to_json(_row)::VARCHAR FROM ({file.shape.normalised(file.reading.relation)}) WHERE _reason IS NOT NULL"
        )
    if file.reading.rejected:
        people = [file.reading.field_of(line, _person_column(file)) for _, line in file.reading.rejected]
        lines = pl.DataFrame(file.reading.rejected, schema=["reason", "line"], orient="row")
        with offered(con, "rejected_lines", lines.with_columns(user_id=pl.Series(people, dtype=pl.String))) as rejected:
            con.execute(
                f"INSERT INTO quarantine SELECT {ingest_id}, {sql.text(spec.name)}, {label}, reason, user_id, line"
                f" FROM {rejected}"
            )


def _person(file: StagedFile) -> str:
    """Return the SQL for whose row it is: the id, or what stands in its place if that is none."""
    source = _person_column(file)
    name = next((name for name in PERSONS if name in file.shape.columns), None)
    raw = "NULL" if source is None else f"_row.{sql.name(source)}::VARCHAR"
    return raw if name is None else f"coalesce({name}::VARCHAR, {raw})"


def _person_column(file: StagedFile) -> str | None:
    """Return the source's column that says whose row it is."""
    return next((file.shape.sources[name] for name in PERSONS if name in file.shape.sources), None)
