"""Exact top-k lists: over factors, over sparse item-item weights, over a block of dense scores; filters inside."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import thread_count
from recsys.kernels._checks import Csr, dense_rows, describe, weighted_rows
from recsys.kernels._choice import reference_wanted
from recsys.kernels._filters import Filter, merge_filters

_LARGEST = float(np.finfo(np.float32).max) / 2  # half, so that no rounding and no order of summation overflows
MOST_COLUMNS = 1 << 20  # the bounds on rounding errors hold for far more, nobody has more


class TopK(NamedTuple):
    """Ranked items of each user, best first: by score descending, then item index ascending.

    Attributes
    ----------
    indices : (n_users, k) int32
        Item indices; −1 where fewer than k items are left.
    scores : (n_users, k) float32
        Their scores; −inf where the index is −1.
    """

    indices: NDArray[np.int32]
    scores: NDArray[np.float32]


def topk(
    user_factors: NDArray[np.float32],
    item_factors: NDArray[np.float32],
    k: int,
    *,
    exclude: Csr | None = None,
    allow: Filter | None = None,
    deny: Filter | None = None,
    n_threads: int | None = None,
) -> TopK:
    """Return the k items with the largest inner products for every user, exactly.

    Parameters
    ----------
    user_factors : (n_users, d) float32
        One row a user.
    item_factors : (n_items, d) float32
        Finite. Read-only arrays and memory maps are fine.
    k : int
        At least 1; may be larger than the number of items.
    exclude : csr_array (n_users, n_items), optional
        Items that a user must not get, e.g. seen ones. The pattern counts, the values do not.
    allow, deny : (n_items,) bool or csr_array (n_users, n_items), optional
        One-dimensional: for everyone. CSR: per user, by its pattern. A user may get the allowed items (all, without
        `allow`) that are neither denied nor excluded.
    n_threads : int, optional
        Threads; by default all cores. The result does not depend on it.

    Returns
    -------
    TopK

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype or shape.
    DataError
        For NaN or infinite factors, for factors so large that a score could overflow float32 (the largest user norm
        times the largest item norm exceeds 1.7e38), or for a CSR matrix that is not valid.

    Notes
    -----
    A score is the float32 inner product in a fixed order of summation, so that scores and ties are the same for any
    number of threads and any SIMD path (``RECSYS_SIMD``). For more than some hundred users the items are prepared
    first, which takes about d + 20 bytes an item; `TopKIndex` does that once for many calls.

    Examples
    --------
    >>> users = np.array([[1, 0], [0, 1]], np.float32)
    >>> items = np.array([[1, 3], [2, 2], [2, 1]], np.float32)
    >>> topk(users, items, 2).indices.tolist()
    [[1, 2], [0, 1]]
    >>> topk(users, items, 2, deny=np.array([False, True, True])).indices.tolist()
    [[0, -1], [0, -1]]
    """
    k, n_threads, kernels = positive_int("k", k), thread_count(n_threads), kernels_wanted()
    users, items = dense_rows("user_factors", user_factors), dense_rows("item_factors", item_factors)
    if users.shape[1] != items.shape[1] or not 1 <= users.shape[1] <= MOST_COLUMNS:
        seen = f"user_factors have {users.shape[1]} columns and item_factors {items.shape[1]}"
        raise ArgumentError(seen, f"the same number from 1 to {MOST_COLUMNS} was expected")
    filters = merge_filters((len(users), len(items)), exclude, allow, deny)
    norms = kernels.row_norms(users), kernels.row_norms(items)
    refuse_unbounded(*norms)
    return TopK(*kernels.topk(users, items, norms, k, filters, n_threads))


def sparse_topk(
    history: Csr,
    item_weights: Csr,
    k: int,
    *,
    exclude: Csr | None = None,
    allow: Filter | None = None,
    deny: Filter | None = None,
    n_threads: int | None = None,
) -> TopK:
    """Return the k best items of ``history @ item_weights`` for every user, without making that matrix.

    ``score[u, j]`` is the sum over i of ``history[u, i] * item_weights[i, j]``. Only items with a path from the history
    are candidates: some i with both entries stored (a stored zero counts).

    Parameters
    ----------
    history : csr_array (n_users, n_items) float32
        What each user had, with its weight.
    item_weights : csr_array (n_items, n_items) float32
        What each item of a history adds to the score of each other.
    k, exclude, allow, deny, n_threads
        As in `topk`.

    Returns
    -------
    TopK

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype or shape.
    DataError
        For a CSR matrix that is not valid or holds NaN or inf, or scores that overflow float32.

    Notes
    -----
    A score is summed in float32 in rising order of i; it does not depend on threads.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> history = csr_array(np.array([[1, 0, 2]], np.float32))
    >>> weights = csr_array(np.array([[0, 3, 0], [1, 0, 1], [0, 1, 0]], np.float32))
    >>> sparse_topk(history, weights, 2)
    TopK(indices=array([[ 1, -1]], dtype=int32), scores=array([[  5., -inf]], dtype=float32))
    """
    k, n_threads, kernels = positive_int("k", k), thread_count(n_threads), kernels_wanted()
    n_items = _square("item_weights", item_weights)
    shape = (_n_rows("history", history), n_items)
    past, weights = (
        weighted_rows("history", history, shape),
        weighted_rows("item_weights", item_weights, (n_items, n_items)),
    )
    filters = merge_filters(shape, exclude, allow, deny)
    best, bad = kernels.sparse_topk(past, weights, k, filters, n_threads)
    if bad >= 0:
        raise DataError(
            f"the scores of user {bad} overflow float32", "finite sums were expected", "scale the weights down"
        )
    return TopK(*best)


def select_topk(
    scores: NDArray[np.float32],
    k: int,
    *,
    exclude: Csr | None = None,
    allow: Filter | None = None,
    deny: Filter | None = None,
    n_threads: int | None = None,
) -> TopK:
    """Return the k largest scores of every row; −inf marks an item that is not a candidate.

    Parameters
    ----------
    scores : (n_users, n_items) float32
        Finite, or −inf.
    k, exclude, allow, deny, n_threads
        As in `topk`.

    Returns
    -------
    TopK

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype or shape.
    DataError
        For NaN or +inf scores, or a CSR matrix that is not valid.

    Examples
    --------
    >>> select_topk(np.array([[1, 3, -np.inf, 3]], np.float32), 4).indices.tolist()
    [[1, 3, 0, -1]]
    """
    k, n_threads, kernels = positive_int("k", k), thread_count(n_threads), kernels_wanted()
    block = dense_rows("scores", scores)
    filters = merge_filters((block.shape[0], block.shape[1]), exclude, allow, deny)
    best, bad = kernels.select_topk(block, k, filters, n_threads)
    if bad >= 0:
        raise DataError(
            f"the scores of user {bad} hold NaN or +inf", "finite scores, or −inf for no candidate, were expected"
        )
    return TopK(*best)


def kernels_wanted() -> ModuleType:
    """Return the module that answers: the compiled kernels or their twins."""
    if reference_wanted():
        from recsys.kernels import _reference_topk

        return _reference_topk
    from recsys.kernels import _compiled_topk

    return _compiled_topk


def refuse_unbounded(user_norms: NDArray[np.float64], item_norms: NDArray[np.float64]) -> None:
    """Raise DataError for norms that are not finite, or whose product could overflow float32."""
    for name, norms in (("user_factors", user_norms), ("item_factors", item_norms)):
        if not np.isfinite(norms).all():
            row = int(np.isfinite(norms).argmin())
            raise DataError(f"row {row} of {name} holds NaN or an infinite value", "finite factors were expected")
    largest = user_norms.max(initial=0.0) * item_norms.max(initial=0.0)
    if largest > _LARGEST:
        raise DataError(f"a score could reach {largest:.3g}", "at most 1.7e38 was expected", "scale the factors down")


def _square(name: str, matrix: Any) -> int:
    shape: tuple[int, ...] = getattr(matrix, "shape", ())
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ArgumentError(f"{name} is {describe(matrix)}", "a square csr_array of float32 was expected")
    return int(shape[0])


def _n_rows(name: str, matrix: Any) -> int:
    shape: tuple[int, ...] = getattr(matrix, "shape", ())
    if len(shape) != 2:
        raise ArgumentError(f"{name} is {describe(matrix)}", "a csr_array of float32 was expected")
    return int(shape[0])
