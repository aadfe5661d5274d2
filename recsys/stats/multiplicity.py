"""Many tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.errors import ArgumentError
from recsys.stats._samples import Float64


def holm(pvalues: ArrayLike) -> Float64:
    """Return Holm's step-down adjusted p-values (Holm 1979): they control the family-wise error under any dependence.

    Parameters
    ----------
    pvalues : (m,) array_like
        Between 0 and 1. NaN stands for a test that could not be made: it stays NaN and does not count in m.

    Raises
    ------
    ArgumentError
        For a p-value outside 0…1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(pvalues, np.float64)
    if given.ndim != 1 or ((given < 0) | (given > 1)).any():
        raise ArgumentError("a p-value is outside 0…1", "a vector of p-values was expected")
    made = np.flatnonzero(~np.isnan(given))
    rising = made[np.argsort(given[made], kind="stable")]
    factors = len(made) - np.arange(len(made))
    adjusted = np.full(len(given), np.nan)
    adjusted[rising] = np.minimum(np.maximum.accumulate(given[rising] * factors), 1.0)
    return adjusted
