"""A straight line through points with errors in both coordinates."""

from __future__ import annotations

from math import atan, inf, nan, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.errors import ArgumentError
from recsys.stats._samples import Float64, level, sample, t_quantile
from recsys.stats.results import Status

_DIRECTIONS = 2048  # looked at before the best one is refined
_STEP = 1e-3  # of second differences of directions
_REFINED = 60  # halvings: past the resolution of a float


class Line(NamedTuple):
    """A line fitted to points with known errors in both coordinates.

    Attributes
    ----------
    slope, ci_low, ci_high : float
        NaN when the status is not ``ok``; of an ``unbounded`` slope the estimate stands.
    intercept : float
        Where the line meets 0.
    scatter : float
        Weighted squares of the residuals over n − 2: about 1 when the errors explain the distances from the line.
    n : int
        How many points.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    slope: float
    ci_low: float
    ci_high: float
    intercept: float
    scatter: float
    n: int
    confidence: float
    method: str
    status: Status = "ok"


def line_with_errors(
    x: ArrayLike, y: ArrayLike, x_errors: ArrayLike, y_errors: ArrayLike, *, confidence: float = 0.95
) -> Line:
    """Return the line y = a + b x that minimises Σ (y − a − b x)² / (σ_y² + b² σ_x²) (York 1966; York et al. 2004).

    Plain regression is drawn towards a slope of 0 by the errors of x; this one is not. The interval holds the slopes
    whose sum of squares exceeds the least one by no more than t² × max(1, scatter, inflation), t with n − 2 degrees of
    freedom: a profile likelihood, which does not pretend to know a slope that the points leave open. The inflation is
    the variance of the slope's scores over their curvature (Godambe 1960): every point has an x of its own that is not
    known, and where errors of x are as large as its spread the likelihood alone is too sure (Neyman & Scott 1948).
    Errors of different points, and those of x and y, are taken to be independent.

    Parameters
    ----------
    x, y : (n,) array_like
        Finite.
    x_errors, y_errors : (n,) array_like
        Standard errors, not negative; one of the two is above 0 at each point.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        Values are not finite, or errors are negative or both 0.

    Examples
    --------
    >>> found = line_with_errors([0.0, 1.0, 2.0, 3.0], [0.1, 0.9, 2.1, 2.9], [0.1] * 4, [0.1] * 4)
    >>> round(found.slope, 3), found.ci_low < 1 < found.ci_high
    (0.963, True)
    """
    xs, ys, sx, sy = _checked(x, y, x_errors, y_errors)
    confidence, n, method = level(confidence), len(xs), "York, profile likelihood"
    empty = Line(nan, nan, nan, nan, nan, n, confidence, method)
    if n < 3:
        return empty._replace(status="too_few")
    if np.ptp(xs) == 0:
        return empty._replace(status="zero_variance")
    unit_x, unit_y = (float(np.abs(part - part.mean()).max()) or 1.0 for part in (xs, ys))
    scaled = (xs / unit_x, ys / unit_y, sx / unit_x, sy / unit_y)
    angles = np.linspace(-pi / 2, pi / 2, _DIRECTIONS, endpoint=False)
    best = _least(angles, scaled)
    least = float(_squares(np.array([best]), scaled)[0])
    scatter = least / (n - 2)
    factor = max(1.0, scatter, _inflation(best, scaled) * n / (n - 2))
    allowed = least + t_quantile(confidence, n - 2) ** 2 * factor
    low, high = (_end(best, sign, allowed, scaled) for sign in (-1, 1))
    slope = float(np.tan(best)) * unit_y / unit_x
    weights = 1 / (sy**2 + slope**2 * sx**2)
    intercept = float(weights @ (ys - slope * xs) / weights.sum())
    found = Line(slope, -inf, inf, intercept, scatter, n, confidence, method, "unbounded")
    if low is None or high is None:
        return found
    return found._replace(
        ci_low=float(np.tan(low)) * unit_y / unit_x, ci_high=float(np.tan(high)) * unit_y / unit_x, status="ok"
    )


def _checked(x: ArrayLike, y: ArrayLike, x_errors: ArrayLike, y_errors: ArrayLike) -> tuple[Float64, ...]:
    named = {"x": x, "y": y, "x_errors": x_errors, "y_errors": y_errors}
    vectors = tuple(sample(name, values) for name, values in named.items())
    if len({len(vector) for vector in vectors}) > 1:
        lengths = ", ".join(f"{name} {len(vector)}" for name, vector in zip(named, vectors, strict=True))
        raise ArgumentError(f"the lengths are {lengths}", "one value and one error a point were expected")
    _, _, sx, sy = vectors
    if (sx < 0).any() or (sy < 0).any() or ((sx == 0) & (sy == 0)).any():
        raise ArgumentError("errors are negative, or both 0 at a point", "standard errors were expected")
    return vectors


def _squares(angles: Float64, points: tuple[Float64, ...]) -> Float64:
    """Return the least weighted sum of squares at each direction: the slope is the tangent of its angle."""
    x, y, sx, sy = points
    sine, cosine = np.sin(angles)[:, None], np.cos(angles)[:, None]
    weights = 1 / np.maximum((sy * cosine) ** 2 + (sx * sine) ** 2, np.finfo(np.float64).tiny)
    away = (y - y.mean()) * cosine - (x - x.mean()) * sine
    centre = (weights * away).sum(axis=1) / weights.sum(axis=1)
    return np.asarray((weights * (away - centre[:, None]) ** 2).sum(axis=1))


def _least(angles: Float64, points: tuple[Float64, ...]) -> float:
    place = int(np.argmin(_squares(angles, points)))
    step = float(angles[1] - angles[0])
    low, high = angles[place] - step, angles[place] + step
    golden = (5**0.5 - 1) / 2
    for _ in range(_REFINED):
        inner = high - golden * (high - low), low + golden * (high - low)
        left, right = _squares(np.array(inner), points)
        low, high = (low, inner[1]) if left <= right else (inner[0], high)
    middle = (low + high) / 2
    return atan(np.tan(middle))


def _inflation(best: float, points: tuple[Float64, ...]) -> float:
    """Return the sum of squared scores over the curvature, at the direction of the least sum of squares.

    The score of a point is half the derivative of its weighted square, less what the centre of the line takes up.
    """
    x, y, sx, sy = points
    sine, cosine = float(np.sin(best)), float(np.cos(best))
    weights = 1 / np.maximum((sy * cosine) ** 2 + (sx * sine) ** 2, np.finfo(np.float64).tiny)
    away = (y - y.mean()) * cosine - (x - x.mean()) * sine
    away = away - weights @ away / weights.sum()
    turned = -(y - y.mean()) * sine - (x - x.mean()) * cosine
    reweighted = 2 * weights**2 * sine * cosine * (sy**2 - sx**2)
    shared = float(weights @ turned + reweighted @ away) / float(weights.sum())
    scores = weights * away * turned + reweighted * away**2 / 2 - shared * weights * away
    before, here, after = _squares(best + _STEP * np.array([-1.0, 0.0, 1.0]), points)
    curvature = float(before - 2 * here + after) / _STEP**2 / 2
    squares = float(scores @ scores)
    return squares / curvature if curvature > 0 else inf if squares > 0 else 0.0


def _end(best: float, sign: int, allowed: float, points: tuple[Float64, ...]) -> float | None:
    """Return where the sum of squares first exceeds what is allowed, or None when that is not before the vertical."""
    edge = sign * pi / 2
    way = np.linspace(best, edge, _DIRECTIONS)
    beyond = np.flatnonzero(_squares(way, points) > allowed)
    if not len(beyond):
        return None
    inside, outside = float(way[beyond[0] - 1]), float(way[beyond[0]])
    for _ in range(_REFINED):
        middle = (inside + outside) / 2
        if _squares(np.array([middle]), points)[0] > allowed:
            outside = middle
        else:
            inside = middle
    return inside
