"""Capping: values above a threshold count as the threshold, the same in all arms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.stats._samples import Float64, sample


class Winsorised(NamedTuple):
    """Values capped from above.

    Attributes
    ----------
    values : (n,) float64
        After winsorising.
    threshold : float
        NaN when there are no values.
    n_capped : int
        Values that were above it.
    """

    values: Float64
    threshold: float
    n_capped: int


def winsorise(values: ArrayLike, *, quantile: float | None = None, at: float | None = None) -> Winsorised:
    """Return values capped at a quantile of themselves, or at a given threshold.

    Give the values of all arms together: a threshold of each arm's own would cap the effect away. The quantile is an
    observed value, the smallest with at least that share of the values at or below it. Means and tests of capped
    values are of the capped metric: it is another one, less noisy.

    Parameters
    ----------
    values : (n,) array_like
        Finite, all arms.
    quantile : float, optional
        Between 0 and 1.
    at : float, optional
        The threshold itself.

    Raises
    ------
    ArgumentError
        For NaN or infinite values, or not exactly one of `quantile` and `at`.

    Examples
    --------
    >>> found = winsorise([1.0, 2.0, 3.0, 1000.0], quantile=0.75)
    >>> found.values.tolist(), found.threshold, found.n_capped
    ([1.0, 2.0, 3.0, 3.0], 3.0, 1)
    """
    data = sample("values", values)
    if (quantile is None) == (at is None):
        raise ArgumentError(f"quantile is {quantile!r} and at is {at!r}", "one of them was expected")
    if at is not None:
        threshold = finite_float("at", at)
    else:
        q = finite_float("quantile", quantile, above=0, below=1)
        threshold = float(np.quantile(data, q, method="inverted_cdf")) if len(data) else np.nan
    return Winsorised(np.minimum(data, threshold), threshold, int((data > threshold).sum()))
