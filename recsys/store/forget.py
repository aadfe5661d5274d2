"""Erasing a person: every row, in sight or not, and the bytes that the rows leave behind in the file.

DuckDB marks deleted rows and frees blocks, but their bytes stay in the file until something overwrites them. So after
the rows are gone, the live contents are copied into a new file which takes the old one's name.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.core.errors import LockedError, NotFoundError
from recsys.display import Table, View, Viewable, counted
from recsys.store import sql
from recsys.store.broker import Broker, connect
from recsys.store.changes import appeared_in
from recsys.store.named import erase_views
from recsys.store.schema import TABLES, columns_of, high_water

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BACKUPS = "store.v*.backup.duckdb"


@dataclass(frozen=True, repr=False)
class Forgotten(Viewable):
    """What was erased.

    Attributes
    ----------
    rows : dict of str to int
        Rows erased from each table.
    snapshots, runs : tuple of str
        Those that cannot be repeated any more, because the person was part of them.
    artifacts : tuple of str
        Fitted models of those runs: they still know the person until they are trained again or deleted.
    backups : tuple of str
        Copies of the database that an upgrade left, which still hold the person.
    unsure : int
        Quarantined lines that hold the id as a word and do not tell whose they are: they stay.
    """

    rows: dict[str, int]
    snapshots: tuple[str, ...]
    runs: tuple[str, ...]
    artifacts: tuple[str, ...]
    backups: tuple[str, ...]
    unsure: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def view(self) -> View:
        """Return what a reader should see: what is gone, and what still knows the person."""
        gone = Table(("erased from", "rows"), tuple(self.rows.items()))
        notes = [
            ("cannot be repeated any more: snapshot", self.snapshots),
            ("cannot be repeated any more: run", self.runs),
            ("warning: still knows the person until it is trained again or deleted: model", self.artifacts),
            ("warning: still holds the person: backup", self.backups),
        ]
        told = [f"{what} {name}" for what, names in notes for name in names]
        if self.unsure:
            lines = (
                "1 quarantined line that names" if self.unsure == 1 else f"{self.unsure:,} quarantined lines that name"
            )
            told.append(f"warning: {lines} the id without saying whose row it is stayed: look at store.quarantine()")
        return View(f"{counted(sum(self.rows.values()), 'row')} erased", (gone,), tuple(told))


def erase(con: DuckDBPyConnection, folder: Path, user_id: int | str, now: datetime) -> Forgotten:
    """Delete a person's rows and mark what was computed from them, inside the caller's write transaction.

    Raises
    ------
    NotFoundError
        The store knows no such user.
    """
    text = str(user_id)
    keys = con.execute("SELECT user_key FROM user_keys WHERE user_id::VARCHAR = ?", [text]).fetchall()
    key = int(keys[0][0]) if keys else None
    coarse = _units_of(con, key)
    conditions = _conditions(key, text, coarse)
    first = appeared_in(con, {name: condition for name, condition in conditions.items() if name in TABLES})
    rows = {}
    for table, condition in conditions.items():
        physical = TABLES[table].rows if table in TABLES else table
        rows[table] = int(sql.one_row(con, f"DELETE FROM {physical} r WHERE {condition}")[0])
    if not any(rows.values()):
        raise NotFoundError(f"there is no user {user_id!r}", "an id that the store holds was expected")
    erase_views(con, [text, *(unit for units in coarse.values() for unit in units)])
    snapshots, runs, artifacts = _mark(con, first)
    change = high_water(con) + 1
    con.execute(
        "INSERT INTO ingests (ingest_id, kind, source, received_at, rows_read, rows_ingested, rows_duplicate, rows_bad)"
        " VALUES (?, 'forget', 'a user was forgotten', ?, 0, 0, 0, 0)",
        [change, now],
    )
    # The audit says that and when somebody was forgotten, not who.
    con.execute("INSERT INTO audit VALUES (?, 'forget', NULL, ?)", [now, f"{sum(rows.values())} rows"])
    backups = tuple(str(path) for path in sorted(folder.glob(BACKUPS)))
    unsure = _unsure(con, text)
    return Forgotten(
        {name: count for name, count in rows.items() if count}, snapshots, runs, artifacts, backups, unsure
    )


def _unsure(con: DuckDBPyConnection, text: str) -> int:
    """Return how many quarantined lines that could not be parsed, and so have no user_id, hold the id as a word."""
    word = rf"(^|[^0-9A-Za-z_]){re.escape(text)}($|[^0-9A-Za-z_])"
    query = "SELECT count(*) FROM quarantine WHERE user_id IS NULL AND regexp_matches(row_json, ?)"
    return int(sql.one_row(con, query, [word])[0])


def _units_of(con: DuckDBPyConnection, key: int | None) -> dict[str, list[str]]:
    """Return, for each experiment whose units are coarser than users, the units that hold nobody but the person."""
    found: dict[str, list[str]] = {}
    columns = columns_of(con, "user_rows")
    for name, unit in con.execute(
        "SELECT name, coalesce(declaration->>'$.unit', 'user_id') FROM experiments"
    ).fetchall():
        if unit == "user_id":
            continue
        found[name] = []
        if key is not None and unit in columns:
            quoted = sql.name(unit)
            found[name] = [
                str(row[0])
                for row in con.execute(
                    f"SELECT DISTINCT r.{quoted}::VARCHAR FROM user_rows r WHERE r.user_key = ? AND r.{quoted} NOT IN"
                    f" (SELECT o.{quoted} FROM user_rows o WHERE o.user_key <> ? AND o.{quoted} IS NOT NULL)",
                    [key, key],
                ).fetchall()
            ]
    return found


def _conditions(key: int | None, text: str, units: dict[str, list[str]]) -> dict[str, str]:
    """Return for each table the condition on a row ``r`` of the person."""
    conditions = {} if key is None else dict.fromkeys(("events", "impressions", "users"), f"r.user_key = {key}")
    # The id of an account may read like that of a user, and is not meant then.
    coarse = ", ".join(map(sql.text, units))
    of_user = f"r.unit_id::VARCHAR = {sql.text(text)}" + (f" AND r.experiment NOT IN ({coarse})" if units else "")
    whole = [
        f"r.experiment = {sql.text(name)} AND r.unit_id::VARCHAR IN ({', '.join(map(sql.text, ids))})"
        for name, ids in units.items()
        if ids
    ]
    conditions["exposures"] = conditions["experiment_overrides"] = " OR ".join(f"({one})" for one in (of_user, *whole))
    conditions["quarantine"] = f"r.user_id = {sql.text(text)}"
    if key is not None:
        conditions["user_metrics"] = f"r.user_key = {key}"
        conditions["user_keys"] = f"r.user_key = {key}"
    return conditions


def _mark(con: DuckDBPyConnection, first: int | None) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Mark the snapshots that knew the person, and their runs; return their ids, and the runs' artefacts."""
    if first is None:
        return (), (), ()
    marked = con.execute(
        "UPDATE snapshots SET repeatable = false WHERE high_water >= ? RETURNING snapshot_id", [first]
    ).fetchall()
    snapshots = sorted({snapshot for (snapshot,) in marked})
    runs = con.execute(
        "UPDATE runs SET repeatable = false WHERE list_contains(?, snapshot_id) RETURNING run_id, artifact", [snapshots]
    ).fetchall()
    # These have no snapshot: they say themselves up to which change they looked; of a file alone it is none.
    looks = con.execute(
        "UPDATE runs SET repeatable = false WHERE kind IN ('analysis', 'replay', 'replay-learning')"
        " AND NOT (kind = 'replay-learning' AND recipe->>'$.log' IS NOT NULL)"
        " AND coalesce((recipe->>'$.high_water')::INTEGER, ?) >= ? RETURNING run_id",
        [first, first],
    ).fetchall()
    artifacts = {artifact for _, artifact in runs if artifact}
    marked_runs = sorted({str(row[0]) for row in (*runs, *looks)})
    return tuple(snapshots), tuple(marked_runs), tuple(sorted(artifacts))


def compact(broker: Broker, timeout: float) -> None:
    """Copy the live contents into a new file and put it in the old one's place, so that erased bytes are gone.

    Raises
    ------
    LockedError
        Other connections kept the store busy until the deadline.
    """
    database = broker.database
    fresh = database.with_name("store.compact.duckdb")
    fresh.unlink(missing_ok=True)
    try:
        with broker.alone(timeout) as patiently:
            con = connect(":memory:")
            try:
                # Held for reading until the new file has its name: nobody can write to the old one meanwhile.
                patiently(lambda: con.execute(f"ATTACH {sql.text(str(database))} AS old (READ_ONLY)"))
                if Path(f"{database}.wal").exists():
                    raise LockedError(f"the store {database.parent} was written meanwhile", "", "forget the user again")
                con.execute(f"ATTACH {sql.text(str(fresh))} AS fresh")
                con.execute("COPY FROM DATABASE old TO fresh")
                con.execute("DETACH fresh")
                fresh.replace(database)
            finally:
                con.close()
    finally:
        fresh.unlink(missing_ok=True)
