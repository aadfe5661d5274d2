"""`LogisticMF`: matrix factorisation of the probability that a user uses an item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.progress import ProgressCallback
from recsys.core.seeds import derived_int
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.early_stopping import EarlyStopping
from recsys.models.factor_model import FactorModel, refuse_too_many_factors
from recsys.models.implicit_adapter import Factors, positive_weights, train_factors
from recsys.models.sampled_fold_in import descend_users, draw_negatives, sigmoid
from recsys.models.spaces import Dimension, Integer, Real


class LogisticMF(FactorModel):
    """Logistic matrix factorisation (Johnson 2014) with biases of users and items, trained by implicit.

    Weights are divided by their mean, so that their unit does not matter. Training ends with the user vectors
    that folding in their history gives: a stored user and the same history folded in agree bit for bit.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    learning_rate : float
        Size of a gradient step (Adagrad).
    regularization : float
        Of the squared lengths.
    negatives : int
        Sampled items per item of a user.
    iterations : int
        Epochs; fewer with `validation`.
    patience : int
        Epochs without a better ndcg@10 on `validation` after which to stop.
    seed : int, optional
        The model is trained on one thread and depends on the seed alone.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> LogisticMF(factors=2).fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "logisticmf"
    learns_in_epochs: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "factors": Integer(8, 128, log=True),
        "learning_rate": Real(0.1, 3, log=True),
        "regularization": Real(0.1, 30, log=True),
        "negatives": Integer(5, 60, log=True),
    }

    negatives_: NDArray[np.int32]
    step_regularization_: float

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 1.0,
        regularization: float = 1.0,
        negatives: int = 30,
        iterations: int = 50,
        patience: int = 5,
        seed: int | None = 0,
    ) -> None:
        self.factors = factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.negatives = negatives
        self.iterations = iterations
        self.patience = patience
        self.seed = seed

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        for name in ("factors", "negatives", "iterations", "patience"):
            positive_int(name, getattr(self, name))
        finite_float("learning_rate", self.learning_rate, above=0)
        finite_float("regularization", self.regularization, minimum=0)
        derived_int(self.seed)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        positive_weights(matrix, self.name)
        refuse_too_many_factors(self.factors, matrix.shape)
        scaled = matrix.copy()
        scaled.data /= scaled.data.mean()
        judge = None if validation is None else EarlyStopping(data, validation, self.patience)
        _, self.item_factors_ = train_factors(
            self._native, scaled, stage=self.name, epochs=self.iterations, progress=progress, judge=judge
        )
        pairs_of_item = np.bincount(matrix.indices, minlength=matrix.shape[1])
        self.negatives_ = draw_negatives(pairs_of_item, derived_int(self.seed, 1))
        self.step_regularization_ = self.regularization * int((data.user_events > 0).sum()) / matrix.nnz
        self.user_factors_ = self._fold_in(matrix)

    def _native(self) -> Any:
        from implicit.cpu.lmf import LogisticMatrixFactorization

        return LogisticMatrixFactorization(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            neg_prop=self.negatives,
            iterations=self.iterations,
            num_threads=1,
            random_state=derived_int(self.seed),
        )

    def _fold_in(self, weights: Csr) -> NDArray[np.float32]:
        """Descend on one negative an item: their ratio only moves the user's bias, which is fitted too."""
        history = positive_weights(weights, self.name)
        # implicit's item rows are: vector, item bias, 1; its user rows: vector, 1, user bias.
        vectors, biases = np.delete(self.item_factors_, self.factors, axis=1), self.item_factors_[:, self.factors]
        found = descend_users(history, vectors, biases, self.negatives_, _uphill, self.step_regularization_)
        return np.insert(found, self.factors, np.float32(1), axis=1)

    def _item_directions(self) -> NDArray[np.float32]:
        return self.item_factors_[:, : self.factors]


def _uphill(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> Factors:
    """Return the gradient of ``log σ(s_i) + log (1 − σ(s_j))`` by the scores, the second with its sign turned."""
    return sigmoid(-positive), sigmoid(negative)
