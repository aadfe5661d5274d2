"""`PureSVD`: the history projected on the leading singular vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.progress import ProgressCallback
from recsys.core.seeds import derived_int
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.factor_model import FactorModel
from recsys.models.products import degree_powers, degrees, dense_product, scaled
from recsys.models.serving import Block
from recsys.models.spaces import Dimension, Integer, Real
from recsys.models.spectral import leading_directions


class PureSVD(FactorModel):
    """A truncated singular value decomposition of the training matrix, zeros taken as zeros (Cremonesi et al. 2010).

    With the right singular vectors V, a history x has the scores ``x D^s V Vᵀ``, which is the user's row of the
    decomposition; so folding in is exact, and explanations are. D holds the popularity of items (sums of weights):
    the matrix that is decomposed is ``X D^s`` with the `popularity_exponent` s, 0 for the original method; below 0
    popular items weigh less (EigenRec: Nikolakopoulos et al. 2019).

    Parameters
    ----------
    factors : int
        Singular vectors kept.
    popularity_exponent : float
        The s above.
    iterations : int
        Steps of the randomised decomposition; more are more exact.
    seed : int, optional
        Of its start. The result depends on it, not on the number of threads. None: another result every time.

    Attributes
    ----------
    item_factors_ : (n_items, d) float32
        V, orthonormal columns.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> PureSVD(factors=1).fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "puresvd"
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "factors": Integer(16, 512, log=True),
        "popularity_exponent": Real(-0.7, 0.2),
    }

    item_scale_: NDArray[np.float64]

    def __init__(
        self, factors: int = 32, popularity_exponent: float = -0.1, iterations: int = 4, seed: int | None = 0
    ) -> None:
        self.factors = factors
        self.popularity_exponent = popularity_exponent
        self.iterations = iterations
        self.seed = seed

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        positive_int("factors", self.factors)
        finite_float("popularity_exponent", self.popularity_exponent)
        positive_int("iterations", self.iterations)
        derived_int(self.seed)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        self.item_scale_ = degree_powers(degrees(matrix)[1], self.popularity_exponent)
        found = leading_directions(
            scaled(None, matrix, self.item_scale_),
            self.factors,
            seed=self.seed,
            iterations=self.iterations,
            stage=self.name,
            progress=progress,
        )
        self.item_factors_ = found.vectors
        self.user_factors_ = self._fold_in(matrix)

    def _fold_in(self, weights: Csr) -> NDArray[np.float32]:
        return dense_product(scaled(None, weights, self.item_scale_), self.item_factors_)

    def _contributions(self, block: Block, item: int) -> NDArray[np.float64]:
        items = block.weights.indices
        similar = self.item_factors_[items].astype(np.float64) @ self.item_factors_[item].astype(np.float64)
        return np.asarray(block.weights.data * self.item_scale_[items] * similar)
