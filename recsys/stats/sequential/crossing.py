"""Probabilities that a Brownian motion with drift, looked at now and then, crosses bounds: recursive integration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.errors import ArgumentError
from recsys.stats._quadrature import panels
from recsys.stats._samples import Float64

_REACH = 8.5  # standard deviations; beyond lies less than 1e-16
_PANEL = 3.0  # a panel of 16 Gauss–Legendre nodes spans as many standard deviations of the shorter step beside it
_SMALLEST_STEP = 1e-4


@dataclass(frozen=True)
class Going:
    """The paths that have crossed nothing up to a look.

    Attributes
    ----------
    fraction : float
        Information so far.
    values : (m,) float64
        Nodes on the scale of the score, B(t) = Z × sqrt(t).
    mass : (m,) float64
        Density × quadrature weight.
    """

    fraction: float
    values: Float64
    mass: Float64

    def above(self, fraction: float, bound: float, drift: float = 0.0) -> float:
        """Return the probability of getting here and then being above a bound (of Z) at the next look."""
        return self._tail(fraction, bound, drift, -1.0)

    def below(self, fraction: float, bound: float, drift: float = 0.0) -> float:
        """Return the probability of getting here and then being below a bound (of Z) at the next look."""
        return self._tail(fraction, bound, drift, 1.0)

    def advance(self, fraction: float, low: float, high: float, step: float, drift: float = 0.0) -> Going:
        """Return the paths that are between the bounds (of Z) at the next look; `step` says how fine the nodes are."""
        scale, centre = np.sqrt(fraction), drift * fraction
        left = max(low * scale, centre - _REACH * scale)
        right = min(high * scale, centre + _REACH * scale)
        if not left < right:
            return Going(fraction, np.zeros(1), np.zeros(1))
        values, weights = panels(left, right, max(1, int(np.ceil((right - left) / (_PANEL * np.sqrt(step))))))
        passed = fraction - self.fraction
        away = (values[:, None] - self.values - drift * passed) / np.sqrt(passed)
        density = np.exp(-away * away / 2) @ self.mass / np.sqrt(2 * np.pi * passed)
        return Going(fraction, values, weights * density)

    def _tail(self, fraction: float, bound: float, drift: float, sign: float) -> float:
        from scipy.special import ndtr

        if np.isinf(bound):
            return float(self.mass.sum()) if bound * sign > 0 else 0.0
        passed = fraction - self.fraction
        away = (bound * np.sqrt(fraction) - self.values - drift * passed) / np.sqrt(passed)
        return float(ndtr(sign * away) @ self.mass)


START = Going(0.0, np.zeros(1), np.ones(1))


def crossing_probabilities(
    fractions: ArrayLike, low: ArrayLike, high: ArrayLike, *, drift: float = 0.0
) -> tuple[Float64, Float64]:
    """Return the probability of crossing the lower and the upper bound *first* at each look.

    Armitage, McPherson & Rowe (1969): the density of the paths that go on is carried from look to look, here by
    composite Gauss–Legendre quadrature; the error is below 1e-9.

    Parameters
    ----------
    fractions : (n_looks,) array_like
        Information at each look as a share of the planned information; rising, the first above 0.
    low, high : (n_looks,) array_like
        Bounds of the standardised statistic; infinite where a look has none.
    drift : float
        Its mean at fraction 1.

    Raises
    ------
    ArgumentError
        Fractions that do not rise by at least 1e-4.

    Examples
    --------
    >>> below, above = crossing_probabilities([0.5, 1.0], [-2.178, -2.178], [2.178, 2.178])
    >>> round(float(below.sum() + above.sum()), 4)
    0.05
    """
    times, steps = looks(fractions)
    lows, highs = np.asarray(low, np.float64), np.asarray(high, np.float64)
    below, above, going = np.zeros(len(times)), np.zeros(len(times)), START
    for place, time in enumerate(times.tolist()):
        below[place] = going.below(time, lows[place], drift)
        above[place] = going.above(time, highs[place], drift)
        if place + 1 < len(times):
            going = going.advance(time, lows[place], highs[place], steps[place], drift)
    return below, above


def looks(fractions: ArrayLike) -> tuple[Float64, Float64]:
    """Return checked information fractions, and at each the shorter of the steps to its neighbours."""
    times = np.asarray(fractions, np.float64)
    if times.ndim != 1 or not len(times) or not np.isfinite(times).all():
        raise ArgumentError(f"the fractions are {times.tolist()}", "at least one number above 0 was expected")
    steps = np.diff(times, prepend=0.0)
    if steps.min() < _SMALLEST_STEP * (1 - 1e-9):  # decimals are rounded
        raise ArgumentError(
            f"the fractions are {times.tolist()}", f"numbers that rise by at least {_SMALLEST_STEP} were expected"
        )
    return times, np.minimum(steps, np.append(steps[1:], np.inf))
