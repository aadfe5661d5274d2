"""`Popularity`: the same items for everyone, the most used first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.core.progress import ProgressCallback
from recsys.core.times import duration_micros
from recsys.dataset import Dataset, Label
from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.factor_model import FactorModel
from recsys.models.spaces import Choice, Dimension


class Popularity(FactorModel):
    """Rank items by the number of users who used them; the floor that any model must beat.

    Parameters
    ----------
    half_life : str, optional
        Time decay such as ``"30d"``: a user counts ``2 ** (-age / half_life)``, by the age of their newest
        event with the item at the end of the training data. Default: every user counts 1.

    Attributes
    ----------
    item_factors_ : (n_items, 1) float32
        The (decayed) number of users of each item.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 3], "item_id": ["a", "b", "b", "a"]})
    >>> Popularity().fit(data).recommend([2], k=2).to_polars()["item_id"].to_list()
    ['a']
    """

    name: ClassVar[str] = "popularity"
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "half_life": Choice((None, "7d", "30d", "90d", "365d"), needs_times=True),
    }

    def __init__(self, half_life: str | None = None) -> None:
        self.half_life = half_life

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        if self.half_life is not None:
            duration_micros("half_life", self.half_life)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        self.item_factors_ = _user_counts(data, self.half_life)[:, None]
        self.user_factors_ = np.ones((data.n_users, 1), dtype=np.float32)

    def _fold_in(self, weights: Csr) -> NDArray[np.float32]:
        return np.ones((weights.shape[0], 1), dtype=np.float32)

    # Counts are no directions: any two items would be equally similar.
    _similar = Recommender._similar
    _item_vectors = Recommender._item_vectors


def _user_counts(data: Dataset, half_life: str | None) -> NDArray[np.float32]:
    one_per_pair = replace(
        data, values=np.ones(len(data), np.float32), label=Label(aggregate="max", half_life=half_life)
    )
    matrix = one_per_pair.matrix()
    return np.bincount(matrix.indices, weights=matrix.data, minlength=data.n_items).astype(np.float32)
