"""Whether two contestants found equally good lists: where scores are near ties, each one's rounding orders them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-5  # of the product of the norms: float32 sums of some hundred columns stay well below it
_USERS = 256  # at a time: the vectors of their items are taken apart


def check_lists(name: str, users: NDArray[Any], items: NDArray[Any], ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    """Leave if at any rank the float64 scores of two full lists differ, or ours rise, by more than rounding."""
    longest = np.sqrt(np.einsum("ij,ij->i", items, items, dtype=np.float64).max())
    for first in range(0, len(users), _USERS):
        some, found = users[first : first + _USERS].astype(np.float64), ours[first : first + _USERS]
        if found.min() < 0 or any(len(set(row)) < len(row) for row in found.tolist()):
            raise SystemExit(f"{name}: a list of ours is short, or names an item twice")
        own, other = (
            np.einsum("ud,ukd->uk", some, items[lists].astype(np.float64))
            for lists in (found, theirs[first : first + _USERS])
        )
        norms = np.linalg.norm(some, axis=1, keepdims=True) * longest
        slack = _ROUNDING * np.where(norms > 0, norms, 1.0)
        if not (np.abs(own + np.sort(-other, axis=1)) <= slack).all() or not (np.diff(own, axis=1) <= slack).all():
            raise SystemExit(f"{name}: scores differ by more than rounding, or are out of order")
