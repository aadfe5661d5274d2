"""What a notebook shows of a store, a run and a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.core.errors import RecsysError
from recsys.display import Cell, Table, View, facts, settings_text
from recsys.store import sql
from recsys.store.schema import TABLES, live_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from recsys.store.runs import Run
    from recsys.store.snapshots import Snapshot
    from recsys.store.store import Store


def store_card(store: Store) -> View:
    """Return how much a store holds, by counts that take no scan of its columns."""
    title = f"Store {store.path}"
    try:
        with store.read() as con:
            counts = tuple(
                (name, _count(con, f"{spec.rows} r WHERE {live_rows(con, name)}")) for name, spec in TABLES.items()
            )
            kept = {name: _count(con, name) for name in ("snapshots", "runs", "experiments")}
    except RecsysError as error:  # in the hands of another process: a name is better than a traceback
        return View(title, notes=(str(error),))
    return facts(title, kept, (Table(("table", "rows"), counts),), ("more: describe(), runs(), experiments()",))


def run_card(run: Run) -> View:
    """Return what a run did, and what its result showed."""
    shown = View("") if run.view is None else View.from_dict(run.view)
    known: dict[str, Cell] = {
        "run": run.run_id,
        "finished": f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "model": _word(run.recipe.get("model")),
        "snapshot": run.snapshot_id,
        "made from": ", ".join(run.parents) or None,
        "trained through": None if run.trained_through is None else f"{run.trained_through:%Y-%m-%d %H:%M:%S} UTC",
        "seed": None if run.seed is None else str(run.seed),
        "took": f"{run.wall_s:,.1f} s, at most {run.peak_rss_mb:,.0f} MB",
        "repeatable": None if run.repeatable else "no: data or model are gone",
    }
    metrics: tuple[tuple[Cell, ...], ...] = tuple(run.metrics.items())
    numbers = (Table(("metric", "value"), metrics),) if metrics and not shown.tables else ()
    title = f"{run.kind}, {run.status}" + (f": {shown.title}" if shown.title else "")
    notes = tuple(dict.fromkeys((*shown.notes, *run.warnings)))
    return facts(title, known, (*numbers, *shown.tables), notes)


def snapshot_card(snapshot: Snapshot) -> View:
    """Return the size of a snapshot, and which rows it holds."""
    known: dict[str, Cell] = {
        "events": snapshot.rows,
        "users": snapshot.users,
        "items": snapshot.items,
        "taken": f"{snapshot.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "content": snapshot.content_hash[:16],
        "repeatable": None if snapshot.repeatable else "no: a person in it was forgotten",
        "recipe": settings_text(snapshot.recipe),
    }
    return facts(f"Snapshot {snapshot.name or snapshot.snapshot_id}", known)


def _count(con: DuckDBPyConnection, rows: str) -> int:
    return int(sql.one_row(con, f"SELECT count(*) FROM {rows}")[0])


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None
