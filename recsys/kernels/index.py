"""`TopKIndex`: item factors prepared once for exact top-k lists."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError
from recsys.core.threads import thread_count
from recsys.kernels._checks import Csr, dense_rows
from recsys.kernels._filters import Filter, merge_filters
from recsys.kernels.selection import MOST_COLUMNS, TopK, kernels_wanted, refuse_unbounded

_REBUILD = 0.5  # of the items in the first segment: so many in later ones, and all are prepared anew


class TopKIndex:
    """Item factors prepared for exact top-k lists: sorted, turned and quantised once, then asked as often as wanted.

    An index never changes and may be asked from several threads at once. The lists are those of `topk`, bit for bit.

    Parameters
    ----------
    item_factors : (n_items, d) array
        Finite; cast to float32. Contiguous float32 is kept without a copy (read-only memory maps too), so it must not
        be changed.
    like : (n, d) array, optional
        Some of the users who will ask. They decide which directions are looked at first, so they change the speed and
        never a result. Default: the items themselves.
    n_threads : int, optional
        Threads that prepare; by default all cores.

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype or shape.
    DataError
        For NaN or infinite factors.

    Notes
    -----
    Beside the factors, an index takes about d + 20 bytes an item. Most items are dropped after some columns of 8-bit
    integers, by a bound on what they lose (docs/decisions/0012); what is left is scored exactly.

    Examples
    --------
    >>> index = TopKIndex(np.array([[1, 3], [2, 2], [2, 1]], np.float32))
    >>> index.query(np.array([[1, 0], [0, 1]], np.float32), 2).indices.tolist()
    [[1, 2], [0, 1]]
    >>> index.add(np.array([[9, 0]], np.float32)).query(np.array([[1, 0]], np.float32), 2).indices.tolist()
    [[3, 1]]
    """

    def __init__(
        self,
        item_factors: ArrayLike,
        *,
        like: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> None:
        items = _factors("item_factors", item_factors)
        users = items if like is None else _factors("like", like, items.shape[1])
        users = users if len(users) else items
        norms = kernels_wanted().row_norms(items)
        refuse_unbounded(np.zeros(0), norms)
        self._parts: tuple[NDArray[np.float32], ...] = (items,)
        self._like = users
        self._set(norms, thread_count(n_threads))

    def _set(self, norms: NDArray[np.float64], n_threads: int) -> None:
        items, self._kernels = self._parts[0], kernels_wanted()
        self._longest = float(norms.max(initial=0.0))
        codes = np.arange(len(items), dtype=np.int32)
        self._prepared = self._kernels.prepare(items, norms, codes, self._like, n_threads) if len(items) else None

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def __repr__(self) -> str:
        return f"TopKIndex({len(self):,} items, {self._parts[0].shape[1]} factors)"

    @property
    def nbytes(self) -> int:
        """The bytes that the index takes beside the item factors."""
        return int(getattr(self._prepared, "nbytes", 0)) if self._prepared is not None else 0

    def query(
        self,
        user_factors: ArrayLike,
        k: int,
        *,
        exclude: Csr | None = None,
        allow: Filter | None = None,
        deny: Filter | None = None,
        n_threads: int | None = None,
    ) -> TopK:
        """Return the k items with the largest inner products for every user, exactly; see `topk`.

        Parameters
        ----------
        user_factors : (n_users, d) array
            Cast to float32.
        k, exclude, allow, deny, n_threads
            As in `topk`.

        Returns
        -------
        TopK

        Raises
        ------
        ArgumentError, DataError
            As in `topk`.
        """
        k, n_threads = positive_int("k", k), thread_count(n_threads)
        users = _factors("user_factors", user_factors, self._parts[0].shape[1])
        filters = merge_filters((len(users), len(self)), exclude, allow, deny)
        norms = self._kernels.row_norms(users)
        refuse_unbounded(norms, np.array([self._longest]))
        if self._prepared is None:
            return TopK(np.full((len(users), k), -1, np.int32), np.full((len(users), k), -np.inf, np.float32))
        return TopK(*self._kernels.query(self._prepared, users, norms, k, filters, n_threads))

    def add(self, item_factors: ArrayLike, *, n_threads: int | None = None) -> TopKIndex:
        """Return an index with these items behind the present ones; this one stays as it is.

        The new items are prepared, the others shared; all are prepared anew once half as many were added as there were.

        Parameters
        ----------
        item_factors : (n, d) array
            One row a new item; codes go on where the old ones end.
        n_threads : int, optional
            Default: all cores. The result does not depend on it.

        Raises
        ------
        ArgumentError, DataError
            As for a new index.
        """
        items = _factors("item_factors", item_factors, self._parts[0].shape[1])
        norms = self._kernels.row_norms(items)
        refuse_unbounded(np.zeros(0), norms)
        if not len(items):
            return self
        new: TopKIndex = object.__new__(TopKIndex)
        new._like, new._kernels, new._parts = self._like, self._kernels, (*self._parts, items)
        new._longest = max(self._longest, float(norms.max()))
        added = len(new) - len(self._parts[0])
        if self._prepared is not None and added <= _REBUILD * len(self._parts[0]):
            new._prepared = self._kernels.extend(self._prepared, items, norms, thread_count(n_threads))
            if new._prepared is not None:
                return new
        return TopKIndex(np.vstack(new._parts), like=self._like, n_threads=n_threads)


def _factors(name: str, value: Any, d: int | None = None) -> NDArray[np.float32]:
    rows = dense_rows(name, np.ascontiguousarray(value, dtype=np.float32))
    if d is not None and rows.shape[1] != d:
        raise ArgumentError(f"{name} have {rows.shape[1]} columns", f"{d} were expected, as the index has")
    if not 1 <= rows.shape[1] <= MOST_COLUMNS:
        raise ArgumentError(f"{name} have {rows.shape[1]} columns", f"from 1 to {MOST_COLUMNS} were expected")
    return rows
