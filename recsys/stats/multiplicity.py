"""Many tests at once: adjusted p-values, in the order given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    given, rising = _ranked(pvalues)
    factors = len(rising) - np.arange(len(rising))
    return _placed(given, rising, np.maximum.accumulate(given[rising] * factors))


def hochberg(pvalues: ArrayLike) -> Float64:
    """Return Hochberg's step-up adjusted p-values (Hochberg 1988).

    They control the family-wise error when the tests are independent or positively dependent (Sarkar 1998), such as
    several arms against one control; never above Holm's.

    Parameters
    ----------
    pvalues : (m,) array_like
        Between 0 and 1; NaN stays NaN and does not count in m.

    Raises
    ------
    ArgumentError
        For a p-value outside 0…1.

    Examples
    --------
    >>> hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    return _step_up(pvalues, lambda ranks: len(ranks) - ranks + 1)


def benjamini_hochberg(pvalues: ArrayLike) -> Float64:
    """Return Benjamini and Hochberg's adjusted p-values (1995): they control the share of false discoveries.

    Valid for independent tests and under positive regression dependence (Benjamini & Yekutieli 2001).

    Parameters
    ----------
    pvalues : (m,) array_like
        Between 0 and 1; NaN stays NaN and does not count in m.

    Raises
    ------
    ArgumentError
        For a p-value outside 0…1.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.02]).round(3).tolist()
    [0.03, 0.04, 0.03]
    """
    return _step_up(pvalues, lambda ranks: len(ranks) / ranks)


def benjamini_yekutieli(pvalues: ArrayLike) -> Float64:
    """Return Benjamini and Yekutieli's adjusted p-values (2001): the share of false discoveries, any dependence.

    Those of Benjamini and Hochberg times 1 + 1/2 + … + 1/m.

    Parameters
    ----------
    pvalues : (m,) array_like
        Between 0 and 1; NaN stays NaN and does not count in m.

    Raises
    ------
    ArgumentError
        For a p-value outside 0…1.

    Examples
    --------
    >>> benjamini_yekutieli([0.01, 0.04, 0.02]).round(3).tolist()
    [0.055, 0.073, 0.055]
    """
    return _step_up(pvalues, lambda ranks: len(ranks) / ranks * (1 / ranks).sum())


def _step_up(pvalues: ArrayLike, factors: Callable[[NDArray[np.intp]], NDArray[Any]]) -> Float64:
    """Return p-values times the factors of their ranks from 1, none above that of a larger p-value."""
    given, rising = _ranked(pvalues)
    scaled = given[rising] * factors(np.arange(1, len(rising) + 1))
    return _placed(given, rising, np.minimum.accumulate(scaled[::-1])[::-1])


def _ranked(pvalues: ArrayLike) -> tuple[Float64, NDArray[np.intp]]:
    """Return the p-values and the places of those that were made, smallest first."""
    given = np.asarray(pvalues, np.float64)
    if given.ndim != 1 or ((given < 0) | (given > 1)).any():
        raise ArgumentError("a p-value is outside 0…1", "a vector of p-values was expected")
    made = np.flatnonzero(~np.isnan(given))
    return given, made[np.argsort(given[made], kind="stable")]


def _placed(given: Float64, rising: NDArray[np.intp], values: Float64) -> Float64:
    adjusted = np.full(len(given), np.nan)
    adjusted[rising] = np.minimum(values, 1.0)
    return adjusted
