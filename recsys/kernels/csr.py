"""Events in any order to a canonical log in CSR form, and the log to a matrix: counting sorts, never one big sort."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks, thread_count
from recsys.kernels import _csr
from recsys.kernels import _reference_csr as reference
from recsys.kernels._choice import reference_wanted

AGGREGATES = ("sum", "max", "last", "count")
_EVENT_BYTES = 16
_EVENTS_PER_CHUNK = 1 << 20


class _Events(NamedTuple):
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    values: NDArray[np.float32] | None
    times: NDArray[np.int64] | None
    relevance_values: NDArray[np.float32] | None


class EventLog(NamedTuple):
    """A canonical event log: sorted by (user, time, item, value, relevance value).

    Attributes
    ----------
    indptr : (n_users + 1,) int64
        The events of user u are at ``indptr[u]:indptr[u + 1]``.
    items : (n,) int32
        Codes of items.
    values : (n,) float32 or None
        Weights of events; None: all 1.
    times : (n,) int64 or None
        Microseconds, UTC.
    relevance_values : (n,) float32 or None
        What each event is worth as a test event.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32] | None
    times: NDArray[np.int64] | None
    relevance_values: NDArray[np.float32] | None


class CsrArrays(NamedTuple):
    """The arrays of a CSR matrix with sorted indices and no repeats.

    Attributes
    ----------
    indptr : (n_rows + 1,) int64
        Where each row begins and ends.
    indices : (nnz,) int32
        Columns.
    data : (nnz,) float32
        Values.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[np.float32]


def build_csr(
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    values: NDArray[np.float32] | None = None,
    times: NDArray[np.int64] | None = None,
    *,
    n_users: int,
    n_items: int,
    relevance_values: NDArray[np.float32] | None = None,
    in_place: bool = False,
    n_threads: int | None = None,
) -> EventLog:
    """Return the canonical log of events in any order: sorted by (user, time, item, value, relevance value).

    A counting sort by user, then a bucket and insertion sort inside each row: O(n) work and 16 bytes of memory an
    event beside the result. The log depends neither on threads nor on the order of arrival.

    Parameters
    ----------
    users, items : (n,) int32
        Codes.
    values : (n,) float32, optional
        Event values, a tie-breaker (−0 sorts before +0).
    times : (n,) int64, optional
        Event times in microseconds; without them events are sorted by (user, item, value, relevance value).
    n_users, n_items : int
        Numbers of users and items; a code out of range raises.
    relevance_values : (n,) float32, optional
        The last tie-breaker.
    in_place : bool
        Items, values and times may be overwritten by the result, which saves their memory once; without
        `relevance_values` they are.
    n_threads : int, optional
        Threads; by default all cores.

    Raises
    ------
    ArgumentError
        For arrays of another shape or dtype.
    DataError
        For a code out of range.

    Examples
    --------
    >>> users, items = np.array([1, 0, 1], np.int32), np.array([2, 0, 1], np.int32)
    >>> log = build_csr(users, items, times=np.array([5, 9, 7]), n_users=2, n_items=3)
    >>> log.indptr.tolist(), log.items.tolist()
    ([0, 1, 3], [0, 2, 1])
    """
    events = _checked(users, items, values, times, relevance_values, n_users, n_items)
    if reference_wanted():
        return EventLog(*reference.build_csr(*events, n_users))
    again = in_place and relevance_values is None  # events carry their value: after the scatter the input is free
    columns: list[Any] = [array if array is None or again else np.empty_like(array) for array in events[1:]]
    return EventLog(_sort(events, n_users, columns, n_threads), *columns)


def count_codes(codes: NDArray[np.int32], size: int, *, n_threads: int | None = None) -> NDArray[np.int64]:
    """Return (size,) int64: how often each code occurs. As `numpy.bincount`, but on threads.

    Parameters
    ----------
    codes : (n,) int32
        From 0 to size − 1.
    size : int
        How many codes there are.
    n_threads : int, optional
        Default: all cores. The result does not depend on it.

    Raises
    ------
    ArgumentError
        For an array of another shape or dtype.
    DataError
        For a code out of range.

    Examples
    --------
    >>> count_codes(np.array([2, 0, 2], np.int32), 3).tolist()
    [1, 0, 2]
    """
    codes, size = vector("codes", codes, np.int32), positive_int("size", size, minimum=0)
    _refuse_codes("", codes, size)
    if reference_wanted():
        return reference.count_codes(codes, size)
    counted: NDArray[np.int64] = _count(codes, size, _parts(len(codes), size, n_threads), n_threads).sum(axis=0)
    return counted


def aggregate_rows(
    indptr: NDArray[np.int64],
    items: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    *,
    n_items: int,
    how: str,
    weights: NDArray[np.float32] | None = None,
    n_threads: int | None = None,
) -> CsrArrays:
    """Merge the repeats of each row of a log: one entry a (row, item), items sorted.

    Parameters
    ----------
    indptr : (n_rows + 1,) int64
        Row boundaries of the log.
    items : (n,) int32
        Item codes, in the order of the log.
    values : (n,) float32 or None
        Event values; None counts as 1. Sums are made in float64, in the order of the log, and rounded once.
    n_items : int
        Number of items.
    how : {"sum", "max", "last", "count"}
        ``sum`` of weight × value, ``max`` of weight × value, weight × value of the ``last`` event of the log,
        ``count`` the sum of the weights (whatever the values).
    weights : (n,) float32, optional
        Weight of each event, e.g. a time decay; 1 by default.
    n_threads : int, optional
        Threads; by default all cores.

    Raises
    ------
    ArgumentError
        For arrays of another shape or dtype, an unknown `how`, or boundaries that do not fit.
    DataError
        For an item code out of range.

    Examples
    --------
    >>> items, values = np.array([2, 0, 2], np.int32), np.array([1, 5, 2], np.float32)
    >>> merged = aggregate_rows(np.array([0, 3]), items, values, n_items=3, how="sum")
    >>> merged.indices.tolist(), merged.data.tolist()
    ([0, 2], [5.0, 3.0])
    """
    n_items, how = positive_int("n_items", n_items, minimum=0), one_of("how", how, AGGREGATES)
    items, indptr = vector("items", items, np.int32), vector("indptr", indptr, np.int64)
    if not len(indptr) or indptr[0] != 0 or indptr[-1] != len(items) or (np.diff(indptr) < 0).any():
        raise ArgumentError(
            "indptr does not fit the items", "rising boundaries from 0 to the number of events were expected"
        )
    values = None if values is None else vector("values", values, np.float32, length=len(items))
    weights = None if weights is None else vector("weights", weights, np.float32, length=len(items))
    _refuse_codes("item", items, n_items)
    if reference_wanted():
        return CsrArrays(*reference.aggregate_rows(indptr, items, values, how, weights))
    indices, data, merged = np.empty(len(items), np.int32), np.empty(len(items), np.float32), np.zeros_like(indptr)
    lengths, method, chunks = merged[1:], AGGREGATES.index(how), balanced_chunks(indptr)
    run_chunks(
        lambda chunk: _csr.aggregate_rows(indptr, *chunk, items, values, weights, method, indices, data, lengths),
        chunks,
        n_threads,
    )
    np.cumsum(merged, out=merged)
    if merged[-1] == len(items):
        return CsrArrays(merged, indices, data)
    kept, amounts = np.empty(merged[-1], np.int32), np.empty(merged[-1], np.float32)
    run_chunks(lambda chunk: _csr.compact_rows(indptr, merged, *chunk, indices, data, kept, amounts), chunks, n_threads)
    return CsrArrays(merged, kept, amounts)


def _checked(
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    times: NDArray[np.int64] | None,
    relevance_values: NDArray[np.float32] | None,
    n_users: int,
    n_items: int,
) -> _Events:
    _refuse_codes("user", vector("users", users, np.int32), positive_int("n_users", n_users, minimum=0))
    n = len(users)
    _refuse_codes("item", vector("items", items, np.int32, length=n), positive_int("n_items", n_items, minimum=0))
    if n >= 2**32:
        raise ArgumentError(f"there are {n} events", "fewer than 2**32 were expected")
    return _Events(
        np.ascontiguousarray(users),
        np.ascontiguousarray(items),
        None if values is None else vector("values", values, np.float32, length=n),
        None if times is None else vector("times", times, np.int64, length=n),
        None if relevance_values is None else vector("relevance_values", relevance_values, np.float32, length=n),
    )


def _sort(events: _Events, n_users: int, outputs: Sequence[Any], n_threads: int | None) -> NDArray[np.int64]:
    """Return the row boundaries and fill the outputs: sorted items, values, times, relevance values."""
    users, items, values, times, relevance_values = events
    # With a second value events carry their position; else their value, and nothing is looked up.
    keep_places = relevance_values is not None
    parts = _parts(len(users), n_users, n_threads)
    counts = _count(users, n_users, parts, n_threads)
    indptr = np.zeros(n_users + 1, np.int64)
    np.cumsum(counts.sum(axis=0), out=indptr[1:])
    heads = indptr[:-1] + np.cumsum(counts, axis=0) - counts  # where each part puts its next event of each row
    scratch = np.empty(max(len(users), 1) * _EVENT_BYTES, np.uint8)

    def scatter(part: int) -> None:
        for start, stop in _chunks(parts[part]):
            _csr.scatter(users, items, times, values, keep_places, start, stop, heads[part], scratch)

    run_chunks(scatter, range(len(parts)), n_threads)

    def sort(chunk: tuple[int, int]) -> None:
        _csr.sort_rows(indptr, *chunk, scratch, values, relevance_values, *outputs)

    run_chunks(sort, balanced_chunks(indptr), n_threads)
    return indptr


def _count(
    codes: NDArray[np.int32], size: int, parts: list[tuple[int, int]], n_threads: int | None
) -> NDArray[np.int64]:
    """Return (n_parts, size) int64: how often each code occurs in each part of the input."""
    counts = np.zeros((len(parts), size), np.int64)

    def count(part: int) -> None:
        for start, stop in _chunks(parts[part]):
            _csr.count_codes(codes, start, stop, counts[part])

    run_chunks(count, range(len(parts)), n_threads)
    return counts


def _parts(n: int, n_rows: int, n_threads: int | None) -> list[tuple[int, int]]:
    """Return a range of the input for each thread; fewer ones where their counts would outgrow the input."""
    wanted = max(1, min(thread_count(n_threads), n // (n_rows + _EVENTS_PER_CHUNK)))
    return row_chunks(n, -(-n // wanted)) if n else [(0, 0)]


def _chunks(part: tuple[int, int]) -> list[tuple[int, int]]:
    first, last = part
    return [(first + start, first + stop) for start, stop in row_chunks(last - first, _EVENTS_PER_CHUNK)]


def balanced_chunks(indptr: NDArray[np.int64], size: int = _EVENTS_PER_CHUNK) -> list[tuple[int, int]]:
    """Return row ranges of about `size` entries each (one long row is one chunk).

    Examples
    --------
    >>> balanced_chunks(np.array([0, 3, 4, 9]), size=4)
    [(0, 2), (2, 3)]
    """
    n_rows, n = len(indptr) - 1, int(indptr[-1])
    cuts = np.searchsorted(indptr, np.arange(size, n, size), side="left")
    edges = np.unique(np.concatenate(([0], cuts, [n_rows]))).tolist()
    return list(pairwise(edges))


def vector(name: str, array: NDArray[Any], dtype: type[Any], *, length: int | None = None) -> NDArray[Any]:
    """Return the contiguous vector, or raise when its dtype, dimension or length is another.

    Examples
    --------
    >>> vector("users", np.array([1, 2], np.int32), np.int32).tolist()
    [1, 2]
    """
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype != dtype:
        seen = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ArgumentError(f"{name} is {seen}", f"a vector of {np.dtype(dtype)} was expected")
    if length is not None and len(array) != length:
        raise ArgumentError(f"{name} has {len(array)} entries", f"{length} were expected, as many as events")
    return np.ascontiguousarray(array)


def _refuse_codes(what: str, codes: NDArray[np.int32], limit: int) -> None:
    if not len(codes) or (codes.min() >= 0 and codes.max() < limit):
        return
    place = int(np.flatnonzero((codes < 0) | (codes >= limit))[0])
    raise DataError(
        f"{what} code {codes[place]} at position {place} is out of range".strip(),
        f"codes from 0 to {limit - 1} were expected",
    )
