"""`ListPolicy`: how a pool of ranked candidates becomes the list that is shown — re-ranked, then drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.kernels import Csr, TopK
from recsys.scoring.draws import Keys, Sample
from recsys.scoring.exploring import Explorer
from recsys.scoring.reranking import ItemSide, Reorder, Reranker


class Arranged(NamedTuple):
    """Finished lists.

    Attributes
    ----------
    items : (n_users, k) int32
        −1 = an empty slot.
    scores : (n_users, k) float32
        The model's; −inf in an empty slot.
    sample : Sample or None
        How probable the lists were, if they were drawn.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    sample: Sample | None


@dataclass(frozen=True)
class ListPolicy:
    """What happens to a model's best items before they are shown: first re-ranking, then exploration.

    Parameters
    ----------
    rerank : Reranker, optional
        `MMR` or `Calibrated`.
    explore : Explorer, optional
        `EpsilonGreedy` or `PlackettLuce`.

    Examples
    --------
    >>> from recsys.scoring.exploring import EpsilonGreedy
    >>> ListPolicy(explore=EpsilonGreedy(0.1, pool=50)).pool(10)
    50
    """

    rerank: Reranker | None = None
    explore: Explorer | None = None

    def __bool__(self) -> bool:
        return self.rerank is not None or self.explore is not None

    def pool(self, k: int) -> int:
        """Return how many candidates a list of `k` slots is made of."""
        return max([k, *(stage.pool for stage in (self.rerank, self.explore) if stage is not None)])

    def seeded(self) -> ListPolicy:
        """Return the policy with a seed, a new one where the explorer has none."""
        return self if self.explore is None else replace(self, explore=self.explore.seeded())

    def to_dict(self) -> dict[str, Any]:
        """Return the names and parameters of both stages."""
        stages = (("rerank", self.rerank), ("explore", self.explore))
        return {name: None if stage is None else stage.to_dict() for name, stage in stages}

    def prepare(self, side: ItemSide, k: int) -> Arranger:
        """Look up what the re-ranker needs of the items."""
        return Arranger(self, None if self.rerank is None else self.rerank.prepare(side), k)


@dataclass(frozen=True, eq=False)
class Arranger:
    """A `ListPolicy` made ready for the items of a model and for lists of `k` slots."""

    policy: ListPolicy
    reorder: Reorder | None
    k: int

    @property
    def pool(self) -> int:
        """How many candidates `arrange` wants."""
        return self.policy.pool(self.k)

    def arrange(self, best: TopK, history: Csr, keys: Keys | None, n_threads: int | None) -> Arranged:
        """Return the lists.

        Parameters
        ----------
        best : TopK
            (n_users, pool) candidates, best first.
        history : (n_users, n_items) csr_array
            The weights that each user is served with.
        keys : (n_users,) uint64, optional
            Of the users, for the explorer.
        n_threads : int, optional
            Threads.
        """
        items, scores, k = best.indices, best.scores, self.k
        if self.policy.rerank is not None and self.reorder is not None:
            width = max(k, self.policy.rerank.pool)
            first = self.reorder(items[:, :width], scores[:, :width], history, k, n_threads)
            order = _first_the(first, items.shape[1])
            items, scores = np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)
        if self.policy.explore is None or keys is None:
            return Arranged(items[:, :k], scores[:, :k], None)
        width = max(k, self.policy.explore.pool)
        falling = best.scores[:, :width].astype(np.float64)
        places, sample = self.policy.explore.draw(falling, keys, k, n_threads)
        empty = places < 0
        drawn = np.where(empty, 0, places).astype(np.int64)
        return Arranged(
            np.where(empty, np.int32(-1), np.take_along_axis(items, drawn, axis=1)),
            np.where(empty, np.float32(-np.inf), np.take_along_axis(scores, drawn, axis=1)),
            sample,
        )


def _first_the(places: NDArray[np.int32], width: int) -> NDArray[np.int64]:
    """Return all places of a pool: first the given ones (−1 = none) in their order, then the others as they were.

    Examples
    --------
    >>> _first_the(np.int32([[2, 1]]), 4).tolist()
    [[2, 1, 0, 3]]
    """
    turn = np.broadcast_to(np.arange(width) + places.shape[1], (len(places), width)).copy()
    rows, slots = np.nonzero(places >= 0)
    turn[rows, places[rows, slots]] = slots
    return np.argsort(turn, axis=1, kind="stable")
