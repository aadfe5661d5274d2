from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from recsys.cli.encoding import to_json_value


class Pair(NamedTuple):
    low: float
    high: float


@dataclass(frozen=True)
class Inner:
    when: datetime


@dataclass(frozen=True)
class Outer:
    inner: Inner
    pair: Pair


class Result:
    def to_dict(self) -> dict[str, object]:
        return {"mean": float("nan")}


def test_nested_values_survive_strict_json() -> None:
    value = {
        1: Outer(Inner(datetime(2026, 6, 1)), Pair(-np.inf, 2.0)),
        "frame": pl.DataFrame({"a": [1, None], "t": [date(2026, 1, 1), None]}),
        "arrays": (np.arange(2), np.float32(0.5), np.int64(3), np.bool_(True)),
        "result": Result(),
        "others": [Path("a/b"), timedelta(seconds=1.5), {"b", "a"}, datetime(2026, 6, 1, tzinfo=UTC)],
    }
    assert json.loads(json.dumps(to_json_value(value), allow_nan=False)) == {
        "1": {"inner": {"when": "2026-06-01T00:00:00Z"}, "pair": {"low": None, "high": 2.0}},
        "frame": [{"a": 1, "t": "2026-01-01"}, {"a": None, "t": None}],
        "arrays": [[0, 1], 0.5, 3, True],
        "result": {"mean": None},
        "others": ["a/b", 1.5, ["a", "b"], "2026-06-01T00:00:00+00:00"],
    }
