"""The item–item ridge regressions behind `EASE`: the whole inverse in place, or many small systems."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.errors import DataError
from recsys.core.progress import Progress, ProgressCallback
from recsys.core.threads import row_chunks, run_chunks, single_threaded_blas
from recsys.kernels import Csr, square_blocks
from recsys.models.products import degree_powers, kept_before, largest_entries, scaled

Float32 = NDArray[np.float32]

_STEPS_PER_CHUNK = 1 << 24
_TILE = 512
_CELLS_PER_BATCH = 1 << 24
_SYSTEMS_PER_CHUNK = 64


def dense_gram(matrix: Csr) -> Float32:
    """Return ``matrixᵀ @ matrix`` as a dense (n, n) float32 array, made some rows at a time.

    Examples
    --------
    >>> dense_gram(csr_array(np.float32([[1, 2]]))).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    n_items = matrix.shape[1]
    by_item = csr_array(matrix.T.tocsr())
    out = np.empty((n_items, n_items), dtype=np.float32)
    lengths = np.diff(matrix.indptr).astype(np.float64)
    per_row = n_items + float((lengths * lengths).sum()) / n_items

    def multiply(chunk: tuple[int, int]) -> None:
        (by_item[slice(*chunk)] @ matrix).toarray(out=out[slice(*chunk)])

    run_chunks(multiply, row_chunks(n_items, max(1, int(_STEPS_PER_CHUNK / per_row))))
    return out


def invert_in_place(gram: Float32, progress: ProgressCallback) -> None:
    """Replace a symmetric positive definite matrix by its inverse; no second matrix of that size is made.

    LAPACK's Cholesky factorisation and inversion (``spotrf``, ``spotri``) on one thread, so that the bits do not
    depend on the number of threads. They cannot be interrupted.

    Raises
    ------
    DataError
        The matrix is not positive definite in float32.

    Examples
    --------
    >>> from recsys.core.progress import silent
    >>> matrix = np.float32([[4, 0], [0, 16]])
    >>> invert_in_place(matrix, silent)
    >>> matrix.tolist()
    [[0.25, 0.0], [0.0, 0.0625]]
    """
    from scipy.linalg.lapack import spotrf, spotri

    # LAPACK takes columns: the transpose of rows, which for a symmetric matrix is the matrix itself.
    with single_threaded_blas():
        factor, failed = spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise DataError(
                "the regularised item–item matrix is not positive definite in float32",
                "stronger regularisation was expected",
                "raise l2",
            )
        progress(Progress("ease", 1, 2, "steps"))
        inverse, _ = spotri(factor, lower=1, overwrite_c=1)
    if not np.shares_memory(inverse, gram):
        gram[:] = inverse.T
    _mirror(gram)
    progress(Progress("ease", 2, 2, "steps"))


def weights_from_inverse(inverse: Float32) -> None:
    """Replace the inverse P by ``B = I − P / diag(P)`` (Steck 2019, equation 8), whose diagonal is 0.

    Examples
    --------
    >>> matrix = np.float32([[2, 1], [1, 4]])
    >>> weights_from_inverse(matrix)
    >>> matrix.tolist()
    [[0.0, -0.25], [-0.5, 0.0]]
    """
    divisor = -inverse.diagonal()
    for start, stop in row_chunks(len(inverse), _TILE):
        inverse[start:stop] /= divisor
    np.fill_diagonal(inverse, 0)


def _mirror(matrix: Float32) -> None:
    """Copy the part above the diagonal, which LAPACK filled, to the part below, tile by tile."""
    tiles = row_chunks(len(matrix), _TILE)
    for place, rows in enumerate(tiles):
        corner = matrix[slice(*rows), slice(*rows)]
        corner[:] = np.triu(corner) + np.triu(corner, 1).T
        for columns in tiles[place + 1 :]:
            matrix[slice(*columns), slice(*rows)] = matrix[slice(*rows), slice(*columns)].T


def local_weights(gram: Csr, penalties: Float32, neighbors: int, progress: ProgressCallback) -> Csr:
    """Return the ridge regression of every item on its nearest items alone, as CSR: column j predicts item j.

    Parameters
    ----------
    gram : (n, n) csr_array float32
        Products of the items' columns, rows sorted.
    penalties : (n,) float32
        Added to the diagonal of each system; above 0.
    neighbors : int
        Items taken: those with the largest absolute cosines.

    Examples
    --------
    >>> from recsys.core.progress import silent
    >>> gram = csr_array(np.float32([[2, 1], [1, 3]]))
    >>> local_weights(gram, np.float32([2, 1]), 1, silent).toarray().tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    groups, targets = _nearest(gram, neighbors)
    n_items, width = groups.shape
    found = np.zeros(groups.shape, dtype=np.float32)
    batches = row_chunks(n_items, max(1, _CELLS_PER_BATCH // width**2))
    for place, batch in enumerate(batches):
        members = groups[slice(*batch)]
        systems = square_blocks(gram, members)
        slots = np.arange(width)
        systems[:, slots, slots] += np.where(members < 0, np.float32(1), penalties[members])
        found[slice(*batch)] = _solutions(systems, targets[slice(*batch)])
        progress(Progress("ease", place + 1, len(batches), "blocks"))
    real = groups >= 0
    columns = np.repeat(np.arange(n_items, dtype=np.int32), real.sum(axis=1))
    weights = csr_array((found[real], (groups[real], columns)), shape=gram.shape)
    weights.sort_indices()
    return weights


def _solutions(systems: Float32, targets: Float32) -> Float32:
    out = np.empty_like(targets)

    def solve(chunk: tuple[int, int]) -> None:
        out[slice(*chunk)] = np.linalg.solve(systems[slice(*chunk)], targets[slice(*chunk), :, None])[:, :, 0]

    with single_threaded_blas():
        run_chunks(solve, row_chunks(len(out), _SYSTEMS_PER_CHUNK))
    return out


def _nearest(gram: Csr, neighbors: int) -> tuple[NDArray[np.int32], Float32]:
    """Return each row's items of the largest absolute cosines, rising and filled up with −1, and its products there."""
    scale = degree_powers(gram.diagonal(), -0.5)
    cosines = np.abs(scaled(scale, gram, scale).data)
    itself = gram.indices == np.repeat(np.arange(gram.shape[0]), np.diff(gram.indptr))
    cosines[itself] = -1
    kept = largest_entries(gram, cosines, neighbors) & ~itself
    ends = kept_before(kept)[gram.indptr]
    lengths = np.diff(ends)
    groups = np.full((gram.shape[0], max(1, int(lengths.max(initial=0)))), -1, dtype=np.int32)
    targets = np.zeros(groups.shape, dtype=np.float32)
    filled = np.arange(groups.shape[1]) < lengths[:, None]
    groups[filled], targets[filled] = gram.indices[kept], gram.data[kept]
    return groups, targets
