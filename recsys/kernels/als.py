"""Half-steps of alternating least squares: many small, regularised least-squares problems over the same vectors."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks, single_threaded_blas
from recsys.kernels import _als
from recsys.kernels import _reference_als as reference
from recsys.kernels._checks import Csr, WeightedRows, dense_rows, describe, weighted_rows
from recsys.kernels._choice import reference_wanted, simd_path

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_GRAM_ROWS = 4096
_PRODUCTS_PER_CHUNK = 1 << 29
_ENTRIES_PER_STEP = 16


class GramBasis(NamedTuple):
    """Vectors in the basis of the eigenvectors of their Gram matrix. Inner products do not change.

    Attributes
    ----------
    vectors : (n, d) float32
        ``V · rotation``.
    spectrum : (d,) float64
        The eigenvalues of ``VᵀV``, rising, at least 0: the Gram matrix of ``vectors`` is diagonal.
    rotation : (d, d) float64
        Orthogonal.
    """

    vectors: Float32
    spectrum: Float64
    rotation: Float64


class Update(NamedTuple):
    """How long rows are improved from where they stand, instead of solved.

    Attributes
    ----------
    start : (n, d) float32
        The solutions so far.
    block : int
        Factors that are solved for at a time, the others held (iALS++, Rendle et al. 2021); 0 = conjugate gradients,
        preconditioned by the diagonal.
    steps : int
        Of conjugate gradients.
    """

    start: Float32
    block: int = 0
    steps: int = 3

    def exact_below(self, d: int) -> int:
        """Return the number of entries below which solving a row exactly costs no more than an update."""
        return min(d, 2 * self.block if self.block else _ENTRIES_PER_STEP * (self.steps + 1))


def gram_basis(vectors: Float32, *, overwrite: bool = False, n_threads: int | None = None) -> GramBasis:
    """Return vectors in the basis that makes their Gram matrix diagonal.

    The result depends neither on threads nor on what else runs; it does depend on the BLAS.

    Parameters
    ----------
    vectors : (n, d) float32
        One row a user or item.
    overwrite : bool
        Turn the vectors where they stand, so that no second array of their size is needed.
    n_threads : int, optional
        Threads; by default all cores.

    Raises
    ------
    ArgumentError
        For an array of another shape or dtype.
    DataError
        For a value that is NaN or infinite.

    Examples
    --------
    >>> turned = gram_basis(np.array([[1, 1], [1, 1]], np.float32))
    >>> turned.spectrum.round(6).tolist()
    [0.0, 4.0]
    """
    vectors = _writable("vectors", vectors, vectors.shape) if overwrite else dense_rows("vectors", vectors)
    chunks = row_chunks(len(vectors), _GRAM_ROWS)
    parts = np.zeros((len(chunks), *vectors.shape[1:] * 2), dtype=np.float32)

    def multiply(place: int) -> None:
        part = vectors[slice(*chunks[place])]
        parts[place] = part.T @ part

    with single_threaded_blas():
        run_chunks(multiply, range(len(chunks)), n_threads)
        gram = parts.sum(axis=0, dtype=np.float64)
        if not np.isfinite(gram).all():
            raise DataError("the vectors are NaN, infinite or too large", "finite vectors were expected")
        spectrum, rotation = np.linalg.eigh(gram)
    turned = rotate(vectors, rotation, out=vectors if overwrite else np.empty_like(vectors), n_threads=n_threads)
    return GramBasis(turned, np.maximum(spectrum, 0), rotation)


def rotate(vectors: Float32, rotation: Float64, *, out: Float32, n_threads: int | None = None) -> Float32:
    """Write ``vectors · rotation`` into `out`, which may be `vectors` itself, and return it.

    Examples
    --------
    >>> vectors = np.array([[1, 2]], np.float32)
    >>> rotate(vectors, np.array([[0.0, 1.0], [1.0, 0.0]]), out=vectors).tolist()
    [[2.0, 1.0]]
    """
    narrow = rotation.astype(np.float32)

    def turn(chunk: tuple[int, int]) -> None:
        out[slice(*chunk)] = vectors[slice(*chunk)] @ narrow

    with single_threaded_blas():
        run_chunks(turn, row_chunks(len(vectors), _GRAM_ROWS), n_threads)
    return out


def als_rows(
    weights: Csr,
    vectors: Float32,
    spectrum: Float64,
    ridge: Float64,
    *,
    target_offset: float = 0.0,
    means: Float32 | None = None,
    update: Update | None = None,
    out: Float32 | None = None,
    n_threads: int | None = None,
) -> Float32:
    """Return, for each row, the solution of ``(diag(spectrum) + ridge I + Σ_i w_i v_i v_iᵀ) x = Σ_i t_i v_i``.

    The sums run over the entries of the row; ``t_i = w_i + target_offset``. With ``spectrum = α₀ · eigenvalues`` of
    `gram_basis` this is a half-step of implicit-feedback ALS (Hu, Koren and Volinsky 2008, equation 4; Rendle et al.
    2022, equation 2 without the offset).

    A row with fewer entries than factors is solved in the space of its entries (Woodbury), a longer one in the
    space of the factors, both by Cholesky in float32. A row's bits depend on that row alone: not on the others, nor on
    threads. They may differ in the last places between SIMD paths, which fuse multiplication and addition or not.

    Parameters
    ----------
    weights : (n, m) csr_array float32
        At least 0. Rows without entries give zeros.
    vectors : (m, d) float32
        Of the other side, which are held fixed.
    spectrum : (d,) float64
        At least 0.
    ridge : (n,) float64
        Above 0.
    target_offset : float
        Added to every weight in the right-hand side: ``t_i = w_i + target_offset``.
    means : (n, d) float32, optional
        Where the quadratic without entries has its minimum, 0 by default: ``(diag(spectrum) + ridge I) means`` is added
        to the right side. Rows without entries give it back.
    update : Update, optional
        Improve rows with many entries, which never makes them worse but for rounding. Default: solve all exactly.
    out : (n, d) float32, optional
        Where the solutions go; may be ``update.start``, but not `vectors` or `means`.
    n_threads : int, optional
        Threads; by default all cores.

    Returns
    -------
    (n, d) float32

    Raises
    ------
    ArgumentError
        For arrays of another shape or dtype.
    DataError
        For a negative weight, a ridge not above 0, or values that are NaN or infinite.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> liked = csr_array(np.array([[2, 0], [0, 0]], np.float32))
    >>> als_rows(liked, np.eye(2, dtype=np.float32), np.ones(2), np.ones(2)).round(6).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    vectors = dense_rows("vectors", vectors)
    rows = weighted_rows("weights", weights, (weights.shape[0], len(vectors)))
    _check(rows, vectors, spectrum, ridge)
    shape = len(ridge), vectors.shape[1]
    begin, limits = _limits(update, shape)
    if means is not None:
        means = _of_shape("means", means, shape)
    out = np.empty(shape, dtype=np.float32) if out is None else _writable("out", out, shape)
    if reference_wanted():
        out[:] = reference.als_rows(rows, vectors, spectrum, ridge, target_offset, means, begin, *limits)
        return out
    narrow, path = (spectrum.astype(np.float32), ridge.astype(np.float32)), _path()
    run_chunks(
        lambda chunk: _als.solve_rows(*rows, target_offset, vectors, *narrow, means, begin, *limits, path, *chunk, out),
        _chunks(rows.indptr, vectors.shape[1]),
        n_threads,
    )
    return out


