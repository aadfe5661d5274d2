"""Where marks are, in px, so that words find a place beside them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""
STEP = 4.0  # px between the points that stand for a line
REACH = 4.0  # px from the middle of a mark to its edge


def inked(axes: Axes) -> NDArray[np.float64]:
    """Return points (n, 2) all over the points, lines, whiskers and bars that are drawn; a band takes no room."""
    to_px = axes.transData.transform
    paths = []
    for line in axes.lines:
        places = to_px(np.asarray(line.get_xydata(), np.float64))
        if line.get_linestyle() == "None":
            paths += [places[at : at + 1] for at in range(len(places))]
        else:
            paths.append(_stairs(places) if line.get_drawstyle() == "steps-post" else places)
    for drawn in axes.collections:
        segments: Any = getattr(drawn, "get_segments", list)()
        paths += [to_px(np.asarray(segment, np.float64)) for segment in segments]
    for bar in axes.patches:
        (left, low), (right, high) = ends = bar.get_path().get_extents(bar.get_transform()).get_points()
        if np.isfinite(ends).all():
            paths += [np.array([(across, low), (across, high)]) for across in np.arange(left, right + STEP, STEP)]
    points = [_along(path) for path in paths]
    return np.concatenate(points) if points else np.empty((0, 2))


def crowding(box: Box, marks: NDArray[np.float64]) -> int:
    """Return how many of the points of `inked` a box would cover.

    Examples
    --------
    >>> crowding((0, 0, 40, 12), np.array([[10.0, 5.0], [100.0, 5.0]]))
    1
    """
    left, bottom, right, top = box
    x, y = marks.T
    return int(((x > left - REACH) & (x < right + REACH) & (y > bottom - REACH) & (y < top + REACH)).sum())


def _stairs(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners of steps: each height lasts until the next place."""
    return np.column_stack((np.repeat(places[:, 0], 2)[1:], np.repeat(places[:, 1], 2)[:-1]))


def _along(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points every few px along a path; gaps are left out."""
    known = np.isfinite(path).all(axis=1)
    parts = [path[known]]
    for start, end in pairwise(path):
        length = np.hypot(*(end - start))
        if np.isfinite(length) and length > STEP:
            parts.append(start + np.linspace(0, 1, min(int(length / STEP), 500) + 1)[:, None] * (end - start))
    return np.concatenate(parts)
