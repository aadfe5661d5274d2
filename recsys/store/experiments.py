"""The registry of experiments: what was planned, what is declared now, who was put where by hand, and what changed.

The plan of an experiment is its declaration at the moment it began: when its `start` had passed, or its first exposure
had arrived. Until then it is a draft and may be replaced; after that every change is a deviation, which later results
list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.hashing import canonical_json
from recsys.display import counted
from recsys.experiment import Experiment
from recsys.store import sql
from recsys.store.arrow import fetch_frame
from recsys.store.registered import Change, RegisteredExperiment, deviations
from recsys.store.schema import live_rows

if TYPE_CHECKING:
    import polars as pl
    from duckdb import DuckDBPyConnection

_COLUMNS = "name, declaration, plan, plan_hash, begins, created_at, stopped_at"


def register(
    con: DuckDBPyConnection, experiment: Experiment, now: datetime, *, amend: bool = False
) -> RegisteredExperiment:
    """Write a new experiment, or a new declaration of one that is there, inside the caller's write transaction.

    A draft is replaced, and its plan with it. The plan of one that runs stays; a changed declaration is refused unless
    `amend` says that it is meant. The same declaration again changes nothing. Overrides are kept apart, because they
    name units: they are no part of the plan, and a declaration that has any replaces all of them.

    Raises
    ------
    ArgumentError
        The experiment runs and `amend` is False, or it was stopped.
    """
    name, planned = experiment.name, replace(experiment, overrides=None)
    if sql.has_rows(con, "SELECT 1 FROM experiments WHERE name = ?", [name]):
        _redeclare(con, planned, now, amend)
    else:
        text = canonical_json(planned.to_dict())
        values = [name, text, text, planned.plan_hash, planned.start, now]
        con.execute(f"INSERT INTO experiments ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, NULL)", values)
        _note(con, now, "create", name, f"plan {planned.plan_hash[:12]}")
    known = find_experiment(con, name, now)
    if experiment.overrides is None or experiment.overrides == known.overrides:
        return known
    units: dict[int | str, str | None] = dict.fromkeys(known.overrides)  # None takes back
    units.update(experiment.overrides)
    override(con, name, units, now)
    return find_experiment(con, name, now)


def _redeclare(con: DuckDBPyConnection, planned: Experiment, now: datetime, amend: bool) -> None:
    known, declaration = find_experiment(con, planned.name, now), planned.to_dict()
    text = canonical_json(declaration)
    same = canonical_json(known.declaration) == text
    changed = ", ".join(one.field for one in deviations(known.declaration, declaration))
    if known.status == "stopped":
        raise ArgumentError(
            f"experiment {planned.name!r} was stopped{'' if same else f' and is declared otherwise now ({changed})'}",
            "one that was not stopped was expected",
            "give the new experiment another name",
        )
    if same:
        return
    if known.status == "draft":
        con.execute(
            "UPDATE experiments SET declaration = ?, plan = ?, plan_hash = ?, begins = ? WHERE name = ?",
            [text, text, planned.plan_hash, planned.start, planned.name],
        )
        _note(con, now, "replace", planned.name, f"plan {planned.plan_hash[:12]}: {changed}")
        return
    if not amend:
        raise ArgumentError(
            f"experiment {planned.name!r} is running, and its plan is frozen ({changed} would change)",
            "what was declared was expected",
            "amend=True changes it; later results list the deviations",
        )
    con.execute("UPDATE experiments SET declaration = ? WHERE name = ?", [text, planned.name])
    _note(con, now, "amend", planned.name, changed)


def stop(con: DuckDBPyConnection, name: str, now: datetime, reason: str | None = None) -> RegisteredExperiment:
    """Write that an experiment is over, inside the caller's write transaction; one that is over stays as it is.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    """
    known = find_experiment(con, name, now)
    if known.status == "stopped":
        return known
    con.execute("UPDATE experiments SET stopped_at = ? WHERE name = ?", [now, name])
    _note(con, now, "stop", name, reason)
    return find_experiment(con, name, now)