def _of_shape(name: str, value: Float32, shape: tuple[int, int]) -> Float32:
    rows = dense_rows(name, value)
    if rows.shape != shape:
        raise ArgumentError(f"{name} is {describe(rows)}", f"the shape {shape} was expected")
    return rows


def _writable(name: str, value: Float32, shape: tuple[int, int]) -> Float32:
    _of_shape(name, value, shape)
    if not (value.flags.c_contiguous and value.flags.writeable):
        raise ArgumentError(f"{name} is a read-only or strided array", "contiguous rows to write into were expected")
    return value


def _limits(update: Update | None, shape: tuple[int, int]) -> tuple[Float32 | None, tuple[int, int, int]]:
    if update is None:
        return None, (0, 0, 0)
    begin = _of_shape("start", update.start, shape)
    block, steps = positive_int("block", update.block, minimum=0), positive_int("steps", update.steps)
    return begin, (update.exact_below(shape[1]), block, steps)


def _path() -> int:
    wanted = simd_path()
    return _als.PATHS.index(wanted) if wanted in _als.PATHS else len(_als.PATHS) - 1


def _chunks(indptr: NDArray[np.int64], d: int) -> list[tuple[int, int]]:
    """Return runs of rows that take about the same time: by multiplications, not by rows."""
    lengths = np.diff(indptr).astype(np.float64)
    small, large = np.minimum(lengths, d), np.maximum(lengths, d)
    products = np.cumsum(small**2 * large + small**3 / 3 + 8 * lengths * d + d)
    if not len(products):
        return []
    n_chunks = int(products[-1] // _PRODUCTS_PER_CHUNK) + 1
    cuts = np.searchsorted(products, np.arange(1, n_chunks) * (products[-1] / n_chunks))
    return [(int(start), int(stop)) for start, stop in pairwise([0, *np.unique(cuts), len(lengths)]) if start < stop]


def _check(rows: WeightedRows, vectors: Float32, spectrum: Float64, ridge: Float64) -> None:
    sizes = {"spectrum": (spectrum, vectors.shape[1]), "ridge": (ridge, len(rows.indptr) - 1)}
    for name, (array, size) in sizes.items():
        if not isinstance(array, np.ndarray) or array.dtype != np.float64 or array.shape != (size,):
            raise ArgumentError(f"{name} is {describe(array)}", f"a float64 array of shape ({size},) was expected")
        if not np.isfinite(array).all() or (array < 0).any():
            raise DataError(f"{name} has a value that is negative, NaN or infinite", "finite values were expected")
    if not (ridge.astype(np.float32) > 0).all():
        raise DataError(f"ridge has {ridge.min():g}", "values above 0 in float32 were expected")
    if len(rows.data) and rows.data.min() < 0:
        raise DataError(f"a weight is {rows.data.min():g}", "weights of at least 0 were expected")
