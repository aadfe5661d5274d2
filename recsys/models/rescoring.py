"""Top-k of scores that BLAS has a part in: its product only says who is near the top; what is near is summed again.

BLAS sums in an order that may depend on who else is in a block. The final score of a pair does not: so a user's list
has the same bits alone and among others, for any number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys import kernels
from recsys.core.threads import row_chunks, run_chunks, single_threaded_blas
from recsys.models.ranking import Filters

if TYPE_CHECKING:
    from recsys.kernels import TopK

Float32 = NDArray[np.float32]

_ROUNDING = 2.0**-24
_USERS_PER_PRODUCT = 256
_VALUES_PER_PIECE = 1 << 22


def rank_sum(
    scores: Float32,
    user_vectors: Float32,
    item_vectors: Float32,
    k: int,
    filters: Filters,
    n_threads: int | None = None,
) -> TopK:
    """Return the k largest of ``scores + user_vectors @ item_vectors.T`` in every row; exact, whatever BLAS does.

    A float32 inner product of length d misses the true one by at most ``d · 2⁻²⁴ · |u| · |v|``, to first order, in
    whatever order it is summed (Higham 2002, section 3.1). Whoever is within twice that of the k-th best is summed
    again in float64.

    Parameters
    ----------
    scores : (n, n_items) float32
        Finite.
    user_vectors : (n, d) float32
    item_vectors : (n_items, d) float32
    k, filters, n_threads
        As in `kernels.select_topk`.

    Examples
    --------
    >>> everything = Filters(None, np.array([True, True]), None)
    >>> rank_sum(np.float32([[1, 0]]), np.float32([[2]]), np.float32([[1], [3]]), 1, everything)
    TopK(indices=array([[1]], dtype=int32), scores=array([[6.]], dtype=float32))
    """
    rough = _rough_sum(scores, user_vectors, item_vectors, n_threads)
    options = {**filters._asdict(), "n_threads": n_threads}
    best = kernels.select_topk(rough, k, **options)
    # Where fewer than k are open, all that are open are in the list already.
    floor = np.where(best.indices[:, -1] < 0, np.inf, best.scores[:, -1])
    floor -= 2 * _errors(rough, user_vectors, item_vectors)
    final = np.full_like(rough, -np.inf)
    for rows in row_chunks(len(rough), _USERS_PER_PRODUCT):
        near = rough[slice(*rows)] >= floor[slice(*rows), None]
        places, slots = np.nonzero(best.indices[slice(*rows)] >= 0)
        near[places, best.indices[slice(*rows)][places, slots]] = True
        users, items = np.nonzero(near)
        _sum_again(scores, user_vectors, item_vectors, users + rows[0], items, final)
    return kernels.select_topk(final, k, **options)


def _rough_sum(scores: Float32, users: Float32, items: Float32, n_threads: int | None) -> Float32:
    out = np.empty_like(scores)

    def multiply(chunk: tuple[int, int]) -> None:
        part = out[slice(*chunk)]
        np.matmul(users[slice(*chunk)], items.T, out=part)
        part += scores[slice(*chunk)]

    with single_threaded_blas():
        run_chunks(multiply, row_chunks(len(out), _USERS_PER_PRODUCT), n_threads)
    return out


def _errors(rough: Float32, users: Float32, items: Float32) -> NDArray[np.float64]:
    """Return, for each row, what a rough score may miss the final one by."""
    lengths = np.sqrt(np.einsum("ij,ij->i", users, users, dtype=np.float64))
    longest = np.sqrt(1.01 * np.einsum("ij,ij->i", items, items).max(initial=0))  # float32 is good to far less than 1 %
    sizes = np.maximum(rough.max(axis=1, initial=0), -rough.min(axis=1, initial=0)).astype(np.float64)
    # Of the product (a little more than to first order), and of the two roundings of a sum that BLAS shares in.
    return np.asarray(_ROUNDING * (1.01 * (users.shape[1] + 4) * lengths * longest + 4 * sizes))


def _sum_again(
    scores: Float32,
    user_vectors: Float32,
    item_vectors: Float32,
    users: NDArray[np.intp],
    items: NDArray[np.intp],
    out: Float32,
) -> None:
    for start, stop in row_chunks(len(users), max(1, _VALUES_PER_PIECE // max(1, user_vectors.shape[1]))):
        row, column = users[start:stop], items[start:stop]
        products = (user_vectors[row].astype(np.float64) * item_vectors[column]).sum(axis=1)
        out[row, column] = scores[row, column] + products
