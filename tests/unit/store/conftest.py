from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from recsys.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "shop")


@pytest.fixture
def plays() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [1, 1, 2, 3],
            "item_id": ["a", "b", "a", "c"],
            "ts": ["2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z", "2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z"],
            "event": ["play", "play", "like", "play"],
            "value": [1.0, 2.5, None, 4.0],
        }
    )
