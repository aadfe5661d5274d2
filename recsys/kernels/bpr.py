"""Bayesian personalised ranking: epochs that do not depend on threads, and user vectors for fixed items."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.threads import run_chunks
from recsys.kernels import _bpr
from recsys.kernels import _reference_bpr as reference
from recsys.kernels._checks import Csr, Rows, dense_rows, pattern_rows
from recsys.kernels._choice import reference_wanted, simd_path

Float32 = NDArray[np.float32]

LANES = 8
MOST_NEGATIVES = 32
_MOST_BLOCKS = 32  # a block of users and one of items stay in the cache even at 20 million pairs
_SMALLEST_BLOCK = 64
_PAIRS_PER_CHUNK = 1 << 14
# The slope of log σ at margins from −16 to 16, 64 a unit; between them it is interpolated (off by less than 4e-6).
_SLOPES = (1 / (1 + np.exp(np.arange(-1024, 1025) / 64))).astype(np.float32)


class _Vectors(NamedTuple):
    users: Float32
    items: Float32
    biases: Float32


def bpr_epoch(
    pairs: Csr,
    user_vectors: Float32,
    item_vectors: Float32,
    item_biases: Float32,
    *,
    learning_rate: float,
    regularization: float,
    negatives: int = 1,
    seed: int = 0,
    n_threads: int | None = None,
) -> None:
    """Take one stochastic gradient step for every pair, in place.

    For the pair (u, i) the item j is the one that scores highest among `negatives` items that are drawn evenly from
    those that anybody has but u (Zhang et al. 2013; 1: as in Rendle et al. 2009). The step climbs
    ``log σ(x_u · (y_i − y_j) + b_i − b_j)``, minus half of `regularization` times the squares of all five.

    Users are cut into blocks by code, items into blocks at random. Block m of users meets block m + t of items in turn
    t (Gemulla et al. 2011): what runs at once touches different rows, and the order inside a meeting is drawn from the
    seed. So the same seed gives the same bytes on any number of threads and any SIMD path. Negatives come from the
    pair's own block of items, which is another one in every epoch.

    Parameters
    ----------
    pairs : (n_users, n_items) csr_array
        The pattern counts.
    user_vectors : (n_users, d) float32
        d is a multiple of 8: fill up with zeros, they stay zeros.
    item_vectors : (n_items, d) float32
        One row an item.
    item_biases : (n_items,) float32
        Added to the scores of items.
    learning_rate, regularization : float
        Step of the gradient, and L2 penalty.
    negatives : int
        At most 32.
    seed : int
        Of this epoch: give every epoch another.
    n_threads : int, optional
        Threads; by default all cores.

    Raises
    ------
    ArgumentError
        For arrays of another shape or dtype, or numbers out of range.
    DataError
        For a code out of range.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> pairs = csr_array(np.array([[1, 0], [0, 1]], np.float32))
    >>> users, items = np.eye(2, 8, dtype=np.float32), np.zeros((2, 8), np.float32)
    >>> bpr_epoch(pairs, users, items, np.zeros(2, np.float32), learning_rate=1, regularization=0)
    >>> bool(items[0, 0] > 0 > items[1, 0])
    True
    """
    vectors = _checked(user_vectors, item_vectors, item_biases)
    rows = pattern_rows("pairs", pairs, (len(user_vectors), len(item_vectors)))
    rate, keep = _rate_and_keep(learning_rate, regularization)
    negatives = _whole("negatives", negatives)
    random = np.random.default_rng(positive_int("seed", seed, minimum=0))
    if not len(rows.indices):
        return
    known = np.flatnonzero(np.bincount(rows.indices)).astype(np.int32)
    n_blocks = min(_MOST_BLOCKS, max(1, min(len(known), len(user_vectors)) // _SMALLEST_BLOCK))
    pools = np.array_split(random.permutation(known), n_blocks)
    cuts = np.searchsorted(rows.indptr, np.linspace(0, len(rows.indices), n_blocks + 1)).astype(np.int64)
    cuts[-1] = len(user_vectors)
    shuffling, drawing = (int(part) for part in random.integers(1 << 62, size=2))
    steps = (_SLOPES, rate, keep, negatives, drawing)
    if reference_wanted():
        reference.bpr_epoch(rows, vectors, pools, cuts, shuffling, *steps)
        return
    cells, starts = _cells(rows, pools, cuts, shuffling, n_threads)
    rest: tuple[Any, ...] = (*rows, *vectors, *steps, int(simd_path() != "baseline"))
    for turn in range(n_blocks):

        def meet(block: int, turn: int = turn) -> None:
            other = (block + turn) % n_blocks
            for first in range(starts[block, other], starts[block, other + 1], _PAIRS_PER_CHUNK):
                last = min(first + _PAIRS_PER_CHUNK, starts[block, other + 1])
                _bpr.descend(cells, first, last, pools[other], *rest)

        run_chunks(meet, range(n_blocks), n_threads)


def bpr_users(
    history: Csr,
    item_vectors: Float32,
    item_biases: Float32,
    pool: NDArray[np.int32],
    *,
    learning_rates: Float32,
    regularization: float,
    negatives: int = 1,
    seed: int = 0,
    n_threads: int | None = None,
) -> Float32:
    """Return (n, d) float32 user vectors for fixed items: from zeros, the steps of `bpr_epoch` in several turns.

    A vector depends on the user's own history alone: the same bits in any batch, at any place, on any threads.

    Parameters
    ----------
    history : (n, n_items) csr_array
        The pattern counts; a row without an entry gives zeros.
    item_vectors : (n_items, d) float32
        d is a multiple of 8.
    item_biases : (n_items,) float32
        Added to the scores of items.
    pool : (m,) int32
        The items that negatives are drawn from.
    learning_rates : (turns,) float32
        Each turn takes one step for each item of the history.
    regularization, negatives, seed, n_threads
        As of `bpr_epoch`.

    Raises
    ------
    ArgumentError
        For arrays of another shape or dtype, or numbers out of range.
    DataError
        For a code out of range.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> history = csr_array(np.array([[1, 0]], np.float32))
    >>> items, rates = np.eye(2, 8, dtype=np.float32), np.ones(3, np.float32)
    >>> pool = np.array([0, 1], np.int32)
    >>> user = bpr_users(history, items, items[0, :2].copy(), pool, learning_rates=rates, regularization=0)
    >>> bool(user[0, 0] > 0 > user[0, 1])
    True
    """
    vectors = _checked(np.zeros((history.shape[0], item_vectors.shape[1]), np.float32), item_vectors, item_biases)
    rows = pattern_rows("history", history, (history.shape[0], len(item_vectors)))
    if not _filled(pool, np.int32) or pool.min() < 0 or pool.max() >= len(item_vectors):
        raise ArgumentError("pool does not fit", "int32 codes of items were expected, at least one")
    if not _filled(learning_rates, np.float32):
        raise ArgumentError("learning_rates does not fit", "one float32 a turn was expected, at least one")
    pairs = [_rate_and_keep(float(rate), regularization) for rate in learning_rates]
    rates, keeps = (np.array(part, np.float32) for part in zip(*pairs, strict=True))
    steps = (
        _SLOPES,
        rates,
        keeps,
        _whole("negatives", negatives),
        positive_int("seed", seed, minimum=0),
    )
    if reference_wanted():
        reference.bpr_users(rows, vectors, pool, *steps)
    elif len(rows.indices):
        rest: tuple[Any, ...] = (pool, *vectors, *steps, int(simd_path() != "baseline"))

        def descend(chunk: tuple[int, int]) -> None:
            _bpr.descend_users(*rows, *chunk, *rest)

        run_chunks(descend, _even_chunks(rows.indptr, max(1, _PAIRS_PER_CHUNK // len(rates))), n_threads)
    return vectors.users


def _cells(
    rows: Rows, pools: list[NDArray[np.int32]], cuts: NDArray[np.int64], seed: int, n_threads: int | None
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the pairs by block of users and block of items, shuffled inside, and where each cell begins."""
    blocks = np.zeros(1 + max(int(pool.max()) for pool in pools), np.uint8)
    for block, pool in enumerate(pools):
        blocks[pool] = block
    cells = np.empty((len(rows.indices), 2), np.int32)
    starts = np.empty((len(pools), len(pools) + 1), np.int64)

    def fill(block: int) -> None:
        _bpr.fill_cells(*rows, blocks, cuts[block], cuts[block + 1], seed, cells, starts[block])

    run_chunks(fill, range(len(pools)), n_threads)
    return cells, starts


