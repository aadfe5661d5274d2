"""Metrics of 100,000 users × 20 slots and exact rank counts, on one thread.

    python -m benchmarks metrics

Recall, NDCG and MAP together, every user's value, against pytrec_eval-terrier, ranx, RecTools and numpy's `isin`. Every
peer gets its own input format ready-made: its dictionaries, typed lists, frames and compilation are not timed.
All values are compared before that.

RecTools asks for numpy < 2 up to Python 3.12, and its fork of implicit would overwrite the original. Its metrics run
with numpy 2 all the same:

    pip install --no-deps rectools attrs typeguard pydantic pydantic-core annotated-types typing-inspection
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks._timing import Case, quick
from recsys.kernels import RankMetric, rank_counts, ranking_metrics

N_USERS = 20_000 if quick() else 100_000
K, N_ITEMS = 20, 40_000
SPECS = [RankMetric("recall", K), RankMetric("ndcg", K), RankMetric("map", K)]
Values = NDArray[np.float64]


def make_input(n_users: int, seed: int = 7) -> tuple[NDArray[np.int32], csr_array]:
    """Return lists of `K` different items, and on average 10 relevant items a user, about 15 % of them in the list."""
    rng = np.random.default_rng(seed)
    lists = np.cumsum(rng.integers(1, N_ITEMS // K, (n_users, K)), axis=1, dtype=np.int32) - 1
    lists = rng.permuted(lists, axis=1)
    lengths = np.minimum(rng.geometric(0.1, n_users), 200)
    rows = np.repeat(np.arange(n_users), lengths)
    items = rng.integers(0, N_ITEMS, len(rows)).astype(np.int32)
    hit = rng.random(len(rows)) < 0.15
    items[hit] = lists[rows[hit], rng.integers(0, K, hit.sum())]
    relevance = csr_array((np.ones(len(rows), np.float32), (rows, items)), shape=(n_users, N_ITEMS))
    relevance.sum_duplicates()
    relevance.data[:] = 1
    return np.ascontiguousarray(lists), relevance


def by_numpy(lists: NDArray[np.int32], relevance: csr_array) -> Values:
    """Return the three metrics of every user by one membership test over (user, item) keys."""
    n_users = len(lists)
    rows = np.repeat(np.arange(n_users), np.diff(relevance.indptr))
    keys = rows * N_ITEMS + relevance.indices
    hits = np.isin(np.arange(n_users)[:, None] * N_ITEMS + lists, keys)
    n = np.diff(relevance.indptr)
    discounts = 1 / np.log2(np.arange(2, K + 2))
    ideal = np.cumsum(discounts)[np.minimum(n, K) - 1]
    precisions = np.cumsum(hits, axis=1) / np.arange(1, K + 1)
    average = (hits * precisions).sum(axis=1) / np.minimum(n, K)
    return np.stack([hits.sum(axis=1) / n, (hits * discounts).sum(axis=1) / ideal, average], axis=1)


def trec(lists: NDArray[np.int32], relevance: csr_array) -> Callable[[], Values]:
    """Return the peer's work."""
    import pytrec_eval

    wanted = {f"recall.{K}", f"ndcg_cut.{K}", f"map_cut.{K}"}
    users = [str(user) for user in range(len(lists))]
    qrel = {
        user: dict.fromkeys(map(str, relevance.indices[begin:end].tolist()), 1)
        for user, begin, end in zip(users, relevance.indptr, relevance.indptr[1:], strict=False)
    }
    run = {
        user: {str(item): float(-rank) for rank, item in enumerate(row)}
        for user, row in zip(users, lists.tolist(), strict=True)
    }
    evaluator = pytrec_eval.RelevanceEvaluator(qrel, wanted)

    def work() -> Values:
        found = evaluator.evaluate(run)
        return np.array(
            [[found[user][f"recall_{K}"], found[user][f"ndcg_cut_{K}"], found[user][f"map_cut_{K}"]] for user in users]
        )

    return work


