"""Composite Gauss–Legendre quadrature and the root of a monotone function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from recsys.stats._samples import Float64


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
