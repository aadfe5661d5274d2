"""`FactorModel`: a score is the inner product of a user's and an item's vector."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recsys.core.memory import refuse_beyond
from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.ranking import Filters
from recsys.models.serving import Block, Codes
from recsys.scoring import TopKIndex, top_k

if TYPE_CHECKING:
    from recsys.kernels import TopK

_FEW_USERS = 256  # in a first call: `top_k` serves about so many before preparing the items would pay


def refuse_too_many_factors(factors: int, shape: tuple[int, int], *, square_bytes: int = 0) -> None:
    """Raise ArgumentError, before any work, if the factors of users and items cannot fit in memory.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    shape : (int, int)
        Users and items. Training holds two float32 vectors of each: the old ones and the new ones.
    square_bytes : int
        For each entry of the (factors, factors) matrices that training holds.

    Examples
    --------
    >>> refuse_too_many_factors(16, (1000, 100))
    """
    n_users, n_items = shape
    refuse_beyond(
        8 * factors * (n_users + n_items) + square_bytes * factors**2,
        f"{factors:,} factors of {n_users:,} users and {n_items:,} items",
        "lower factors, or raise min_user_events and min_item_events",
    )


class FactorModel(Recommender):
    """A recommender over factors: ``_fit`` sets the two arrays, ``_fold_in`` makes vectors of new histories.

    Attributes
    ----------
    user_factors_ : (n_users, d) float32
        What ``_fold_in`` gives for the training history, so that a stored user and the same history folded in agree.
    item_factors_ : (n_items, d) float32
        Rows of cold items mean nothing. Replace the array rather than change it: an index of it is kept, so it is made
        read-only when the first lists are served.
    """

    user_factors_: NDArray[np.float32]
    item_factors_: NDArray[np.float32]
    # What serving prepares: the factors that it belongs to, and their index. Neither learned nor saved; swapped as one.
    _serving: tuple[NDArray[np.float32], TopKIndex | None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what serving prepared: copies and other processes prepare their own."""
        return {name: value for name, value in vars(self).items() if name != "_serving"}

    @abstractmethod
    def _fold_in(self, weights: Csr) -> NDArray[np.float32]:
        """Return (n, d) float32 user vectors; a row depends on that row of `weights` alone."""

    def _vectors(self, block: Block) -> NDArray[np.float32]:
        new = np.flatnonzero(block.codes < 0)
        vectors = self.user_factors_[block.codes]
        if len(new):
            vectors[new] = self._fold_in(block.weights[new])
        return vectors

    def _item_directions(self) -> NDArray[np.float32]:
        """Return the (n_items, d) vectors whose cosine is the similarity of items."""
        return self.item_factors_

    def _item_vectors(self) -> NDArray[np.float32] | Csr:
        return self._item_directions()

    def _score_block(self, block: Block) -> NDArray[np.float32]:
        return self._vectors(block) @ self.item_factors_.T

    def _rank(self, block: Block, k: int, filters: Filters, n_threads: int | None) -> TopK:
        vectors, index = self._vectors(block), self._index(len(block.codes))
        if index is None:
            return top_k(vectors, self.item_factors_, k, **filters._asdict(), n_threads=n_threads)
        return index.query(vectors, k, **filters._asdict(), n_threads=n_threads)

    def _index(self, n_users: int) -> TopKIndex | None:
        """Return the prepared items; None for the first few users, for whom preparing costs more than it saves."""
        served, items = self._serving, self.item_factors_
        items.flags.writeable = False
        if served is None or served[0] is not items:
            served = items, TopKIndex(items, like=self.user_factors_) if n_users >= _FEW_USERS else None
        elif served[1] is None:
            served = items, TopKIndex(items, like=self.user_factors_)
        self._serving = served
        return served[1]

    def _users_per_chunk(self) -> int:
        return 1 << 14

    def _similar(self, codes: Codes, k: int, itself: Csr, allow: NDArray[np.bool_], n_threads: int | None) -> TopK:
        directions = self._item_directions()
        norms = np.linalg.norm(directions, axis=1, keepdims=True)
        unit = directions / np.where(norms > 0, norms, 1)
        return top_k(unit[codes], unit, k, exclude=itself, allow=allow, n_threads=n_threads)
