"""The leading singular directions of a sparse matrix, by randomised subspace iteration; the same bits for a seed."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.memory import refuse_beyond
from recsys.core.progress import Progress, ProgressCallback
from recsys.core.seeds import Seed, generator
from recsys.core.threads import single_threaded_blas
from recsys.kernels import Csr
from recsys.models.products import dense_product

Float32 = NDArray[np.float32]

_OVERSAMPLING = 32


class Spectrum(NamedTuple):
    """Leading right singular vectors of a matrix.

    Attributes
    ----------
    values : (k,) float32
        Singular values, falling.
    vectors : (n_columns, k) float32
        Orthonormal columns; the largest entry of each is positive.
    """

    values: Float32
    vectors: Float32


def leading_directions(
    matrix: Csr, k: int, *, seed: Seed, iterations: int, stage: str, progress: ProgressCallback
) -> Spectrum:
    """Return the `k` largest singular values of a sparse matrix with their right vectors, or all there are.

    Subspace iteration from a random start (Halko, Martinsson and Tropp 2011, algorithm 4.4) on ``k + 32`` directions.
    The error of direction j falls with ``(σ_{k+33} / σ_j) ** (2 · iterations + 1)``; where that many directions span
    everything the result is exact. Work: ``2 · iterations + 1`` products with the matrix and as many QR
    decompositions; memory: ``(n_rows + 2 n_columns) · (k + 32) · 4`` bytes.

    Raises
    ------
    ArgumentError
        They do not fit in memory.

    Examples
    --------
    >>> from recsys.core.progress import silent
    >>> matrix = csr_array(np.diag([3, 2, 1]).astype(np.float32))
    >>> found = leading_directions(matrix, 2, seed=0, iterations=2, stage="svd", progress=silent)
    >>> found.values.round(3).tolist(), abs(found.vectors).round(3).tolist()
    ([3.0, 2.0], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    """
    width = min(k + _OVERSAMPLING, *matrix.shape)
    n_rows, n_columns = matrix.shape
    needed = 4 * (n_rows + 2 * n_columns) * width
    refuse_beyond(needed, f"{width:,} directions of {n_rows:,} users and {n_columns:,} items", "lower factors")
    transposed = csr_array(matrix.T.tocsr())
    basis = generator(seed).standard_normal((matrix.shape[1], width), dtype=np.float32)
    import_module("scipy.linalg")  # the limit holds for the BLAS that is loaded already, and this brings its own
    with single_threaded_blas():
        for step in range(iterations):
            basis = _orthonormal(dense_product(transposed, dense_product(matrix, basis)))
            progress(Progress(stage, step + 1, iterations, "iterations"))
        image = dense_product(matrix, basis)
        squares, rotation = np.linalg.eigh((image.T @ image).astype(np.float64))
        order = np.argsort(-squares, kind="stable")[:k]
        vectors = basis @ rotation[:, order].astype(np.float32)
    peaks = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    values = np.sqrt(np.maximum(squares[order], 0))
    return Spectrum(values.astype(np.float32), np.ascontiguousarray(vectors * np.where(peaks < 0, -1, 1), np.float32))


def _orthonormal(vectors: Float32) -> Float32:
    from scipy.linalg import qr

    found: Float32 = qr(vectors, mode="economic", overwrite_a=True, check_finite=False)[0]
    return np.ascontiguousarray(found)
