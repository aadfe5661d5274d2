"""Random re-splits of one table of units: the moments of both arms of thousands of them, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.threads import single_threaded_blas

Float64 = NDArray[np.float64]
_CELLS = 1 << 22  # units × splits of a block


def split_moments(
    values: Float64, share: float, splits: int, rng: np.random.Generator
) -> Iterator[tuple[stats.Moments, stats.Moments]]:
    """Yield the moments of treatment and control of one random split after the other.

    Each unit comes into the treatment with the probability `share`, independently, as a salted hash does it. Sums over
    units are one product of matrices a block of splits, of values less the mean of all units: both arms' means are
    near 0 then, and nothing is lost.

    Parameters
    ----------
    values : (n, k) float64
        Finite, one row a unit.
    share : float
        Of the treatment.
    splits : int
    rng : Generator
        Numbers are drawn split by split, so that the first splits of many are those of few.
    """
    n, k = values.shape
    base = values.mean(axis=0) if n else np.zeros(k)
    centred = values - base
    upper = np.triu_indices(k)
    features = np.column_stack([centred, centred[:, upper[0]] * centred[:, upper[1]]])
    total = features.sum(axis=0)
    step = max(1, _CELLS // max(n, 1))
    for start in range(0, splits, step):
        treated = rng.random((min(step, splits - start), n)) < share
        counts = treated.sum(axis=1)
        with single_threaded_blas():
            sums = treated.astype(np.float64) @ features
        for count, mine in zip(counts.tolist(), sums, strict=True):
            yield _moments(count, mine, base, upper), _moments(n - count, total - mine, base, upper)


def _moments(n: int, sums: Float64, base: Float64, upper: tuple[NDArray[np.intp], NDArray[np.intp]]) -> stats.Moments:
    k = len(base)
    if not n:
        return stats.Moments.empty(k)
    mean = sums[:k] / n
    products = np.empty((k, k))
    products[upper] = products[upper[::-1]] = sums[k:]
    return stats.Moments(n, base + mean, products - n * np.outer(mean, mean))
