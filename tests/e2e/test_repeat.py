"""A run comes back: in another process, on one thread, and from a store into which the data came in another order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import recsys as rs
from recsys.store import Store

MODELS = ("popularity", "itemknn", "als", "bpr", "logisticmf")
CODE = """
import sys
from recsys.store import Store
store = Store(sys.argv[1])
for name in sys.argv[2:]:
    print(store.repeat(name).run.artifact)
"""


def test_every_model_comes_back_in_another_process(tmp_path: Path) -> None:
    events = rs.simulate(150, 60, 40, seed=5, start="2025-01-01", impressions=False).events()
    store = Store(tmp_path / "one")
    store.ingest("events", events)
    store.snapshot("june", event="play")
    store.ingest("events", events.head(100).with_columns(user_id=events["user_id"].head(100) + 10_000))
    runs = [store.train(name, seed=2, snapshot="june", holdout="10d").run for name in MODELS]
    words = [sys.executable, "-c", CODE, str(store.path), *(run.run_id for run in runs)]
    again = subprocess.run(
        words, capture_output=True, text=True, check=True, timeout=300, env={**os.environ, "RECSYS_THREADS": "1"}
    )
    assert again.stdout.split() == [run.artifact for run in runs]
    other = Store(tmp_path / "two")
    shuffled = events.sample(fraction=1, shuffle=True, seed=1)
    for part in (shuffled.head(700), shuffled.tail(-700)):
        other.ingest("events", part)
    fresh = other.train("als", seed=2, event="play", holdout="10d").run
    assert fresh.artifact == runs[2].artifact
    assert fresh.snapshot_id == runs[2].snapshot_id
