"""Composite Gauss–Legendre quadrature and the roots of monotone functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from recsys.stats._samples import Float64

Rows = NDArray[np.intp]


def panels(left: float, right: float, n: int) -> tuple[Float64, Float64]:
    """Return nodes and weights of n panels of 16 nodes each, (16 n,)."""
    nodes, weights = _legendre()
    edges, half = np.linspace(left, right, n + 1), (right - left) / n / 2
    return ((edges[:-1, None] + edges[1:, None]) / 2 + half * nodes).ravel(), np.tile(half * weights, n)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a monotone function crosses 0 between low and high, to 1e-10."""
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-10, rtol=1e-12))


@cache
def _legendre() -> tuple[Float64, Float64]:
    nodes, weights = np.polynomial.legendre.leggauss(16)
    return nodes, weights


def roots(function: Callable[[Float64, Rows], Float64], inside: Float64, outside: Float64) -> Float64:
    """Return where functions cross 0 between two points each, to 1e-10, all at once (Chandrupatla 1997).

    ``function(x, rows)`` is to be 0 at most inside and above 0 outside; `rows` are the places that x belongs to.
    """
    rows = np.arange(len(inside))
    a, b = inside, outside
    at_a, at_b = function(a, rows), function(b, rows)
    best, step = b, np.full(len(rows), 0.5)
    for _ in range(100):  # a bisection would need 35
        fresh = a + step * (b - a)
        found = function(fresh, rows)
        kept = np.sign(found) == np.sign(at_a)
        c, at_c = np.where(kept, a, b), np.where(kept, at_a, at_b)
        b, at_b = np.where(kept, b, a), np.where(kept, at_b, at_a)
        a, at_a = fresh, found
        best, width = np.where(np.abs(at_a) < np.abs(at_b), a, b), np.abs(b - a)
        if (width <= 2e-10).all():
            break
        step = np.clip(_inverse_quadratic((a, b, c), (at_a, at_b, at_c)), *_margins(width))
    return best


def _margins(width: Float64) -> tuple[Float64, Float64]:
    """Return how near to the ends of a bracket a step may come, as parts of it."""
    least = np.minimum(1e-10 / np.maximum(width, 1e-300), 0.5)
    return least, 1 - least


def _inverse_quadratic(at: tuple[Float64, Float64, Float64], values: tuple[Float64, Float64, Float64]) -> Float64:
    """Return the step from a to b by inverse quadratic interpolation where it is to be trusted, else one half."""
    (a, b, c), (f_a, f_b, f_c) = at, values
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (f_a - f_b) / (f_c - f_b)
        step = f_a / (f_b - f_a) * f_c / (f_b - f_c) + (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
        trusted = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(step)
    return np.where(trusted, step, 0.5)
