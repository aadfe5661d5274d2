"""Jobs of several processes on one store: none fails, every run is recorded once, equal data is one snapshot."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import polars as pl

import recsys as rs
from recsys.store import Store


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def shop(folder: Path) -> Store:
    store = Store(folder / "shop", lock_timeout=60)
    store.ingest("events", rs.simulate(120, 40, 30, seed=3, start="2025-01-01", impressions=False).events())
    return store


def test_jobs_at_once(tmp_path: Path) -> None:
    store = shop(tmp_path)
    code = """
        from recsys.store import Store
        store = Store({path!r}, lock_timeout=60)
        for seed in range(2):
            run, _ = store.train("{model}", seed=seed, event="play", holdout="7d")
            store.evaluate(run.run_id, ["ndcg@5"])
            print(run.run_id)
    """
    jobs = [start(code.format(path=str(store.path), model=model)) for model in ("popularity", "itemknn")]
    own = []
    while any(job.poll() is None for job in jobs) or not own:
        run, _ = store.train("popularity", event="play", holdout="7d")
        store.recommend(run.run_id, tmp_path / "recs.parquet", k=3)
        own.append(run.run_id)
    ids = list(own)
    for job in jobs:
        out, err = job.communicate(timeout=120)
        assert err == ""
        ids += out.split()
    runs = store.runs()
    assert len(ids) == len(set(ids)) == len(own) + 4
    assert set(runs.filter(runs["kind"] == "train")["run_id"]) == set(ids)
    assert len(runs) == len(ids) + 4 + len(own)
    assert runs["snapshot_id"].n_unique() == len(store.snapshots()) == 1
    for run_id in ids:
        assert store.load_model(run_id).recommend(k=1).lists.shape[1] == 1


def test_no_lock_is_held_while_a_model_learns(tmp_path: Path) -> None:
    store = shop(tmp_path)
    code = f"""
        import sys
        from recsys.models import Popularity
        from recsys.store import Store

        class Slow(Popularity):
            def _fit(self, *args, **options):
                print("learning", flush=True)
                sys.stdin.readline()
                super()._fit(*args, **options)

        print(Store({str(store.path)!r}).train(Slow(), event="play").run.run_id)
    """
    job = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert job.stdout is not None
    assert job.stdout.readline() == "learning\n"
    impatient = Store(store.path, lock_timeout=0)
    impatient.ingest("items", pl.DataFrame({"item_id": [1], "title": ["One"]}))
    out, err = job.communicate("\n", timeout=60)
    assert err == ""
    assert impatient.run("@latest").run_id == out.strip()
