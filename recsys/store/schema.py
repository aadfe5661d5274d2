"""The tables of a store: what they are called, what they hold, and the views that people read.

External ids are kept once, in `user_keys` and `item_keys`; the tables that grow hold 32-bit keys, so that 20 million
events become a matrix in well under a second (docs/decisions/0003-store-layout.md). Each physical table ``*_rows`` has
a view (`events`, `items`, …) with the external ids in it, for the plain ``duckdb`` shell and for reading; rows that
were reverted or replaced do not show in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recsys.core.checks import one_of
from recsys.store import sql
from recsys.store.sql import has_rows, one_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA_VERSION = 4


@dataclass(frozen=True)
class TableSpec:
    """One table that users fill.

    Attributes
    ----------
    name : str
        What users call it; also the name of its view.
    rows : str
        The physical table.
    required : tuple of str
        Columns that a source must have.
    typed : mapping of str to str
        SQL types of the columns that recsys knows, required or not; other columns of a source are kept with the type
        they have.
    versioned : str or None
        For `items` and `users`: the column by which rows are versions of each other.
    """

    name: str
    rows: str
    required: tuple[str, ...]
    typed: dict[str, str] = field(default_factory=dict)
    versioned: str | None = None

    @property
    def time(self) -> str:
        """The column that says when: `ts`, or `valid_from` for versions."""
        return "valid_from" if self.versioned else "ts"


KEYED = {"user_id": "user_key", "item_id": "item_key"}
KEY_TABLES = {"user_id": "user_keys", "item_id": "item_keys"}

TABLES = {
    spec.name: spec
    for spec in (
        TableSpec(
            "events",
            "event_rows",
            ("user_id", "item_id"),
            {
                "user_id": "ID",
                "item_id": "ID",
                "ts": "TIMESTAMP",
                "event": "VARCHAR",
                "value": "DOUBLE",
                "event_id": "VARCHAR",
                "request_id": "VARCHAR",
                "session_id": "VARCHAR",
            },
        ),
        TableSpec(
            "impressions",
            "impression_rows",
            ("item_id",),
            {
                "request_id": "VARCHAR",
                "ts": "TIMESTAMP",
                "user_id": "ID",
                "item_id": "ID",
                "position": "INTEGER",
                "propensity_position": "DOUBLE",
                "propensity_slate": "DOUBLE",
                "propensity_given_above": "DOUBLE",
                "policy": "VARCHAR",
                "policy_version": "VARCHAR",
                "viewed": "BOOLEAN",
                "candidate_set": "VARCHAR",
                "reward": "DOUBLE",
                "event_id": "VARCHAR",
            },
        ),
        TableSpec(
            "exposures",
            "exposure_rows",
            ("experiment", "unit_id", "variant", "ts"),
            {
                "experiment": "VARCHAR",
                "unit_id": "ID",
                "variant": "VARCHAR",
                "ts": "TIMESTAMP",
                "event_id": "VARCHAR",
            },
        ),
        TableSpec("items", "item_rows", ("item_id",), {"item_id": "ID", "valid_from": "TIMESTAMP"}, "item_id"),
        TableSpec("users", "user_rows", ("user_id",), {"user_id": "ID", "valid_from": "TIMESTAMP"}, "user_id"),
    )
}

# The ids start as text and become BIGINT if the first ones that arrive are integers (`fix_id_type`).
_TABLES_SQL = """
CREATE TABLE meta (schema_version INTEGER, recsys_version VARCHAR, store_id VARCHAR, created_at TIMESTAMP);

CREATE TABLE user_keys (user_key INTEGER, user_id VARCHAR);
CREATE TABLE item_keys (item_key INTEGER, item_id VARCHAR);

CREATE TABLE event_rows (
    user_key INTEGER, item_key INTEGER, ts TIMESTAMP, event VARCHAR, value DOUBLE, ingest_id INTEGER
);
CREATE TABLE impression_rows (user_key INTEGER, item_key INTEGER, ts TIMESTAMP, position INTEGER, ingest_id INTEGER);
CREATE TABLE exposure_rows (experiment VARCHAR, unit_id VARCHAR, variant VARCHAR, ts TIMESTAMP, ingest_id INTEGER);
CREATE TABLE item_rows (item_key INTEGER, valid_from TIMESTAMP, ingest_id INTEGER);
CREATE TABLE user_rows (user_key INTEGER, valid_from TIMESTAMP, ingest_id INTEGER);

