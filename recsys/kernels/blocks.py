"""Square blocks of a symmetric sparse matrix: the systems of many small regressions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks, thread_count
from recsys.kernels._checks import Csr, describe, weighted_rows
from recsys.kernels._choice import reference_wanted

_CELLS_PER_CHUNK = 1 << 19


def square_blocks(matrix: Csr, groups: NDArray[np.int32], *, n_threads: int | None = None) -> NDArray[np.float32]:
    """Return the entries of a symmetric matrix among the members of each group, as dense blocks.

    Parameters
    ----------
    matrix : csr_array (n, n) float32
        Symmetric; what is stored on and below the diagonal is read.
    groups : (n_groups, m) int32
        Rising codes of each group's members, then −1.
    n_threads : int, optional
        Threads; by default all cores.

    Returns
    -------
    (n_groups, m, m) float32
        ``out[g, a, b] = matrix[groups[g, a], groups[g, b]]``; 0 beyond the members.

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype or shape.
    DataError
        For a CSR matrix that is not valid, or a group that does not rise or has a code out of range.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> matrix = csr_array(np.float32([[1, 2, 0], [2, 3, 4], [0, 4, 5]]))
    >>> square_blocks(matrix, np.int32([[1, 2], [0, -1]])).tolist()
    [[[3.0, 4.0], [4.0, 5.0]], [[1.0, 0.0], [0.0, 0.0]]]
    """
    shape: tuple[int, ...] = getattr(matrix, "shape", ())
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ArgumentError(f"matrix is {describe(matrix)}", "a square csr_array of float32 was expected")
    rows = weighted_rows("matrix", matrix, (shape[0], shape[1]))
    members = _groups(groups, shape[0])
    out = np.zeros((*members.shape, members.shape[1]), dtype=np.float32)
    if reference_wanted():
        from recsys.kernels import _reference_blocks

        _reference_blocks.gather_blocks(rows, members, out, n_threads)
        return out
    from recsys.kernels import _blocks

    size = max(1, _CELLS_PER_CHUNK // max(1, members.shape[1] ** 2))
    run_chunks(
        lambda chunk: _blocks.gather_blocks(rows.indptr, rows.indices, rows.data, members, *chunk, out),
        row_chunks(len(members), size),
        thread_count(n_threads),
    )
    return out


def _groups(groups: object, n: int) -> NDArray[np.int32]:
    if not isinstance(groups, np.ndarray) or groups.ndim != 2 or groups.dtype != np.int32:
        raise ArgumentError(f"groups is {describe(groups)}", "a two-dimensional int32 array was expected")
    if groups.size and (groups.min() < -1 or groups.max() >= n):
        raise DataError("a group has a code out of range", f"codes from 0 to {n - 1}, then −1, were expected")
    first, second = groups[:, :-1], groups[:, 1:]
    if not ((second < 0) | ((first >= 0) & (first < second))).all():
        raise DataError("the codes of a group do not rise", "rising codes, then −1, were expected")
    return np.ascontiguousarray(groups)
