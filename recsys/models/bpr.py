"""`BPR`: matrix factorisation that ranks a user's items above others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.progress import ProgressCallback
from recsys.core.seeds import derived_int
from recsys.core.threads import thread_count
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.early_stopping import EarlyStopping
from recsys.models.factor_model import FactorModel
from recsys.models.implicit_adapter import Factors, positive_weights, train_factors
from recsys.models.sampled_fold_in import descend_users, draw_negatives, sigmoid
from recsys.models.spaces import Dimension, Integer, Real


class BPR(FactorModel):
    """Bayesian personalised ranking (Rendle et al. 2009) with item biases, trained by implicit.

    Only the pattern of the training matrix counts, its weights do not. Training ends with the user vectors that
    folding in their history gives: a stored user and the same history folded in agree bit for bit.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    learning_rate : float
        Size of a gradient step.
    regularization : float
        Of the squared lengths, in every step.
    iterations : int
        Epochs, each of as many steps as there are pairs; fewer with `validation`.
    patience : int
        Epochs without a better ndcg@10 on `validation` after which to stop.
    seed : int, optional
        With a seed the model is trained on one thread and the same every time; None: on all threads, never
        quite the same.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> BPR(factors=2).fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "bpr"
    learns_in_epochs: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "factors": Integer(16, 256, log=True),
        "learning_rate": Real(0.002, 0.2, log=True),
        "regularization": Real(0.00001, 0.1, log=True),
    }

    negatives_: NDArray[np.int32]

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 0.01,
        regularization: float = 0.001,
        iterations: int = 100,
        patience: int = 5,
        seed: int | None = 0,
    ) -> None:
        self.factors = factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.iterations = iterations
        self.patience = patience
        self.seed = seed

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        for name in ("factors", "iterations", "patience"):
            positive_int(name, getattr(self, name))
        finite_float("learning_rate", self.learning_rate, above=0)
        finite_float("regularization", self.regularization, minimum=0)
        derived_int(self.seed)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        positive_weights(matrix, self.name)
        judge = None if validation is None else EarlyStopping(data, validation, self.patience)
        _, self.item_factors_ = train_factors(
            self._native, matrix, stage=self.name, epochs=self.iterations, progress=progress, judge=judge
        )
        pairs_of_item = np.bincount(matrix.indices, minlength=matrix.shape[1])
        self.negatives_ = draw_negatives(pairs_of_item, derived_int(self.seed, 1))
        self.user_factors_ = self._fold_in(matrix)

    def _native(self) -> Any:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=thread_count() if self.seed is None else 1,
            random_state=derived_int(self.seed),
        )

    def _fold_in(self, weights: Csr) -> NDArray[np.float32]:
        history = positive_weights(weights, self.name)
        vectors, biases = self.item_factors_[:, :-1], self.item_factors_[:, -1]
        found = descend_users(history, vectors, biases, self.negatives_, _apart, self.regularization)
        return np.hstack([found, np.ones((len(found), 1), dtype=np.float32)])

    def _item_directions(self) -> NDArray[np.float32]:
        return self.item_factors_[:, :-1]


def _apart(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> Factors:
    """Return the gradient of ``log σ(s_i − s_j)`` by either score."""
    slope = sigmoid(negative - positive)
    return slope, slope
