"""`ALS`: matrix factorisation for implicit feedback by alternating least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.seeds import derived_int, generator
from recsys.core.threads import thread_count
from recsys.dataset import Dataset
from recsys.kernels import Csr, als_rows, gram_basis
from recsys.kernels.als import Update
from recsys.models.als_features import ItemPrior, item_prior
from recsys.models.als_objective import Objective, default_unobserved
from recsys.models.als_training import Side, Start, both_sides, first_items, train_items
from recsys.models.early_stopping import EarlyStopping
from recsys.models.factor_model import FactorModel, refuse_too_many_factors
from recsys.models.implicit_adapter import positive_weights, train_factors
from recsys.models.serving import Block
from recsys.models.spaces import Dimension, Integer, Real

_GRAM_BYTES = 20  # an entry of the Gram matrix and of its eigenvectors, float64, and of these in float32


class ALS(FactorModel):
    """Factorise the weighted matrix of implicit feedback: iALS (Hu et al. 2008) as Rendle et al. (2022) revisit it.

    Minimises ``Σ_observed w (x·y − 1)² + α₀ Σ_all (x·y)² + Σ_u λ_u |x_u|² + Σ_i λ_i |y_i|²``, where w is the weight of
    a pair divided by the mean weight and ``λ_u = λ (Σ_i w_ui + α₀ n_items)^ν``, items alike. The user vectors are the
    exact minimum for the item vectors, found by the code that folds in new histories: a stored user and the same
    history folded in agree bit for bit.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    regularization : float
        λ, as a share of the weight of a row.
    unobserved_weight : float, optional
        α₀, the weight of every pair, in units of the mean weight of an observed one. Default: by the density of the
        data, so that all pairs together weigh 25 times what the observed ones do.
    regularization_exponent : float
        ν: 1 regularises by the weight of a row, 0 all rows alike.
    iterations : int
        Sweeps over items and users; fewer with `validation`.
    solver : {"cg", "exact", "subspace"}
        What training does with long rows; short ones are always solved exactly. Three steps of conjugate gradients
        from where the row stands reach the loss of exact solutions in as many sweeps, and cost less. ``"subspace"``
        solves for `block_size` factors at a time (iALS++, Rendle et al. 2021).
    block_size : int
        Of ``"subspace"``.
    init_std : float
        Expected length of the random vectors at the start.
    patience : int
        Epochs without a better ndcg@10 on `validation` after which to stop.
    item_features : sequence of str, optional
        Columns of the item attributes (or their names in one text, with commas) that predict an item's vector: it is
        drawn to the mean of its attributes instead of 0, and an item without a training event is recommended by
        its attributes alone. Only with ``backend="recsys"``.
    backend : {"recsys", "implicit"}
        Who trains. implicit's loss differs: the weight of an observed pair's target is ``α₀ + w``, and all rows share
        the mean λ.
    seed : int, optional
        Of the first factors. The result depends on it, not on the number of threads. None: another result every time.

    Attributes
    ----------
    item_factors_ : (n_items, d) float32
        In the basis in which the Gram matrix of the items is diagonal.
    spectrum_ : (d,) float64
        That diagonal, times α₀.
    weight_scale_, unobserved_weight_, strength_ : float
        w of one unit of the label, α₀ and λ, as training used them.
    warm_items_ : int
        Items with a training event.
    described_ : (n_items,) bool
        Only with `item_features`: items that have a value which some item with training events has.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> ALS(factors=2).fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "als"
    learns_in_epochs: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "factors": Integer(16, 256, log=True),
        "regularization": Real(0.0001, 0.1, log=True),
        "unobserved_weight": Real(0.001, 1, log=True),
        "regularization_exponent": Real(0.5, 1),
    }

    spectrum_: NDArray[np.float64]
    weight_scale_: float
    unobserved_weight_: float
    strength_: float
    warm_items_: int
    described_: NDArray[np.bool_]
    _start: Start | None = None

    def __init__(
        self,
        factors: int = 128,
        regularization: float = 0.005,
        unobserved_weight: float | None = None,
        regularization_exponent: float = 1.0,
        iterations: int = 8,
        solver: Literal["cg", "exact", "subspace"] = "cg",
        block_size: int = 64,
        init_std: float = 0.1,
        patience: int = 3,
        item_features: Sequence[str] | str | None = None,
        backend: Literal["recsys", "implicit"] = "recsys",
        seed: int | None = 0,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.unobserved_weight = unobserved_weight
        self.regularization_exponent = regularization_exponent
        self.iterations = iterations
        self.solver = solver
        self.block_size = block_size
        self.init_std = init_std
        self.patience = patience
        self.item_features = item_features
        self.backend = backend
        self.seed = seed

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        for name in ("factors", "iterations", "block_size", "patience"):
            positive_int(name, getattr(self, name))
        for name in ("regularization", "init_std"):
            finite_float(name, getattr(self, name), above=0)
        finite_float("regularization_exponent", self.regularization_exponent, minimum=0)
        if self.unobserved_weight is not None:
            finite_float("unobserved_weight", self.unobserved_weight, above=0)
        one_of("solver", self.solver, ("cg", "exact", "subspace"))
        one_of("backend", self.backend, ("recsys", "implicit"))
        named = [self.item_features] if isinstance(self.item_features, str) else self.item_features
        if named is not None and not (isinstance(named, Sequence) and all(isinstance(name, str) for name in named)):
            raise ArgumentError(
                f"item_features is {named!r}", "names of item attributes were expected", "use item_features=['genres']"
            )
        if self.item_features is not None and self.backend != "recsys":
            raise ArgumentError(
                "item_features are given and the backend is 'implicit'", "the backend 'recsys' was expected"
            )
        derived_int(self.seed)

    def fit(
        self,
        dataset: Dataset,
        *,
        validation: Dataset | None = None,
        progress: ProgressCallback = silent,
        warm_start: ALS | None = None,
    ) -> Self:
        """Learn from a Dataset, as `Recommender.fit` says; what was learned before is forgotten.

        Parameters
        ----------
        dataset, validation, progress
            As for every model.
        warm_start : ALS, optional
            A fitted model with as many factors, which may be this one: its item vectors are the first ones, by item
            id; items that it does not know, or knew no event of, start at random. A few sweeps then do.

        Raises
        ------
        ArgumentError
            A hyper-parameter, `validation` or `warm_start` is not usable.
        DataError
            There is nothing to learn from, or a weight is negative.

        Examples
        --------
        >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
        >>> monday = ALS(factors=2).fit(data)
        >>> tuesday = ALS(factors=2, iterations=1).fit(data, warm_start=monday)
        """
        if warm_start is not None:
            warm_start._check_fitted()
            if warm_start.factors != self.factors or self.backend != "recsys":
                raise ArgumentError(
                    f"warm_start has {warm_start.factors} factors and the backend is {self.backend!r}",
                    f"{self.factors} factors and the backend 'recsys' were expected",
                )
            self._start = Start(warm_start.items_, warm_start.item_events_ > 0, warm_start.item_factors_)
        try:
            return super().fit(dataset, validation=validation, progress=progress)
        finally:
            self._start = None

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        positive_weights(matrix, self.name)
        refuse_too_many_factors(self.factors, matrix.shape, square_bytes=_GRAM_BYTES)
        n_users, self.warm_items_ = (int((events > 0).sum()) for events in (data.user_events, data.item_events))
        self.weight_scale_ = float(1 / matrix.data.mean(dtype=np.float64))
        default = default_unobserved(matrix.nnz, n_users, self.warm_items_)
        self.unobserved_weight_ = default if self.unobserved_weight is None else float(self.unobserved_weight)
        self.strength_ = float(self.regularization)
        judge = None if validation is None else EarlyStopping(data, validation, self.patience)
        if self.backend == "recsys":
            objective = self._objective()
            sides = both_sides(objective.weights(matrix), objective)
            prior = self._prior(data, sides[1])
            items = self._train(data, sides, prior, progress, judge)
        else:
            prior, items = None, self._train_by_implicit(matrix, progress, judge)
        basis = gram_basis(items, overwrite=True)
        self.item_factors_, self.spectrum_ = basis.vectors, basis.spectrum * self.unobserved_weight_
        self.user_factors_ = self._fold_in(matrix)
        if prior is not None:
            self.described_ = prior.described
            new = self.described_ & (data.item_events == 0)
            self.item_factors_[new] = prior.means(self.item_factors_)[new]

    def _prior(self, data: Dataset, side: Side) -> ItemPrior | None:
        if self.item_features is None:
            return None
        named = self.item_features.split(",") if isinstance(self.item_features, str) else self.item_features
        return item_prior(data.item_attributes, list(named), side.ridge, data.item_events > 0)

    def candidates(self) -> NDArray[np.bool_]:
        """Return (n_items,) bool: items with a training event or, with `item_features`, with attributes that tell."""
        warm = super().candidates()
        return warm if self.item_features is None else warm | self.described_

    def _train(
        self,
        data: Dataset,
        sides: tuple[Side, Side],
        prior: ItemPrior | None,
        progress: ProgressCallback,
        judge: EarlyStopping | None,
    ) -> NDArray[np.float32]:
        items = first_items(sides[1], self.factors, self.init_std, generator(self.seed))
        if self._start is not None:
            self._start.fill(items, data)
        return train_items(
            sides,
            items,
            self._objective(),
            improve=self._improve,
            prior=prior,
            epochs=self.iterations,
            progress=progress,
            judge=judge,
        )

    def _improve(self, vectors: NDArray[np.float32]) -> Update | None:
        if self.solver == "exact":
            return None
        return Update(vectors, self.block_size if self.solver == "subspace" else 0)

    def _train_by_implicit(
        self, matrix: Csr, progress: ProgressCallback, judge: EarlyStopping | None
    ) -> NDArray[np.float32]:
        """Train by implicit, in whose units all pairs weigh 1 and λ is the same for all rows."""
        ours = Objective(self.weight_scale_, self.unobserved_weight_, self.regularization, self.regularization_exponent)
        weights = ours.weights(matrix)
        self.strength_ = float(np.mean([side.ridge.mean() for side in both_sides(weights, ours)]))
        confidences = weights.data / np.float32(self.unobserved_weight_) + np.float32(1)
        whole = csr_array((confidences, matrix.indices, matrix.indptr), shape=matrix.shape)
        _, items = train_factors(
            self._native, whole, stage=self.name, epochs=self.iterations, progress=progress, judge=judge
        )
        return items

    def _native(self) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.strength_ / self.unobserved_weight_,
            alpha=1.0,
            iterations=self.iterations,
            num_threads=thread_count(),
            random_state=derived_int(self.seed),
        )

    def _objective(self) -> Objective:
        fitted = (self.weight_scale_, self.unobserved_weight_, self.strength_)
        if self.backend == "recsys":
            return Objective(*fitted, self.regularization_exponent)
        return Objective(*fitted, exponent=0.0, target_offset=self.unobserved_weight_)

    def _fold_in(self, weights: Csr) -> NDArray[np.float32]:
        objective = self._objective()
        rows = objective.weights(positive_weights(weights, self.name))
        ridge = objective.ridge(rows, self.warm_items_)
        return als_rows(rows, self.item_factors_, self.spectrum_, ridge, target_offset=objective.target_offset)

    def _contributions(self, block: Block, item: int) -> NDArray[np.float64]:
        """Split the score as Hu et al. (2008), section 5: ``Σ_i t_i y_jᵀ A⁻¹ y_i`` over the history."""
        objective = self._objective()
        row = objective.weights(block.weights)
        weights, vectors = row.data.astype(np.float64), self.item_factors_[row.indices].astype(np.float64)
        system = np.diag(self.spectrum_ + objective.ridge(row, self.warm_items_))
        system += (vectors * weights[:, None]).T @ vectors
        target = self.item_factors_[item].astype(np.float64)
        return np.asarray((weights + objective.target_offset) * (vectors @ np.linalg.solve(system, target)))