def ranx(lists: NDArray[np.int32], relevance: csr_array) -> Callable[[], Values]:
    """Return the peer's work; its typed lists hold (item, gain) rows, the lists' in the order of rank."""
    from numba.typed import List
    from ranx import evaluate

    qrels = List(
        [
            np.column_stack([relevance.indices[begin:end], relevance.data[begin:end]]).astype(np.float64)
            for begin, end in zip(relevance.indptr, relevance.indptr[1:], strict=False)
        ]
    )
    scores = -np.arange(K, dtype=np.float64)
    run = List([np.column_stack([row, scores]) for row in lists])
    names = [f"{metric}@{K}" for metric in ("recall", "ndcg", "map")]

    def work() -> Values:
        found = evaluate(qrels, run, names, return_mean=False, threads=1)
        return np.stack([found[name] for name in names], axis=1)

    return work


def rectools(lists: NDArray[np.int32], relevance: csr_array) -> Callable[[], Values]:
    """Return the peer's work, which merges the two frames once for the three metrics."""
    import pandas as pd
    from rectools.metrics import MAP, NDCG, Recall
    from rectools.metrics.base import merge_reco
    from rectools.metrics.classification import calc_confusions

    n_users = len(lists)
    reco = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), K),
            "item_id": lists.ravel(),
            "rank": np.tile(np.arange(1, K + 1), n_users),
        }
    )
    rows = np.repeat(np.arange(n_users), np.diff(relevance.indptr))
    truth = pd.DataFrame({"user_id": rows, "item_id": relevance.indices})
    metrics = [Recall(K), NDCG(K, divide_by_achievable=True), MAP(K)]

    def work() -> Values:
        merged = merge_reco(reco, truth)
        recall = metrics[0].calc_per_user_from_confusion_df(calc_confusions(merged, K))
        ndcg = metrics[1].calc_per_user_from_merged(merged)
        average = metrics[2].calc_per_user_from_fitted(MAP.fit(merged, K))
        return np.stack([part.sort_index().to_numpy() for part in (recall, ndcg, average)], axis=1)

    return work


def check(name: str, found: Values, expected: Values) -> None:
    if not np.allclose(found, expected, rtol=1e-9, atol=0):
        raise SystemExit(f"{name} disagrees by up to {np.abs(found - expected).max():g}")


def cases() -> Iterator[Case]:
    lists, relevance = make_input(N_USERS)
    yield metrics_case(lists, relevance)
    yield counts_case(relevance[:1000])


def metrics_case(lists: NDArray[np.int32], relevance: csr_array) -> Case:
    ours, relevant = ranking_metrics(lists, relevance, SPECS), np.diff(relevance.indptr)
    contestants: dict[str, Callable[[], Any]] = {
        "recsys": lambda: ranking_metrics(lists, relevance, SPECS, n_threads=1)
    }
    for name, prepare in {"pytrec_eval-terrier": trec, "ranx": ranx, "RecTools": rectools}.items():
        try:
            work = prepare(lists, relevance)
        except ImportError as error:
            print(f"{name} is not installed ({error.name})")
            continue
        found = work()
        found[:, 2] *= relevant / np.minimum(relevant, K)  # all divide MAP by all relevant items
        check(name, found, ours)
        contestants[name] = work
    check("numpy", by_numpy(lists, relevance), ours)
    contestants["numpy isin"] = lambda: by_numpy(lists, relevance)
    return Case(f"recall, NDCG and MAP @{K}", contestants, len(lists), "users")


def counts_case(relevance: csr_array) -> Case:
    scores = np.random.default_rng(8).random(relevance.shape, np.float32)
    rows = np.repeat(np.arange(len(scores)), np.diff(relevance.indptr))

    def by_sorting() -> NDArray[np.int64]:
        rising = np.sort(scores, axis=1)
        targets = scores[rows, relevance.indices]
        return np.array(
            [
                N_ITEMS - np.searchsorted(rising[row], score, side="right")
                for row, score in zip(rows, targets, strict=True)
            ]
        )

    if not np.array_equal(rank_counts(scores, relevance).greater, by_sorting()):
        raise SystemExit("rank_counts disagrees with sorting")
    ours = {"recsys": lambda: rank_counts(scores, relevance, n_threads=1)}
    return Case(f"rank counts, {N_ITEMS:,} items", {**ours, "numpy sort": by_sorting}, len(scores), "users")
