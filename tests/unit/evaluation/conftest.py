"""A recommender whose scores are known, and small data sets whose answers can be worked out by hand."""

import numpy as np
import polars as pl
import pytest

from recsys.dataset import Dataset, Relevance
from recsys.models.base import Recommender


class Scored(Recommender):
    """Serves a table of scores (n_users, n_items); folded-in users get the last row."""

    name = "scored"

    def __init__(self, scores=None, seed=0):
        self.scores, self.seed = scores, seed

    def check_params(self):
        pass

    def _fit(self, data, matrix, *, validation, progress):
        random = np.random.default_rng(self.seed).random((data.n_users, data.n_items))
        self.table_ = np.asarray(random if self.scores is None else self.scores, dtype=np.float32)

    def _score_block(self, block):
        return np.ascontiguousarray(self.table_[block.codes])


@pytest.fixture(scope="session")
def scored():
    """The class of the recommender with known scores."""
    return Scored


@pytest.fixture(scope="session")
def events():
    """Make a Dataset of (user, item[, day[, value]]) rows; user attributes by name."""

    def make(rows, like=None, relevance=None, users=None, items=None):
        names = ("user_id", "item_id", "ts", "value")[: len(rows[0])]
        frame = pl.DataFrame(rows, schema=names, orient="row")
        if "ts" in names:
            frame = frame.with_columns(pl.from_epoch(pl.col("ts") * 86_400, time_unit="s"))
        return Dataset.from_frame(
            frame, like=like, relevance=relevance or Relevance(), user_attributes=users, item_attributes=items
        )

    return make


@pytest.fixture(scope="session")
def random_log():
    """Make a timed log of random events, larger than by hand: (train, test) cut in time."""

    def make(n_users=60, n_items=40, n_events=900, seed=0):
        from recsys.dataset import temporal_split

        rng = np.random.default_rng(seed)
        countries = pl.DataFrame({"user_id": np.arange(n_users), "country": rng.choice(["SE", "DE"], n_users)})
        frame = pl.DataFrame(
            {
                "user_id": rng.integers(0, n_users, n_events),
                "item_id": (rng.random(n_events) ** 2 * n_items).astype(int),
                "ts": pl.from_epoch(pl.Series(rng.integers(0, 100 * 86_400, n_events)), time_unit="s"),
                "value": rng.integers(1, 6, n_events),
            }
        )
        data = Dataset.from_frame(frame, user_attributes=countries)
        return temporal_split(data, 0.3)

    return make
