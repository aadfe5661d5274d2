"""A process of its own for SQL that a user wrote: a request in JSON on stdin, the answer on stdout.

It is started as `python -I sandbox.py`, and imports nothing of recsys. An expression is parsed and looked at before it
is run: one expression over columns, no subquery, no window, nothing that differs from call to call. It is run on an
in-memory DuckDB that holds a copy of the columns that it names, with no way to files, network, extensions or settings,
on one thread, with a limit of memory; whoever started the process ends it when its time is over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

PARTS = {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION"}
PARTS |= {"OPERATOR", "TYPE"}
NODE = {"type", "cte_map", "select_list", "from_table", "aggregate_handling"}
CLOCKS = ("now", "today", "current_", "get_current_", "transaction_timestamp", "localtime", "age")


class RefusedError(Exception):
    """The expression may not be run; the text says why."""


def main() -> None:
    """Answer one request: ``expr``, ``columns`` ({name: SQL type}), and to run it ``data`` and ``out``."""
    request = json.load(sys.stdin)
    sys.path.extend(request.get("packages", ()))  # where duckdb and numpy are, if not where Python looks by itself
    try:
        answer = _answer(request)
    except RefusedError as refused:
        answer = {"refused": str(refused)}
    sys.stdout.write(json.dumps(answer))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    import duckdb

    offline = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    con = duckdb.connect(":memory:", config={**offline, "threads": 1, "memory_limit": request["memory_limit"]})
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = true")
    named = _columns(con, request["expr"])
    missing = [name for name in named if name not in request["columns"]]
    if missing:
        return {"missing": missing}
    if "data" in request:
        con.execute("CREATE TABLE unit_rows AS FROM read_parquet(?)", [request["data"]])
    else:
        quoted = ", ".join(f"{_quoted(name)} {request['columns'][name]}" for name in named)
        con.execute(f"CREATE TABLE unit_rows (__place INTEGER{', ' if quoted else ''}{quoted})")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    # The end of the line ends a comment of the expression.
    query = f"SELECT __place, (\n{request['expr']}\n)::DOUBLE AS value FROM unit_rows GROUP BY __place ORDER BY __place"
    try:
        found = con.execute(query).fetchnumpy()
    except duckdb.Error as error:
        raise RefusedError(str(error).strip().splitlines()[0]) from None
    if "data" in request:
        import numpy as np

        places = np.asarray(found["__place"], dtype=np.int32)
        values = np.ma.filled(np.ma.asarray(found["value"], dtype=np.float64), np.nan)
        np.savez(request["out"], places=places, values=values)
    return {"columns": named}


def _columns(con: Any, expression: str) -> list[str]:
    """Return the columns that an expression names, after a look at each of its parts."""
    (text,) = con.execute(
        "SELECT json_serialize_sql(?, skip_default := true, skip_empty := true, skip_null := true)",
        [f"SELECT {expression}"],
    ).fetchall()[0]
    parsed = json.loads(text)
    if parsed["error"]:
        raise RefusedError(f"it is no SQL expression: {parsed['error_message']}")
    nodes = [statement["node"] for statement in parsed["statements"]]
    whole = len(nodes) == 1 and nodes[0]["type"] == "SELECT_NODE" and set(nodes[0]) <= NODE and not nodes[0]["cte_map"]
    if not whole or len(nodes[0]["select_list"]) != 1 or nodes[0]["from_table"] != {"type": "EMPTY"}:
        raise RefusedError("it is more than one expression")
    steady = {
        str(row[0])
        for row in con.execute(
            "SELECT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro')"
            " GROUP BY function_name HAVING bool_and(coalesce(stability, 'CONSISTENT') <> 'VOLATILE')"
        ).fetchall()
    }
    named: dict[str, None] = {}
    for part in _parts(nodes[0]["select_list"]):
        kind = part["class"]
        if kind not in PARTS:
            raise RefusedError(f"it has a {kind.lower()}, which an expression over the rows of one unit cannot have")
        if kind == "FUNCTION":
            name = str(part["function_name"]).lower()
            if name.startswith(CLOCKS) or (not part.get("is_operator") and name not in steady):
                raise RefusedError(f"{name} does not give the same for the same rows, or is no function")
        if kind == "COLUMN_REF":
            if len(part["column_names"]) != 1:
                raise RefusedError(f"{'.'.join(part['column_names'])} is no column")
            named[part["column_names"][0]] = None
    return list(named)


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "class" in value:
            yield value
        for one in value.values():
            yield from _parts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _parts(one)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    main()
