"""`Recommendations`: ranked lists for users, as codes inside and external ids outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.dataset import Vocabulary
from recsys.display import Card, Tabular, View
from recsys.scoring.draws import Sample

if TYPE_CHECKING:
    pass

SOURCES = ("model", "fallback", "exploration")
"""Who may have put an item into a list."""


@dataclass(frozen=True, eq=False, repr=False)
class Recommendations(Card, Tabular):
    """The best items of each user, best first.

    Parameters
    ----------
    users : polars.Series
        External ids, one row a list.
    items : Vocabulary
        What the codes in `lists` mean.
    lists : (n_users, k) int32
        Item codes; −1 = an empty slot (fewer than k eligible items were left).
    scores : (n_users, k) float32
        Scores; −inf in an empty slot. Those of a fallback are on another scale than the model's. A re-ranker or a draw
        does not change them, so they need not fall from slot to slot.
    sources : (n_users,) uint8
        Who ranked the candidates of each list: 0 the model, 1 the fallback. See `slot_sources`.
    sample : Sample, optional
        How probable the lists were, if they were drawn at random.
    policy : mapping, optional
        The re-ranker and the explorer, with all parameters and the seed.
    skipped : tuple
        External ids that were asked for and left out by ``on_unknown="skip"``.
    warnings : tuple of str
        What a reader should know, e.g. ids that a rule or a history named in vain.
    titles : polars.Series, optional
        (n_items,) text, row = code: what a notebook shows beside an item's id.

    Examples
    --------
    >>> found = Recommendations(
    ...     pl.Series("user_id", ["ann"]), Vocabulary.from_ids([10, 20]),
    ...     np.array([[1, -1]], np.int32), np.array([[0.5, -np.inf]], np.float32), np.array([0], np.uint8))
    >>> found.to_polars().rows()
    [('ann', 20, 1, 0.5, 'model')]
    """

    users: pl.Series
    items: Vocabulary
    lists: NDArray[np.int32]
    scores: NDArray[np.float32]
    sources: NDArray[np.uint8]
    sample: Sample | None = None
    policy: Mapping[str, Any] | None = None
    skipped: tuple[int | str, ...] = ()
    warnings: tuple[str, ...] = ()
    titles: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.users)

    def __repr__(self) -> str:
        fallbacks = int((self.sources == SOURCES.index("fallback")).sum())
        note = f", {fallbacks:,} by the fallback" if fallbacks else ""
        return f"Recommendations({len(self):,} users × {self.k} items{note})"

    def card(self) -> View:
        """Return what a notebook shows: the first lists, with titles where they are known."""
        from recsys.scoring.cards import lists_card

        return lists_card(self)

    @property
    def k(self) -> int:
        """Return the number of slots per user."""
        return int(self.lists.shape[1])

    @property
    def slot_sources(self) -> NDArray[np.uint8]:
        """Return where each slot comes from, (n_users, k): an index into ``SOURCES``.

        ``"exploration"``: a draw put another item there than the best one left.
        """
        ranked = np.broadcast_to(self.sources[:, None], self.lists.shape)
        explored = False if self.sample is None else self.sample.explored
        return np.where(explored, np.uint8(SOURCES.index("exploration")), ranked)

    def to_polars(self) -> pl.DataFrame:
        """Return one row a recommended item: user_id, item_id, rank (from 1), score, source; no empty slots.

        Lists that were drawn at random also have propensity_position, propensity_slate (null where it is below 1e-308)
        and propensity_given_above; see `Sample`.
        """
        rows, slots = np.nonzero(self.lists >= 0)
        columns: dict[str, Any] = {
            "user_id": self.users.gather(rows),
            "item_id": self.items.decode(self.lists[rows, slots]),
            "rank": (slots + 1).astype(np.int32),
            "score": self.scores[rows, slots],
            "source": pl.Series(SOURCES).gather(self.slot_sources[rows, slots]),
        }
        if self.sample is not None:
            columns["propensity_position"] = self.sample.position[rows, slots]
            columns["propensity_slate"] = pl.Series(self.sample.slate[rows]).fill_nan(None)
            columns["propensity_given_above"] = self.sample.given_above[rows, slots]
        return pl.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: k, policy, recommendations (the rows of `to_polars`), skipped, warnings."""
        return {
            "k": self.k,
            "policy": None if self.policy is None else dict(self.policy),
            "recommendations": self.to_polars().to_dicts(),
            "skipped": list(self.skipped),
            "warnings": list(self.warnings),
        }
