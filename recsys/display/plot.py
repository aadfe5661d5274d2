"""An interval drawn in a line of text, on an axis that the rows of a table share."""

from __future__ import annotations

import math
from collections.abc import Iterable

BLANK, ZERO, LEFT, BETWEEN, RIGHT, MARK, BEYOND_LEFT, BEYOND_RIGHT = "·│├─┤●◂▸"
SIGNS = dict(zip("·│├─┤●◂▸", ".|<->o<>", strict=True))
"""What each sign of a drawing is in ASCII."""
WIDTH = 17


def interval_plot(
    low: float,
    estimate: float,
    high: float,
    *,
    axis: tuple[float, float],
    zero: float = 0.0,
    width: int = WIDTH,
) -> str:
    """Return an interval drawn in `width` characters; it has no spaces, so that it is never wrapped or collapsed.

    Parameters
    ----------
    low, estimate, high : float
        Bounds may be infinite; NaN anywhere draws the axis alone.
    axis : (float, float)
        What the first and the last character stand for; what lies outside gets an arrow head.
    zero : float
        Where the axis is marked.
    width : int
        At least 5.

    Examples
    --------
    >>> interval_plot(0.5, 1.0, 1.5, axis=(-2, 2), width=17)
    '········│·├─●─┤··'
    >>> interval_plot(-9, -1.0, 0.5, axis=(-2, 2), width=17)
    '◂───●───│─┤······'
    """
    signs = [BLANK] * width
    at_zero = _place(zero, axis, width)
    if 0 <= at_zero < width:
        signs[at_zero] = ZERO
    if any(map(math.isnan, (low, estimate, high))):
        return "".join(signs)
    first, middle, last = (_place(value, axis, width) for value in (low, estimate, high))
    for place in range(max(first, 0), min(last, width - 1) + 1):
        signs[place] = ZERO if place == at_zero else BETWEEN
    for place, inside in ((first, LEFT), (last, RIGHT)):
        if 0 <= place < width:
            signs[place] = inside
        elif place < 0:
            signs[0] = BEYOND_LEFT
        else:
            signs[-1] = BEYOND_RIGHT
    if 0 <= middle < width:
        signs[middle] = MARK
    return "".join(signs)


def shared_axis(intervals: Iterable[tuple[float, float, float]], *, zero: float = 0.0) -> tuple[float, float]:
    """Return an axis for (low, estimate, high) of several rows: all that is finite, and `zero`, with a little room.

    One interval much wider than the others must not make them dots: bounds beyond four times the median half-width
    around their estimate are left outside.

    Examples
    --------
    >>> shared_axis([(-1.0, 0.0, 1.0)])
    (-1.1, 1.1)
    >>> shared_axis([(math.nan, math.nan, math.nan)])
    (-1.0, 1.0)
    """
    rows = [row for row in intervals if math.isfinite(row[1])]
    halves = sorted(half for row in rows if math.isfinite(half := (row[2] - row[0]) / 2))
    most = 4 * halves[len(halves) // 2] if halves else math.inf
    ends = [zero]
    for low, estimate, high in rows:
        ends += [estimate, max(low, estimate - most), min(high, estimate + most)]
    finite = [end for end in ends if math.isfinite(end)]
    room = 0.05 * (max(finite) - min(finite))
    return (min(finite) - room, max(finite) + room) if room > 0 else (zero - 1.0, zero + 1.0)


def _place(value: float, axis: tuple[float, float], width: int) -> int:
    """Return the character that stands for a value: −1 below the axis, `width` above it."""
    low, high = axis
    if value < low:
        return -1
    if value > high:
        return width
    return min(int((value - low) / (high - low) * width), width - 1)
