"""`LoggedFeedback`: what a policy has shown, how probable that was, and what came of it — as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.dataset import Vocabulary

Rows = NDArray[np.float64]


class Propensities(NamedTuple):
    """How probable it was, under one policy, that the rows of a log were shown. None: not known.

    The three are different numbers, and none stands for another.

    Attributes
    ----------
    position : (n,) float64 or None
        That this item stands at this position of this request.
    given_above : (n,) float64 or None
        The same, given the items above it.
    slate : (n_slates,) float64 or None
        That the whole list is this one.
    """

    position: Rows | None = None
    given_above: Rows | None = None
    slate: Rows | None = None


@dataclass(frozen=True, eq=False)
class LoggedFeedback:
    """Rows of a log of impressions; the rows of a slate (one request) stand together, by position.

    Attributes
    ----------
    offsets : (n_slates + 1,) int64
        Slate s is the rows ``offsets[s]:offsets[s + 1]``. Without request ids every row is a slate of its own.
    items : Vocabulary
        Of the items shown.
    actions : (n,) int32
        Codes of the items.
    positions : (n,) int32
        From 1, the top; 1 everywhere when the log has none.
    rewards : mapping of str to (n,) float64
        Finite; by name of the column.
    propensities : Propensities
        Of the policy that wrote the log.
    users : Vocabulary or None
        None when the log names no users.
    user_codes : (n,) int32 or None
        −1 where a row names no user.
    times : (n,) int64 or None
        Microseconds since 1970 UTC.
    versions : tuple of str
        The policies (``policy/policy_version``) that wrote the log.
    version_codes : (n,) int32
    context : DataFrame
        n rows: all other columns of the log.
    has_requests : bool
        Whether slates are known: without, estimators over slates are refused.
    has_positions : bool
    estimated : bool
        Whether the propensities were estimated from the log itself.
    duplicates : int
        Rows equal in all columns to an earlier one; they were kept, and are reported.
    notes : tuple of str
        What was noticed on entry.
    """

    offsets: NDArray[np.int64]
    items: Vocabulary
    actions: NDArray[np.int32]
    positions: NDArray[np.int32]
    rewards: Mapping[str, Rows]
    propensities: Propensities
    users: Vocabulary | None
    user_codes: NDArray[np.int32] | None
    times: NDArray[np.int64] | None
    versions: tuple[str, ...]
    version_codes: NDArray[np.int32]
    context: pl.DataFrame
    has_requests: bool
    has_positions: bool
    estimated: bool = False
    duplicates: int = 0
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def n_slates(self) -> int:
        """Requests; rows when the log names no requests."""
        return len(self.offsets) - 1

    @property
    def slates(self) -> NDArray[np.int64]:
        """The slate of each row, (n,) int64."""
        return np.repeat(np.arange(self.n_slates), np.diff(self.offsets))

    def __repr__(self) -> str:
        return f"<LoggedFeedback of {len(self):,} impressions in {self.n_slates:,} slates, {len(self.items):,} items>"
