"""Numpy twin of the totals in windows: one total after the other, rows in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def add(
    sums: NDArray[np.float64],
    totals: Sequence[Any],
    units: NDArray[np.int32],
    offsets: NDArray[np.int64],
    masks: Sequence[NDArray[np.uint8]],
    columns: Sequence[NDArray[np.float64]],
) -> NDArray[np.int64]:
    """Add rows to the (n_units, ≥ n_totals) sums; return how many rows each total left out for their value."""
    left_out = np.zeros(len(totals), np.int64)
    for place, total in enumerate(totals):
        wanted = (units >= 0) & (offsets >= total.begin)
        if total.end is not None:
            wanted &= offsets < total.end
        if total.mask is not None:
            wanted &= masks[total.mask] != 0
        rows = np.flatnonzero(wanted)
        if total.column is not None:
            finite = np.isfinite(columns[total.column][rows])
            left_out[place] = len(rows) - finite.sum()
            rows = rows[finite]
        if total.function == "count":
            np.add.at(sums[:, place], units[rows], 1.0)
        elif total.function == "any":
            sums[units[rows], place] = 1.0
        elif total.function == "sum":
            np.add.at(sums[:, place], units[rows], columns[total.column][rows])
        else:
            np.maximum.at(sums[:, place], units[rows], columns[total.column][rows])
    return left_out
