"""Distinct values of each unit in a window, counted over batches of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _distinct
from recsys.kernels import _reference_distinct as reference
from recsys.kernels._choice import reference_wanted
from recsys.kernels.csr import vector
from recsys.kernels.windows import WindowTotal, as_bytes, checked_total, refuse_rows, refuse_times, span

_ROWS_PER_CHUNK = 1 << 20
_PARTS = 8  # tables, each of the units of a range: what threads share out
_FIRST_SLOTS = 1 << 10


class DistinctCounts:
    """How many distinct codes each unit has in its own half-open window; exact, whatever the order of the rows.

    Memory: 26 to 52 bytes for each distinct pair of unit and code.

    Parameters
    ----------
    starts : (n_units,) int64
        Where the window of each unit begins to count, microseconds.
    begin, end : int or None
        The window, from the start; `end` None: no end.

    Attributes
    ----------
    left_out : int
        Rows that pass and lie in the window but have no code.

    Raises
    ------
    ArgumentError
        For another dtype or shape.
    DataError
        For times beyond ±2^61 µs.

    Examples
    --------
    >>> counts = DistinctCounts(np.array([100, 200]), 0, 50)
    >>> rows = np.array([0, 0, 0, 1], np.int32), np.array([100, 149, 150, 199])
    >>> counts.add(*rows, np.array([7, 7, 8, 9]))
    >>> counts.values().tolist(), counts.left_out
    ([1.0, 0.0], 0)
    """

    def __init__(self, starts: NDArray[np.int64], begin: int, end: int | None) -> None:
        self._starts = vector("starts", starts, np.int64)
        refuse_times("starts", self._starts)
        window = checked_total(WindowTotal("count", begin, end))
        self._begin, self._end, self._length = begin, end, span(window)[1]
        self._counts = np.zeros(len(starts), np.int32)
        self._parts = row_chunks(len(starts), max(1, -(-len(starts) // _PARTS)))
        self._tables = [np.zeros((_FIRST_SLOTS, 2), np.int64) for _ in self._parts]
        self._sizes = [0] * len(self._parts)
        self._pairs = np.zeros((0, 2), np.int64)  # of the twin
        self.left_out = 0

    def add(
        self,
        units: NDArray[np.int32],
        times: NDArray[np.int64],
        codes: NDArray[np.int64],
        mask: NDArray[np.bool_] | None = None,
        *,
        n_threads: int | None = None,
    ) -> None:
        """Add the rows of a batch.

        Parameters
        ----------
        units : (n,) int32
            Codes; −1: a row of none of the units.
        times : (n,) int64
            Microseconds.
        codes : (n,) int64
            Equal values have equal codes; below 0: no value.
        mask : (n,) bool, optional
            Which rows pass.
        n_threads : int, optional
            Threads; by default all cores.

        Raises
        ------
        ArgumentError
            For another dtype or shape.
        DataError
            For a unit or a time out of range; nothing has been added then.
        """
        units = vector("units", units, np.int32)
        times = vector("times", times, np.int64, length=len(units))
        codes = vector("codes", codes, np.int64, length=len(units))
        passes = None if mask is None else as_bytes("mask", mask, len(units))
        refuse_rows(units, times, len(self._starts))
        if not len(units) or not len(self._starts):
            return
        if reference_wanted():
            pairs, left_out = reference.keep(units, times - self._starts[units], codes, passes, self._begin, self._end)
            self.left_out += left_out
            self._pairs = np.unique(np.concatenate([self._pairs, pairs]), axis=0)
            self._counts = reference.count(self._pairs, len(self._starts))
            return
        room = min(_ROWS_PER_CHUNK, len(units)) + 1
        kept_units, kept_codes = np.empty(room, np.int32), np.empty(room, np.int64)
        for rows in row_chunks(len(units), _ROWS_PER_CHUNK):
            n, left_out = _distinct.keep(
                units, times, codes, passes, self._starts, self._begin, self._length, *rows, kept_units, kept_codes
            )
            self.left_out += left_out

            def work(part: int, n: int = n) -> None:
                self._insert(part, kept_units, kept_codes, n)

            run_chunks(work, range(len(self._parts)), n_threads)

    def values(self) -> NDArray[np.float64]:
        """Return the counts so far, (n_units,); 0 for a unit without rows."""
        return self._counts.astype(np.float64)

    def _insert(self, part: int, units: NDArray[np.int32], codes: NDArray[np.int64], n: int) -> None:
        done = 0
        while done < n:
            done, self._sizes[part] = _distinct.add(
                self._tables[part], self._sizes[part], units, codes, done, n, *self._parts[part], self._counts
            )
            if done < n:
                larger = np.zeros((2 * len(self._tables[part]), 2), np.int64)
                _distinct.move(self._tables[part], larger)
                self._tables[part] = larger
