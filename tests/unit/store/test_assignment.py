"""The assignment in SQL is the kernel's, for ids of every kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import recsys as rs
from recsys.experiment import Count, Experiment, Holdout, Layer, Stage
from recsys.kernels import hash_buckets
from recsys.store.assignment import bucket_sql, variant_sql

RAMP = [Stage("2026-06-01", 0.2, {"a": 0.9, "b'": 0.1, "c": 0}), Stage("2026-06-03", 0.7), Stage("2026-06-05")]
INTEGERS = [0, 1, -1, 42, -7, 2**63 - 1, -(2**63), *range(1000, 3000)]
TEXTS = [
    "",
    " ",
    "0",
    "-7",
    "a'b",
    "Zoë",
    "Zoe\u0308",
    "日本語",
    "🎬",
    "x" * 200,
    "a:b",
    *(f"unit {n}" for n in range(2000)),
]


def in_sql(expression: str, ids: list[int] | list[str]) -> list[Any]:
    kind = "BIGINT" if isinstance(ids[0], int) else "VARCHAR"
    query = (
        f"SELECT {expression} FROM (SELECT unnest($1::{kind}[]) AS unit_id, generate_subscripts($1, 1) AS i) ORDER BY i"
    )
    with duckdb.connect() as con:
        return [value for (value,) in con.execute(query, [ids]).fetchall()]


def test_buckets_of_integers() -> None:
    for prefix in ("arm:x:", "entry:it's:", "arm:été:"):
        assert in_sql(bucket_sql(prefix, "unit_id"), INTEGERS) == hash_buckets(prefix, np.array(INTEGERS)).tolist()


@pytest.mark.parametrize("ids", [INTEGERS, TEXTS], ids=["integers", "texts"])
@pytest.mark.parametrize("at", ["2026-05-01", "2026-06-02", "2026-06-04", "2026-06-30", "2026-07-02"])
@pytest.mark.parametrize(
    "parts", [{}, {"ramp": RAMP, "assignment": "hash", "layer": Layer("ho'me", 0.1, 0.8), "holdout": Holdout("h", 0.1)}]
)
def test_arms(ids: list[int] | list[str], at: str, parts: dict[str, Any]) -> None:
    test = Experiment(
        "it's ü",
        {"a": 0.5, "b'": 0.3, "c": 0.2},
        control="a",
        start="2026-06-01",
        end="2026-07-01",
        metrics=[Count("plays")],
        overrides={"42": "c", "Zoë": "b'"},
        **parts,
    )
    found = in_sql(variant_sql(test, at=at), ids)
    assert found == rs.assign(test, ids, at=at)["variant"].to_list()
    if at == "2026-06-30":
        assert set(found) >= {"a", "b'", "c"}


def test_the_macro_of_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "assignment.md").read_text("utf-8")
    macro = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)[0]
    vectors = re.findall(r"^\| `([^|]*:)` \| `?([^|`]*?)`? \| [0-9a-f]{13} \| (\d+) \|$", page, re.MULTILINE)
    with duckdb.connect() as con:
        con.execute(macro)
        for prefix, unit, expected in vectors:
            assert con.execute("SELECT bucket(?, ?)", [prefix, unit]).fetchall() == [(int(expected),)]
