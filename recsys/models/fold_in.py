"""Exact user vectors for given item vectors: the user half-step of implicit-feedback ALS, in batches.

Items are kept in the basis in which ``YᵀY + λ I`` is the identity. Scores do not change, a user's system becomes
``I + Σ c y yᵀ``, well conditioned whatever the data, and for a history shorter than the vectors it shrinks to the size
of the history. Every row is solved by itself with a padding that depends on its own length alone, so a user's vector
has the same bits whoever else is in the batch and however many threads run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import run_chunks, single_threaded_blas
from recsys.kernels import Csr

Float32 = NDArray[np.float32]

_VALUES_PER_BATCH = 1 << 20
_SMALLEST_CONFIDENCE = np.float32(1e-12)


class Whitened(NamedTuple):
    """Item vectors in the basis of their regularised Gram matrix.

    Attributes
    ----------
    vectors : (n_items, d) float32
        ``y'`` with ``y = basis · y'``.
    basis : (d, d) float64
        The Cholesky factor R of ``YᵀY + λ I = R Rᵀ``.
    """

    vectors: Float32
    basis: NDArray[np.float64]


class _Batch(NamedTuple):
    rows: NDArray[np.int64]
    width: int


def whiten(item_factors: Float32, regularization: float) -> Whitened:
    """Return item vectors in the basis in which ``YᵀY + λ I`` is the identity.

    Examples
    --------
    >>> whitened = whiten(np.array([[2.0]], np.float32), 5.0)
    >>> whitened.vectors.round(3).tolist() == np.float32([[2 / 3]]).round(3).tolist(), whitened.basis.tolist()
    (True, [[3.0]])
    """
    wide = item_factors.astype(np.float64)
    with single_threaded_blas():
        gram = wide.T @ wide + regularization * np.eye(wide.shape[1])
        basis = np.asarray(np.linalg.cholesky(gram), dtype=np.float64)
        vectors = np.linalg.solve(basis, wide.T).T
    return Whitened(np.ascontiguousarray(vectors, dtype=np.float32), basis)


def solve_users(confidences: Csr, vectors: Float32, n_threads: int | None = None) -> Float32:
    """Return the user vectors that minimise the implicit-feedback loss for fixed, whitened item vectors.

    ``x_u = (I + Σ_i c_ui y_i y_iᵀ)⁻¹ Σ_i (1 + c_ui) y_i`` (Hu, Koren and Volinsky 2008, equation 4).

    Parameters
    ----------
    confidences : (n, n_items) csr_array float32
        Extra confidence c of each pair in the history; at least 0.
    vectors : (n_items, d) float32
        The y_i, from `whiten`.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> liked = csr_array(np.array([[3, 0]], np.float32))
    >>> solve_users(liked, np.eye(2, dtype=np.float32)).round(3)
    array([[1., 0.]], dtype=float32)
    """
    out = np.zeros((confidences.shape[0], vectors.shape[1]), dtype=np.float32)

    def solve(batch: _Batch) -> None:
        starts = confidences.indptr[batch.rows].astype(np.int64)
        lengths = confidences.indptr[batch.rows + 1] - starts
        slots = np.arange(batch.width)
        real = slots < lengths[:, None]
        places = np.where(real, starts[:, None] + slots, 0)
        extra = np.where(real, np.maximum(confidences.data[places], _SMALLEST_CONFIDENCE), np.float32(0))
        weighted = vectors[np.where(real, confidences.indices[places], 0)] * np.sqrt(extra)[:, :, None]
        # The targets (1 + c) y, written as multiples of the weighted vectors √c y.
        targets = np.divide(1 + extra, np.sqrt(extra), out=np.zeros_like(extra), where=real)[:, :, None]
        out[batch.rows] = (_short if batch.width <= vectors.shape[1] else _long)(weighted, targets)[:, :, 0]

    with single_threaded_blas():
        run_chunks(solve, _batches(np.diff(confidences.indptr), vectors.shape[1]), n_threads)
    return out


def _short(weighted: Float32, targets: Float32) -> Float32:
    """Solve in the space of the history: ``(I + BᵀB)⁻¹ Bᵀ t = Bᵀ (I + B Bᵀ)⁻¹ t`` for the rows B of each user."""
    transposed = weighted.transpose(0, 2, 1)
    systems = np.matmul(weighted, transposed) + np.eye(weighted.shape[1])
    found: Float32 = np.matmul(transposed, np.linalg.solve(systems, targets).astype(np.float32))
    return found


def _long(weighted: Float32, targets: Float32) -> Float32:
    """Solve in the space of the vectors."""
    transposed = weighted.transpose(0, 2, 1)
    systems = np.matmul(transposed, weighted) + np.eye(weighted.shape[2])
    return np.linalg.solve(systems, np.matmul(transposed, targets)).astype(np.float32)


def _batches(lengths: NDArray[np.integer], n_factors: int) -> list[_Batch]:
    """Return rows in batches of one padded width: a power of 2 or halfway to the next, at least 6."""
    powers = 1 << np.ceil(np.log2(np.maximum(lengths, 8))).astype(np.int64)
    widths = np.where(lengths <= powers * 3 // 4, powers * 3 // 4, powers)
    widths[lengths == 0] = 0
    batches = []
    for width in np.unique(widths[widths > 0]):
        rows = np.flatnonzero(widths == width)
        size = max(1, _VALUES_PER_BATCH // (max(int(width), n_factors) * n_factors))
        batches += [_Batch(rows[start : start + size], int(width)) for start in range(0, len(rows), size)]
    return batches
