"""Distinct values of each unit in a window, counted over batches of rows."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

_COMPRESS_AT = 1 << 22  # pairs


class DistinctCounts:
    """How many distinct codes each unit has in its own half-open window; exact, whatever the order of the rows.

    Parameters
    ----------
    starts : (n_units,) int64
        Where the window of each unit begins to count, microseconds.
    begin, end : int or None
        The window, from the start; `end` None: no end.

    Examples
    --------
    >>> counts = DistinctCounts(np.array([100, 200]), 0, 50)
    >>> rows = np.array([0, 0, 0, 1], np.int32), np.array([100, 149, 150, 199])
    >>> counts.add(*rows, np.array([7, 7, 8, 9]))
    >>> counts.values().tolist(), counts.left_out
    ([1.0, 0.0], 0)
    """

    def __init__(self, starts: NDArray[np.int64], begin: int, end: int | None) -> None:
        self._starts, self._begin, self._end = starts, begin, end
        self._pairs: list[pl.DataFrame] = []
        self._compressed = 0
        self.left_out = 0

    def add(
        self,
        units: NDArray[np.int32],
        times: NDArray[np.int64],
        codes: NDArray[np.int64],
        mask: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add rows: (n,) int32 units (−1: none), (n,) times, (n,) codes (−1: no value; counted in `left_out`)."""
        kept = np.flatnonzero(units >= 0 if mask is None else (units >= 0) & mask)
        offsets = times[kept] - self._starts[units[kept]]
        inside = offsets >= self._begin if self._end is None else (offsets >= self._begin) & (offsets < self._end)
        kept = kept[inside]
        valued = kept[codes[kept] >= 0]
        self.left_out += len(kept) - len(valued)
        self._pairs.append(pl.DataFrame({"unit": units[valued], "code": codes[valued]}).unique())
        if sum(map(len, self._pairs)) > max(_COMPRESS_AT, 2 * self._compressed):
            self._pairs = [pl.concat(self._pairs).unique()]
            self._compressed = len(self._pairs[0])

    def values(self) -> NDArray[np.float64]:
        """Return the counts so far, (n_units,); 0 for a unit without rows."""
        counts = np.zeros(len(self._starts))
        if self._pairs:
            pairs = pl.concat(self._pairs).unique()
            counts += np.bincount(pairs["unit"].to_numpy(), minlength=len(counts))
        return counts
