"""Recall, NDCG and MAP together, per user: ours against pytrec_eval-terrier and RecTools, one thread, same lists.

    python -m benchmarks.metrics [users] [repeats]

Every peer gets its own input format ready-made (its dictionaries or frames are not timed), and CPU time is compared, so
the ratios flatter the peers. Every user's values are checked against a computation with numpy's `isin`, and the peers'.

RecTools asks for numpy < 2 up to Python 3.12, and its fork of implicit would overwrite the original. Its metrics run
with numpy 2 all the same:

    pip install --no-deps rectools attrs typeguard pydantic pydantic-core annotated-types typing-inspection
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.kernels import RankMetric, ranking_metrics

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
    """Return the peer's work; its MAP divides by all relevant items, which is undone afterwards, untimed."""
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


def cpu_seconds(work: Callable[[], Any], repeats: int) -> float:
    """Return the median CPU time."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def check(name: str, found: Values, expected: Values) -> None:
    if not np.allclose(found, expected, rtol=1e-9, atol=0):
        raise SystemExit(f"{name} disagrees: {np.abs(found - expected).max()} at most")


def main(n_users: int = 100_000, repeats: int = 5) -> None:
    lists, relevance = make_input(n_users)
    ours = ranking_metrics(lists, relevance, SPECS)
    check("numpy", by_numpy(lists, relevance), ours)
    best = cpu_seconds(lambda: ranking_metrics(lists, relevance, SPECS, n_threads=1), 3 * repeats)
    print(f"{n_users:,} users × {K} slots, recall + NDCG + MAP, one thread, every user's values equal")
    print(f"  {'recsys':20} {n_users / best / 1e6:8.2f} M users/s")
    peers: dict[str, Callable[..., Callable[[], Values]]] = {"pytrec_eval-terrier": trec, "RecTools": rectools}
    seconds = {"numpy isin": cpu_seconds(lambda: by_numpy(lists, relevance), repeats)}
    relevant = np.diff(relevance.indptr)
    for name, prepare in peers.items():
        try:
            work = prepare(lists, relevance)
        except ImportError as error:
            print(f"  {name:20} not installed ({error.name})")
            continue
        found = work()
        found[:, 2] *= relevant / np.minimum(relevant, K)  # both divide MAP by all relevant items
        check(name, found, ours)
        seconds[name] = cpu_seconds(work, repeats)
    for name, taken in seconds.items():
        print(f"  {name:20} {n_users / taken / 1e6:8.3f} M users/s   recsys is {taken / best:6.1f}x as fast")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
