"""`FactorModel`: a score is the inner product of a user's and an item's vector."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.ranking import Filters
from recsys.models.serving import Block, Codes
from recsys.scoring import top_k

if TYPE_CHECKING:
    from recsys.kernels import TopK


class FactorModel(Recommender):
    """A recommender over factors: ``_fit`` sets the two arrays, ``_fold_in`` makes vectors of new histories.

    Attributes
    ----------
    user_factors_ : (n_users, d) float32
        What ``_fold_in`` gives for the training history, so that a stored user and the same history folded in agree.
    item_factors_ : (n_items, d) float32
        Rows of cold items mean nothing.
    """

    user_factors_: NDArray[np.float32]
    item_factors_: NDArray[np.float32]

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
        return top_k(self._vectors(block), self.item_factors_, k, **filters._asdict(), n_threads=n_threads)

    def _users_per_chunk(self) -> int:
        return 1 << 14

    def _similar(self, codes: Codes, k: int, itself: Csr, allow: NDArray[np.bool_], n_threads: int | None) -> TopK:
        directions = self._item_directions()
        norms = np.linalg.norm(directions, axis=1, keepdims=True)
        unit = directions / np.where(norms > 0, norms, 1)
        return top_k(unit[codes], unit, k, exclude=itself, allow=allow, n_threads=n_threads)
