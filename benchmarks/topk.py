"""Exact top-k over factors: ours against implicit, faiss and a plain product with `argpartition`, on one thread.

    python -m benchmarks topk

The factors are those of ALS and BPR, fitted on a made-up long-tailed log, or on a real one:
``RECSYS_BENCH_EVENTS=train.parquet`` names a file whose first two columns are user and item codes. A million items are
the fitted ones drawn again with a little noise. ``sgemm`` is the bound of an exact method that computes every score:
just the matrix product. Lists are compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

from benchmarks._agreement import check_lists
from benchmarks._data import N_ITEMS, train_events
from benchmarks._results import Goal
from benchmarks._timing import Case, quick
from recsys.core.threads import single_threaded_blas
from recsys.kernels import TopKIndex, select_topk, sparse_topk, topk

SCORED, MANY_ITEMS, FEW = 4_096, 1_000_000, 256
BLOCK = 256
RECALL = 0.95
Factors = NDArray[np.float32]

GOALS = (
    Goal("implicit", 8.0, "topk *"),
    Goal("implicit", 2.5, "topk *", "worst"),
    Goal("sgemm", 3.0, "topk * k=10"),
    Goal("sgemm", 1.5, "topk * k=100"),
    Goal("faiss flat", 1.0, "topk *", "worst"),
    Goal("faiss hnsw", 1.0, "hnsw *", "worst"),
)


def cases() -> Iterator[Case]:
    events = train_events()
    fits: list[tuple[str, Callable[[], tuple[Factors, Factors]]]] = [
        ("als d=64", lambda: fitted(events, 64)),
        ("als d=128", lambda: fitted(events, 128)),
        ("als d=256", lambda: fitted(events, 256)),
        ("bpr d=128", lambda: fitted_bpr(events, 128)),
    ]
    for name, fit in fits[:1] if quick() else fits:
        users, items = fit()
        some = sample(users, SCORED)
        for k in (10, 100):
            yield factor_case(f"topk {name} k={k}", some, items, k, users)
        if name == "als d=128":
            yield graph_case(f"hnsw {name} k=10", some, items, 10, users)
            yield two_threads(f"two threads {name} k=10", sample(users, 4 * SCORED), items, 10)
            many = drawn_again(items)
            for k in (10, 100):
                yield factor_case(f"topk 1M items {name} k={k}", sample(users, FEW), many, k, users)
            yield one_by_one(f"one user of 1M items {name} k=10", sample(users, 64), many, 10, users)
    yield sparse_case(events[:2_000])
    yield dense_case()


def factor_case(name: str, users: Factors, items: Factors, k: int, like: Factors) -> Case:
    index = TopKIndex(items, like=like, n_threads=1)
    print(f"{name}: the index takes {index.nbytes / items.nbytes:.2f} of the memory of the item factors")

    def implicit() -> Any:
        from implicit.cpu.topk import topk as implicit_topk

        with single_threaded_blas():
            return implicit_topk(items, users, k, num_threads=1)

    def numpy() -> Any:
        with single_threaded_blas():
            return [partition_rows(scores, k) for scores in products(users, items)]

    def sgemm() -> None:
        with single_threaded_blas():
            for _ in products(users, items):
                pass

    check_lists(name, users, items, index.query(users, k, n_threads=1).indices, implicit()[0])
    contestants = {
        "recsys": lambda: index.query(users, k, n_threads=1),
        "recsys, preparing included": lambda: topk(users, items, k, n_threads=1),
        "implicit": implicit,
        "faiss flat": faiss_flat(users, items, k),
        "numpy product + argpartition": numpy,
        "sgemm": sgemm,
    }
    return Case(name, contestants, len(users), "users", yardsticks=("sgemm",))


def faiss_flat(users: Factors, items: Factors, k: int) -> Callable[[], Any]:
    made: list[Any] = []

    def search() -> Any:
        import faiss

        if not made:
            made.append(faiss.IndexFlatIP(items.shape[1]))
            made[0].add(items)
        faiss.omp_set_num_threads(1)
        with single_threaded_blas():
            return made[0].search(users, k)

    return search


def graph_case(name: str, users: Factors, items: Factors, k: int, like: Factors) -> Case:
    """An approximate graph, its search as wide as the recall asks for."""
    index = TopKIndex(items, like=like, n_threads=1)
    exact = index.query(users, k, n_threads=1).indices
    made: list[Any] = []

    def search() -> Any:
        import faiss

        faiss.omp_set_num_threads(1)
        if not made:
            graph = faiss.IndexHNSWFlat(items.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
            graph.add(items)
            for width in (16, 32, 64, 128, 256, 512, 1024):
                graph.hnsw.efSearch = width
                found = graph.search(users, k)[1]
                recall = np.mean([len(set(a) & set(b)) / k for a, b in zip(found, exact, strict=True)])
                if recall >= RECALL:
                    break
            print(f"{name}: efSearch {width} has recall {recall:.3f}")
            made.append(graph)
        return made[0].search(users, k)

    contestants = {"recsys": lambda: index.query(users, k, n_threads=1), "faiss hnsw": search}
    return Case(name, contestants, len(users), "users")


def two_threads(name: str, users: Factors, items: Factors, k: int) -> Case:
    """How two threads help us, and how they help the product: compare the two ratios."""
    from threadpoolctl import threadpool_limits

    index = TopKIndex(items, like=users, n_threads=1)

    def sgemm(threads: int) -> None:
        with threadpool_limits(limits=threads, user_api="blas"):
            for _ in products(users[:SCORED], items, 1024):
                pass

    contestants = {
        "recsys": lambda: index.query(users, k, n_threads=2),
        "recsys, one thread": lambda: index.query(users, k, n_threads=1),
        "sgemm, two threads": lambda: sgemm(2),
        "sgemm, one thread": lambda: sgemm(1),
    }
    return Case(name, contestants, len(users), "users", ("sgemm, two threads", "sgemm, one thread"), clock="wall")


def one_by_one(name: str, users: Factors, items: Factors, k: int, like: Factors) -> Case:
    index = TopKIndex(items, like=like, n_threads=1)

    def numpy() -> Any:
        with single_threaded_blas():
            return [partition_rows(user[None] @ items.T, k) for user in users]

    contestants = {
        "recsys": lambda: [index.query(user[None], k, n_threads=1) for user in users],
        "numpy product + argpartition": numpy,
    }
    return Case(name, contestants, len(users), "queries", clock="wall")


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


def fitted_bpr(events: csr_array, d: int) -> tuple[Factors, Factors]:
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=d, learning_rate=0.05, regularization=0.002, iterations=30, random_state=7, num_threads=1
    )
    model.fit(csr_matrix(events), show_progress=False)
    return model.user_factors, model.item_factors


def sample(users: Factors, n: int) -> Factors:
    """Some users in any order, so that no two neighbours are alike."""
    return np.ascontiguousarray(users[np.random.default_rng(3).permutation(len(users))[:n]])


def drawn_again(items: Factors) -> Factors:
    rng = np.random.default_rng(4)
    many = items[rng.integers(0, len(items), MANY_ITEMS)]
    many += rng.standard_normal(many.shape, dtype=np.float32) * np.float32(0.02 * items.std())
    return many


def products(users: Factors, items: Factors, size: int = BLOCK) -> Iterator[Factors]:
    return (users[start : start + size] @ items.T for start in range(0, len(users), size))
