"""`ALS`: matrix factorisation for implicit feedback by alternating least squares."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.checks import finite_float, positive_int
from recsys.core.progress import ProgressCallback
from recsys.core.seeds import derived_int
from recsys.core.threads import thread_count
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.early_stopping import EarlyStopping
from recsys.models.factor_model import FactorModel
from recsys.models.fold_in import solve_users, whiten
from recsys.models.implicit_adapter import positive_weights, train_factors
from recsys.models.serving import Block

_MASS_RATIO, _LARGEST_ALPHA = 0.03, 100.0


class ALS(FactorModel):
    """Factorise the confidence-weighted matrix (Hu, Koren and Volinsky 2008), trained by implicit, finished exactly.

    A pair with weight r has the confidence ``1 + alpha · r / mean(r)``, all others 1. Training ends with one
    exact solution of the user vectors, by the code that folds in new histories: a stored user and the same
    history folded in agree bit for bit.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    regularization : float
        Of the squared lengths, as a share of the mean total confidence of a user's and an item's events, so
        that it means the same whatever the size of the data.
    alpha : float, optional
        Mean extra confidence of an observed pair. Default: by the density of the data, ``0.03 / density``
        within 1 … 100, which keeps the balance between observed and other pairs.
    iterations : int
        Epochs; fewer with `validation`.
    patience : int
        Epochs without a better ndcg@10 on `validation` after which to stop.
    seed : int, optional
        Of the first factors. The result depends on it, not on the number of threads. None: another result every time.

    Attributes
    ----------
    item_factors_ : (n_items, d) float32
        In the basis in which ``YᵀY + λ I`` is the identity; ``item_factors_ @ basis_.T`` are the trained vectors.
    alpha_, regularization_ : float
        What training used: extra confidence per unit of weight, and λ.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> ALS(factors=2).fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "als"
    learns_in_epochs: ClassVar[bool] = True

    alpha_: float
    regularization_: float
    basis_: NDArray[np.float64]

    def __init__(
        self,
        factors: int = 128,
        regularization: float = 0.1,
        alpha: float | None = None,
        iterations: int = 15,
        patience: int = 3,
        seed: int | None = 0,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.patience = patience
        self.seed = seed

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        for name in ("factors", "iterations", "patience"):
            positive_int(name, getattr(self, name))
        finite_float("regularization", self.regularization, above=0)
        if self.alpha is not None:
            finite_float("alpha", self.alpha, above=0)
        derived_int(self.seed)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        positive_weights(matrix, self.name)
        n_users, n_items = (int((data_events > 0).sum()) for data_events in (data.user_events, data.item_events))
        density = matrix.nnz / (n_users * n_items)
        alpha = min(max(_MASS_RATIO / density, 1.0), _LARGEST_ALPHA) if self.alpha is None else self.alpha
        self.alpha_ = float(alpha / matrix.data.mean(dtype=np.float64))
        confidences = self._confidences(matrix)
        total = matrix.nnz + float(confidences.data.sum(dtype=np.float64))
        self.regularization_ = self.regularization * total * (1 / n_users + 1 / n_items) / 2
        whole = csr_array((confidences.data + np.float32(1), matrix.indices, matrix.indptr), shape=matrix.shape)
        judge = None if validation is None else EarlyStopping(data, validation, self.patience)
        _, trained = train_factors(
            self._native, whole, stage=self.name, epochs=self.iterations, progress=progress, judge=judge
        )
        self.item_factors_, self.basis_ = whiten(trained, self.regularization_)
        self.user_factors_ = self._fold_in(matrix)

    def _native(self) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.regularization_,
            alpha=1.0,
            iterations=self.iterations,
            num_threads=thread_count(),
            random_state=derived_int(self.seed),
        )

    def _fold_in(self, weights: Csr) -> NDArray[np.float32]:
        confidences = self._confidences(positive_weights(weights, self.name))
        return solve_users(confidences, self.item_factors_)

    def _item_directions(self) -> NDArray[np.float32]:
        return np.asarray(self.item_factors_ @ self.basis_.T, dtype=np.float32)

    def _confidences(self, weights: Csr) -> Csr:
        extra = (weights.data * self.alpha_).astype(np.float32)
        return csr_array((extra, weights.indices, weights.indptr), shape=weights.shape)

    def _contributions(self, block: Block, item: int) -> NDArray[np.float64]:
        """Split the score as Hu et al. (2008), section 5: ``Σ_i (1 + c_i) y_jᵀ A⁻¹ y_i`` over the history."""
        confidences = self._confidences(block.weights).data.astype(np.float64)
        vectors = self.item_factors_[block.weights.indices].astype(np.float64)
        system = np.eye(vectors.shape[1]) + (vectors * confidences[:, None]).T @ vectors
        return np.asarray(
            (1 + confidences) * (vectors @ np.linalg.solve(system, self.item_factors_[item].astype(np.float64)))
        )
