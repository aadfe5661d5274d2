"""Logs to measure on: the user's own (`RECSYS_BENCH_EVENTS`, `RECSYS_BENCH_TEST`), or one that is made up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, load_npz

N_USERS, N_ITEMS, TASTES = 30_000, 40_000, 40


def train_events() -> csr_array:
    """Return the log to fit on, (n_users, n_items) float32 ones: the user's own or the made-up one."""
    path = os.environ.get("RECSYS_BENCH_EVENTS")
    return read_events(path) if path else made_up_events()


def train_and_test() -> tuple[csr_array, csr_array]:
    """Return a log and what to hold against it, of one shape; the made-up one is small here.

    Without a test file, a fifth of each user's pairs is held out.
    """
    path = os.environ.get("RECSYS_BENCH_EVENTS")
    train = read_events(path) if path else made_up_events(6000, 4000)
    path = os.environ.get("RECSYS_BENCH_TEST") if path else None
    if not path:
        return hold_out(train)
    test = read_events(path)
    shape = tuple(np.maximum(train.shape, test.shape))
    return _resized(train, shape), _resized(test, shape)


def hold_out(events: csr_array, share: float = 0.2, seed: int = 7) -> tuple[csr_array, csr_array]:
    """Split the pairs at random: the part that stays, the part that is held out. No user loses all."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(events.shape[0]), np.diff(events.indptr))
    order = np.lexsort((rng.random(len(rows)), rows))
    rank = np.arange(len(rows)) - events.indptr[rows]
    out = np.zeros(len(rows), np.bool_)
    out[order] = rank < np.floor(np.diff(events.indptr) * share)[rows]
    parts = (matrix_of(rows[part], events.indices[part], events.shape) for part in (~out, out))
    return next(parts), next(parts)


def made_up_events(n_users: int = N_USERS, n_items: int = N_ITEMS) -> csr_array:
    """A log with a long tail and forty tastes; 30 events a user."""
    rng = np.random.default_rng(1)
    users = np.repeat(np.arange(n_users), rng.geometric(1 / 30, n_users))
    shelf = (rng.integers(0, TASTES, n_users)[users] + rng.integers(0, 3, len(users))) % TASTES
    items = (n_items // TASTES * rng.random(len(users)) ** 3).astype(np.int64) * TASTES + shelf
    return matrix_of(users, items, (n_users, n_items))


def read_events(path: str | Path) -> csr_array:
    """Read a Parquet file whose first two columns are user and item codes, or one that scipy's `save_npz` wrote."""
    if Path(path).suffix == ".npz":
        stored = load_npz(path).tocoo()
        return matrix_of(*stored.coords, stored.shape)
    import polars as pl

    frame = pl.read_parquet(path)
    return matrix_of(frame[:, 0].to_numpy(), frame[:, 1].to_numpy())


def matrix_of(users: NDArray[Any], items: NDArray[Any], shape: tuple[int, ...] | None = None) -> csr_array:
    """Return the pattern of the pairs as float32 ones."""
    matrix = csr_array((np.ones(len(users), np.float32), (users, items)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _resized(matrix: csr_array, shape: tuple[int, ...]) -> csr_array:
    matrix.resize(shape)
    return matrix
