"""Greedy re-ranking of pools of candidates: maximal marginal relevance (MMR) and calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _reference_rerank as reference
from recsys.kernels import _rerank
from recsys.kernels._checks import Csr, WeightedRows, dense_rows, describe, pattern_rows, weighted_rows
from recsys.kernels._choice import reference_wanted

_STEPS_PER_CHUNK = 1 << 21
_LARGEST = 1e15  # so that no inner product overflows float32


def mmr_places(
    pool: NDArray[np.int32],
    relevance: NDArray[np.float64],
    vectors: NDArray[np.float32] | Csr,
    k: int,
    *,
    trade_off: float,
    n_threads: int | None = None,
) -> NDArray[np.int32]:
    """Return which `k` items of each user's pool maximal marginal relevance picks, in that order, as places.

    The first pick has the highest relevance; every further one the highest ``trade_off · relevance − (1 − trade_off) ·
    s``, where s is the largest inner product of the item's vector with those of the items picked so far (Carbonell &
    Goldstein 1998). Ties go to the smaller place.

    Parameters
    ----------
    pool : (n_users, size) int32
        Item codes; −1 for the empty slots at the end.
    relevance : (n_users, size) float64
        Finite where there is an item.
    vectors : (n_items, d) float32 or csr_array (n_items, d) float32
        One row an item; unit length makes s a cosine.
    k : int
        How many to pick.
    trade_off : float
        From 0 to 1; 1 is relevance alone.
    n_threads : int, optional
        Threads; by default all cores. The result does not depend on it.

    Returns
    -------
    (n_users, k) int32
        Places in the pool, −1 where nothing is left.

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype, shape or range.
    DataError
        For codes out of range, an item after an empty slot, and numbers that are not finite.

    Examples
    --------
    >>> vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    >>> mmr_places(np.array([[0, 1, 2]], np.int32), np.array([[1.0, 0.9, 0.5]]), vectors, 3, trade_off=0.5).tolist()
    [[0, 2, 1]]
    """
    k, trade_off = positive_int("k", k), finite_float("trade_off", trade_off, minimum=0, maximum=1)
    dense = vectors if isinstance(vectors, np.ndarray) else None
    shape = getattr(vectors, "shape", (0, 0))
    if dense is None:
        rows: WeightedRows | None = weighted_rows("vectors", vectors, shape)
    else:
        rows, dense = None, dense_rows("vectors", dense)
        if not (np.abs(dense) <= _LARGEST).all():
            raise DataError("vectors have a value that is NaN or huge", f"values up to {_LARGEST:g} were expected")
    pool, relevance = _checked_pool(pool, relevance, shape[0])
    if reference_wanted():
        return reference.mmr_places(pool, relevance, dense, rows, k, trade_off)
    out = np.empty((len(pool), k), np.int32)
    indptr, indices, data = (None, None, None) if rows is None else rows

    def pick(chunk: tuple[int, int]) -> None:
        _rerank.mmr(pool, relevance, dense, indptr, indices, data, trade_off, chunk[0], chunk[1], out)

    run_chunks(pick, row_chunks(len(pool), _users_per_chunk(pool, k)), n_threads)
    return out


def calibrated_places(
    pool: NDArray[np.int32],
    relevance: NDArray[np.float64],
    features: Csr,
    wanted: Csr,
    k: int,
    *,
    weight: float,
    smoothing: float,
    n_threads: int | None = None,
) -> NDArray[np.int32]:
    """Return which `k` items of each user's pool make a calibrated list, in the order of picking, as places.

    An item with m features has the distribution 1/m over them; a list has the mean of the distributions of its items
    that have any. Every pick has the largest ``(1 − weight) · relevance − weight · KL(p ‖ (1 − smoothing) q + smoothing
    p)``, where p is the user's wanted distribution and q that of the list with the item (Steck 2018). Ties go to the
    smaller place.

    Parameters
    ----------
    pool, relevance, k, n_threads
        As in `mmr_places`.
    features : csr_array (n_items, n_features)
        The pattern counts.
    wanted : csr_array (n_users, n_features) float32
        Above 0; rows are scaled to sum to 1. A user with an empty row keeps the order of the pool.
    weight : float
        From 0 (relevance alone) to 1.
    smoothing : float
        Between 0 and 1: keeps the divergence finite.

    Returns
    -------
    (n_users, k) int32
        Places in the pool, −1 where nothing is left.

    Raises
    ------
    ArgumentError, DataError
        As in `mmr_places`; and for wanted shares that are not above 0.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> features = csr_array(np.array([[1, 0], [1, 0], [0, 1]], np.float32))
    >>> pool, relevance = np.array([[0, 1, 2]], np.int32), np.array([[1.0, 0.9, 0.5]])
    >>> wanted = csr_array(np.array([[0.5, 0.5]], np.float32))
    >>> calibrated_places(pool, relevance, features, wanted, 2, weight=0.9, smoothing=0.01).tolist()
    [[0, 2]]
    """
    k, weight = positive_int("k", k), finite_float("weight", weight, minimum=0, maximum=1)
    smoothing = finite_float("smoothing", smoothing, above=0, below=1)
    shape = getattr(features, "shape", (0, 0))
    tags = pattern_rows("features", features, shape)
    pool, relevance = _checked_pool(pool, relevance, shape[0])
    target = weighted_rows("wanted", wanted, (len(pool), shape[1]))
    if len(target.data) and target.data.min() <= 0:
        raise DataError(f"wanted has the share {target.data.min():g}", "shares above 0 were expected")
    shares = _to_one(target)
    if reference_wanted():
        return reference.calibrated_places(pool, relevance, tags, target, shares, k, weight, smoothing)
    out = np.empty((len(pool), k), np.int32)

    def pick(chunk: tuple[int, int]) -> None:
        wants = target.indptr, target.indices, shares
        args = (pool, relevance, tags.indptr, tags.indices, shape[1], *wants, weight, smoothing, *chunk, out)
        _rerank.calibrate(*args)

    run_chunks(pick, row_chunks(len(pool), _users_per_chunk(pool, k)), n_threads)
    return out


def _checked_pool(
    pool: NDArray[np.int32], relevance: NDArray[np.float64], n_items: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    if not isinstance(pool, np.ndarray) or pool.ndim != 2 or pool.dtype != np.int32:
        raise ArgumentError(f"pool is {describe(pool)}", "a two-dimensional int32 array was expected")
    if not isinstance(relevance, np.ndarray) or relevance.shape != pool.shape or relevance.dtype != np.float64:
        raise ArgumentError(
            f"relevance is {describe(relevance)}", f"a float64 array of shape {pool.shape} was expected"
        )
    if pool.size and (pool.min() < -1 or pool.max() >= n_items):
        raise DataError("the pool has an item code out of range", f"codes from −1 to {n_items - 1} were expected")
    filled = pool >= 0
    if (filled[:, 1:] > filled[:, :-1]).any():
        raise DataError("the pool has an item after an empty slot", "the −1 slots at the end were expected")
    if not np.isfinite(relevance[filled]).all():
        raise DataError("relevance has a value that is NaN or infinite", "finite values were expected")
    return np.ascontiguousarray(pool), np.ascontiguousarray(relevance)


def _to_one(rows: WeightedRows) -> NDArray[np.float64]:
    """Return the values as shares of their rows."""
    owner = np.repeat(np.arange(len(rows.indptr) - 1), np.diff(rows.indptr))
    values = rows.data.astype(np.float64)
    shares: NDArray[np.float64] = values / np.bincount(owner, values, len(rows.indptr) - 1)[owner]
    return shares


def _users_per_chunk(pool: NDArray[np.int32], k: int) -> int:
    return int(max(1, _STEPS_PER_CHUNK // max(1, pool.shape[1] * k)))
