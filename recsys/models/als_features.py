"""Item vectors around a mean that attributes predict: ``y_i ~ N(Wᵀ f_i, 1 / λ_i)``.

The loss of ALS then has ``Σ_i λ_i |y_i − Wᵀ f_i|² + μ |W|²`` in the place of ``Σ_i λ_i |y_i|²``. For fixed vectors W is
a ridge regression, for fixed W an item's system has one more term on the right: every step is exact, and the loss never
rises. An item without an event is where its attributes put it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, diags_array

from recsys.core.errors import DataError, NotFoundError
from recsys.core.threads import single_threaded_blas
from recsys.kernels import Csr
from recsys.metrics.context import item_features

_MOST_FEATURES = 20_000


class ItemPrior(NamedTuple):
    """The attributes of items, and how strongly an item is held to what they predict.

    Attributes
    ----------
    features : (n_items, n_features) csr_array float32
        1 where an item has a value.
    ridge : (n_items,) float64
        λ_i; 0 for items without an event, which W is not learned from.
    """

    features: Csr
    ridge: NDArray[np.float64]

    @property
    def described(self) -> NDArray[np.bool_]:
        """Return (n_items,) bool: items with a value that an item with events has, too."""
        learned = self.features.T @ (self.ridge > 0).astype(np.float32) > 0
        return np.asarray(self.features @ learned.astype(np.float32) > 0)

    def means(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n_items, d) ``Wᵀ f_i`` with the best W for the vectors of the items with events.

        Examples
        --------
        >>> prior = ItemPrior(csr_array(np.float32([[1, 0], [1, 0], [0, 1]])), np.array([4.0, 0.0, 4.0]))
        >>> prior.means(np.float32([[2], [0], [6]])).round(3).tolist()
        [[1.0], [1.0], [3.0]]
        """
        features = csr_array(self.features.astype(np.float64))
        weighted = csr_array(features.T @ diags_array(self.ridge))
        system = (weighted @ features).toarray()
        # W is held to 0 as an average item is to its mean.
        system[np.diag_indices_from(system)] += self.ridge[self.ridge > 0].mean()
        with single_threaded_blas():
            learned = cho_solve(cho_factor(system), weighted @ vectors.astype(np.float64))
        return np.asarray(features @ learned, dtype=np.float32)


def item_prior(
    attributes: pl.DataFrame | None, columns: Sequence[str], ridge: NDArray[np.float64], warm: NDArray[np.bool_]
) -> ItemPrior:
    """Return the prior of items by the named columns.

    Raises
    ------
    NotFoundError
        There are no item attributes.
    ArgumentError
        A column is unknown.
    DataError
        The columns have more than 20,000 values.
    """
    if attributes is None:
        raise NotFoundError(
            "item_features are asked for and the training data has no item attributes",
            "a Dataset with item_attributes was expected",
            "use Dataset.from_frame(…, item_attributes=frame)",
        )
    features = item_features(attributes, columns)
    if features.shape[1] > _MOST_FEATURES:
        raise DataError(
            f"the item features {', '.join(columns)} have {features.shape[1]:,} values",
            f"at most {_MOST_FEATURES:,} were expected",
            "leave out columns in which every item differs",
        )
    return ItemPrior(features, np.where(warm, ridge, 0.0))
