from __future__ import annotations

import os

import polars as pl

from recsys.store import Store
from recsys.store.health import find_leftovers, store_health, sweep_leftovers


def test_a_healthy_store(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", plays)
    health = store_health(store)
    assert len(health.store_id) == 32
    assert health.database_bytes == store.database.stat().st_size
    assert (health.wal_bytes, health.leftovers, health.backups) == (0, (), ())
    assert health.to_dict()["leftovers"] == []


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
