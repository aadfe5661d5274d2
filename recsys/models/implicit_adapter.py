"""The one place that runs implicit: a fresh object, checked input, BLAS on one thread, epochs that can be left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys.core.errors import DataError
from recsys.core.progress import Progress, ProgressCallback
from recsys.core.threads import single_threaded_blas
from recsys.kernels import Csr
from recsys.models.early_stopping import EarlyStopping

Factors = tuple[NDArray[np.float32], NDArray[np.float32]]


class _EnoughError(Exception):
    """Leaves implicit's fit from its callback; the factors stay in the object as the epoch left them."""


def train_factors(
    make: Callable[[], Any],
    matrix: Csr,
    *,
    stage: str,
    epochs: int,
    progress: ProgressCallback,
    judge: EarlyStopping | None,
) -> Factors:
    """Return the user and item factors that an implicit model learns.

    implicit warm-starts a used object from factors that may not fit the matrix (a crash), so `make` gives a new
    one. Its epochs run inside one call of its ``fit``, which keeps the state of its optimiser; only raising from
    its callback ends them early.

    Parameters
    ----------
    make : callable
        Returns a fresh, seeded implicit model with ``iterations=epochs``.
    matrix : (n_users, n_items) csr_array float32
        Weights above 0.
    stage, epochs, progress
        What `progress` is told.
    judge : EarlyStopping, optional
        Ends training when its patience does; the best epoch is returned.

    Raises
    ------
    DataError
        The factors became NaN or infinite, or the matrix has more entries than implicit can take.
    """
    if matrix.nnz > np.iinfo(np.int32).max:
        raise DataError(f"there are {matrix.nnz:,} user–item pairs", "at most 2,147,483,647 were expected")
    # implicit takes csr_matrix with writable int32 indices only.
    arrays = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
    native = csr_matrix(arrays, shape=matrix.shape, copy=True)

    def after_epoch(epoch: int, *_: object) -> None:
        values = {} if judge is None else {"ndcg@10": judge.observe(model.user_factors, model.item_factors)}
        progress(Progress(stage, epoch + 1, epochs, "epochs", values))
        if judge is not None and judge.exhausted:
            raise _EnoughError

    # The limit holds for the BLAS that is loaded already, so implicit's comes first.
    import_module("implicit")
    with single_threaded_blas():
        model = make()
        with suppress(_EnoughError):
            model.fit(native, show_progress=False, callback=after_epoch)
    users, items = (model.user_factors, model.item_factors) if judge is None else judge.best
    if not (np.isfinite(users).all() and np.isfinite(items).all()):
        raise DataError(
            f"the factors of {stage} became infinite or NaN", "finite factors were expected", "lower the learning rate"
        )
    return users, items


def positive_weights(matrix: Csr, name: str) -> Csr:
    """Return the matrix if all its weights are above 0, or raise DataError.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> positive_weights(csr_array(np.eye(2, dtype=np.float32)), "als").nnz
    2
    """
    if matrix.nnz and matrix.data.min() < 0:
        raise DataError(
            f"a weight is {matrix.data.min():g}",
            f"weights of at least 0 were expected by {name}",
            "leave these events out, or use Label(transform='binary')",
        )
    return matrix
