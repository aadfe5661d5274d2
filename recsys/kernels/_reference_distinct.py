"""Numpy twin of the distinct counts: the pairs themselves, made unique by sorting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def keep(
    units: NDArray[np.int32],
    offsets: NDArray[np.int64],
    codes: NDArray[np.int64],
    passes: NDArray[np.uint8] | None,
    begin: int,
    end: int | None,
) -> tuple[NDArray[np.int64], int]:
    """Return the (n, 2) units and codes of the rows in the window, and how many rows have no code."""
    wanted = (units >= 0) & (offsets >= begin)
    if end is not None:
        wanted &= offsets < end
    if passes is not None:
        wanted &= passes != 0
    coded = wanted & (codes >= 0)
    return np.column_stack([units[coded], codes[coded]]).astype(np.int64), int(wanted.sum() - coded.sum())


def count(pairs: NDArray[np.int64], n_units: int) -> NDArray[np.int32]:
    """Return how many distinct codes each unit has."""
    return np.bincount(np.unique(pairs, axis=0)[:, 0], minlength=n_units).astype(np.int32)
