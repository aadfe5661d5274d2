"""`ItemModel`: a score is the sum of the weights from the items of a history to an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys import kernels
from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.ranking import Filters
from recsys.models.serving import Block, Codes

if TYPE_CHECKING:
    from recsys.kernels import TopK


class ItemModel(Recommender):
    """A recommender over item–item weights; ``score[u, j] = Σ_i history[u, i] · item_weights_[i, j]``.

    A subclass's ``_fit`` sets ``item_weights_``. Folding in a new history is exact, and so are explanations. Only
    items with a path from the history are recommended.

    Attributes
    ----------
    item_weights_ : (n_items, n_items) csr_array float32
        Row ``i``: what an item ``i`` in the history says of the others.
    """

    item_weights_: Csr

    def _score_block(self, block: Block) -> NDArray[np.float32]:
        return np.asarray((block.weights @ self.item_weights_).toarray(), dtype=np.float32)

    def _rank(self, block: Block, k: int, filters: Filters, n_threads: int | None) -> TopK:
        return kernels.sparse_topk(block.weights, self.item_weights_, k, **filters._asdict(), n_threads=n_threads)

    def _item_vectors(self) -> NDArray[np.float32] | Csr:
        return self.item_weights_

    def _users_per_chunk(self) -> int:
        return 1 << 14

    def _similar(self, codes: Codes, k: int, itself: Csr, allow: NDArray[np.bool_], n_threads: int | None) -> TopK:
        return kernels.sparse_topk(itself, self.item_weights_, k, exclude=itself, allow=allow, n_threads=n_threads)

    def _contributions(self, block: Block, item: int) -> NDArray[np.float64]:
        column = self.item_weights_[:, [item]].toarray()[:, 0]
        return block.weights.data.astype(np.float64) * column[block.weights.indices]
