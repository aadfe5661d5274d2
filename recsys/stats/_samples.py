"""Samples checked on entry, and the few distribution functions that all of the room uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError

Float64 = NDArray[np.float64]


def sample(name: str, values: ArrayLike) -> Float64:
    """Return a finite vector as float64, or raise ArgumentError; missing values are the caller's to decide on."""
    try:
        vector = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} is not numeric", "a vector of finite numbers was expected") from None
    if vector.ndim != 1:
        raise ArgumentError(f"{name} has the shape {vector.shape}", "a vector was expected")
    bad = int((~np.isfinite(vector)).sum())
    if bad:
        hint = "keep the units where every arm has a value"
        raise ArgumentError(f"{name} has {bad} values that are NaN or infinite", "finite numbers were expected", hint)
    return vector


def pair(treatment: ArrayLike, control: ArrayLike) -> tuple[Float64, Float64]:
    """Return two samples of the same units, or raise ArgumentError."""
    left, right = sample("treatment", treatment), sample("control", control)
    if len(left) != len(right):
        raise ArgumentError(
            f"treatment has {len(left)} values and control {len(right)}", "one value a unit in each was expected"
        )
    return left, right


def is_constant(values: Float64, scale: float) -> bool:
    """Return whether values differ by no more than rounding at the given scale of what they were computed from."""
    return bool(np.ptp(values) <= 8 * np.finfo(np.float64).eps * scale)


def largest(*samples: Float64) -> float:
    """Return the largest absolute value of the samples (0 for empty ones)."""
    return max((float(np.abs(values).max()) for values in samples if len(values)), default=0.0)


def level(confidence: float) -> float:
    """Return the checked confidence level."""
    return finite_float("confidence", confidence, above=0, below=1)


def t_quantile(confidence: float, df: float) -> float:
    """Return t such that a Student variable lies within ±t with this probability."""
    from scipy.special import stdtrit

    return float(-stdtrit(df, (1 - confidence) / 2))


def t_pvalue(statistic: float, df: float) -> float:
    """Return the two-sided p-value, from the tail itself (never 1 − cdf)."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(statistic)))


def z_quantile(confidence: float) -> float:
    """Return z such that a normal variable lies within ±z with this probability."""
    from scipy.special import ndtri

    return float(-ndtri((1 - confidence) / 2))


def z_pvalue(statistic: float) -> float:
    """Return the two-sided p-value, from the tail itself."""
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(statistic)))
