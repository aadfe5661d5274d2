"""Several arms against one control at once: Dunnett's test."""

from __future__ import annotations

from math import inf, lgamma, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.stats._quadrature import panels, root
from recsys.stats._samples import Float64, level
from recsys.stats.results import Status


class Dunnett(NamedTuple):
    """Several arms against one control.

    Attributes
    ----------
    pvalues : (m,) float64
        Two-sided, adjusted for the family of all m; NaN where the standard error is 0 or missing.
    ci_low, ci_high : (m,) float64
        Simultaneous: all of them hold at once with this confidence.
    critical : float
        What the largest absolute standardised difference exceeds with probability 1 − confidence.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    status : Status
        ``too_few`` when no comparison could be made.
    """

    pvalues: Float64
    ci_low: Float64
    ci_high: Float64
    critical: float
    confidence: float
    method: str
    status: Status = "ok"


def dunnett(
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    control_error: float,
    *,
    df: float = inf,
    confidence: float = 0.95,
) -> Dunnett:
    """Return Dunnett's (1955) simultaneous comparison of m arms with one control, each estimate arm − control.

    The arms share the control's error, so that two differences have the correlation control_error² / (SE_i × SE_j).
    Given the control and the scale they are independent: the probability is an integral over one or two dimensions,
    done by quadrature. With variances of their own in every arm it holds in large samples.

    Parameters
    ----------
    estimates, standard_errors : (m,) array_like
        Of the differences. A NaN or 0 error stands for a comparison that could not be made: it does not count.
    control_error : float
        Standard error of the control's own mean, below each of the others.
    df : float
        Of a pooled variance; infinite in large samples.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        Vectors of different lengths, or a control error that is not below the errors of the differences.

    Examples
    --------
    >>> found = dunnett([0.5, 0.2], [0.2, 0.2], 0.2 / 2**0.5)
    >>> found.pvalues.round(4).tolist(), round(found.critical, 3)
    ([0.0235, 0.502], 2.212)
    """
    values, errors = np.asarray(estimates, np.float64), np.asarray(standard_errors, np.float64)
    confidence = level(confidence)
    if values.ndim != 1 or values.shape != errors.shape:
        shapes = f"{values.shape} and {errors.shape}"
        raise ArgumentError(f"estimates and standard errors have the shapes {shapes}", "equal vectors were expected")
    made = np.flatnonzero(np.isfinite(values) & np.isfinite(errors) & (errors > 0))
    method, missing = "Dunnett", np.full(len(values), np.nan)
    if not len(made):
        return Dunnett(missing, missing.copy(), missing.copy(), np.nan, confidence, method, "too_few")
    control_error = finite_float("control_error", control_error, minimum=0, below=float(errors[made].min()))
    loadings = control_error / errors[made]
    df = inf if df == inf else finite_float("df", df, above=0)
    pvalues, half = missing.copy(), missing.copy()
    statistics = np.abs(values[made] / errors[made])
    pvalues[made] = [exceedance(float(one), loadings, df) for one in statistics]
    critical = critical_value(confidence, loadings, df)
    half[made] = critical * errors[made]
    return Dunnett(pvalues, values - half, values + half, critical, confidence, method)


def critical_value(confidence: float, loadings: Float64, df: float = inf) -> float:
    """Return what the largest of the absolute standardised differences exceeds with probability 1 − confidence.

    Parameters
    ----------
    confidence : float
    loadings : (m,) float64
        Control's error over each difference's error; 0.707 for arms of equal size.
    df : float
    """
    from scipy.special import ndtri, stdtrit

    def quantile(tail: float) -> float:
        return float(-ndtri(tail) if df == inf else -stdtrit(df, tail))

    alpha = 1 - confidence
    low, high = quantile(alpha / 2) * (1 - 1e-9), quantile(alpha / 2 / len(loadings)) * (1 + 1e-9)
    return root(lambda bound: exceedance(bound, loadings, df) - alpha, low, high)


def exceedance(bound: float, loadings: Float64, df: float = inf) -> float:
    """Return P(max |T_i| ≥ bound), from the tails themselves, so that small probabilities keep their digits."""
    from scipy.special import ndtr

    scales, weights = _scales(df)
    reach = bound * float(scales.max()) + 8
    z, of_z = panels(-reach, reach, int(np.ceil(2 * reach)))
    noise = np.sqrt(1 - loadings**2)
    found = np.zeros(len(scales))
    for place, scale in enumerate(scales):
        shifts = loadings[:, None] * z
        tails = ndtr((shifts - bound * scale) / noise[:, None]) + ndtr((-shifts - bound * scale) / noise[:, None])
        with np.errstate(divide="ignore"):  # a tail of 1 is certain
            any_beyond = -np.expm1(np.log1p(-np.minimum(tails, 1.0)).sum(axis=0))
        found[place] = (any_beyond * np.exp(-z * z / 2) / sqrt(2 * np.pi)) @ of_z
    return min(float(found @ weights), 1.0)


def _scales(df: float) -> tuple[Float64, Float64]:
    """Return nodes and weights of the estimated over the true standard deviation, chi with df over its root."""
    if df == inf:
        return np.ones(1), np.ones(1)
    spread = 1 / sqrt(2 * df)
    s, weights = panels(max(0.0, 1 - 9 * spread), 1 + 12 * spread, 12)
    log_density = log(2) + df / 2 * log(df / 2) - lgamma(df / 2) + (df - 1) * np.log(s) - df * s * s / 2
    return s, weights * np.exp(log_density)
