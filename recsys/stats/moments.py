"""`Moments`: what two-sample statistics need of many columns, in a form that can be added up without losing digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys import kernels
from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError

Float64 = NDArray[np.float64]
Groups = NDArray[np.int32]

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
        return _moments(list(rows.T), np.zeros(len(rows), np.int32), 1)[0]

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

    Rows of a group are taken in their order, in blocks of a fixed size, in one pass over all of them; the moments of a
    group do not depend on the other groups.

    Parameters
    ----------
    values : (n, k) or (n,) array_like
        Finite numbers.
    groups : (n,) array_like of int
        From 0 to n_groups − 1; rows with −1 are in no group.
    n_groups : int
        How many groups there are, codes from 0.

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or a group outside the range.

    Examples
    --------
    >>> [part.n for part in grouped_moments([1.0, 2.0, 4.0], [0, 2, 0], 3)]
    [2, 0, 1]
    """
    rows = _matrix(values)
    return column_moments(list(rows.T), groups, n_groups)


def column_moments(columns: Sequence[Float64], groups: ArrayLike, n_groups: int) -> list[Moments]:
    """Return the moments of every group of rows, of columns that need not lie together.

    Parameters
    ----------
    columns : sequence of (n,) float64
        Finite numbers.
    groups : (n,) array_like of int
        From 0 to n_groups − 1; rows with −1 are in no group. int32 is not copied.
    n_groups : int
        How many groups there are, codes from 0.

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or a group outside the range.

    Examples
    --------
    >>> [part.mean.tolist() for part in column_moments([np.array([1.0, 3.0]), np.array([2.0, 2.0])], [0, 0], 1)]
    [[2.0, 2.0]]
    """
    codes, n_groups = np.asarray(groups), positive_int("n_groups", n_groups)
    n = len(columns[0]) if columns else len(codes)
    if codes.shape != (n,) or (codes.size and codes.dtype.kind not in "iu"):
        raise ArgumentError(
            f"groups have the shape {codes.shape} and the type {codes.dtype}", f"{n} whole numbers were expected"
        )
    if codes.size and (codes.min() < -1 or codes.max() >= n_groups):
        raise ArgumentError(
            f"groups reach from {codes.min()} to {codes.max()}", f"numbers from -1 to {n_groups - 1} were expected"
        )
    return _moments(columns, codes.astype(np.int32, copy=False), n_groups)


def _matrix(values: ArrayLike) -> Float64:
    try:
        rows = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("values are not numeric", "finite numbers were expected") from None
    if rows.ndim not in (1, 2):
        raise ArgumentError(f"values have the shape {rows.shape}", "a vector or a matrix was expected")
    return rows[:, None] if rows.ndim == 1 else rows


def _moments(columns: Sequence[Float64], groups: Groups, n_groups: int) -> list[Moments]:
    """Return the moments of groups of rows.

    Values are taken less a base, the mean of the group's first rows, that keeps the digits of a mean far from 0. Groups
    whose mean lies far from their base all the same are gone through once more, from their mean.
    """
    if not columns:
        sizes = np.bincount(groups[groups >= 0], minlength=n_groups)
        return [replace(Moments.empty(0), n=int(size)) for size in sizes]
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is told below
        bases = kernels.group_bases(columns, groups, n_groups)
        found = _centred(columns, groups, bases)
        lost = found.sizes[:, None] * found.shifts * found.shifts
        far = (lost > _LOSS * found.comoments.diagonal(axis1=1, axis2=2)).any(axis=1)
        if far.any():
            again = np.where(np.isin(groups, np.flatnonzero(far)), groups, -1)
            better = _centred(columns, again, found.means)
            found.means[far], found.comoments[far] = better.means[far], better.comoments[far]
    if not (np.isfinite(found.means).all() and np.isfinite(found.comoments).all()):
        raise _not_finite(columns, groups)
    parts = zip(found.sizes.tolist(), found.means, found.comoments, strict=True)
    return [Moments(n, mean, comoments) for n, mean, comoments in parts]


class _Centred(NamedTuple):
    """Moments of groups, and how far each mean lies from the base."""

    sizes: NDArray[np.int64]
    means: Float64
    comoments: Float64
    shifts: Float64


def _centred(columns: Sequence[Float64], groups: Groups, bases: Float64) -> _Centred:
    counts, sums, products = kernels.sums_and_products(columns, groups, bases)
    shifts = sums / np.maximum(counts, 1)[:, None]
    products -= counts[:, None, None] * (shifts[:, :, None] * shifts[:, None, :])
    return _Centred(counts, bases + shifts, products, shifts)


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
    between = (sizes[:, None] * deviations)[:, :, None] * deviations[:, None, :]
    return Moments(n, mean, (np.array([part.comoments for part in parts]) + between).sum(axis=0))


def _not_finite(columns: Sequence[Float64], groups: Groups) -> ArgumentError:
    """Return what to say of values whose moments are no numbers."""
    bad = sum(int((~np.isfinite(column[groups >= 0])).sum()) for column in columns)
    if bad:
        return ArgumentError(
            f"values have {bad} entries that are NaN or infinite",
            "finite numbers were expected",
            "decide what a missing value means before: 0, or a unit left out and counted",
        )
    return ArgumentError("values are too large to be squared", "absolute values below 1e150 were expected")
