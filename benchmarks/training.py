"""Training and folding in: ours against implicit alone, with what the lists are worth.

    python -m benchmarks training

Pairs come from a simulated service with 6,000 users. Accuracy is recall@20 and ndcg@20 on a random fifth of the pairs,
for every model with its defaults and for implicit's ALS with its own defaults.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy.sparse import csr_array, csr_matrix

from benchmarks._timing import Case, run_cases
from recsys.core.threads import single_threaded_blas
from recsys.dataset import Dataset, Split, random_split
from recsys.kernels.als import als_rows, gram_basis
from recsys.kernels.ranking import RankMetric, ranking_metrics
from recsys.models import make_model, model_names
from recsys.models.serving import take_rows
from recsys.scoring import top_k
from recsys.simulation import simulate

K = 20


def main() -> None:
    split = random_split(_pairs(), 0.2, seed=1)
    print(f"{split.train!r}\n\nrecall@{K}  ndcg@{K}  fit s  recommend s")
    for name in model_names():
        model = make_model(name)
        started = time.perf_counter()
        model.fit(split.train)
        fitted = time.perf_counter()
        users = _test_users(split)
        lists = model.recommend_codes(users, K).items
        served = time.perf_counter()
        _report(name, lists, split, fitted - started, served - fitted)
    _implicit_alone(split)
    print()
    run_cases("training", _half_steps(split))


def _half_steps(split: Split) -> Iterator[Case]:
    """Yield the exact user half-step: ours against implicit's Cholesky solver and its approximate one."""
    from implicit.cpu.als import AlternatingLeastSquares

    rng = np.random.default_rng(0)
    matrix = split.train.matrix()
    weights = csr_array((matrix.data * 40, matrix.indices, matrix.indptr), shape=matrix.shape)
    native = csr_matrix((1 + weights.data, matrix.indices, matrix.indptr), shape=matrix.shape)
    for d in (64, 128):
        items = (rng.normal(size=(matrix.shape[1], d)) / 10).astype(np.float32)
        users = np.zeros((matrix.shape[0], d), np.float32)

        def ours(items: np.ndarray = items) -> object:
            basis, ridge = gram_basis(items, n_threads=1), np.full(matrix.shape[0], 50.0)
            return als_rows(weights, basis.vectors, basis.spectrum, ridge, target_offset=1.0, n_threads=1)

        def theirs(use_cg: bool, users: np.ndarray = users, items: np.ndarray = items) -> object:
            with warnings.catch_warnings(), single_threaded_blas():
                warnings.simplefilter("ignore")
                model = AlternatingLeastSquares(factors=users.shape[1], use_cg=use_cg, num_threads=1)
                return model.solver(native, users, items, 50.0, num_threads=1)

        yield Case(
            f"user half-step, d = {d}, one thread",
            {
                "recsys, exact": ours,
                "implicit, Cholesky": lambda theirs=theirs: theirs(False),
                "implicit, 3 steps of CG": lambda theirs=theirs: theirs(True),
            },
            matrix.shape[0],
            "users",
        )


def _pairs() -> Dataset:
    plays = simulate(users=6000, items=2000, days=60, seed=7).events().filter(pl.col("event") == "play")
    return Dataset.from_frame(plays.select("user_id", "item_id", "ts", "value"))


def _test_users(split: Split) -> np.ndarray:
    return np.flatnonzero(split.test.user_events).astype(np.int32)


def _report(name: str, lists: np.ndarray, split: Split, fit: float, serve: float) -> None:
    relevance = take_rows(split.test.relevant(), _test_users(split))
    values = ranking_metrics(lists, relevance, [RankMetric("recall", K), RankMetric("ndcg", K)]).mean(axis=0)
    print(f"{values[0]:9.4f} {values[1]:8.4f} {fit:6.1f} {serve:12.2f}  {name}")


def _implicit_alone(split: Split) -> None:
    from implicit.cpu.als import AlternatingLeastSquares

    users, train = _test_users(split), split.train
    with single_threaded_blas():
        model = AlternatingLeastSquares(random_state=0)
        started = time.perf_counter()
        model.fit(csr_matrix(train.matrix()), show_progress=False)
        fitted = time.perf_counter()
    seen = take_rows(train.pairs(), users)
    found = top_k(model.user_factors[users], model.item_factors, K, exclude=seen, allow=train.item_events > 0)
    _report("implicit ALS, its defaults", found.indices, split, fitted - started, time.perf_counter() - fitted)
