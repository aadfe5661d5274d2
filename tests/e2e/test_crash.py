"""A job that is killed leaves no half row and no half file; what it leaves is swept."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import recsys as rs
from recsys.store import Store
from recsys.store.artifacts import find_orphans, sweep_orphans

HEAD = """
    import os, signal
    import recsys.workflows.recording as recording
    from recsys.store import Store

    def die(*args, **options):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "shop")
    store.ingest("events", rs.simulate(60, 30, 30, seed=3, start="2025-01-01", impressions=False).events())
    return store


def killed(code: str) -> None:
    job = subprocess.run([sys.executable, "-c", textwrap.dedent(HEAD) + textwrap.dedent(code)], timeout=60, check=False)
    assert job.returncode == -9


def grow_old(store: Store) -> None:
    then = time.time() - 7200
    for path in store.artifacts.iterdir():
        os.utime(path, (then, then))


def test_killed_between_artefact_and_row(store: Store) -> None:
    killed(f"""
        recording.Job.record = die
        Store({str(store.path)!r}).train("popularity", event="play")
    """)
    assert len(store.runs()) == 0
    (orphan,) = store.artifacts.iterdir()
    assert find_orphans(store) == []
    grow_old(store)
    assert [found.path for found in sweep_orphans(store)] == [orphan]
    assert list(store.artifacts.iterdir()) == []


def test_killed_while_the_artefact_is_written(store: Store) -> None:
    killed(f"""
        from pathlib import Path
        Path.rename = die
        Store({str(store.path)!r}).train("popularity", event="play")
    """)
    assert len(store.runs()) == 0
    grow_old(store)
    assert all(found.path.name.startswith(".") for found in sweep_orphans(store))
    assert list(store.artifacts.iterdir()) == []


def test_killed_inside_the_transaction(store: Store) -> None:
    killed(f"""
        import recsys.workflows.recording
        write = recsys.workflows.recording.add_run

        def write_and_die(*args):
            write(*args)
            die()

        recsys.workflows.recording.add_run = write_and_die
        Store({str(store.path)!r}).train("popularity", event="play")
    """)
    assert len(store.runs()) == len(store.snapshots()) == 0
    run, _ = store.train("popularity", event="play")
    assert store.runs()["run_id"].to_list() == [run.run_id]
    grow_old(store)
    assert find_orphans(store) == []  # the same model, found where the killed job had left it


def test_killed_while_lists_are_written(store: Store, tmp_path: Path) -> None:
    store.train("popularity", event="play")
    out = tmp_path / "recs.csv"
    store.recommend("@latest", out, k=2)
    older = out.read_bytes()
    killed(f"""
        Store({str(store.path)!r}).recommend("@latest:train", {str(out)!r}, k=5, progress=die)
    """)
    assert out.read_bytes() == older
    assert len(store.runs(kind="recommend")) == 1
    store.recommend("@latest:train", out, k=5)
    assert out.read_bytes() != older


def test_a_search_that_is_killed_goes_on(store: Store) -> None:
    search = {
        "trials": 8,
        "seed": 2,
        "event": "play",
        "holdout": "6d",
        "metric": "ndcg@5",
        "space": {"neighbors": [3, 9]},
    }
    whole = store.tune("itemknn", **search).result
    before = store.runs(kind="trial")["run_id"].to_list()
    killed(f"""
        import recsys.workflows.tuning as tuning
        keep, kept = tuning._keep, []
        def few(*args):
            kept.append(keep(*args))
            return kept[-1] if len(kept) < 4 else die()
        tuning._keep = few
        Store({str(store.path)!r}).tune("itemknn", jobs=2, **{search!r})
    """)
    left = [one for one in store.runs(kind="trial")["run_id"] if one not in before]
    assert len(left) == 4
    run, found = store.resume(left[0])
    assert set(left) < set(run.parents)
    assert [(one.chosen, one.value, one.status) for one in found.trials] == [
        (one.chosen, one.value, one.status) for one in whole.trials
    ]
