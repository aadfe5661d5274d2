"""A series of numbers as one word of block characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

LEVELS = "▁▂▃▄▅▆▇█"
GAP = "·"
SIGNS = dict(zip(LEVELS, "_-~=+*%#", strict=True))
"""What each sign of a sparkline is in ASCII; a gap is a dot there."""
LONGEST = 30


def sparkline(values: Sequence[float | None], longest: int = LONGEST) -> str:
    """Return one character a number, lowest for the least and full for the greatest of the series.

    Parameters
    ----------
    values : sequence of float or None
        None, NaN and infinite are gaps.
    longest : int
        A longer series is drawn as the means of so many runs of it.

    Examples
    --------
    >>> sparkline([1, 2, None, 5, 8])
    '▁▂·▅█'
    """
    shown = thinned(values, longest)
    known = [value for value in shown if value is not None]
    if not known:
        return GAP * len(shown)
    low, high = min(known), max(known)
    return "".join(GAP if value is None else LEVELS[_level(value, low, high)] for value in shown)


def thinned(values: Sequence[float | None], longest: int = LONGEST) -> list[float | None]:
    """Return at most `longest` numbers: the means of runs that are equally long, give or take one; gaps are None.

    Examples
    --------
    >>> thinned([1, 3, math.nan, 5, None, None], 3)
    [2.0, 5.0, None]
    """
    count = min(len(values), longest)
    finite = [None if value is None or not math.isfinite(value) else value for value in values]
    if count == len(values):
        return finite
    bounds = [place * len(values) // count for place in range(count + 1)]
    runs = ([value for value in finite[a:b] if value is not None] for a, b in pairwise(bounds))
    # Divided before they are added: the sum of finite numbers may be infinite.
    return [math.fsum(value / len(run) for value in run) if run else None for run in runs]


def _level(value: float, low: float, high: float) -> int:
    if low == high:
        return 3
    # Halves first: the difference of two finite numbers may be infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return min(int(share * len(LEVELS)), len(LEVELS) - 1)
