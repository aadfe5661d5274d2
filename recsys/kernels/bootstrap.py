"""The Poisson bootstrap: sums and quantiles under weights that are a function of seed, unit and replicate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _poisson
from recsys.kernels import _reference_bootstrap as reference
from recsys.kernels._checks import describe
from recsys.kernels._choice import reference_wanted, simd_path
from recsys.kernels.csr import vector

_UNITS_PER_CHUNK = 1 << 17  # some 30 ms for a batch of replicates


def poisson_sums(
    values: NDArray[np.float64],
    groups: NDArray[np.int32],
    n_groups: int,
    *,
    replicates: int,
    seed: int = 0,
    keys: NDArray[np.int64] | None = None,
    n_threads: int | None = None,
) -> NDArray[np.float64]:
    """Return the sums of weights and of weighted values in each group and replicate.

    Every unit has an independent Poisson(1) weight in every replicate (Hanley & MacGibbon 2006; Chamandy et al. 2012).
    The weight is taken from 16 bits of Philox4x32-10 (Salmon et al. 2011) keyed by seed, unit and replicate: its mean
    and variance are exactly 1, its probabilities are those of Poisson(1) to 1.9e-5, and it is at most 8.

    Parameters
    ----------
    values : (n, n_columns) float64
        Finite; centre them, so that nothing cancels.
    groups : (n,) int32
        From 0: the arm of each row.
    n_groups : int
        How many groups there are, codes from 0.
    replicates : int
        How many resamples.
    seed : int
        0 to 2^64 − 1.
    keys : (n,) int64, optional
        The unit that a row belongs to: rows of one key have one weight, as clusters need it. None: each row is a unit,
        and its key is its place.
    n_threads : int, optional
        Threads; by default all cores. The result does not depend on it.

    Returns
    -------
    (n_groups, n_columns + 1, replicates) float64
        The sum of weights, then that of weight × value of each column; rows are added in their order.

    Raises
    ------
    ArgumentError
        For another dtype or shape.
    DataError
        For a group out of range, or a value that is NaN or infinite.

    Examples
    --------
    >>> sums = poisson_sums(np.array([[2.0], [4.0]]), np.zeros(2, np.int32), 1, replicates=3, seed=7)
    >>> sums.shape
    (1, 2, 3)
    """
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype != np.float64:
        raise ArgumentError(f"values is {describe(values)}", "a two-dimensional float64 array was expected")
    if not np.isfinite(values).all():
        raise DataError("a value is NaN or infinite", "finite values were expected")
    n = len(values)
    groups, n_groups = vector("groups", groups, np.int32, length=n), positive_int("n_groups", n_groups)
    if n and (groups.min() < 0 or groups.max() >= n_groups):
        raise DataError(f"groups are from {groups.min()} to {groups.max()}", f"0 to {n_groups - 1} were expected")
    replicates, seed, units = positive_int("replicates", replicates), _seed(seed), _keys(keys, n)
    values = np.ascontiguousarray(values)
    if reference_wanted():
        return reference.poisson_sums(values, groups, n_groups, units, replicates, seed)
    wide, batches = simd_path() != "baseline", -(-replicates // _poisson.BATCH)
    sums = np.zeros((batches, n_groups, values.shape[1] + 1, _poisson.BATCH))

    def work(batch: int, rows: tuple[int, int]) -> None:
        _poisson.add_sums(wide, seed, units, groups, values, *rows, batch, sums[batch])

    _run(work, batches, n, n_threads)
    return _together(sums, replicates)


def poisson_places(
    n: int,
    shares: Sequence[float],
    *,
    replicates: int,
    seed: int = 0,
    keys: NDArray[np.int64] | None = None,
    n_threads: int | None = None,
) -> NDArray[np.int32]:
    """Return where quantiles of sorted values lie in each replicate: the place of the unit that reaches the share.

    The quantile of a replicate is the smallest value whose units, with all smaller ones, have at least this share of
    the weight (the inverse of the weighted distribution function).

    Parameters
    ----------
    n : int
        Units, in ascending order of their values.
    shares : sequence of float
        Between 0 and 1.
    replicates, seed, keys, n_threads
        As of `poisson_sums`; the same keys get the same weights.

    Returns
    -------
    (n_shares, replicates) int32
        Places from 0; n in a replicate in which all weights are 0.

    Raises
    ------
    ArgumentError
        For a share out of range, or keys of another dtype or length.

    Examples
    --------
    >>> poisson_places(1000, [0.5], replicates=2, seed=7).tolist()
    [[506, 465]]
    """
    n = positive_int("n", n)
    if n > (2**31 - 1) // len(reference.AT_LEAST):
        raise ArgumentError(f"n is {n}", "at most 2**28 - 1 units were expected")
    wanted = np.array([finite_float("a share", share, above=0, below=1) for share in shares])
    replicates, seed, units = positive_int("replicates", replicates), _seed(seed), _keys(keys, n)
    if reference_wanted():
        return reference.poisson_places(units, wanted, replicates, seed)
    wide, batches = simd_path() != "baseline", -(-replicates // _poisson.BATCH)
    nothing = np.zeros((batches, _poisson.BATCH), np.int32)

    def count(targets: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the weight of all units, and how many come before it reaches the targets."""
        totals, places = np.zeros_like(nothing), np.zeros_like(nothing)

        def work(batch: int, rows: tuple[int, int]) -> None:
            _poisson.add_places(wide, seed, units, *rows, batch, totals[batch], targets[batch], places[batch])

        _run(work, batches, n, n_threads)
        return totals, places

    totals = count(nothing)[0].reshape(-1)
    targets = reference.targets_of(wanted, totals).reshape(-1, *nothing.shape)
    places = np.array([count(aims)[1].reshape(-1) for aims in targets], np.int32)
    return places.reshape(len(wanted), -1)[:, :replicates]


class _Work(Protocol):
    def __call__(self, batch: int, rows: tuple[int, int]) -> None: ...


def _run(work: _Work, batches: int, n: int, n_threads: int | None) -> None:
    """Do all batches of a chunk of units, then the next chunk: a batch adds its units in their order."""
    for rows in row_chunks(n, _UNITS_PER_CHUNK):
        run_chunks(partial(work, rows=rows), range(batches), n_threads)


def _together(sums: NDArray[np.float64], replicates: int) -> NDArray[np.float64]:
    batches, groups, columns, size = sums.shape
    return sums.transpose(1, 2, 0, 3).reshape(groups, columns, batches * size)[..., :replicates]


def _seed(seed: int) -> int:
    if positive_int("seed", seed, minimum=0) >= 2**64:
        raise ArgumentError(f"seed is {seed}", "at most 2**64 - 1 was expected")
    return int(seed)


def _keys(keys: NDArray[np.int64] | None, n: int) -> NDArray[np.int64]:
    return np.arange(n) if keys is None else vector("keys", keys, np.int64, length=n)
