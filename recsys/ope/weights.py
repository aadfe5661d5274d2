"""Importance weights: how much more often the target policy would have shown what the log shows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError, DataError
from recsys.ope.feedback import Propensities

Float64 = NDArray[np.float64]
Kind = Literal["position", "given_above", "slate"]
KINDS: tuple[Kind, ...] = ("position", "given_above", "slate")


def importance_weights(target: Propensities, logging: Propensities, kind: Kind = "position") -> Float64:
    """Return target over logging propensity of the same kind.

    Parameters
    ----------
    target, logging : Propensities
        Of the policy to be valued (0 is allowed), and of that which wrote the log.
    kind : {"position", "given_above", "slate"}
        One is never used in place of another.

    Returns
    -------
    (n,) or, of slates, (n_slates,) float64

    Raises
    ------
    ArgumentError
        When either policy does not tell this kind.
    DataError
        For a logging propensity outside (0, 1] or a target outside [0, 1].

    Examples
    --------
    >>> half, fifth = Propensities(position=np.array([0.5, 0.0])), Propensities(position=np.array([0.2, 0.2]))
    >>> importance_weights(half, fifth).tolist()
    [2.5, 0.0]
    """
    one_of("kind", kind, KINDS)
    above, below = getattr(target, kind), getattr(logging, kind)
    for whose, known, policy in (("target", above, target), ("logging", below, logging)):
        if known is None:
            told = [one for one in KINDS if getattr(policy, one) is not None]
            raise ArgumentError(
                f"the {whose} policy does not tell the propensity {kind!r}",
                f"propensities of the kind {kind!r} were expected, it tells {', '.join(told) or 'none'}",
                "choose an estimator that needs what is known",
            )
    numerator, denominator = np.asarray(above, np.float64), np.asarray(below, np.float64)
    if numerator.shape != denominator.shape:
        raise ArgumentError(
            f"target propensities have the shape {numerator.shape}", f"that of the log, {denominator.shape}, expected"
        )
    if denominator.size and not (denominator.min() > 0 and denominator.max() <= 1):
        bad = int((~((denominator > 0) & (denominator <= 1))).sum())
        raise DataError(f"{bad} logging propensities lie outside (0, 1]", "probabilities above 0 were expected")
    if numerator.size and not (numerator.min() >= 0 and numerator.max() <= 1 + 1e-9):  # rounding of a sum of shares
        bad = int((~((numerator >= 0) & (numerator <= 1))).sum())
        raise DataError(f"{bad} target propensities lie outside [0, 1]", "probabilities were expected")
    with np.errstate(over="ignore"):  # what is no number that one can weigh by is refused, with its reason, later
        return numerator / denominator


def effective_n(weights: ArrayLike) -> float:
    """Return Kish's effective sample size (1965), (Σw)² / Σw²; 0 when all weights are 0.

    Examples
    --------
    >>> effective_n([1.0, 1.0, 1.0, 0.0])
    3.0
    """
    w = np.asarray(weights, np.float64)
    top = float(w.max()) if w.size else 0.0
    if top <= 0:
        return 0.0
    w = w / top  # squares of weights of 1e200 do not overflow
    return float(w.sum()) ** 2 / float(w @ w)


def even_n(terms: ArrayLike) -> float:
    """Return how many equal terms are as skewed, (Σx²)³ / (Σx³)²: 1 over the squared skewness of their sum.

    Never more than `effective_n`. Normal intervals of rare terms go by it: they cover 93 % from about 12 on, whatever
    the weights (`python -m benchmarks error_rates rewarded`).

    Examples
    --------
    >>> even_n([1.0, 1.0, 1.0, 0.0]), round(even_n([10.0, 1.0, 1.0, 1.0]), 2)
    (3.0, 1.09)
    """
    x = np.abs(np.asarray(terms, np.float64))
    top = float(x.max()) if x.size else 0.0
    if top <= 0:
        return 0.0
    x = x / top
    squares = x * x
    return float(squares.sum()) ** 3 / float(squares @ x) ** 2


def checked(weights: ArrayLike, rewards: ArrayLike, *, n: int | None = None) -> tuple[Float64, Float64]:
    """Return weights and rewards as float64 vectors of one length, or raise ArgumentError."""
    w, r = vector("weights", weights, n), vector("rewards", rewards, n)
    if len(w) != len(r):
        raise ArgumentError(f"there are {len(w)} weights and {len(r)} rewards", "one weight a reward was expected")
    if len(w) and w.min() < 0:
        raise ArgumentError(f"{int((w < 0).sum())} weights are negative", "weights of at least 0 were expected")
    return w, r


def vector(name: str, values: ArrayLike, n: int | None = None) -> Float64:
    """Return a finite float64 vector (of n numbers), or raise ArgumentError."""
    given = np.asarray(values, np.float64)
    if given.ndim != 1 or (n is not None and len(given) != n):
        raise ArgumentError(f"{name} have the shape {given.shape}", f"({'n' if n is None else n},) was expected")
    if not np.isfinite(given).all():
        bad = int((~np.isfinite(given)).sum())
        raise ArgumentError(f"{name} have {bad} values that are NaN or infinite", "finite numbers were expected")
    return given
