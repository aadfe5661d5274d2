"""`EASE`: every item predicted from all others by ridge regression, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.logs import logger
from recsys.core.memory import refuse_beyond, spelled
from recsys.core.progress import ProgressCallback
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.item_model import ItemModel
from recsys.models.products import BYTES_PER_ENTRY, gram, gram_work
from recsys.models.ridge import dense_gram, invert_in_place, local_weights, weights_from_inverse
from recsys.models.spaces import Dimension, Real

_PRODUCTS_PER_SECOND = 8e10  # of Cholesky and inversion on one thread of a common server: enough to warn by


class EASE(ItemModel):
    """Item–item regression weights in closed form (Steck 2019), or a sparse approximation of them.

    The weights minimise ``|X − X B|² + Σ_ij Λ_ii B_ij²`` under ``diag(B) = 0``: with ``P = (XᵀX + Λ)⁻¹`` they are
    ``B = I − P / diag(P)``, where ``Λ = l2 + dropout / (1 − dropout) · diag(XᵀX)``, which is what dropout of inputs
    comes to (EDLAE: Steck 2020, equation 6).

    Without `neighbors`, one n × n float32 array is made and kept: ``4 · n_items²`` bytes (1.6 GB for 20,000 items), in
    which LAPACK factorises and inverts, in about ``n_items³`` multiplications on one thread, which cannot be
    interrupted. More items than memory has room for are refused before anything is computed.

    With `neighbors`, an item is predicted from its nearest items by cosine alone, by the exact solution of that small
    ridge regression (the column-wise neighbourhood restriction of SLIM: Ning and Karypis 2011, fsSLIM). It costs
    ``n_items · neighbors³`` and is what a sparse approximate inverse is for (compare SANSA: Spišák et al. 2023): large
    catalogues, and sparse ones, where it can be the better model. Where all items are neighbours it is EASE; items
    without a user in common are none.

    Parameters
    ----------
    l2 : float
        Regularisation, in units of the mean squared weight, so that the unit of weights does not matter: about so many
        users' worth of doubt.
    dropout : float
        Share of a history that is thought to be hidden in training; 0 is EASE, more is EDLAE.
    neighbors : int, optional
        Items that each item is predicted from. Default: all.
    max_memory : float, optional
        Gigabytes that fitting may take. Default: what is available.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> EASE(l2=1).fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "ease"
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "l2": Real(3, 3000, log=True),
        "dropout": Real(0, 0.8),
    }

    def __init__(
        self,
        l2: float = 200.0,
        dropout: float = 0.5,
        neighbors: int | None = None,
        max_memory: float | None = None,
    ) -> None:
        self.l2 = l2
        self.dropout = dropout
        self.neighbors = neighbors
        self.max_memory = max_memory

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        finite_float("l2", self.l2, above=0)
        finite_float("dropout", self.dropout, minimum=0, below=1)
        if self.neighbors is not None:
            positive_int("neighbors", self.neighbors)
        if self.max_memory is not None:
            finite_float("max_memory", self.max_memory, above=0)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        squares = np.square(matrix.data, dtype=np.float64)
        diagonal = np.bincount(matrix.indices, squares, matrix.shape[1])
        penalties = self.l2 * squares.mean() + self.dropout / (1 - self.dropout) * diagonal
        self._refuse_if_too_large(matrix)
        if self.neighbors is None:
            self.item_weights_ = _all_weights(matrix, penalties.astype(np.float32), progress)
        else:
            products = gram(matrix, stage=self.name, progress=progress)
            self.item_weights_ = local_weights(products, penalties.astype(np.float32), self.neighbors, progress)

    def _refuse_if_too_large(self, matrix: Csr) -> None:
        n_items = matrix.shape[1]
        if self.neighbors is None:
            needed = 4 * n_items**2
        else:
            entries = np.minimum(gram_work(matrix), n_items).sum() + n_items * self.neighbors
            needed = BYTES_PER_ENTRY * int(entries)
        smaller = "set neighbors=100 for a sparse approximation, " if self.neighbors is None else ""
        hint = f"{smaller}raise min_item_events to leave rare items out, or use GraphFilter"
        refuse_beyond(needed, f"the weights among {n_items:,} items", hint, self.max_memory)
        minutes = n_items**3 / _PRODUCTS_PER_SECOND / 60
        if self.neighbors is None and minutes > 1:
            logger.warning(
                "inverting the matrix of %s items takes %s of memory and about %.0f minutes, uninterrupted; "
                "neighbors=100 is the sparse approximation",
                f"{n_items:,}",
                spelled(needed),
                minutes,
            )


def _all_weights(matrix: Csr, penalties: NDArray[np.float32], progress: ProgressCallback) -> NDArray[np.float32]:
    weights = dense_gram(matrix)
    places = np.arange(len(weights))
    weights[places, places] += penalties
    invert_in_place(weights, progress)
    weights_from_inverse(weights)
    return weights
