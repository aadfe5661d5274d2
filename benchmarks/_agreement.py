"""Whether two contestants found equally good lists: where scores are near ties, each one's rounding orders them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-5  # of the product of the norms: float32 sums of some hundred columns stay well below it
_USERS = 256  # at a time: the vectors of their items are taken apart


def check_lists(name: str, users: NDArray[Any], items: NDArray[Any], ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    """Leave if at any rank the float64 scores of two lists differ by more than rounding."""
    longest = np.sqrt(np.einsum("ij,ij->i", items, items, dtype=np.float64).max())
    for first in range(0, len(users), _USERS):
        some = users[first : first + _USERS].astype(np.float64)
        scores = [
            np.sort(np.einsum("ud,ukd->uk", some, items[lists[first : first + _USERS]].astype(np.float64)), axis=1)
            for lists in (ours, theirs)
        ]
        off = np.abs(scores[0] - scores[1]) / (np.linalg.norm(some, axis=1, keepdims=True) * longest)
        if off.max(initial=0) > _ROUNDING:
            raise SystemExit(f"{name}: scores are off by {off.max():.2g} of the norms")
