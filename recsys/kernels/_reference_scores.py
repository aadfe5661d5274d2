"""The numpy twin of the dense product of sparse matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.kernels._checks import WeightedRows


def sparse_scores(past: WeightedRows, weights: WeightedRows, out: NDArray[np.float32], n_threads: int | None) -> None:
    """Add row after row of the weights, in the order of the history."""
    for row, line in enumerate(out):
        for place in range(past.indptr[row], past.indptr[row + 1]):
            item = past.indices[place]
            entries = slice(weights.indptr[item], weights.indptr[item + 1])
            line[weights.indices[entries]] += past.data[place] * weights.data[entries]
