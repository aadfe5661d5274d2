from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from recsys.store import Store
from recsys.store.health import find_leftovers, store_health, sweep_leftovers


def test_a_healthy_store(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", plays)
    health = store_health(store)
    assert len(health.store_id) == 32
    assert health.database_bytes == store.database.stat().st_size
    assert (health.wal_bytes, health.leftovers, health.backups) == (0, (), ())
    assert health.to_dict()["leftovers"] == []


@pytest.fixture
def trained(store: Store, plays: pl.DataFrame) -> tuple[Store, Path]:
    """A store with one trained model, and the model's folder."""
    store.ingest("events", plays)
    run = store.train("popularity", event="play").run
    return store, store.artifacts / str(run.artifact)


def test_the_models_of_runs_are_whole(trained: tuple[Store, Path]) -> None:
    health = store_health(trained[0])
    assert (health.models, health.damaged, health.unread_bytes, health.problems) == (1, (), 0, ())


@pytest.mark.parametrize("full", [False, True])
def test_overwritten_bytes_of_an_array_are_found(trained: tuple[Store, Path], full: bool) -> None:
    store, folder = trained
    victim = max(folder.glob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    health = store_health(store, full=full)
    (damage,) = health.damaged
    assert damage.what == f"{victim.name} has other bytes than were saved"
    ((what, hint),) = health.problems
    assert damage.runs[0] in what
    assert hint == "train the run again"
    assert json.dumps(health.to_dict()["damaged"])


def test_a_big_model_is_read_only_when_asked(trained: tuple[Store, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    store, folder = trained
    monkeypatch.setattr("recsys.store.artifacts.READ_AT_MOST", 10)
    for file in folder.glob("*.npy"):
        file.write_bytes(b"other")
    assert store_health(store).damaged == ()
    assert store_health(store).unread_bytes > 10
    assert len(store_health(store, full=True).damaged) == 1
    next(folder.glob("*.npy")).unlink()
    assert "is missing" in store_health(store).damaged[0].what


@pytest.mark.parametrize(("change", "what"), [("unlink", "manifest.json is missing"), ("write", "was changed")])
def test_a_manifest_that_is_gone_or_changed(trained: tuple[Store, Path], change: str, what: str) -> None:
    store, folder = trained
    manifest = folder / "manifest.json"
    manifest.unlink() if change == "unlink" else manifest.write_text("{}")
    assert what in store_health(store).problems[0][0]


def test_a_missing_folder_of_models_is_a_problem_with_a_hint(trained: tuple[Store, Path], tmp_path: Path) -> None:
    store, _ = trained
    shutil.rmtree(store.artifacts)
    assert store_health(store).problems == (
        ("the folder artifacts/ is missing", "restore it from a backup, or train the runs again"),
    )
    empty = Store(tmp_path / "empty")
    empty.artifacts.rmdir()
    assert "make an empty one" in store_health(empty).problems[0][1]


def test_leftovers_of_killed_processes_are_swept_but_not_young_ones(store: Store) -> None:
    old, young = store.path / "staging-old", store.path / "staging-young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "0.parquet").write_bytes(b"x")
    for path in (old / "0.parquet", old):
        os.utime(path, (0, 0))
    assert find_leftovers(store) == [old]
    assert store_health(store).leftovers == (str(old),)
    assert sweep_leftovers(store) == [old]
    assert not old.exists()
    assert young.exists()
