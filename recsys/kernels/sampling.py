"""Position marginals of Plackett–Luce lists, exact to the accuracy of a quadrature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _reference_sampling as reference
from recsys.kernels import _sampling
from recsys.kernels._checks import describe
from recsys.kernels._choice import reference_wanted

_TOGETHER = 4  # nodes that the kernel works on at once
LARGEST_RATIO = 1e25
_BEFORE, _AFTER = (
    17.0,
    40.0,
)  # cut off are exp(−2 · 17) before the first node (from the second position on), exp(−40) after
_STEPS_PER_CHUNK = 1 << 19


def position_marginals(weights: NDArray[np.float64], k: int, *, n_threads: int | None = None) -> NDArray[np.float64]:
    """Return how probable it is that the items in the first `k` columns stand at their positions.

    A Plackett–Luce list is drawn without replacement, the next item always with a probability in proportion to its
    weight. Item i of weight w arrives at an exponential time of rate w; the list is the order of arrival. So ``P(i at
    position j) = ∫ w exp(−w t) P(j of the others have arrived by t) dt``, and the number of arrivals has a generating
    function that is a product over the items. The integral over log t is taken by the trapezoidal rule, which
    converges geometrically: the relative error is about 1e-10, for pools of any size.

    Parameters
    ----------
    weights : (n_users, size) float64
        Of the items of each user: those of the list first, in its order, then the others in any order; above 0, and
        −1 in the empty slots at the end. At most a factor of 1e25 between two weights of a user.
    k : int
        Positions.
    n_threads : int, optional
        Threads; by default all cores. The result does not depend on it.

    Returns
    -------
    (n_users, k) float64
        0 where there is no item.

    Raises
    ------
    ArgumentError
        For another type, dtype or shape.
    DataError
        For weights that are not above 0 or too far apart.

    Examples
    --------
    >>> position_marginals(np.array([[2.0, 1.0, 1.0]]), 2).round(4).tolist()
    [[0.5, 0.3333]]
    """
    k = positive_int("k", k)
    if not isinstance(weights, np.ndarray) or weights.ndim != 2 or weights.dtype != np.float64:
        raise ArgumentError(f"weights is {describe(weights)}", "a two-dimensional float64 array was expected")
    if not weights.size:
        return np.zeros((len(weights), k))
    _check(weights)
    octaves, first_times, scaled = _plan(np.ascontiguousarray(weights), k)
    step = np.log(2.0) / first_times.shape[1]
    if reference_wanted():
        return _with_first(reference.position_marginals(scaled, octaves, first_times, step, k), scaled)
    out = np.empty((len(weights), k))

    def integrate(chunk: tuple[int, int]) -> None:
        _sampling.position_marginals(scaled, octaves, first_times, step, *chunk, out)

    chunk = max(1, _STEPS_PER_CHUNK // max(1, weights.shape[1] * k))
    run_chunks(integrate, row_chunks(len(weights), chunk), n_threads)
    return _with_first(out, scaled)


def _with_first(marginals: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put in the first position what needs no integral: the weight over the sum of all."""
    filled = np.where(weights > 0, weights, 0)
    marginals[:, :1] = filled[:, :1] / np.maximum(filled.sum(axis=1, keepdims=True), 1e-300)
    return marginals


def _check(weights: NDArray[np.float64]) -> None:
    filled = weights != -1
    if (filled[:, 1:] > filled[:, :-1]).any():
        raise DataError("there is a weight after an empty slot", "the −1 slots at the end were expected")
    if not ((weights > 0) & np.isfinite(weights))[filled].all():
        raise DataError("a weight is not a finite number above 0", "weights above 0 were expected")
    smallest = np.where(filled, weights, np.inf).min(axis=1, initial=np.inf)
    if (weights.max(axis=1, initial=-1) > LARGEST_RATIO * smallest).any():
        raise DataError(
            "the weights of a user are too far apart", f"at most a factor of {LARGEST_RATIO:g} was expected"
        )


def _plan(weights: NDArray[np.float64], k: int) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Return how many octaves of time matter to each user, the first nodes, and weights with the largest at 1.

    The list is complete once all but k − 1 items might have arrived: long after the k-th last of the slowest has. In
    log time the integrand of position j is at least as wide as a normal density with σ = j^(−1/2), for which the
    trapezoidal rule with steps of 0.785 σ errs by exp(−32).
    """
    nodes = _TOGETHER * int(np.ceil(0.883 * np.sqrt(k) / _TOGETHER))
    filled = weights > 0
    scaled = np.where(filled, weights / np.maximum(weights.max(axis=1, initial=0, keepdims=True), 1e-300), -1.0)
    sizes = filled.sum(axis=1)
    rising = np.cumsum(np.sort(np.where(filled, scaled, np.inf), axis=1), axis=1)
    rows = np.flatnonzero(sizes)
    slowest = np.ones(len(weights))
    slowest[rows] = rising[rows, sizes[rows] - np.minimum(k, sizes[rows])]
    total = np.where(sizes > 0, np.where(filled, scaled, 0).sum(axis=1), 1.0)
    first = np.exp(-_BEFORE) / total
    last = (_AFTER + np.minimum(k, sizes) * np.log(np.maximum(sizes, 1))) / slowest
    octaves = np.ceil(np.log2(last / first)).astype(np.int32)[:, None]
    return octaves, first[:, None] * np.exp2(np.arange(nodes) / nodes), scaled
