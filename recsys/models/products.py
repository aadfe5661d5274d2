"""Products of sparse matrices in chunks on threads; the same bits whatever the threads and the chunks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from recsys.core.progress import Progress, ProgressCallback
from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import Csr

BYTES_PER_ENTRY = 24  # of a Gram matrix: itself, and its parts while they are joined

_STEPS_PER_CHUNK = 1 << 24


def scaled(rows: NDArray[np.floating] | None, matrix: Csr, columns: NDArray[np.floating] | None) -> Csr:
    """Return ``diag(rows) @ matrix @ diag(columns)`` as float32; None is the identity.

    Examples
    --------
    >>> scaled(np.array([2.0]), csr_array(np.float32([[1, 3]])), np.array([1.0, 0.5])).toarray().tolist()
    [[2.0, 3.0]]
    """
    left = 1.0 if rows is None else np.repeat(rows, np.diff(matrix.indptr))
    right = 1.0 if columns is None else columns[matrix.indices]
    values = (matrix.data * left * right).astype(np.float32)
    return csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def degree_powers(degrees: NDArray[np.floating], exponent: float) -> NDArray[np.float64]:
    """Return ``degrees ** exponent``, and 0 where the degree is 0.

    Examples
    --------
    >>> degree_powers(np.array([4.0, 0.0]), -0.5).tolist()
    [0.5, 0.0]
    """
    known = degrees > 0
    return np.where(known, np.where(known, degrees, 1).astype(np.float64) ** exponent, 0.0)


def degrees(matrix: Csr) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of absolute weights of the rows and of the columns."""
    sizes = np.abs(matrix.data).astype(np.float64)
    rows = np.bincount(np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), sizes, matrix.shape[0]).astype(
        np.float64
    )
    return rows, np.bincount(matrix.indices, sizes, matrix.shape[1]).astype(np.float64)


def dense_product(left: Csr, right: NDArray[np.float32], n_threads: int | None = None) -> NDArray[np.float32]:
    """Return a sparse matrix times a dense one, float32.

    A row is summed in rising order of the columns of `left`, so it has the same bits whoever else is in the matrix.

    Examples
    --------
    >>> dense_product(csr_array(np.float32([[1, 2]])), np.float32([[0, 3], [1, 0]]))
    array([[2., 3.]], dtype=float32)
    """
    out = np.empty((left.shape[0], right.shape[1]), dtype=np.float32)

    def multiply(chunk: tuple[int, int]) -> None:
        out[slice(*chunk)] = left[slice(*chunk)] @ right

    entries_per_row = max(1.0, left.nnz / max(1, left.shape[0]))
    rows = int(_STEPS_PER_CHUNK / (entries_per_row * max(1, right.shape[1])))
    run_chunks(multiply, row_chunks(len(out), max(1, rows)), n_threads)
    return out


def gram(
    matrix: Csr,
    *,
    stage: str,
    progress: ProgressCallback,
    rows: NDArray[np.float64] | None = None,
    columns: NDArray[np.float64] | None = None,
    neighbors: int | None = None,
    diagonal: bool = True,
) -> Csr:
    """Return ``diag(rows) @ matrixᵀ @ matrix @ diag(columns)`` as CSR, float32, columns rising in each row.

    It is made some rows at a time. With `neighbors` only the largest entries of each row stay, so that memory is
    bounded by them; without `diagonal` the diagonal is left out first.

    Examples
    --------
    >>> from recsys.core.progress import silent
    >>> gram(csr_array(np.float32([[1, 2]])), stage="gram", progress=silent).toarray().tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    by_item = scaled(rows, csr_array(matrix.T.tocsr()), None)
    by_user = scaled(None, matrix, columns)
    chunks = _even_chunks(gram_work(matrix))
    parts: dict[tuple[int, int], Csr] = {}

    def multiply(chunk: tuple[int, int]) -> None:
        product = csr_array(by_item[slice(*chunk)] @ by_user)
        if not diagonal:
            itself = product.indices == np.repeat(np.arange(*chunk), np.diff(product.indptr))
            product = _filtered(product, ~itself)
        if neighbors is not None:
            product = _filtered(product, largest_entries(product, product.data, neighbors))
        product.sort_indices()
        parts[chunk] = product

    run_chunks(multiply, chunks, on_done=lambda done: progress(Progress(stage, done, len(chunks), "blocks")))
    return csr_array(vstack([parts.pop(chunk) for chunk in chunks], format="csr"))


def gram_work(matrix: Csr) -> NDArray[np.int64]:
    """Return, for each column, the multiplications that its row of the Gram matrix takes; its entries are no more."""
    lengths = np.diff(matrix.indptr).astype(np.int64)
    return np.bincount(matrix.indices, np.repeat(lengths, lengths), matrix.shape[1]).astype(np.int64)


def largest_entries(pattern: Csr, values: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Return which entries are among the `count` largest of their row; ties go to the smaller column.

    The values are given apart, one for each entry of the pattern.

    Examples
    --------
    >>> row = csr_array(np.float32([[1, 3, 1, 2]]))
    >>> largest_entries(row, row.data, 3).tolist()
    [True, True, False, True]
    """
    indptr, kept = pattern.indptr, np.ones(len(values), dtype=np.bool_)
    for row in np.flatnonzero(np.diff(indptr) > count):
        part = values[indptr[row] : indptr[row + 1]]
        bar = np.partition(part, len(part) - count)[len(part) - count]
        chosen = part > bar
        level = np.flatnonzero(part == bar)
        order = np.argsort(pattern.indices[indptr[row] + level])
        chosen[level[order[: count - int(chosen.sum())]]] = True
        kept[indptr[row] : indptr[row + 1]] = chosen
    return kept


def kept_before(kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many entries are kept before each place, the end included: new row boundaries from old ones."""
    ends = np.zeros(len(kept) + 1, dtype=np.int64)
    np.cumsum(kept, out=ends[1:])
    return ends


def _filtered(matrix: Csr, kept: NDArray[np.bool_]) -> Csr:
    ends = kept_before(kept)[matrix.indptr]
    return csr_array((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)


def _even_chunks(work: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return consecutive ranges of rows that take about `_STEPS_PER_CHUNK` each, or are single rows."""
    ends = np.cumsum(work) // _STEPS_PER_CHUNK
    cuts = np.flatnonzero(np.diff(ends, prepend=0)) + 1
    borders = np.unique(np.concatenate(([0], cuts, [len(work)])))
    return list(zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True))
