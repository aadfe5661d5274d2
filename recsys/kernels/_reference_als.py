"""The numpy twin of the kernel of alternating least squares, in float64, as the formulas are written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.kernels._checks import WeightedRows

Float64 = NDArray[np.float64]


def als_rows(
    rows: WeightedRows,
    vectors: NDArray[np.float32],
    spectrum: Float64,
    ridge: Float64,
    target_offset: float,
    means: NDArray[np.float32] | None,
    begin: NDArray[np.float32] | None,
    exact_below: int,
    block: int,
    steps: int,
) -> NDArray[np.float32]:
    """Return the solutions or updates of `recsys.kernels.als.als_rows`."""
    wide = vectors.astype(np.float64)
    out = np.zeros((len(ridge), vectors.shape[1]), dtype=np.float32) if means is None else means.copy()
    for row, (first, last) in enumerate(zip(rows.indptr[:-1], rows.indptr[1:], strict=True)):
        if first == last:
            continue
        seen, weights = wide[rows.indices[first:last]], rows.data[first:last].astype(np.float64)
        diagonal = spectrum + ridge[row]
        system = np.diag(diagonal) + (seen * weights[:, None]).T @ seen
        right = seen.T @ (weights + target_offset)
        if means is not None:
            right += diagonal * means[row]
        if begin is None or last - first < exact_below:
            out[row] = np.linalg.solve(system, right)
        elif block:
            out[row] = _update_blocks(system, right, begin[row].astype(np.float64), block)
        else:
            out[row] = _descend(system, right, begin[row].astype(np.float64), diagonal, steps)
    return out


def _update_blocks(system: Float64, right: Float64, x: Float64, block: int) -> Float64:
    """Solve for some unknowns at a time, the others held."""
    for first in range(0, len(x), block):
        part = slice(first, first + block)
        x[part] += np.linalg.solve(system[part, part], right[part] - system[part] @ x)
    return x


def _descend(system: Float64, right: Float64, x: Float64, diagonal: Float64, steps: int) -> Float64:
    """Make steps of conjugate gradients, preconditioned by the diagonal."""
    rest = right - system @ x
    way = rest / diagonal
    size = rest @ way
    for _ in range(steps):
        if size <= 0:
            break
        image = system @ way
        length = size / (way @ image)
        x, rest, old = x + length * way, rest - length * image, size
        size = rest @ (rest / diagonal)
        way = rest / diagonal + size / old * way
    return x
