"""Closed-form models: EASE against LAPACK's two calls alone and against a general inverse; the kernel of small blocks.

python -m benchmarks closed_form
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_array, random_array

from benchmarks._timing import Case
from recsys.core.progress import silent
from recsys.core.threads import single_threaded_blas
from recsys.kernels import sparse_scores, square_blocks
from recsys.models.products import gram
from recsys.models.ridge import dense_gram, invert_in_place, weights_from_inverse

L2 = 100.0


def cases() -> Iterator[Case]:
    for n_items in (4000, 8000):
        yield _ease(n_items)
    yield _blocks()
    yield _scores()


def _pairs(n_users: int, n_items: int, per_user: int) -> csr_array:
    rng = np.random.default_rng(0)
    matrix = random_array((n_users, n_items), density=per_user / n_items, rng=rng, dtype=np.float32, format="csr")
    matrix.data[:] = 1
    return csr_array(matrix)


def _ease(n_items: int) -> Case:
    matrix = _pairs(2 * n_items, n_items, 25)
    places = np.arange(n_items)
    regularised = dense_gram(matrix)
    regularised[places, places] += L2

    def ours() -> None:
        weights = dense_gram(matrix)
        weights[places, places] += L2
        invert_in_place(weights, silent)
        weights_from_inverse(weights)

    def lapack() -> None:
        with single_threaded_blas():
            spotri(spotrf(regularised.T.copy(order="F"), lower=1, clean=0, overwrite_a=1)[0], lower=1, overwrite_c=1)

    def inverse() -> None:
        with single_threaded_blas():
            np.linalg.inv(regularised)

    contestants = {"EASE from pairs to weights": ours, "spotrf + spotri alone": lapack, "numpy.linalg.inv": inverse}
    return Case(f"EASE, {n_items:,} items, one thread", contestants, n_items, "items")


def _blocks() -> Case:
    products = gram(_pairs(20_000, 10_000, 30), stage="gram", progress=silent)
    rng = np.random.default_rng(1)
    groups = np.sort(rng.permuted(np.tile(np.arange(10_000, dtype=np.int32), (300, 1)), axis=1)[:, :100], axis=1)

    def indexing() -> None:
        for group in groups:
            products[group][:, group].toarray()

    contestants = {"square_blocks": lambda: square_blocks(products, groups, n_threads=1), "scipy indexing": indexing}
    return Case("300 blocks of 100 from 10,000 items", contestants, len(groups), "blocks")


def _scores() -> Case:
    history = _pairs(300, 10_000, 30)
    weights = gram(_pairs(20_000, 10_000, 30), stage="gram", progress=silent)
    contestants = {
        "sparse_scores": lambda: sparse_scores(history, weights, n_threads=1),
        "scipy product, made dense": lambda: (history @ weights).toarray(),
    }
    return Case("300 sparse histories, dense scores of 10,000 items", contestants, 300, "users")
