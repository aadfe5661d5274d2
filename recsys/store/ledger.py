"""The ledger in the store: one row for each prediction and outcome, the newest of its kind."""

from __future__ import annotations

from datetime import datetime
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from recsys.ledger import Ledger, Outcome, Prediction, ledger

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What makes two entries the same: the later one takes the place of the earlier.
_KEY = ("entry", "source", "experiment", "candidate", "baseline", "quantity", "per", "scale")
_NUMBERS = ("estimate", "ci_low", "ci_high")
_COLUMNS = (*_KEY, *_NUMBERS, "confidence", "happened_at", "run_id")


def record(con: DuckDBPyConnection, entry: Prediction | Outcome, now: datetime) -> None:
    """Write an entry inside the caller's write transaction; `now` (UTC) is its time when it has none."""
    values: dict[str, Any] = {
        "entry": "prediction" if isinstance(entry, Prediction) else "outcome",
        "source": entry.source if isinstance(entry, Prediction) else None,
        "happened_at": entry.at or now,
        "run_id": entry.run,
    }
    values |= {name: getattr(entry, name) for name in _COLUMNS if name not in values}
    values |= {name: None if isnan(values[name]) else values[name] for name in _NUMBERS}
    same = " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in _KEY)
    con.execute(f"DELETE FROM ledger WHERE {same}", [values[name] for name in _KEY])
    marks = ", ".join("?" * len(_COLUMNS))
    con.execute(f"INSERT INTO ledger ({', '.join(_COLUMNS)}) VALUES ({marks})", [values[name] for name in _COLUMNS])


def read_ledger(con: DuckDBPyConnection, confidence: float = 0.95) -> Ledger:
    """Return all predictions beside all outcomes."""
    rows = con.execute(f"SELECT {', '.join(_COLUMNS)} FROM ledger ORDER BY happened_at, {', '.join(_KEY)}").fetchall()
    predictions, outcomes = [], []
    for row in rows:
        fields = dict(zip(_COLUMNS, row, strict=True))
        fields |= {name: nan if fields[name] is None else fields[name] for name in _NUMBERS}
        fields["at"], fields["run"] = fields.pop("happened_at"), fields.pop("run_id")
        kind, source = fields.pop("entry"), fields.pop("source")
        if kind == "prediction":
            predictions.append(Prediction(source=source, **fields))
        else:
            outcomes.append(Outcome(**fields))
    return ledger(predictions, outcomes, confidence=confidence)
