from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.store import Store

START = datetime(2025, 1, 1)
METRICS = ("ndcg@5", "recall@5", "coverage@5")


def taste_log(n_users: int = 60, n_items: int = 24, events: int = 1500, days: int = 40, seed: int = 1) -> pl.DataFrame:
    """Users like the items of their own half of the catalogue; text user ids, integer item ids."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, n_users, events)
    own = rng.random(events) < 0.9
    half = n_items // 2
    items = rng.integers(0, half, events) + np.where(own, users % 2, 1 - users % 2) * half
    seconds = np.sort(rng.integers(0, days * 86_400, events))
    return pl.DataFrame(
        {
            "user_id": [f"u{user:03}" for user in users],
            "item_id": items + 100,
            "ts": [START + timedelta(seconds=int(second)) for second in seconds],
            "event": "play",
            "value": rng.integers(1, 5, events).astype(float),
        }
    )


@dataclass(frozen=True)
class Shop:
    """A store with two candidates, trained on one snapshot, and one model that was trained on everything."""

    store: Store
    als: str
    pop: str
    served: str


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    store = Store(tmp_path_factory.mktemp("shop") / "shop")
    log = taste_log()
    store.ingest("events", log)
    ids = log["user_id"].unique().sort()
    country = pl.Series(["SE", "DE", "FR"]).gather(np.arange(len(ids)) % 3)
    store.ingest("users", pl.DataFrame({"user_id": ids, "country": country}))
    items = log["item_id"].unique().sort()
    store.ingest("items", pl.DataFrame({"item_id": items, "title": [f"Title {item}" for item in items]}))
    als = store.train("als", params={"factors": 8, "iterations": 5}, seed=3, event="play", holdout="10d").run
    pop = store.train("popularity", event="play", holdout="10d").run
    return Shop(store, als.run_id, pop.run_id, store.refit(als.run_id).run.run_id)


@pytest.fixture
def shop(prepared: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    shutil.copytree(prepared.store.path, tmp_path / "shop")
    return Shop(Store(tmp_path / "shop"), prepared.als, prepared.pop, prepared.served)
