"""Exact top-k over factors on one thread: ours against implicit's `topk` and a plain product with `argpartition`.

    python -m benchmarks topk

The factors are random ones (nothing can be pruned) and ALS factors, fitted on a made-up long-tailed log, or on a real
one: ``RECSYS_BENCH_EVENTS=train.parquet`` names a file whose first two columns are user and item codes. The lists are
compared before anything is timed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

from benchmarks._timing import Case
from recsys.core.threads import single_threaded_blas
from recsys.kernels import select_topk, sparse_topk, topk

N_USERS, N_ITEMS, SCORED = 30_000, 40_000, 8_192
Factors = NDArray[np.float32]


def cases() -> Iterator[Case]:
    events = made_up_events() if (path := os.environ.get("RECSYS_BENCH_EVENTS")) is None else read_events(path)
    for d in (64, 128):
        rng = np.random.default_rng(d)
        random = (rng.standard_normal((n, d)).astype(np.float32) for n in (SCORED, events.shape[1]))
        for kind, (users, items) in {"als": fitted(events, d), "random": tuple(random)}.items():
            for k in (10, 100):
                yield factor_case(f"topk {kind} d={d} k={k}", users[:SCORED], items, k)
    yield sparse_case(events[:2_000])
    yield dense_case()


def factor_case(name: str, users: Factors, items: Factors, k: int) -> Case:
    from implicit.cpu.topk import topk as implicit_topk

    def peer() -> Any:
        with single_threaded_blas():
            return implicit_topk(items, users, k, num_threads=1)

    def plain() -> Any:
        with single_threaded_blas():
            return [partition_rows(users[start : start + 256] @ items.T, k) for start in range(0, len(users), 256)]

    agree = (topk(users, items, k).indices == peer()[0]).mean()
    if agree < 0.999:  # implicit's own rounding orders a few near ties the other way
        raise SystemExit(f"{name}: only {agree:.2%} of the slots agree with implicit")
    ours = {"recsys": lambda: topk(users, items, k, n_threads=1)}
    return Case(name, {**ours, "implicit": peer, "numpy product + argpartition": plain}, len(users), "users")


def sparse_case(history: csr_array) -> Case:
    n_items, k = history.shape[1], 10
    rng = np.random.default_rng(5)
    columns = np.sort(rng.integers(0, n_items, (n_items, 100)), axis=1).ravel()
    weights = csr_array((rng.random(len(columns)).astype(np.float32), columns, np.arange(n_items + 1) * 100))
    weights.sum_duplicates()

    def plain() -> Any:
        product = csr_array(history @ weights)
        return [np.argsort(-product.data[a:b])[:k] for a, b in zip(product.indptr, product.indptr[1:], strict=False)]

    contestants = {"recsys": lambda: sparse_topk(history, weights, k, n_threads=1), "scipy product + argsort": plain}
    return Case("sparse_topk 100 neighbours k=10", contestants, history.shape[0], "users")


def dense_case() -> Case:
    scores, k = np.random.default_rng(6).standard_normal((1_000, N_ITEMS)).astype(np.float32), 10
    contestants = {
        "recsys": lambda: select_topk(scores, k, n_threads=1),
        "numpy argpartition": lambda: partition_rows(scores, k),
    }
    return Case("select_topk k=10", contestants, len(scores), "users")


def partition_rows(scores: Factors, k: int) -> NDArray[np.int64]:
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def fitted(events: csr_array, d: int) -> tuple[Factors, Factors]:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=d, regularization=10, alpha=100, iterations=5, random_state=7, num_threads=1
    )
    with single_threaded_blas():
        model.fit(csr_matrix(events), show_progress=False)
    return model.user_factors, model.item_factors


def made_up_events() -> csr_array:
    """A log with a long tail and forty tastes."""
    rng = np.random.default_rng(1)
    users = np.repeat(np.arange(N_USERS), rng.geometric(1 / 30, N_USERS))
    shelf = (rng.integers(0, 40, N_USERS)[users] + rng.integers(0, 3, len(users))) % 40
    items = (N_ITEMS // 40 * rng.random(len(users)) ** 3).astype(np.int64) * 40 + shelf
    return matrix_of(users, items)


def read_events(path: str) -> csr_array:
    import polars as pl

    frame = pl.read_parquet(path)
    return matrix_of(frame[:, 0].to_numpy(), frame[:, 1].to_numpy())


def matrix_of(users: NDArray[Any], items: NDArray[Any]) -> csr_array:
    matrix = csr_array((np.ones(len(users), np.float32), (users, items)))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix
