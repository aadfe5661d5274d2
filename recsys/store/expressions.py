"""Measures that are free SQL (``expr=``): a copy of the rows that they need, and a locked process that runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, NotFoundError, RecsysError
from recsys.experiment.units.measures import Measure
from recsys.store import sandbox, sql
from recsys.store.arrow import offered
from recsys.store.filters import Columns
from recsys.store.schema import KEY_TABLES, KEYED, TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SECONDS = 300.0
MEMORY_LIMIT = "1GiB"
_PLACE = "__place"


def check_expression(con: DuckDBPyConnection, table: str, expression: str) -> list[str]:
    """Return the columns that an expression names, after it was looked at and bound to the types of a table.

    Raises
    ------
    ArgumentError
        It is not one expression over the rows of a unit, or does not give a number.
    NotFoundError
        It names a column that the table lacks.
    """
    types = Columns(con, table).types()
    answer = _ask({"expr": expression, "columns": types})
    _refuse(expression, table, answer, types)
    columns: list[str] = answer["columns"]
    return columns


def evaluate_expression(
    con: DuckDBPyConnection,
    measure: Measure,
    *,
    live: str,
    users: pl.DataFrame,
    starts: NDArray[np.int64],
    until: int,
    exclude: Sequence[tuple[int, int]] = (),
) -> NDArray[np.float64]:
    """Return the number that the expression of a measure gives for each unit: NaN for NULL, 0 without rows.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    measure : Measure
        Its aggregate is an ``expr``.
    live : str
        The SQL condition on rows ``r`` in sight.
    users : DataFrame
        ``user_key``, ``place``: who belongs to which unit.
    starts : (n,) int64
        First exposures, microseconds.
    until : int
        Rows of this time or later do not count.
    exclude : sequence of (int, int)
        Spans of time whose rows do not count.

    Raises
    ------
    ArgumentError, NotFoundError
        See `check_expression`; or the expression failed on the rows.
    RecsysError
        It took too long or too much memory.
    """
    expression = str(measure.aggregate.column)
    columns = Columns(con, measure.table)
    names = check_expression(con, measure.table, expression)
    joins = {KEYED[name]: KEY_TABLES[name] for name in names if name in KEYED}
    picked = [f"k_{KEYED[name]}.{name}" if name in KEYED else f"r.{sql.name(name)}" for name in names]
    joined = "".join(f" LEFT JOIN {keys} k_{key} ON k_{key}.{key} = r.{key}" for key, keys in joins.items())
    end = until if measure.end is None else measure.end
    inside = f"r.ts >= make_timestamp(u.start + {measure.begin}) AND r.ts < make_timestamp({min(until, 2**61)})"
    if measure.end is not None:
        inside += f" AND r.ts < make_timestamp(u.start + {end})"
    for since, to in exclude:
        inside += f" AND NOT (r.ts >= make_timestamp({since}) AND r.ts < make_timestamp({to}))"
    asked = users.select("user_key", "place").with_columns(pl.Series("start", starts[users["place"].to_numpy()]))
    with tempfile.TemporaryDirectory(prefix="recsys-expr-") as folder, offered(con, "expr_users", asked) as units:
        data, out = Path(folder) / "rows.parquet", Path(folder) / "values.npz"
        query = (
            f"SELECT u.place AS {_PLACE}{''.join(f', {one}' for one in picked)} FROM {TABLES[measure.table].rows} r"
            f" JOIN {units} u USING (user_key){joined}"
            f" WHERE {live} AND {columns.passes(measure.where)} AND {inside} ORDER BY u.place, r.rowid"
        )
        con.execute(f"COPY ({query}) TO {sql.text(str(data))} (FORMAT parquet)", columns.params)
        answer = _ask({"expr": expression, "columns": columns.types(), "data": str(data), "out": str(out)})
        _refuse(expression, measure.table, answer, columns.types())
        values = np.zeros(len(starts))
        with np.load(out, allow_pickle=False) as found:
            values[found["places"]] = found["values"]
    return values


def _ask(request: Mapping[str, Any]) -> dict[str, Any]:
    """Run the sandbox on a request; its environment is empty but for what Python needs to start."""
    import duckdb

    packages = sorted({str(Path(str(module.__file__)).parents[1]) for module in (duckdb, np)})
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(Path(sandbox.__file__))],
            input=json.dumps({**request, "memory_limit": MEMORY_LIMIT, "packages": packages}),
            capture_output=True,
            text=True,
            env=kept,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RecsysError(
            f"expr={request['expr']!r} took more than {SECONDS:g} s", "a simpler expression was expected"
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise RecsysError(f"expr={request['expr']!r} failed: {last}", "a simpler expression was expected")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _refuse(expression: str, table: str, answer: Mapping[str, Any], types: Mapping[str, str]) -> None:
    if "refused" in answer:
        raise ArgumentError(
            f"expr={expression!r} is refused: {answer['refused']}",
            f"one SQL expression that makes a number of a unit's rows of {table} was expected",
            "expr='sum(value) / count(DISTINCT item_id)'",
        )
    for name in answer.get("missing", ()):
        raise NotFoundError(
            f"expr={expression!r} names {name!r}, which {table} does not have",
            f"it has {', '.join(types)}",
            did_you_mean(name, types),
        )
