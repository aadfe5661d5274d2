"""The numpy twin of the kernel of alternating least squares: the normal equations in float64, as they are written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.kernels._checks import WeightedRows


def als_rows(
    rows: WeightedRows,
    vectors: NDArray[np.float32],
    spectrum: NDArray[np.float64],
    ridge: NDArray[np.float64],
    target_offset: float,
) -> NDArray[np.float32]:
    """Return the solutions of `recsys.kernels.als.als_rows`."""
    wide = vectors.astype(np.float64)
    out = np.zeros((len(ridge), vectors.shape[1]), dtype=np.float32)
    for row, (start, stop) in enumerate(zip(rows.indptr[:-1], rows.indptr[1:], strict=True)):
        if start == stop:
            continue
        seen, weights = wide[rows.indices[start:stop]], rows.data[start:stop].astype(np.float64)
        system = np.diag(spectrum + ridge[row]) + (seen * weights[:, None]).T @ seen
        out[row] = np.linalg.solve(system, seen.T @ (weights + target_offset))
    return out
