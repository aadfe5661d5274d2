"""`ResolvedEligibility`: the rules for some users at one instant, as the masks that the kernels take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.dataset import Vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ResolvedEligibility:
    """Which items each of n users may get.

    Parameters
    ----------
    group_of_user : (n,) int32
        The group of each user.
    open_items : (n_groups, n_items) bool
        True = open for the group.
    denied : (n, n_items) csr_array or None
        Pairs closed for single users; the pattern counts.
    warnings : tuple of str
        What the rules named in vain.
    """

    group_of_user: NDArray[np.int32]
    open_items: NDArray[np.bool_]
    denied: csr_array | None
    warnings: tuple[str, ...] = ()

    def take(self, rows: Rows) -> ResolvedEligibility:
        """Return the part of some users, in their order."""
        return replace(
            self, group_of_user=self.group_of_user[rows], denied=None if self.denied is None else self.denied[rows]
        )

    def groups(self) -> Iterator[tuple[Rows, NDArray[np.bool_]]]:
        """Yield, for every group with a user, the rows of its users and its (n_items,) mask of open items."""
        order = np.argsort(self.group_of_user, kind="stable")
        sorted_groups = self.group_of_user[order]
        starts = np.flatnonzero(np.diff(sorted_groups, prepend=-1))
        for rows in np.split(order, starts[1:]) if len(order) else ():
            yield rows, self.open_items[self.group_of_user[rows[0]]]


def group_users(
    attributes: pl.DataFrame | None, by: Sequence[str], n_users: int
) -> tuple[pl.DataFrame, NDArray[np.int32]]:
    """Return the distinct combinations of the attributes `by`, and the place of each user's combination among them.

    Examples
    --------
    >>> groups, places = group_users(pl.DataFrame({"country": ["SE", None, "SE"]}), ["country"], 3)
    >>> groups["country"].to_list(), places.tolist()
    (['SE', None], [0, 1, 0])
    """
    if attributes is None or not by:
        return pl.DataFrame({"group": [0]}), np.zeros(n_users, dtype=np.int32)
    wanted = attributes.select(by)
    groups = wanted.unique(maintain_order=True)
    places = wanted.join(
        groups.with_columns(pl.Series("__place", np.arange(len(groups), dtype=np.int32))),
        on=list(by),
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )["__place"]
    return groups, places.to_numpy()


def pair_pattern(frames: Sequence[pl.DataFrame], users: pl.Series, items: Vocabulary) -> csr_array | None:
    """Return the (n_users, n_items) pattern of the listed pairs (ids as text), or None when there is none.

    Examples
    --------
    >>> pairs = pl.DataFrame({"user_id": ["7"], "item_id": ["b"]})
    >>> pair_pattern([pairs], pl.Series(["7", "8"]), Vocabulary.from_ids(["a", "b"])).toarray().tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    from scipy.sparse import csr_array

    if not frames:
        return None
    places = pl.DataFrame({"user_id": users, "__row": np.arange(len(users), dtype=np.int32)})
    named = pl.concat(frames)
    cells = named.with_columns(pl.Series("__code", items.encode(named["item_id"]))).filter(pl.col("__code") >= 0)
    cells = cells.join(places, on="user_id").select("__row", "__code").unique().sort("__row", "__code")
    rows, codes = cells["__row"].to_numpy(), cells["__code"].to_numpy()
    indptr = np.searchsorted(rows, np.arange(len(users) + 1)).astype(np.int64)
    return csr_array((np.ones(len(codes), dtype=np.float32), codes, indptr), shape=(len(users), len(items)))
