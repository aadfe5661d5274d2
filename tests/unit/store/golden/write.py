"""Writes the golden store of this version: python tests/unit/store/golden/write.py"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from recsys.display import Table, View
from recsys.experiment import Experiment, Mean
from recsys.ledger import Outcome, Prediction
from recsys.store import Store
from recsys.store.experiments import register
from recsys.store.runs import Run, add_run
from recsys.store.schema import SCHEMA_VERSION

EVENTS = pl.DataFrame(
    {
        "user_id": [1, 1, 2, 3, None],
        "item_id": ["a", "b", "a", "c", "d"],
        "ts": ["2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z", "2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z", None],
        "event": ["play", "play", "like", "play", "play"],
        "value": [1.0, 2.5, None, 4.0, 1.0],
    }
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "shop")
        store.ingest("events", EVENTS, on_bad_rows="quarantine")
        store.ingest("items", pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["Anna", "Brot", "Café"]}))
        store.ingest("users", pl.DataFrame({"user_id": [1, 2], "country": ["de", "fr"]}))
        now = datetime(2026, 1, 1)
        planned = Experiment("ab", {"a": 0.5, "b": 0.5}, control="a", start=now, metrics=[Mean("value")])
        with store.write() as con:
            register(con, planned, now)
            register(con, replace(planned, arms={"a": 0.9, "b": 0.1}, overrides={"1": "b"}), now, amend=True)
        pair = {"candidate": "b", "baseline": "a", "quantity": "value", "per": "user", "at": now}
        store.record_prediction(Prediction(source="snips", scale="relative", estimate=0.1, **pair))
        store.record_outcome(Outcome(experiment="ab", scale="relative", estimate=0.2, **pair))
        with store.write() as con:
            shown = View("a beats b", (Table(("model", "ndcg@10"), (("a", 0.5),)),))
            add_run(con, Run("0000000000aa", "evaluate", now, {"metrics": ["ndcg@10"]}, view=shown.to_dict()))
        archive = Path(__file__).parent / f"store-v{SCHEMA_VERSION}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
            zipped.write(store.database, "shop/store.duckdb")


if __name__ == "__main__":
    main()