-- One row for each change of the tables above; the highest ingest_id is the high-water mark that a snapshot remembers.
CREATE TABLE ingests (
    ingest_id INTEGER, kind VARCHAR, table_name VARCHAR, source VARCHAR, received_at TIMESTAMP, content_hash VARCHAR,
    rows_read BIGINT, rows_ingested BIGINT, rows_duplicate BIGINT, rows_bad BIGINT,
    first_ts TIMESTAMP, last_ts TIMESTAMP, options VARCHAR
);
-- What a change took out of sight: all rows of an ingest, or the older rows of a time span (since <= ts < until).
CREATE TABLE tombstones (
    ingest_id INTEGER, table_name VARCHAR, target_ingest INTEGER, since TIMESTAMP, until TIMESTAMP
);
CREATE TABLE quarantine (
    ingest_id INTEGER, table_name VARCHAR, source VARCHAR, reason VARCHAR, user_id VARCHAR, row_json VARCHAR
);
CREATE TABLE watermarks (table_name VARCHAR, complete_through TIMESTAMP, set_at TIMESTAMP);

CREATE TABLE snapshots (
    snapshot_id VARCHAR, name VARCHAR, created_at TIMESTAMP, recipe VARCHAR, until TIMESTAMP, high_water INTEGER,
    content_hash VARCHAR, n_rows BIGINT, n_users BIGINT, n_items BIGINT, repeatable BOOLEAN
);
CREATE TABLE runs (
    run_id VARCHAR, kind VARCHAR, created_at TIMESTAMP, recipe VARCHAR, seed BIGINT, snapshot_id VARCHAR,
    parents VARCHAR, trained_through TIMESTAMP, versions VARCHAR, metrics VARCHAR, result VARCHAR, wall_s DOUBLE,
    peak_rss_mb DOUBLE, artifact VARCHAR, status VARCHAR, repeatable BOOLEAN, warnings VARCHAR,
    view VARCHAR -- came with version 4: what the result showed, as JSON
);
CREATE TABLE user_metrics (run_id VARCHAR, user_key INTEGER, metric VARCHAR, value DOUBLE);
CREATE TABLE audit (happened_at TIMESTAMP, action VARCHAR, subject VARCHAR, detail VARCHAR);
"""

# Came with version 2. `plan` is the declaration as it was when the experiment began, `declaration` as it is now; both
# are JSON. A unit id is kept as text here: that is what assignment hashes.
EXPERIMENTS_SQL = """
CREATE TABLE experiments (
    name VARCHAR, declaration VARCHAR, plan VARCHAR, plan_hash VARCHAR, begins TIMESTAMP, created_at TIMESTAMP,
    stopped_at TIMESTAMP
);
CREATE TABLE experiment_overrides (experiment VARCHAR, unit_id VARCHAR, variant VARCHAR, set_at TIMESTAMP);
"""

# Came with version 3. Predictions of offline estimates and outcomes of A/B tests; `source` is null for outcomes.
LEDGER_SQL = """
CREATE TABLE ledger (
    entry VARCHAR, source VARCHAR, experiment VARCHAR, candidate VARCHAR, baseline VARCHAR, quantity VARCHAR,
    per VARCHAR, scale VARCHAR, estimate DOUBLE, ci_low DOUBLE, ci_high DOUBLE, confidence DOUBLE,
    happened_at TIMESTAMP, run_id VARCHAR
);
"""


def table_spec(table: str) -> TableSpec:
    """Return the description of a table that users fill.

    Raises
    ------
    ArgumentError
        There is no such table.

    Examples
    --------
    >>> table_spec("items").versioned
    'item_id'
    """
    return TABLES[one_of("table", table, TABLES)]


def create_tables(con: DuckDBPyConnection, recsys_version: str, store_id: str) -> None:
    """Create all tables and views of an empty store, inside the caller's transaction."""
    con.execute(_TABLES_SQL + EXPERIMENTS_SQL + LEDGER_SQL)
    con.execute(
        "INSERT INTO meta VALUES (?, ?, ?, now() AT TIME ZONE 'UTC')", [SCHEMA_VERSION, recsys_version, store_id]
    )
    refresh_views(con)


