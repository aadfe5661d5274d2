"""What models answer: ranked lists of codes, similar items, explanations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.dataset import Vocabulary
from recsys.display import Card, Tabular, View
from recsys.kernels import Csr
from recsys.scoring import Sample


class RankedLists(NamedTuple):
    """Lists of item codes, for code that works on codes.

    Attributes
    ----------
    items : (n_users, k) int32
        Item codes, best first; −1 = an empty slot.
    scores : (n_users, k) float32
        −inf in an empty slot.
    sources : (n_users,) uint8
        Who ranked the candidates: 0 the model, 1 the fallback.
    sample : Sample or None
        How probable the lists were, if they were drawn at random.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    sources: NDArray[np.uint8]
    sample: Sample | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SimilarItems(Card, Tabular):
    """The nearest items of each item asked for.

    Parameters
    ----------
    items : polars.Series
        The ids asked for.
    vocabulary : Vocabulary
        What the codes in `lists` mean.
    lists : (n_items, k) int32
        Item codes; −1 = an empty slot.
    scores : (n_items, k) float32
        Similarities; −inf in an empty slot.
    """

    items: pl.Series
    vocabulary: Vocabulary
    lists: NDArray[np.int32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"SimilarItems({len(self):,} items × {self.lists.shape[1]})"

    def card(self) -> View:
        """Return what a notebook shows: the first rows."""
        from recsys.models.cards import frame_card

        return frame_card(repr(self), self.to_polars(), ("item_id", "similar_item_id"))

    def to_polars(self) -> pl.DataFrame:
        """Return one row a pair: item_id, similar_item_id, rank (from 1), score."""
        rows, slots = np.nonzero(self.lists >= 0)
        return pl.DataFrame(
            {
                "item_id": self.items.gather(rows),
                "similar_item_id": self.vocabulary.decode(self.lists[rows, slots]),
                "rank": (slots + 1).astype(np.int32),
                "score": self.scores[rows, slots],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: the rows of `to_polars`."""
        return {"similar": self.to_polars().to_dicts()}


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Card, Tabular):
    """Which items of a user's history make up the score of an item.

    Parameters
    ----------
    user_id, item_id : int or str
        The pair.
    score : float
        The score; the sum of all contributions. For a fallback: the item's popularity.
    source : {"model", "fallback"}
        ``"fallback"``: the model knows nothing of the user, so nothing of theirs contributed.
    contributions : polars.DataFrame
        item_id, weight (of the item in the history), contribution; the largest contributions first.
    rest : float
        The sum of the contributions that are not listed.
    """

    user_id: int | str
    item_id: int | str
    score: float
    source: str
    contributions: pl.DataFrame
    rest: float

    def __repr__(self) -> str:
        return f"Explanation(user {self.user_id!r}, item {self.item_id!r}, score {self.score:.4g} by the {self.source})"

    def card(self) -> View:
        """Return what a notebook shows: the largest contributions."""
        from recsys.models.cards import frame_card

        return frame_card(repr(self), self.contributions, ("item_id",))

    def to_polars(self) -> pl.DataFrame:
        """Return the contributions: item_id, weight, contribution."""
        return self.contributions

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "user_id": self.user_id,
            "item_id": self.item_id,
            "score": self.score,
            "source": self.source,
            "contributions": self.contributions.to_dicts(),
            "rest": self.rest,
        }


def explain_parts(
    user_id: int | str,
    item_id: int | str,
    history: Csr,
    parts: NDArray[np.float64],
    k: int,
    items: Vocabulary,
    popularity: float | None,
) -> Explanation:
    """Return the explanation of a score by its `k` largest parts, or, with `popularity`, that of a fallback.

    Parameters
    ----------
    history : (1, n_items) csr_array
        The user's history.
    parts : (nnz,) float64
        What each entry of the history contributes; empty for a fallback.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> history, items = csr_array(np.float32([[1, 2]])), Vocabulary.from_ids(["a", "b"])
    >>> explain_parts(7, "c", history, np.array([0.1, 0.3]), 1, items, None).to_polars().rows()
    [('b', 2.0, 0.3)]
    """
    order = np.argsort(-np.abs(parts), kind="stable")[:k]
    listed = pl.DataFrame(
        {
            "item_id": items.decode(history.indices[order]),
            "weight": history.data[order],
            "contribution": parts[order],
        }
    )
    score = float(parts.sum()) if popularity is None else popularity
    source = "model" if popularity is None else "fallback"
    return Explanation(user_id, item_id, score, source, listed, float(parts.sum() - parts[order].sum()))
