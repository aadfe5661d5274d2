"""`Moments`: what two-sample statistics need of many columns, in a form that can be added up without losing digits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError
from recsys.core.threads import run_chunks, single_threaded_blas

Float64 = NDArray[np.float64]
Members = NDArray[np.intp]

_BLOCK = 4096  # rows at a time: they stay in the cache, and blocks are summed one by one whatever the threads
_FIRST = 256  # rows whose mean is taken off first
_SMALL = 2**14  # multiplications
_LOSS = 100.0  # n mean² over the centred sum of squares: beyond, more than two digits are lost unless centred again


@dataclass(frozen=True, eq=False, slots=True)
class Moments:
    """Number, means and centred sums of products of the columns of a sample.

    Parts merge by the pairwise update of Chan, Golub & LeVeque (1983): sums of squares are always of deviations from a
    mean, so that a mean of 1e8 costs a variance of 1 nothing.

    Attributes
    ----------
    n : int
        Rows.
    mean : (k,) float64
        Zeros when there is no row.
    comoments : (k, k) float64
        Sums over the rows of products of deviations from the means.

    Examples
    --------
    >>> day = Moments.of([[1.0, 2.0], [3.0, 5.0]])
    >>> both = day.merge(Moments.of([[5.0, 2.0]]))
    >>> both.n, both.mean.tolist(), both.variance.tolist()
    (3, [3.0, 3.0], [4.0, 3.0])
    """

    n: int
    mean: Float64
    comoments: Float64

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """Return the moments of a sample, one row a unit.

        Parameters
        ----------
        values : (n, k) or (n,) array_like
            Finite numbers.

        Raises
        ------
        ArgumentError
            For NaN or infinite values, or values too large to be squared.
        """
        rows = _matrix(values)
        return _moments(rows, [None])[0]

    @classmethod
    def empty(cls, columns: int) -> Moments:
        """Return the moments of no rows."""
        return cls(0, np.zeros(columns), np.zeros((columns, columns)))

    def merge(self, *others: Moments) -> Moments:
        """Return the moments of all parts together; empty parts change nothing.

        Raises
        ------
        ArgumentError
            For parts with another number of columns.
        """
        parts = [self, *others]
        for part in others:
            if len(part.mean) != len(self.mean):
                raise ArgumentError(
                    f"moments of {len(part.mean)} columns meet moments of {len(self.mean)}",
                    "the same columns were expected",
                )
        return _merged(parts, len(self.mean))

    def take(self, columns: Sequence[int]) -> Moments:
        """Return the moments of some of the columns, in the order asked for."""
        places = np.asarray(columns, np.intp)
        return Moments(self.n, self.mean[places], self.comoments[np.ix_(places, places)])

    @property
    def variance(self) -> Float64:
        """Sample variances (n − 1), (k,); NaN below two rows."""
        return np.diagonal(self.covariance()).copy()

    def covariance(self) -> Float64:
        """Return the sample covariance matrix (n − 1), (k, k); NaN below two rows."""
        if self.n < 2:
            return np.full_like(self.comoments, np.nan)
        return self.comoments / (self.n - 1)


def grouped_moments(values: ArrayLike, groups: ArrayLike, n_groups: int) -> list[Moments]:
    """Return the moments of every group of rows.

    Rows of a group are taken in their order, in blocks of a fixed size; the moments of a group do not depend on the
    other groups, nor on threads.

    Parameters
    ----------
    values : (n, k) or (n,) array_like
        Finite numbers.
    groups : (n,) array_like of int
        From 0 to n_groups − 1; rows with −1 are in no group.
    n_groups : int

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or a group outside the range.

    Examples
    --------
    >>> [part.n for part in grouped_moments([1.0, 2.0, 4.0], [0, 2, 0], 3)]
    [2, 0, 1]
    """
    rows, codes = np.ascontiguousarray(_matrix(values)), np.asarray(groups)  # rows are picked one by one
    n_groups = positive_int("n_groups", n_groups)
    if codes.shape != (len(rows),) or (codes.size and codes.dtype.kind not in "iu"):
        raise ArgumentError(
            f"groups have the shape {codes.shape} and the type {codes.dtype}",
            f"{len(rows)} whole numbers were expected",
        )
    if codes.size and (codes.min() < -1 or codes.max() >= n_groups):
        raise ArgumentError(
            f"groups reach from {codes.min()} to {codes.max()}", f"numbers from -1 to {n_groups - 1} were expected"
        )
    small = codes.astype(np.int16 if n_groups < 2**15 else np.int64)  # numpy sorts 16-bit numbers by their digits
    order = np.argsort(small, kind="stable")
    ends = np.searchsorted(small, np.arange(-1, n_groups), side="right", sorter=order)
    return _moments(rows, [order[begin:end] for begin, end in pairwise(ends)])


def _matrix(values: ArrayLike) -> Float64:
    try:
        rows = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("values are not numeric", "finite numbers were expected") from None
    if rows.ndim not in (1, 2):
        raise ArgumentError(f"values have the shape {rows.shape}", "a vector or a matrix was expected")
    return rows[:, None] if rows.ndim == 1 else rows


def _moments(rows: Float64, groups: Sequence[Members | None]) -> list[Moments]:
    """Return the moments of some groups of rows (None: all rows), in blocks of a fixed size on any number of threads.

    Values are taken less a base, the mean of the group's first rows, that keeps the digits of a mean far from 0.
    """
    sizes = [len(rows) if members is None else len(members) for members in groups]
    spans = [(place, begin) for place, size in enumerate(sizes) for begin in range(0, size, _BLOCK)]
    bases = [_base(rows, members) for members in groups]
    parts: list[list[Moments]] = [[Moments.empty(rows.shape[1])] * -(-size // _BLOCK) for size in sizes]

    def work(span: tuple[int, int]) -> None:
        place, begin = span
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is told by _checked
            parts[place][begin // _BLOCK] = _block(_rows(rows, groups[place], begin) - bases[place])

    small = rows.size * rows.shape[1] < _SMALL
    # To hold BLAS takes milliseconds; it does not split what is this small.
    with nullcontext() if small else single_threaded_blas():
        run_chunks(work, spans, 1 if small else None)
    found = []
    for members, base, blocks in zip(groups, bases, parts, strict=True):
        with np.errstate(invalid="ignore", over="ignore"):
            merged = _merged(blocks, rows.shape[1])
            moved = Moments(merged.n, base + merged.mean, merged.comoments)
        found.append(_checked(moved, rows, members))
    return found


def _rows(rows: Float64, members: Members | None, begin: int) -> Float64:
    span = slice(begin, begin + _BLOCK)
    return rows[span] if members is None else rows.take(members[span], axis=0)


def _base(rows: Float64, members: Members | None) -> Float64:
    first = rows[:_FIRST] if members is None else rows.take(members[:_FIRST], axis=0)
    if not len(first):
        return np.zeros(rows.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        found: Float64 = first[0] + (first - first[0]).mean(axis=0)  # exact when all values are equal
    return found


def _block(values: Float64) -> Moments:
    n = len(values)
    mean = np.ones(n) @ values / n
    lost = n * mean * mean
    comoments = values.T @ values - n * np.outer(mean, mean)
    if (lost > _LOSS * np.diagonal(comoments)).any():  # the mean of this block lies far from the base
        values = values - mean
        rest = values.mean(axis=0)
        mean, comoments = mean + rest, values.T @ values - n * np.outer(rest, rest)
    return Moments(n, mean, comoments)


def _merged(parts: Sequence[Moments], columns: int) -> Moments:
    """Return Σ C_i + Σ n_i d_i d_iᵀ, where d_i is the mean of part i less the common mean."""
    parts = [part for part in parts if part.n]
    if not parts:
        return Moments.empty(columns)
    if len(parts) == 1:
        return parts[0]
    sizes = np.array([part.n for part in parts], np.float64)
    means = np.array([part.mean for part in parts])
    n = sum(part.n for part in parts)
    mean = means[0] + (sizes[:, None] * (means - means[0])).sum(axis=0) / n
    deviations = means - mean
    comoments = np.zeros((columns, columns))
    for part, size, deviation in zip(parts, sizes, deviations, strict=True):
        comoments += part.comoments
        comoments += size * np.outer(deviation, deviation)
    return Moments(n, mean, comoments)


def _checked(found: Moments, rows: Float64, members: Members | None) -> Moments:
    """Return moments that are finite, or say which values were not."""
    if np.isfinite(found.mean).all() and np.isfinite(found.comoments).all():
        return found
    bad = int((~np.isfinite(rows if members is None else rows[members])).sum())
    if bad:
        raise ArgumentError(
            f"values have {bad} entries that are NaN or infinite",
            "finite numbers were expected",
            "decide what a missing value means before: 0, or a unit left out and counted",
        )
    raise ArgumentError("values are too large to be squared", "absolute values below 1e150 were expected")
