"""`RP3Beta`: a random walk of three steps that does not always end at the popular items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from recsys.core.checks import finite_float, positive_int
from recsys.core.progress import ProgressCallback
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.implicit_adapter import positive_weights
from recsys.models.item_model import ItemModel
from recsys.models.products import degree_powers, degrees, gram, scaled
from recsys.models.spaces import Dimension, Integer, Real


class RP3Beta(ItemModel):
    """Item–item transition probabilities of a walk item → user → item, divided by popularity (Paudel et al. 2017).

    With the weighted training matrix X and degrees d, which are sums of weights, the weight from item i to item j is
    ``Σ_u (X_ui / d_i)^alpha · (X_uj / d_u)^alpha / d_j^beta``; each item keeps its `neighbors` largest ones. A user's
    score is the walk of three steps that starts there.

    Parameters
    ----------
    alpha : float
        Power of the transition probabilities: below 1 evens them out.
    beta : float
        How strongly popular items are held down; 0 is P3alpha (Cooper et al. 2014).
    neighbors : int, optional
        Neighbours kept per item. None: all.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> RP3Beta().fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "rp3beta"
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "alpha": Real(0.4, 1.6),
        "beta": Real(0, 1),
        "neighbors": Integer(50, 2000, log=True),
    }

    def __init__(self, alpha: float = 0.8, beta: float = 0.5, neighbors: int | None = 1000) -> None:
        self.alpha = alpha
        self.beta = beta
        self.neighbors = neighbors

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        finite_float("alpha", self.alpha, above=0)
        finite_float("beta", self.beta, minimum=0)
        if self.neighbors is not None:
            positive_int("neighbors", self.neighbors)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        positive_weights(matrix, self.name)
        users, items = degrees(matrix)
        powers = matrix.copy()
        powers.data = powers.data.astype(np.float64) ** self.alpha
        # (X_ui / d_i)^α (X_uj / d_u)^α = (X_ui X_uj)^α d_u^-α · d_i^-α: a Gram matrix, its rows scaled.
        halves = scaled(degree_powers(users, -self.alpha / 2), powers, None)
        rows, columns = degree_powers(items, -self.alpha), degree_powers(items, -self.beta)
        self.item_weights_ = gram(
            halves,
            rows=rows,
            columns=columns,
            neighbors=self.neighbors,
            diagonal=False,
            stage=self.name,
            progress=progress,
        )
