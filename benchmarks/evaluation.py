"""`evaluate` and `compare` end to end: 100,000 users, 20,000 items, lists of 20.

The first contestant of each case is ours; "ranking alone" is the part of it that no evaluation can avoid, so its ratio
says which share of the time is ours to save (1.00x: nothing): a yardstick, no peer. "numpy blocks" is the loop that a
careful person writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks._timing import Case
from recsys.dataset import Dataset, Vocabulary
from recsys.evaluation import compare, evaluate
from recsys.models.factor_model import FactorModel

USERS, ITEMS, FACTORS, K = 100_000, 20_000, 64, 20
METRICS = ["ndcg@20", "recall@20", "map@20"]


class Random(FactorModel):
    """Factors that were not learned: what is timed is the evaluation."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def check_params(self) -> None:
        pass

    def _fit(self, data: Dataset, matrix: Any, **_: Any) -> None:
        rng = np.random.default_rng(self.seed)
        self.user_factors_ = rng.standard_normal((data.n_users, FACTORS), dtype=np.float32)
        self.item_factors_ = rng.standard_normal((data.n_items, FACTORS), dtype=np.float32)

    def _fold_in(self, weights: Any) -> Any:
        return np.zeros((weights.shape[0], FACTORS), dtype=np.float32)


def numpy_blocks(model: Random, test: Dataset, size: int = 1000) -> float:
    """Return ndcg@20: GEMM, seen scores to −inf, argpartition, argsort, a lookup of the hits."""
    relevant, seen, total = test.relevant(), model.seen_, 0.0
    discounts = 1 / np.log2(np.arange(2, K + 2))
    for start in range(0, USERS, size):
        scores = model.user_factors_[start : start + size] @ model.item_factors_.T
        block = seen[start : start + size]
        scores[np.repeat(np.arange(size), np.diff(block.indptr)), block.indices] = -np.inf
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        lists = np.take_along_axis(best, order, axis=1)
        hits = np.zeros((size, ITEMS), dtype=np.bool_)
        part = relevant[start : start + size]
        hits[np.repeat(np.arange(size), np.diff(part.indptr)), part.indices] = True
        gains = np.take_along_axis(hits, lists, axis=1) @ discounts
        ideal = np.cumsum(discounts)[np.clip(np.diff(part.indptr), 1, K) - 1]
        total += float((gains / ideal).sum())
    return total / USERS


def made() -> SimpleNamespace:
    rng = np.random.default_rng(0)
    users = Vocabulary.from_ids(np.arange(USERS))
    items = Vocabulary.from_ids(np.arange(ITEMS))

    def part(events: int, low: int, high: int) -> Dataset:
        who = np.concatenate([np.arange(USERS), rng.integers(0, USERS, events - USERS)]).astype(np.int32)
        what = (low + rng.random(events) ** 2 * (high - low)).astype(np.int32)
        return Dataset.from_codes(users, items, who, what)

    train, test = part(5_000_000, 0, ITEMS // 2), part(1_000_000, ITEMS // 2, ITEMS)
    everything = np.arange(ITEMS, dtype=np.int32)
    once = Dataset.from_codes(users, items, np.zeros(ITEMS, np.int32), everything)
    train = Dataset.from_codes(
        users,
        items,
        np.concatenate([train.user_codes, once.user_codes]),
        np.concatenate([train.item_codes, once.item_codes]),
    )
    test = test.keep(test.user_codes > 0)  # user 0 knows every item, so that all are candidates
    return SimpleNamespace(test=test, a=Random(1).fit(train), b=Random(2).fit(train))


def cases() -> Iterator[Case]:
    world = made()
    codes = np.arange(1, USERS, dtype=np.int32)
    test, a, b = world.test, world.a, world.b
    yield Case(
        "evaluate, 3 metrics",
        {
            "recsys evaluate": lambda: evaluate(a, test, METRICS),
            "ranking alone": lambda: a.recommend_codes(codes, K),
            "numpy blocks, ndcg only": lambda: numpy_blocks(a, test),
        },
        USERS,
        "users",
        yardsticks=("ranking alone",),
    )
    yield Case(
        "compare 2 models, 3 metrics + coverage",
        {
            "recsys compare": lambda: compare({"a": a, "b": b}, test, [*METRICS, "coverage@20"]),
            "ranking alone, twice": lambda: [model.recommend_codes(codes, K) for model in (a, b)],
        },
        2 * USERS,
        "users",
        yardsticks=("ranking alone, twice",),
    )