def has_tables(con: DuckDBPyConnection) -> bool:
    """Return whether a database has the tables of a store."""
    return has_rows(con, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'meta'")


def columns_of(con: DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the columns of a table or view as ``{name: SQL type}``, in order."""
    rows = con.execute("SELECT name, type FROM pragma_table_info(?)", [table]).fetchall()
    return {str(name): str(kind) for name, kind in rows}


@dataclass(frozen=True)
class Tombstone:
    """A change that took rows of a table out of sight, and was not undone itself.

    Attributes
    ----------
    ingest_id : int
        The change.
    target : int or None
        The ingest whose rows it hides.
    since, until : str
        Or the span of time (half-open) in which it hides the rows that arrived before it.
    """

    ingest_id: int
    target: int | None
    since: str
    until: str


def tombstones(con: DuckDBPyConnection, table: str, as_of: int | None = None) -> list[Tombstone]:
    """Return what hides rows of a table, the newest first.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    table : str
        `events`, `items`, ….
    as_of : int, optional
        The ingest high-water mark to look back to; None is now.
    """
    rows = con.execute(
        "SELECT ingest_id, table_name, target_ingest, since::VARCHAR, until::VARCHAR FROM tombstones"
        " WHERE ? IS NULL OR ingest_id <= ? ORDER BY ingest_id DESC",
        [as_of, as_of],
    ).fetchall()
    undone: set[int] = set()
    active = []
    for ingest_id, name, target, since, until in rows:
        if ingest_id in undone:
            continue
        if target is not None:
            undone.add(target)
        if name == table:
            active.append(Tombstone(ingest_id, target, since, until))
    return active


def live_rows(con: DuckDBPyConnection, table: str, *, as_of: int | None = None) -> str:
    """Return the SQL condition on a row ``r`` in sight: neither reverted nor replaced, and arrived by `as_of`."""
    conditions = [] if as_of is None else [f"r.ingest_id <= {as_of}"]
    time = f"r.{TABLES[table].time}"
    for stone in tombstones(con, table, as_of):
        if stone.target is not None:
            conditions.append(f"r.ingest_id <> {stone.target}")
        else:
            span = f"{time} >= TIMESTAMP '{stone.since}' AND {time} < TIMESTAMP '{stone.until}'"
            conditions.append(f"NOT coalesce(r.ingest_id < {stone.ingest_id} AND {span}, false)")
    return " AND ".join(conditions) or "true"


def whole_ingests(con: DuckDBPyConnection, table: str) -> str:
    """Return the SQL condition on a row ``r`` of `ingests` all of whose rows are in sight."""
    conditions = [f"r.table_name = '{table}'", "r.kind = 'ingest'"]
    for stone in tombstones(con, table):
        if stone.target is not None:
            conditions.append(f"r.ingest_id <> {stone.target}")
        else:
            span = f"r.last_ts >= TIMESTAMP '{stone.since}' AND r.first_ts < TIMESTAMP '{stone.until}'"
            conditions.append(f"NOT coalesce(r.ingest_id < {stone.ingest_id} AND {span}, false)")
    return " AND ".join(conditions)


def refresh_views(con: DuckDBPyConnection) -> None:
    """Write the views `events`, `items`, … anew after a column was added or rows went out of sight."""
    for spec in TABLES.values():
        in_force = "coalesce(r.valid_from <= now() AT TIME ZONE 'UTC', true)" if spec.versioned else "true"
        con.execute(f'CREATE OR REPLACE VIEW "{spec.name}" AS {view_query(con, spec, where=in_force)}')


def view_query(con: DuckDBPyConnection, spec: TableSpec, *, as_of: int | None = None, where: str = "true") -> str:
    """Return the SELECT that shows a table with its external ids.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    spec : TableSpec
        The table.
    as_of : int, optional
        The ingest high-water mark to look back to; None is now.
    where : str
        A further condition on the physical row ``r``.

    Notes
    -----
    Of a versioned table it shows the newest version of each key: the latest `valid_from` (none counts as "since
    ever"), and of those the one that arrived last.
    """
    shown, joins = [], []
    for column in columns_of(con, spec.rows):
        entity = next((name for name, key in KEYED.items() if key == column), None)
        if entity is None:
            shown.append(f"r.{sql.name(column)}")
            continue
        keys = KEY_TABLES[entity]
        # Impressions may lack a user; everywhere else a key always has its id.
        outer = "LEFT JOIN" if entity not in spec.required else "JOIN"
        shown.append(f"{keys}.{entity}")
        joins.append(f"{outer} {keys} ON {keys}.{column} = r.{column}")
    alive = f"({live_rows(con, spec.name, as_of=as_of)}) AND ({where})"
    query = f"SELECT {', '.join(shown)} FROM {spec.rows} r {' '.join(joins)} WHERE {alive}"
    if spec.versioned:
        query += (
            f" QUALIFY row_number() OVER (PARTITION BY r.{KEYED[spec.versioned]}"
            " ORDER BY r.valid_from DESC NULLS LAST, r.ingest_id DESC) = 1"
        )
    return query


def id_type(con: DuckDBPyConnection, entity: str) -> str | None:
    """Return the SQL type of an entity's external ids, ``BIGINT`` or ``VARCHAR``; None while no id has arrived.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    entity : str
        `user_id`, `item_id` or `unit_id`.
    """
    table = KEY_TABLES.get(entity, "exposure_rows")
    return columns_of(con, table)[entity] if has_rows(con, f"SELECT 1 FROM {table} LIMIT 1") else None


def fix_id_type(con: DuckDBPyConnection, entity: str, sql_type: str) -> None:
    """Fix the type of an entity's external ids before its first id is stored."""
    table = KEY_TABLES.get(entity, "exposure_rows")
    if columns_of(con, table)[entity] == sql_type:
        return
    for spec in TABLES.values():
        con.execute(f'DROP VIEW IF EXISTS "{spec.name}"')
    con.execute(f"ALTER TABLE {table} ALTER {entity} TYPE {sql_type}")
    refresh_views(con)


def high_water(con: DuckDBPyConnection) -> int:
    """Return the number of the last change that the store received; 0 when it is empty."""
    return int(one_row(con, "SELECT coalesce(max(ingest_id), 0) FROM ingests")[0])
