"""Re-ranking pools of 100 candidates to lists of 20, and the position propensities of drawn lists, on one thread.

    python -m benchmarks reranking

MMR and calibration against numpy code that works on all users of a block at once; the lists are compared before
anything is timed. Position propensities of Plackett–Luce lists against a Monte Carlo estimate by 1,000 draws a user,
whose error is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks._timing import Case, quick
from recsys.core.threads import single_threaded_blas
from recsys.kernels import calibrated_places, mmr_places, position_marginals

N_USERS = 1_000 if quick() else 6_000
N_ITEMS, POOL, K, TAGS, BLOCK, DRAWS = 40_000, 100, 20, 20, 250, 1_000
Array = NDArray[Any]


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(3)
    pool = np.sort(rng.integers(0, N_ITEMS // POOL, (N_USERS, POOL)), axis=1) + np.arange(POOL) * (N_ITEMS // POOL)
    pool = rng.permuted(pool, axis=1).astype(np.int32)
    relevance = -np.sort(-(rng.random((N_USERS, POOL)) ** 2), axis=1)
    for d in (64, 128):
        yield mmr_case(pool, relevance, d)
    yield calibrated_case(pool, relevance)
    yield marginals_case()


def mmr_case(pool: Array, relevance: Array, d: int, trade_off: float = 0.7) -> Case:
    rng = np.random.default_rng(d)
    vectors = (rng.standard_normal((N_ITEMS, d)) + 0.5 * rng.standard_normal(d)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def ours() -> Array:
        return mmr_places(pool, relevance, vectors, K, trade_off=trade_off, n_threads=1)

    def plain() -> Array:
        with single_threaded_blas():
            blocks = range(0, len(pool), BLOCK)
            return np.concatenate([numpy_mmr(pool[a : a + BLOCK], relevance[a : a + BLOCK], vectors) for a in blocks])

    def numpy_mmr(pool: Array, relevance: Array, vectors: Array) -> Array:
        mine = vectors[pool]
        likeness, rows = mine @ mine.transpose(0, 2, 1), np.arange(len(pool))
        nearest, taken = np.full(pool.shape, -np.inf), np.zeros(pool.shape)
        places = np.empty((len(pool), K), np.int32)
        for step in range(K):
            gain = trade_off * relevance - ((1 - trade_off) * nearest if step else 0)
            places[:, step] = best = (gain - taken).argmax(axis=1)
            taken[rows, best] = np.inf
            nearest = np.maximum(nearest, likeness[rows, best])
        return places

    check(f"MMR d={d}", ours(), plain())
    return Case(f"MMR d={d}", {"recsys": ours, "numpy, 250 users at once": plain}, len(pool), "users")


def calibrated_case(pool: Array, relevance: Array, weight: float = 0.5, smoothing: float = 0.01) -> Case:
    rng = np.random.default_rng(9)
    tagged = rng.random((N_ITEMS, TAGS)) < 2.5 / TAGS
    features = csr_array(tagged.astype(np.float32))
    wanted = (rng.random((len(pool), TAGS)) ** 3 * (rng.random((len(pool), TAGS)) < 0.7)).astype(np.float32)
    shares = tagged / np.maximum(tagged.sum(axis=1, keepdims=True), 1)

    def ours() -> Array:
        options: dict[str, Any] = {"weight": weight, "smoothing": smoothing, "n_threads": 1}
        return calibrated_places(pool, relevance, features, csr_array(wanted), K, **options)

    def plain() -> Array:
        blocks = (slice(start, start + BLOCK) for start in range(0, len(pool), BLOCK))
        return np.concatenate([numpy_calibrated(pool[part], relevance[part], wanted[part]) for part in blocks])

    def numpy_calibrated(pool: Array, relevance: Array, wanted: Array) -> Array:
        p = wanted.astype(np.float64)
        p = (p / np.maximum(p.sum(axis=1, keepdims=True), 1e-300))[:, None, :]
        mine, rows = shares[pool], np.arange(len(pool))
        described = mine.any(axis=2)
        mass, count, taken = np.zeros(p.shape), np.zeros((len(pool), 1)), np.zeros(pool.shape)
        places = np.empty((len(pool), K), np.int32)
        for step in range(K):
            q = (mass + mine) / np.maximum(count + described, 1)[:, :, None]
            safe = np.where(p > 0, p, 1.0)
            mixed = np.where(p > 0, (1 - smoothing) * q + smoothing * p, 1.0)
            divergence = (p * np.log(safe / mixed)).sum(axis=2)
            places[:, step] = best = ((1 - weight) * relevance - weight * divergence - taken).argmax(axis=1)
            taken[rows, best] = np.inf
            mass[:, 0] += mine[rows, best]
            count[:, 0] += described[rows, best]
        return places

    check("calibrated", ours(), plain())
    return Case("calibrated, 20 genres", {"recsys": ours, "numpy, 250 users at once": plain}, len(pool), "users")


def marginals_case() -> Case:
    rng = np.random.default_rng(4)
    weights = np.exp(rng.normal(0, 1.5, (N_USERS // 20, POOL)))

    def ours() -> Array:
        return position_marginals(weights, K, n_threads=1)

    def monte_carlo() -> Array:
        found = np.empty((len(weights), K))
        for row, own in enumerate(weights):
            arrivals = rng.standard_exponential((DRAWS, POOL)) / own
            found[row] = (np.argsort(arrivals, axis=1)[:, :K] == np.arange(K)).mean(axis=0)
        return found

    exact, estimated = ours(), monte_carlo()
    error = np.sqrt(exact * (1 - exact) / DRAWS)
    if np.abs((estimated - exact) / error).mean() > 1:  # 0.8 is expected of normal errors
        raise SystemExit("the position marginals are not those of the draws")
    print(f"Monte Carlo errs by {np.median(error / exact):.0%} of the probability (median), the quadrature by 1e-10")
    return Case(f"position marginals k={K}", {"recsys": ours, "1,000 draws a user": monte_carlo}, len(weights), "users")


def check(name: str, ours: Array, theirs: Array) -> None:
    agree = (ours == theirs).mean()
    if agree < 0.999:  # another order of summation settles near ties the other way
        raise SystemExit(f"{name}: only {agree:.2%} of the places agree with numpy")
