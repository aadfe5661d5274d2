"""The filters of the top-k kernels: `exclude`, `allow` and `deny` brought into one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from recsys.core.errors import ArgumentError
from recsys.kernels._checks import Csr, Rows, describe, pattern_rows

Filter = NDArray[np.bool_] | Csr


class Filters(NamedTuple):
    """An item may be returned to a user if it is eligible, not blocked for them, and allowed (when `allowed` is given).

    Attributes
    ----------
    eligible : (n_items,) bool or None
        For everyone; None = all items.
    blocked : Rows
        Per user, of `exclude` and `deny`.
    allowed : Rows or None
        Per user; None = no such limit. Holds eligible items only.
    """

    eligible: NDArray[np.bool_] | None
    blocked: Rows
    allowed: Rows | None


def merge_filters(
    shape: tuple[int, int],
    exclude: Csr | None,
    allow: Filter | None,
    deny: Filter | None,
) -> Filters:
    """Return the filters of (n_users, n_items) scores; see `recsys.kernels.topk` for what they mean and raise."""
    allow_all, allow_rows = _split("allow", allow, shape)
    deny_all, deny_rows = _split("deny", deny, shape)
    eligible = allow_all
    if deny_all is not None:
        eligible = ~deny_all if eligible is None else eligible & ~deny_all
    if eligible is not None and eligible.all():
        eligible = None
    if allow_rows is not None and eligible is not None:
        allow_rows = _keep(allow_rows, eligible)
    exclude_rows = None if exclude is None else pattern_rows("exclude", exclude, shape)
    return Filters(eligible, _union(shape, exclude_rows, deny_rows), allow_rows)


def _split(name: str, value: object, shape: tuple[int, int]) -> tuple[NDArray[np.bool_] | None, Rows | None]:
    if value is None:
        return None, None
    if issparse(value):
        return None, pattern_rows(name, value, shape)
    if isinstance(value, np.ndarray) and value.dtype == np.bool_ and value.shape == shape[1:]:
        return value, None
    expected = (
        f"a bool array of shape {shape[1:]} (for everyone) or a csr_array of shape {shape} (per user) was expected"
    )
    raise ArgumentError(f"{name} is {describe(value)}", expected)


def _keep(rows: Rows, eligible: NDArray[np.bool_]) -> Rows:
    kept = eligible[rows.indices]
    before = np.concatenate(([0], np.cumsum(kept, dtype=np.int64)))
    return Rows(before[rows.indptr], rows.indices[kept])


def _union(shape: tuple[int, int], first: Rows | None, second: Rows | None) -> Rows:
    if first is None or second is None:
        return first or second or Rows(np.zeros(shape[0] + 1, np.int64), np.empty(0, np.int32))
    matrices = [
        csr_array((np.ones(len(rows.indices), np.bool_), rows.indices, rows.indptr), shape=shape)
        for rows in (first, second)
    ]
    return pattern_rows("deny", matrices[0] + matrices[1], shape)
