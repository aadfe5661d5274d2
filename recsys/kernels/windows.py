"""Rows of a log added up for each unit, in windows from the unit's own start: many totals in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks, thread_count
from recsys.kernels import _reference_windows as reference
from recsys.kernels import _windows
from recsys.kernels._choice import reference_wanted
from recsys.kernels.csr import vector

FUNCTIONS = ("count", "sum", "any", "max")
LARGEST_TIME = 2**61  # microseconds; differences of such times and windows do not overflow
_VALUED = ("sum", "max")
_TOGETHER = 64  # totals: one bit each
_LINE = 8  # doubles of a cache line
_ROWS_PER_CHUNK = 1 << 20
_FEWEST_UNITS = 1 << 12  # of a thread


class WindowTotal(NamedTuple):
    """One number for each unit.

    Attributes
    ----------
    function : {"count", "sum", "any", "max"}
        What is made of the rows of a window.
    begin : int
        Of the window, microseconds after the unit's start; negative: before it.
    end : int or None
        End of the window, not included; None: no end.
    mask : int or None
        Place of the filter among the masks of a batch; None: every row passes.
    column : int or None
        Place of the values among the columns of a batch, for ``sum`` and ``max``.
    """

    function: str
    begin: int = 0
    end: int | None = None
    mask: int | None = None
    column: int | None = None


class WindowTotals:
    """Totals of every unit, to which batches of rows are added.

    A unit's rows are added in the order in which they come, so the result depends neither on threads nor on how the
    rows are cut into batches. Memory: 8 bytes for each unit and total, the totals rounded up to whole lines of 64.

    Parameters
    ----------
    starts : (n_units,) int64
        Where the windows of each unit begin, microseconds.
    totals : sequence of WindowTotal
        What is asked for.

    Attributes
    ----------
    left_out : (n_totals,) int64
        Rows that pass and lie in the window but whose value is NaN or infinite; they count as not there.

    Raises
    ------
    ArgumentError
        For another dtype or shape, or a total that contradicts itself.
    DataError
        For times beyond ±2^61 µs (73,000 years).

    Examples
    --------
    >>> totals = WindowTotals(np.array([100, 200]), [WindowTotal("count"), WindowTotal("sum", -50, 0, column=0)])
    >>> totals.add(np.array([0, 0, 1, -1], np.int32), np.array([60, 100, 90, 0]), columns=[np.array([2.0, 3, 4, 5])])
    >>> totals.values().tolist()
    [[1.0, 0.0], [2.0, 0.0]]
    """

    def __init__(self, starts: NDArray[np.int64], totals: Sequence[WindowTotal]) -> None:
        self._starts = vector("starts", starts, np.int64)
        refuse_times("starts", self._starts)
        if len(starts) >= 2**31:
            raise ArgumentError(f"there are {len(starts)} units", "fewer than 2**31 were expected")
        self._totals = [checked_total(total) for total in totals]
        self.left_out = np.zeros(len(self._totals), np.int64)
        # Totals of one window lie together: a row touches few lines of memory.
        order = sorted(range(len(totals)), key=lambda place: (span(self._totals[place]), place))
        self._groups = [
            _Group(self._starts, [self._totals[place] for place in places], places)
            for places in (order[at : at + _TOGETHER] for at in range(0, len(order), _TOGETHER))
        ]

    def add(
        self,
        units: NDArray[np.int32],
        times: NDArray[np.int64],
        *,
        masks: Sequence[NDArray[np.bool_] | NDArray[np.uint8]] = (),
        columns: Sequence[NDArray[np.float64]] = (),
        n_threads: int | None = None,
    ) -> None:
        """Add the rows of a batch.

        Parameters
        ----------
        units : (n,) int32
            Codes; −1: a row of none of the units.
        times : (n,) int64
            Microseconds.
        masks : sequence of (n,) bool or uint8
            Which rows pass each filter.
        columns : sequence of (n,) float64
            Values.
        n_threads : int, optional
            Threads; by default all cores.

        Raises
        ------
        ArgumentError
            For another dtype or shape, or fewer masks or columns than the totals name.
        DataError
            For a unit or a time out of range; nothing has been added then.
        """
        units = vector("units", units, np.int32)
        times = vector("times", times, np.int64, length=len(units))
        passes = [as_bytes(f"masks[{place}]", mask, len(units)) for place, mask in enumerate(masks)]
        values = [vector(f"columns[{place}]", one, np.float64, length=len(units)) for place, one in enumerate(columns)]
        self._refuse_missing(len(passes), len(values))
        refuse_rows(units, times, len(self._starts))
        if not len(units) or not len(self._starts):
            return
        for group in self._groups:
            self.left_out[group.places] += group.add(units, times, passes, values, n_threads)

    def values(self) -> NDArray[np.float64]:
        """Return the totals so far, (n_totals, n_units); 0 for a unit without rows."""
        out = np.empty((len(self._totals), len(self._starts)))
        for group in self._groups:
            group.write(out)
        return out

    def _refuse_missing(self, masks: int, columns: int) -> None:
        for total in self._totals:
            for what, place, given in (("mask", total.mask, masks), ("column", total.column, columns)):
                if place is not None and place >= given:
                    raise ArgumentError(
                        f"a total wants {what} {place} and the batch has {given}",
                        f"a {what} for each place that the totals name was expected",
                    )


class _Group:
    """At most 64 totals whose sums of a unit lie together in memory."""

    def __init__(self, starts: NDArray[np.int64], totals: list[WindowTotal], places: list[int]) -> None:
        self.places = places
        self._starts, self._totals = starts, totals
        n = len(totals)
        width = -(-n // _LINE) * _LINE if n > _LINE else 1 << (n - 1).bit_length()  # no more lines than it must be
        room = np.zeros(len(starts) * width + _LINE)
        first = -(room.ctypes.data // room.itemsize) % _LINE
        self._sums = room[first : first + len(starts) * width].reshape(len(starts), width)
        for place, total in enumerate(totals):
            if total.function == "max":
                self._sums[:, place] = -np.inf
        spans = sorted({span(total) for total in totals})
        self._masks = sorted({total.mask for total in totals if total.mask is not None})
        self._windows = np.array([(begin, length) for begin, length in spans], np.uint64).view(np.int64)
        self._window_bits = np.array([_bits(span(total) == one for total in totals) for one in spans], np.uint64)
        self._mask_bits = np.array([_bits(total.mask == mask for total in totals) for mask in self._masks], np.uint64)
        self._unfiltered = _bits(total.mask is None for total in totals)
        self._functions = np.array([FUNCTIONS.index(total.function) for total in totals], np.int32)

    def add(
        self,
        units: NDArray[np.int32],
        times: NDArray[np.int64],
        masks: list[NDArray[np.uint8]],
        columns: list[NDArray[np.float64]],
        n_threads: int | None,
    ) -> NDArray[np.int64]:
        """Add rows; return how many each total left out."""
        if reference_wanted():
            return reference.add(self._sums, self._totals, units, times - self._starts[units], masks, columns)
        n_units = len(self._starts)
        parts = row_chunks(n_units, max(_FEWEST_UNITS, -(-n_units // thread_count(n_threads))))
        left_out = np.zeros((len(parts), len(self._totals)), np.int64)
        wanted_masks = [masks[place] for place in self._masks]
        wanted_columns = [None if total.column is None else columns[total.column] for total in self._totals]
        for rows in row_chunks(len(units), _ROWS_PER_CHUNK):

            def work(part: int, rows: tuple[int, int] = rows) -> None:
                _windows.add(
                    units,
                    times,
                    self._starts,
                    *rows,
                    *parts[part],
                    self._windows,
                    self._window_bits,
                    wanted_masks,
                    self._mask_bits,
                    self._unfiltered,
                    self._functions,
                    wanted_columns,
                    self._sums,
                    left_out[part],
                )

            run_chunks(work, range(len(parts)), n_threads)
        total: NDArray[np.int64] = left_out.sum(axis=0)
        return total

    def write(self, out: NDArray[np.float64]) -> None:
        """Write the totals to their rows of `out`, a block of units at a time: both sides stay in the cache."""
        for start, stop in row_chunks(len(self._starts), 1024):
            out[self.places, start:stop] = self._sums[start:stop, : len(self.places)].T
        for place, total in zip(self.places, self._totals, strict=True):
            if total.function == "max":
                out[place, np.isneginf(out[place])] = 0.0
                out[place] += 0.0  # never −0


def checked_total(total: WindowTotal) -> WindowTotal:
    """Return a total that does not contradict itself, or raise."""
    one_of("the function of a total", total.function, FUNCTIONS)
    if (total.column is not None) != (total.function in _VALUED):
        raise ArgumentError(
            f"a {total.function} has column {total.column}", "a column for sum and max alone was expected"
        )
    for what, place in (("mask", total.mask), ("column", total.column)):
        if place is not None:
            positive_int(what, place, minimum=0)
    for bound in (total.begin, total.end):
        if bound is not None and abs(positive_int("the bound of a window", abs(bound), minimum=0)) > LARGEST_TIME:
            raise ArgumentError(f"the bound of a window is {bound}", "at most 2**61 microseconds were expected")
    return total


def span(total: WindowTotal) -> tuple[int, int]:
    """Return begin (modulo 2^64) and length of the window."""
    end = 2**62 + 2**61 if total.end is None else total.end
    return total.begin % 2**64, max(0, end - total.begin)


def _bits(flags: Any) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)


def as_bytes(name: str, mask: NDArray[Any], n: int) -> NDArray[np.uint8]:
    """Return a mask of bool or uint8 as bytes, or raise."""
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_:
        mask = mask.view(np.uint8)
    return vector(name, mask, np.uint8, length=n)


def refuse_rows(units: NDArray[np.int32], times: NDArray[np.int64], n_units: int) -> None:
    """Raise DataError for units or times out of range."""
    refuse_times("times", times)
    if len(units) and (units.min() < -1 or units.max() >= n_units):
        bad = int(units.min() if units.min() < -1 else units.max())
        raise DataError(f"there is the unit {bad}", f"codes from -1 to {n_units - 1} were expected")


def refuse_times(name: str, times: NDArray[np.int64]) -> None:
    """Raise DataError for times so large that differences might overflow."""
    if len(times) and (times.min() < -LARGEST_TIME or times.max() > LARGEST_TIME):
        place = int(np.flatnonzero((times < -LARGEST_TIME) | (times > LARGEST_TIME))[0])
        raise DataError(f"{name} has {times[place]} at position {place}", "times within ±2**61 µs were expected")
