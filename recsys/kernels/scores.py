"""Dense scores of sparse histories over sparse item–item weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.core.threads import row_chunks, run_chunks, thread_count
from recsys.kernels._checks import Csr, describe, weighted_rows
from recsys.kernels._choice import reference_wanted

_ROWS_PER_CHUNK = 32


def sparse_scores(history: Csr, item_weights: Csr, *, n_threads: int | None = None) -> NDArray[np.float32]:
    """Return ``history @ item_weights`` as dense rows.

    A score is summed in float32 in rising order of the items of the history, as `sparse_topk` does; it does not depend
    on threads. One that overflows is infinite or NaN.

    Parameters
    ----------
    history : csr_array (n_users, n_items) float32
        What each user had, with its weight.
    item_weights : csr_array (n_items, n_items) float32
        What each item of a history adds to the score of each other.
    n_threads : int, optional
        Threads; by default all cores.

    Returns
    -------
    (n_users, n_items) float32

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype or shape.
    DataError
        For a CSR matrix that is not valid or holds NaN or inf.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> weights = csr_array(np.float32([[0, 3], [1, 0]]))
    >>> sparse_scores(csr_array(np.float32([[1, 2]])), weights)
    array([[2., 3.]], dtype=float32)
    """
    shapes: list[Any] = [getattr(matrix, "shape", ()) for matrix in (history, item_weights)]
    if any(len(shape) != 2 for shape in shapes) or shapes[1] != (shapes[0][1],) * 2:
        raise ArgumentError(
            f"history is {describe(history)}, item_weights is {describe(item_weights)}",
            "csr_arrays of float32 were expected, one row a user, and square over the same items",
        )
    past = weighted_rows("history", history, shapes[0])
    weights = weighted_rows("item_weights", item_weights, shapes[1])
    out = np.zeros(shapes[0], dtype=np.float32)
    if reference_wanted():
        from recsys.kernels import _reference_scores

        _reference_scores.sparse_scores(past, weights, out, n_threads)
        return out
    from recsys.kernels import _sparse_rows

    run_chunks(
        lambda chunk: _sparse_rows.add_rows(*past, *weights, *chunk, out),
        row_chunks(len(out), _ROWS_PER_CHUNK),
        thread_count(n_threads),
    )
    return out
