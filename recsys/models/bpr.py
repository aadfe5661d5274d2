"""`BPR`: matrix factorisation that ranks a user's items above others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import Progress, ProgressCallback
from recsys.core.seeds import derived_int
from recsys.core.threads import thread_count
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.kernels.bpr import LANES, MOST_NEGATIVES, bpr_epoch, bpr_users
from recsys.models.early_stopping import EarlyStopping
from recsys.models.factor_model import FactorModel, refuse_too_many_factors
from recsys.models.implicit_adapter import Factors, positive_weights, train_factors
from recsys.models.spaces import Dimension, Integer, Real

_FIRST_SPREAD = 0.1  # of a vector's length at the start
_FADING = 0.96  # of the learning rate, an epoch: whatever `iterations` is, so that fewer epochs are a part of more
_FOLD_IN_RATES = np.linspace(0.2, 0.01, 20, dtype=np.float32)
_POOL = 1 << 16
_ITEMS_PER_NEGATIVE = 64


class BPR(FactorModel):
    """Bayesian personalised ranking (Rendle et al. 2009) with item biases, against the hardest of some negatives.

    Only the pattern of the training matrix counts, its weights do not. The same seed gives the same model on any
    number of threads. Training ends with the user vectors that folding in their history gives: a stored user and
    the same history folded in agree bit for bit.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    learning_rate : float
        Size of the gradient steps of the first epoch; of each later one 4 % less.
    regularization : float
        Of the squared lengths, in every step.
    negatives : int
        Items drawn in every step, of which the one that scores highest is compared with (Zhang et al. 2013); 1
        is plain BPR. At most 32, and at most one for every 64 items: the hardest ones of a small catalogue are
        those that the user would like.
    iterations : int
        Epochs, each of as many steps as there are pairs; fewer with `validation`.
    patience : int
        Epochs without a better ndcg@10 on `validation` after which to stop.
    seed : int, optional
        None: another model every time.
    backend : {"recsys", "implicit"}
        "implicit" draws one negative, by popularity, at a constant learning rate; with a seed on one thread.

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
        "learning_rate": Real(0.03, 0.3, log=True),
        "regularization": Real(0.001, 0.05, log=True),
        "negatives": Integer(1, 32, log=True),
    }

    negatives_: NDArray[np.int32]
    fold_in_seed_: int

    def __init__(
        self,
        factors: int = 128,
        learning_rate: float = 0.15,
        regularization: float = 0.01,
        negatives: int = 8,
        iterations: int = 60,
        patience: int = 5,
        seed: int | None = 0,
        backend: Literal["recsys", "implicit"] = "recsys",
    ) -> None:
        self.factors = factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.negatives = negatives
        self.iterations = iterations
        self.patience = patience
        self.seed = seed
        self.backend = backend

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        for name in ("factors", "negatives", "iterations", "patience"):
            positive_int(name, getattr(self, name))
        if self.negatives > MOST_NEGATIVES:
            raise ArgumentError(f"negatives is {self.negatives}", f"at most {MOST_NEGATIVES} was expected")
        finite_float("learning_rate", self.learning_rate, above=0)
        finite_float("regularization", self.regularization, minimum=0)
        one_of("backend", self.backend, ("recsys", "implicit"))
        derived_int(self.seed)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        positive_weights(matrix, self.name)
        refuse_too_many_factors(self.factors, matrix.shape)
        judge = None if validation is None else EarlyStopping(data, validation, self.patience)
        if self.backend == "implicit":
            _, self.item_factors_ = train_factors(
                self._native, matrix, stage=self.name, epochs=self.iterations, progress=progress, judge=judge
            )
            drawn = np.random.default_rng(derived_int(self.seed, 1)).integers(0, matrix.nnz, _POOL)
            self.negatives_ = matrix.indices[drawn].astype(np.int32)
        else:
            self.negatives_ = np.flatnonzero(np.bincount(matrix.indices)).astype(np.int32)
            self.item_factors_ = self._descend(matrix, judge, progress)
        self.fold_in_seed_ = derived_int(self.seed, 1)
        self.user_factors_ = self._fold_in(matrix)

    def _descend(self, matrix: Csr, judge: EarlyStopping | None, progress: ProgressCallback) -> NDArray[np.float32]:
        """Return the item factors that our own kernel learns."""
        random = np.random.default_rng(derived_int(self.seed))
        spread = np.float32(_FIRST_SPREAD / np.sqrt(self.factors))
        users, items = (_padded(spread * random.standard_normal((n, self.factors), np.float32)) for n in matrix.shape)
        biases = np.zeros(len(items), np.float32)
        for epoch in range(self.iterations):
            bpr_epoch(
                matrix,
                users,
                items,
                biases,
                learning_rate=self.learning_rate * _FADING**epoch,
                regularization=self.regularization,
                negatives=self._drawn,
                seed=int(random.integers(1 << 62)),
            )
            found = _joined(users, items, biases, self.factors)
            if not all(np.isfinite(part).all() for part in found):
                raise DataError(
                    "the factors of bpr became infinite or NaN",
                    "finite factors were expected",
                    "lower the learning rate",
                )
            values = {} if judge is None else {"ndcg@10": judge.observe(*found)}
            progress(Progress(self.name, epoch + 1, self.iterations, "epochs", values))
            if judge is not None and judge.exhausted:
                break
        return found[1] if judge is None else judge.best[1]

    @property
    def _drawn(self) -> int:
        return min(self.negatives, max(1, len(self.negatives_) // _ITEMS_PER_NEGATIVE))

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
        found = bpr_users(
            history,
            _padded(vectors),
            biases.copy(),
            self.negatives_,
            learning_rates=_FOLD_IN_RATES,
            regularization=self.regularization,
            negatives=self._drawn if self.backend == "recsys" else 1,
            seed=self.fold_in_seed_,
        )
        return np.hstack([found[:, : self.factors], np.ones((len(found), 1), dtype=np.float32)])

    def _item_directions(self) -> NDArray[np.float32]:
        return self.item_factors_[:, :-1]


def _padded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows filled up with zeros to the length that the kernel takes."""
    out = np.zeros((len(vectors), -(-vectors.shape[1] // LANES) * LANES), np.float32)
    out[:, : vectors.shape[1]] = vectors
    return out


def _joined(
    users: NDArray[np.float32], items: NDArray[np.float32], biases: NDArray[np.float32], factors: int
) -> Factors:
    """Return factors whose inner products are the scores."""
    ones = np.ones((len(users), 1), np.float32)
    return np.hstack([users[:, :factors], ones]), np.hstack([items[:, :factors], biases[:, None]])
