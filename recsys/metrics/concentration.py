"""How unevenly a total falls on its parts: the largest x % of the items hold y % of the events."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

POINTS = 31


class Concentration(NamedTuple):
    """A concentration curve: the Lorenz curve read from the largest part on.

    Attributes
    ----------
    parts : tuple of float
        Share of the parts (items, users), the largest first; from 0 to 1.
    total : tuple of float
        The share of the total that they hold; from 0 to 1, concave.
    """

    parts: tuple[float, ...]
    total: tuple[float, ...]

    def to_dict(self) -> dict[str, list[float]]:
        """Return plain values, fit for JSON."""
        return {"parts": list(self.parts), "total": list(self.total)}

    def held_by(self, share: float) -> float:
        """Return the share of the total that the largest `share` of the parts hold, linear between the points.

        Examples
        --------
        >>> concentration(np.array([0, 6, 2, 2])).held_by(0.25)
        0.6
        """
        return float(np.interp(share, self.parts, self.total))


def concentration(
    counts: NDArray[np.floating[Any]] | NDArray[np.integer[Any]], points: int = POINTS
) -> Concentration | None:
    """Return the concentration curve of counts that are not negative; None where their sum is 0.

    It has at most `points` + 2 points, each exact: 0, places from the largest part to the last one that are even on a
    log scale, and the smallest part that is not 0, where the curve reaches 1.

    Examples
    --------
    >>> concentration(np.array([0, 6, 2, 2]), 3)
    Concentration(parts=(0.0, 0.25, 0.5, 0.75, 1.0), total=(0.0, 0.6, 0.8, 1.0, 1.0))
    """
    falling = np.sort(counts)[::-1].astype(np.float64)
    held = np.concatenate(([0.0], np.cumsum(falling)))
    if not len(falling) or held[-1] <= 0:
        return None
    grid = np.rint(np.geomspace(1, len(falling), points)).astype(np.int64)
    places = np.unique(np.append(grid, [0, np.count_nonzero(falling), len(falling)]))
    # A last digit of the cumulated sums must not push a share above 1.
    shares = np.minimum(held[places] / held[-1], 1.0)
    return Concentration(tuple((places / len(falling)).tolist()), tuple(shares.tolist()))