def _even_chunks(indptr: NDArray[np.int64], pairs: int) -> list[tuple[int, int]]:
    """Return ranges of rows with about that many pairs."""
    cuts = np.unique(np.append(np.searchsorted(indptr, np.arange(0, indptr[-1], pairs)), len(indptr) - 1))
    return list(pairwise(cuts.tolist()))


def _checked(users: Any, items: Any, biases: Any) -> _Vectors:
    for name, value in (("user_vectors", users), ("item_vectors", items)):
        dense_rows(name, value)
        if value.shape[1] % LANES or not value.flags.c_contiguous:
            raise ArgumentError(
                f"{name} has the shape {value.shape}", f"contiguous rows of a multiple of {LANES} were expected"
            )
    if users.shape[1] != items.shape[1]:
        raise ArgumentError(
            f"vectors have the lengths {users.shape[1]} and {items.shape[1]}", "equal ones were expected"
        )
    if not isinstance(biases, np.ndarray) or biases.shape != items.shape[:1] or biases.dtype != np.float32:
        raise ArgumentError("item_biases does not fit the items", "one float32 an item was expected")
    return _Vectors(users, items, biases)


def _filled(array: Any, dtype: type) -> bool:
    return isinstance(array, np.ndarray) and array.ndim == 1 and len(array) > 0 and array.dtype == dtype


def _rate_and_keep(rate: float, regularization: float) -> tuple[np.float32, np.float32]:
    rate = finite_float("learning_rate", rate, above=0)
    return np.float32(rate), np.float32(1 - rate * finite_float("regularization", regularization, minimum=0))


def _whole(name: str, value: int) -> int:
    if positive_int(name, value) > MOST_NEGATIVES:
        raise ArgumentError(f"{name} is {value}", f"at most {MOST_NEGATIVES} was expected")
    return value
