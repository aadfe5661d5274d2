"""Exact user vectors for given item vectors: the user half-step of implicit-feedback ALS, in batches.

Every row is solved by itself with a padding that depends on its own length alone, so the result for a user has the
same bits whoever else is in the batch and however many threads run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import run_chunks, single_threaded_blas
from recsys.models.serving import Csr

_VALUES_PER_BATCH = 1 << 22


class Batch(NamedTuple):
    """Rows of about the same length."""

    rows: NDArray[np.int64]
    width: int


def solve_users(
    confidences: Csr, item_factors: NDArray[np.float32], gram: NDArray[np.float64], n_threads: int | None = None
) -> NDArray[np.float32]:
    """Return the user vectors that minimise the implicit-feedback loss for fixed item vectors.

    ``x_u = (gram + Σ_i c_ui y_i y_iᵀ)⁻¹ Σ_i (1 + c_ui) y_i`` (Hu, Koren and Volinsky 2008, equation 4, with
    ``gram = YᵀY + λ I``).

    Parameters
    ----------
    confidences : (n, n_items) csr_array float32
        Extra confidence c of each pair in the history; at least 0.
    item_factors : (n_items, d) float32
        The y_i.
    gram : (d, d) float64
        Of all items, regularised.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> liked = csr_array(np.array([[1, 0]], np.float32))
    >>> solve_users(liked, np.eye(2, dtype=np.float32), 2 * np.eye(2)).round(3)
    array([[0.667, 0.   ]], dtype=float32)
    """
    out = np.zeros((confidences.shape[0], item_factors.shape[1]), dtype=np.float32)

    def solve(batch: Batch) -> None:
        out[batch.rows] = _solve(batch, confidences, item_factors, gram)

    with single_threaded_blas():
        run_chunks(solve, _batches(np.diff(confidences.indptr), item_factors.shape[1]), n_threads)
    return out


def regularised_gram(item_factors: NDArray[np.float32], regularization: float) -> NDArray[np.float64]:
    """Return ``YᵀY + λ I`` in float64; the same bits on any number of threads.

    Examples
    --------
    >>> regularised_gram(np.ones((3, 1), np.float32), 0.5).tolist()
    [[3.5]]
    """
    wide = item_factors.astype(np.float64)
    with single_threaded_blas():
        gram = wide.T @ wide
    return np.asarray(gram + regularization * np.eye(gram.shape[0]))


def _solve(
    batch: Batch, confidences: Csr, item_factors: NDArray[np.float32], gram: NDArray[np.float64]
) -> NDArray[np.float32]:
    starts = confidences.indptr[batch.rows].astype(np.int64)
    lengths = confidences.indptr[batch.rows + 1] - starts
    slots = np.arange(batch.width)
    real = slots < lengths[:, None]
    places = np.where(real, starts[:, None] + slots, 0)
    extra = np.where(real, confidences.data[places], np.float32(0))
    vectors = item_factors[np.where(real, confidences.indices[places], 0)]
    systems = gram + np.matmul((vectors * extra[:, :, None]).transpose(0, 2, 1), vectors)
    targets = np.matmul((extra + real)[:, None, :].astype(np.float32), vectors)
    return np.linalg.solve(systems, targets.transpose(0, 2, 1).astype(np.float64))[:, :, 0].astype(np.float32)


def _batches(lengths: NDArray[np.integer], n_factors: int) -> list[Batch]:
    """Return rows in batches of one padded width: a power of 2 or halfway to the next, at least 8."""
    powers = 1 << np.ceil(np.log2(np.maximum(lengths, 8))).astype(np.int64)
    widths = np.where(lengths <= powers * 3 // 4, powers * 3 // 4, powers)
    widths[lengths == 0] = 0
    batches = []
    for width in np.unique(widths[widths > 0]):
        rows = np.flatnonzero(widths == width)
        size = max(1, _VALUES_PER_BATCH // (n_factors * max(int(width), n_factors)))
        batches += [Batch(rows[start : start + size], int(width)) for start in range(0, len(rows), size)]
    return batches
