"""The numpy twin of the block kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.kernels._checks import WeightedRows


def gather_blocks(
    rows: WeightedRows, groups: NDArray[np.int32], out: NDArray[np.float32], n_threads: int | None
) -> None:
    """Fill `out` by indexing the matrix with each group; the part below the diagonal counts."""
    n = len(rows.indptr) - 1
    matrix = csr_array((rows.data, rows.indices, rows.indptr), shape=(n, n))
    for place, group in enumerate(groups):
        codes = group[: int((group < 0).argmax()) if (group < 0).any() else len(group)]
        below = np.tril(matrix[codes][:, codes].toarray())
        out[place, : len(codes), : len(codes)] = below + np.tril(below, -1).T
