"""Several processes use one store at once, as a team does: nobody gets an error, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import recsys as rs

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_command_lines_and_a_notebook(tmp_path: Path) -> None:
    service = rs.simulate(users=300, items=80, days=40, seed=2, start="2025-01-01", impressions=False)
    events = service.events()
    store = rs.Store(tmp_path / "shop")
    half = len(events) // 2
    store.ingest("events", events.head(half))
    events.tail(-half).write_parquet(tmp_path / "more.parquet")
    shop = str(tmp_path / "shop")
    jobs = [
        ["train", "popularity", "--event", "play", "--holdout", "7d", "--store", shop],
        ["ingest", "events", str(tmp_path / "more.parquet"), "--store", shop],
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "recsys", *words, "-q"], stderr=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        for words in jobs
    ]
    while any(job.poll() is None for job in running):
        assert store.describe().rows >= half
        store.snapshot(event="play")
    for job in running:
        _, err = job.communicate()
        assert (job.returncode, err) == (0, "")
    assert store.describe().rows == len(events)
    assert len(store.runs()) == 1
