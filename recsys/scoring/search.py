"""`top_k`: the best items of every user from two factor matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys import kernels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from recsys.kernels import TopK


def top_k(
    user_factors: ArrayLike,
    item_factors: ArrayLike,
    k: int,
    *,
    exclude: Any | None = None,
    allow: Any | None = None,
    deny: Any | None = None,
    n_threads: int | None = None,
) -> TopK:
    """Return the `k` items with the largest dot product for every user, exactly.

    Parameters
    ----------
    user_factors : (n_users, d) array
        One row a user; cast to float32.
    item_factors : (n_items, d) array
        One row an item; cast to float32.
    k : int
        Items wanted per user; slots beyond what is left stay empty.
    exclude : (n_users, n_items) sparse, optional
        Pairs left out, e.g. what a user has seen. Where a value stands counts, the value itself does not.
    allow, deny : (n_items,) bool or (n_users, n_items) sparse, optional
        1-D: for everyone; sparse: per user. An item must be allowed and not denied.
    n_threads : int, optional
        Default: the cores that this process may use. The result does not depend on it.

    Returns
    -------
    TopK
        ``.indices`` (n_users, k) int32, −1 = empty slot; ``.scores`` (n_users, k) float32, −inf = empty slot.
        Order: score descending, then item index ascending.

    Raises
    ------
    ArgumentError
        `k` is below 1, shapes disagree, or a factor is NaN.

    Examples
    --------
    >>> top_k([[1.0, 0.0]], [[0.5, 1.0], [2.0, 0.0]], k=3).indices.tolist()
    [[1, 0, -1]]
    """
    return kernels.topk(
        np.ascontiguousarray(user_factors, dtype=np.float32),
        np.ascontiguousarray(item_factors, dtype=np.float32),
        k,
        exclude=None if exclude is None else _sparse(exclude),
        allow=_filter(allow),
        deny=_filter(deny),
        n_threads=n_threads,
    )


def _filter(mask: Any | None) -> NDArray[np.bool_] | csr_array | None:
    """Return a 1-D mask or a CSR pattern; a list of booleans becomes a mask."""
    if mask is None:
        return None
    return _sparse(mask) if hasattr(mask, "tocsr") else np.asarray(mask)


def _sparse(pairs: Any) -> csr_array:
    """Return any scipy sparse matrix as a `csr_array` with sorted columns, without touching the caller's."""
    from scipy.sparse import csr_array

    rows = csr_array(pairs)
    return rows if rows.has_sorted_indices else rows.sorted_indices()
