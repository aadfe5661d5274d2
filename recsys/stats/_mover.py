"""Intervals of differences and quotients from the intervals of two independent parts (Donner & Zou 2012)."""

from __future__ import annotations

from math import inf, isfinite, sqrt

Distances = tuple[float, float]
"""How far the bounds of an interval lie below and above its estimate."""


def difference_bounds(x: float, y: float, left: Distances, right: Distances) -> tuple[float, float]:
    """Return the bounds of x − y: distances squared and added."""
    return x - y - sqrt(left[0] ** 2 + right[1] ** 2), x - y + sqrt(left[1] ** 2 + right[0] ** 2)


def relative_bounds(x: float, y: float, left: Distances, right: Distances) -> tuple[float, float]:
    """Return the bounds of (x − y) / |y|; infinite if the interval of y reaches 0 or a distance is infinite.

    They hold 0 exactly when those of the difference do.
    """
    if not all(isfinite(distance) for distance in left + right):
        return -inf, inf
    if y < 0:
        low, high = relative_bounds(-x, -y, left[::-1], right[::-1])
        return -high, -low
    low, high = quotient_bounds(x, y, left, right)
    return low - 1, high - 1


def quotient_bounds(x: float, y: float, left: Distances, right: Distances) -> tuple[float, float]:
    """Return the r for which the interval of x − r y holds 0, y being above 0; infinite if y's interval reaches 0."""
    (below, above), (down, up) = left, right
    if down >= y:
        return -inf, inf
    # A negative r turns the distances of y around.
    low = _root(x, y, below, up if x > below else down, -1.0)
    return low, _root(x, y, above, down if x > -above else up, 1.0)


def _root(x: float, y: float, x_distance: float, y_distance: float, side: float) -> float:
    """Return the lower or upper root of (y² − d²) r² − 2 x y r + x² − e² = 0."""
    leading, constant = y * y - y_distance * y_distance, x * x - x_distance * x_distance
    root = sqrt(max((x * y) ** 2 - leading * constant, 0.0))
    middle = x * y
    if side * middle > 0:  # no cancellation
        return (middle + side * root) / leading
    return constant / (middle - side * root) if middle != side * root else 0.0
