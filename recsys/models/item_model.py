"""`ItemModel`: a score is the sum of the weights from the items of a history to an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys import kernels
from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.products import dense_product
from recsys.models.ranking import Filters
from recsys.models.serving import Block, Codes

if TYPE_CHECKING:
    from recsys.kernels import TopK

_NEIGHBOURS = 100  # of an item, by which items are compared where all weights are stored


class ItemModel(Recommender):
    """A recommender over item–item weights; ``score[u, j] = Σ_i history[u, i] · item_weights_[i, j]``.

    A subclass's ``_fit`` sets ``item_weights_``. Folding in a new history is exact, and so are explanations. With
    sparse weights only items with a path from the history are recommended.

    Attributes
    ----------
    item_weights_ : (n_items, n_items) csr_array or array, float32
        Row ``i``: what an item ``i`` in the history says of the others.
    """

    item_weights_: Csr | NDArray[np.float32]

    def _score_block(self, block: Block) -> NDArray[np.float32]:
        return self._walked(block, None)

    def _walked(self, block: Block, n_threads: int | None) -> NDArray[np.float32]:
        if isinstance(self.item_weights_, np.ndarray):
            return dense_product(block.weights, self.item_weights_, n_threads)
        return kernels.sparse_scores(block.weights, self.item_weights_, n_threads=n_threads)

    def _rank(self, block: Block, k: int, filters: Filters, n_threads: int | None) -> TopK:
        options = {**filters._asdict(), "n_threads": n_threads}
        if isinstance(self.item_weights_, np.ndarray):
            return kernels.select_topk(self._walked(block, n_threads), k, **options)
        return kernels.sparse_topk(block.weights, self.item_weights_, k, **options)

    def _item_vectors(self) -> NDArray[np.float32] | Csr:
        """Return the strongest weights of each item: items are alike that speak for the same others."""
        if not isinstance(self.item_weights_, np.ndarray):
            return self.item_weights_
        best = kernels.select_topk(self.item_weights_, min(_NEIGHBOURS, len(self.item_weights_)))
        rows, slots = np.nonzero((best.indices >= 0) & (best.scores > 0))
        entries = (best.scores[rows, slots], (rows, best.indices[rows, slots]))
        return csr_array(entries, shape=self.item_weights_.shape)

    def _users_per_chunk(self) -> int:
        return super()._users_per_chunk() if isinstance(self.item_weights_, np.ndarray) else 1 << 14

    def _similar(self, codes: Codes, k: int, itself: Csr, allow: NDArray[np.bool_], n_threads: int | None) -> TopK:
        if isinstance(self.item_weights_, np.ndarray):
            return kernels.select_topk(self.item_weights_[codes], k, exclude=itself, allow=allow, n_threads=n_threads)
        return kernels.sparse_topk(itself, self.item_weights_, k, exclude=itself, allow=allow, n_threads=n_threads)

    def _contributions(self, block: Block, item: int) -> NDArray[np.float64]:
        if isinstance(self.item_weights_, np.ndarray):
            column = self.item_weights_[:, item]
        else:
            column = self.item_weights_[:, [item]].toarray()[:, 0]
        return block.weights.data.astype(np.float64) * column[block.weights.indices]