def override(con: DuckDBPyConnection, name: str, units: Mapping[int | str, str | None], now: datetime) -> None:
    """Put units into an arm by hand, whatever their hash says, inside the caller's write transaction.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor in a write transaction.
    name : str
        The experiment.
    units : mapping of unit id to str or None
        The arm of each; None takes an override back.
    now : datetime
        UTC.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    ArgumentError
        It has no such arm.
    """
    arms = find_experiment(con, name, now).declaration["arms"]
    for unit, variant in units.items():
        if variant is not None:
            one_of(f"the arm of unit {unit}", variant, arms)
        con.execute("DELETE FROM experiment_overrides WHERE experiment = ? AND unit_id = ?", [name, str(unit)])
        if variant is not None:
            con.execute("INSERT INTO experiment_overrides VALUES (?, ?, ?, ?)", [name, str(unit), variant, now])
    # Like that of a person who was forgotten, this line says that it happened, not to whom.
    _note(con, now, "override", name, counted(len(units), "unit"))


def find_experiment(con: DuckDBPyConnection, name: str, now: datetime) -> RegisteredExperiment:
    """Return an experiment by its name; `now` tells a draft from one that runs.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    """
    rows = con.execute(f"SELECT {_COLUMNS} FROM experiments WHERE name = ?", [name]).fetchall()
    if not rows:
        known = [str(row[0]) for row in con.execute("SELECT name FROM experiments ORDER BY name").fetchall()]
        raise NotFoundError(
            f"there is no experiment {name!r}",
            f"the store has {', '.join(known)}" if known else "the store has none yet",
            did_you_mean(name, known) or "recsys experiment create FILE.toml",
        )
    return _registered(con, rows[0], now)


def list_experiments(con: DuckDBPyConnection, now: datetime) -> list[RegisteredExperiment]:
    """Return all experiments, the newest first."""
    rows = con.execute(f"SELECT {_COLUMNS} FROM experiments ORDER BY created_at DESC, name").fetchall()
    return [_registered(con, row, now) for row in rows]


def exposed_pairs(con: DuckDBPyConnection, name: str) -> pl.DataFrame:
    """Return which units are exposed in which variant of an experiment: unit_id, variant."""
    return fetch_frame(
        con,
        f"SELECT DISTINCT r.unit_id, r.variant FROM exposure_rows r WHERE r.experiment = ?"
        f" AND {live_rows(con, 'exposures')} ORDER BY r.unit_id, r.variant",
        [name],
    )


def _registered(con: DuckDBPyConnection, row: tuple[Any, ...], now: datetime) -> RegisteredExperiment:
    name, declaration, plan, digest, begins, created_at, stopped_at = row
    (exposed,) = sql.one_row(
        con,
        f"SELECT count(DISTINCT r.unit_id) FROM exposure_rows r WHERE r.experiment = ?"
        f" AND {live_rows(con, 'exposures')}",
        [name],
    )
    overrides = con.execute(
        "SELECT unit_id, variant FROM experiment_overrides WHERE experiment = ? ORDER BY unit_id", [name]
    ).fetchall()
    changes = con.execute(
        "SELECT happened_at, action[12:], detail FROM audit WHERE starts_with(action, 'experiment ') AND subject = ?"
        " ORDER BY happened_at, rowid",
        [name],
    ).fetchall()
    looks = con.execute(
        "SELECT run_id FROM runs WHERE kind = 'analysis' AND recipe->>'$.experiment' = ?"
        " ORDER BY created_at DESC, run_id DESC LIMIT 1",
        [name],
    ).fetchall()
    begun = exposed > 0 or begins <= now
    return RegisteredExperiment(
        name=name,
        status="stopped" if stopped_at is not None else "running" if begun else "draft",
        declaration=json.loads(declaration),
        plan=json.loads(plan),
        plan_hash=digest,
        created_at=created_at,
        stopped_at=stopped_at,
        exposed=int(exposed),
        overrides=dict(overrides),
        changes=tuple(Change(*change) for change in changes),
        last_analysis=looks[0][0] if looks else None,
    )


def _note(con: DuckDBPyConnection, now: datetime, action: str, name: str, detail: str | None) -> None:
    con.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", [now, f"experiment {action}", name, detail])
