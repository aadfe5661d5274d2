"""Re-rankers: `MMR` for diverse lists, `Calibrated` for lists in the proportions of a user's history.

A re-ranker reorders a pool of candidates; it never adds one. What may not be shown is not in the pool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import NotFoundError
from recsys.dataset import Vocabulary, align_attributes
from recsys.kernels import Csr, calibrated_places, mmr_places
from recsys.metrics import item_features

_SMOOTHING = 0.01


class ItemSide(NamedTuple):
    """What a re-ranker may know of the items.

    Attributes
    ----------
    items : Vocabulary
        The meaning of item codes.
    attributes : polars.DataFrame or None
        Row ``c`` belongs to code ``c``.
    vectors : callable
        Returns (n_items, d) float32 vectors, dense or CSR, whose cosine is the similarity of items; raises
        NotEstimableError for a model that has none.
    """

    items: Vocabulary
    attributes: pl.DataFrame | None
    vectors: Callable[[], NDArray[np.float32] | Csr]


class Reorder(Protocol):
    """A re-ranker made ready for the items of a model."""

    def __call__(
        self, pool: NDArray[np.int32], scores: NDArray[np.float32], history: Csr, k: int, n_threads: int | None
    ) -> NDArray[np.int32]:
        """Return the (n_users, k) places of the pool that come first; −1 where nothing is left."""


class Reranker(Protocol):
    """How a pool of candidates is reordered."""

    @property
    def name(self) -> str:
        """A word for it."""

    @property
    def pool(self) -> int:
        """How many candidates it looks at."""

    @property
    def attribute(self) -> str | None:
        """The item attribute that it looks at."""

    def with_items(self, item_attributes: object) -> Self:
        """Return the re-ranker with a frame of item attributes, unless it has one."""

    def prepare(self, side: ItemSide) -> Reorder:
        """Look up what is needed of the items."""

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters as plain values."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _ByItems:
    """A re-ranker that may be told of items, beside what the training data says of them."""

    name: ClassVar[str]
    item_attributes: object | None = field(default=None, repr=False)

    def with_items(self, item_attributes: object) -> Self:
        """Return the re-ranker with a frame of item attributes, unless it has one."""
        return self if self.item_attributes is not None else replace(self, item_attributes=item_attributes)

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters as plain values."""
        named = [each.name for each in fields(self) if each.name != "item_attributes"]
        return {"name": self.name, **{name: getattr(self, name) for name in named}}


@dataclass(frozen=True, eq=False)
class MMR(_ByItems):
    """Maximal marginal relevance (Carbonell & Goldstein 1998): the next item is good, and unlike those above it.

    Picks, one by one, the item with the largest ``trade_off · relevance − (1 − trade_off) · similarity``: relevance is
    the model's score, scaled to 0 … 1 over the user's pool, similarity the largest cosine with an item picked before.

    Parameters
    ----------
    trade_off : float
        1: the model's order; 0: diversity alone.
    pool : int
        How many of the model's best items are candidates.
    attribute : str, optional
        Compare items by this item attribute: genres, tags (a list, or text such as ``"Comedy|Drama"``), a single value.
        Items without it count as like each other. Default: by the model's own item vectors.
    item_attributes : frame with `item_id`, optional
        Where the attribute stands. Default: the item attributes of the training data.

    Examples
    --------
    >>> MMR(trade_off=0.5, attribute="genres").to_dict()
    {'name': 'mmr', 'trade_off': 0.5, 'pool': 100, 'attribute': 'genres'}
    """

    name: ClassVar[str] = "mmr"
    trade_off: float = 0.7
    pool: int = 100
    attribute: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "trade_off", finite_float("trade_off", self.trade_off, minimum=0, maximum=1))
        object.__setattr__(self, "pool", positive_int("pool", self.pool))

    def prepare(self, side: ItemSide) -> Reorder:
        """Look up what is needed of the items.

        Raises
        ------
        NotFoundError
            There is no such attribute.
        NotEstimableError
            The model has no item vectors, and no attribute is named.
        """
        vectors = side.vectors() if self.attribute is None else _features(side, self.attribute, self.item_attributes)
        unit = _unit_rows(vectors)

        def reorder(
            pool: NDArray[np.int32], scores: NDArray[np.float32], history: Csr, k: int, n_threads: int | None
        ) -> NDArray[np.int32]:
            return mmr_places(pool, scaled(scores), unit, k, trade_off=self.trade_off, n_threads=n_threads)

        return reorder


@dataclass(frozen=True, eq=False)
class Calibrated(_ByItems):
    """Calibrated recommendations (Steck 2018): the list has the genres of the user's history, in their proportions.

    Picks, one by one, the item with the largest ``(1 − weight) · Σ relevance − weight · KL(p ‖ q̃)`` of the list so far:
    p is the distribution of the attribute in the history that serves, by its weights, q that of the list, and
    ``q̃ = 0.99 q + 0.01 p``. An item with several values shares itself equally among them. Relevance is the model's
    score, scaled to 0 … 1 over the user's pool. Users whose history says nothing of the attribute keep their list.

    Parameters
    ----------
    attribute : str
        An item attribute: genres, tags (a list, or text such as ``"Comedy|Drama"``), a single value.
    weight : float
        0: the model's order; 1: calibration alone. The λ of the paper.
    pool : int
        How many of the model's best items are candidates.
    item_attributes : frame with `item_id`, optional
        Where the attribute stands. Default: the item attributes of the training data.

    Examples
    --------
    >>> Calibrated("genres").to_dict()
    {'name': 'calibrated', 'attribute': 'genres', 'weight': 0.5, 'pool': 100}
    """

    name: ClassVar[str] = "calibrated"
    attribute: str
    weight: float = 0.5
    pool: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", finite_float("weight", self.weight, minimum=0, maximum=1))
        object.__setattr__(self, "pool", positive_int("pool", self.pool))

    def prepare(self, side: ItemSide) -> Reorder:
        """Look up what is needed of the items.

        Raises
        ------
        NotFoundError
            There is no such attribute.
        """
        features = _features(side, self.attribute, self.item_attributes)
        shares = _share_rows(features)

        def reorder(
            pool: NDArray[np.int32], scores: NDArray[np.float32], history: Csr, k: int, n_threads: int | None
        ) -> NDArray[np.int32]:
            wanted = csr_array(history.maximum(0) @ shares).astype(np.float32)
            wanted.eliminate_zeros()
            options = {"weight": self.weight, "smoothing": _SMOOTHING}
            return calibrated_places(pool, scaled(scores), features, wanted, k, **options, n_threads=n_threads)

        return reorder


def scaled(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return scores scaled to 0 … 1 row by row; 0 where all are equal, and in empty slots (−inf).

    Examples
    --------
    >>> scaled(np.array([[3, 2, 1], [4, 4, -np.inf]], np.float32)).tolist()
    [[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]]
    """
    filled = scores > -np.inf
    wide = np.where(filled, scores, 0.0).astype(np.float64)
    low = np.where(filled, wide, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    high = np.where(filled, wide, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    span = high - low
    low, span = np.where(span > 0, low, 0.0), np.where(span > 0, span, np.inf)
    return np.where(filled, (wide - low) / span, 0.0)


def _features(side: ItemSide, attribute: str, frame: object | None) -> Csr:
    """Return the (n_items, n_values) pattern of an attribute, by item code."""
    known = side.attributes if frame is None else align_attributes(side.items, frame, "item_id")
    if known is None or attribute not in known.columns:
        found = "none" if known is None else ", ".join(known.columns) or "none"
        raise NotFoundError(
            f"the re-ranking asks for the item attribute {attribute!r} (found: {found})",
            "items with that attribute were expected",
            "give item_attributes to the Dataset that the model is trained on, or to the re-ranker",
        )
    return item_features(known, [attribute])


def _unit_rows(vectors: NDArray[np.float32] | Csr) -> NDArray[np.float32] | Csr:
    """Return rows of length 1. Sparse rows without an entry get one of their own: they are like each other alone.

    Otherwise a list could be made diverse with items of which nothing is known.
    """
    if isinstance(vectors, np.ndarray):
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=np.float32)
    unknown = np.diff(vectors.indptr) == 0
    marked = csr_array(hstack([vectors, csr_array(unknown[:, None].astype(np.float32))], format="csr"))
    squares = np.asarray(marked.multiply(marked).sum(axis=1), dtype=np.float64).ravel()
    return _scaled_rows(marked, np.sqrt(squares))


def _share_rows(features: Csr) -> Csr:
    """Return rows that sum to 1; empty rows stay."""
    return _scaled_rows(features, np.diff(features.indptr).astype(np.float64))


def _scaled_rows(matrix: Csr, divisors: NDArray[np.float64]) -> Csr:
    scale = np.divide(1.0, divisors, out=np.zeros_like(divisors), where=divisors > 0)
    data = (matrix.data * np.repeat(scale, np.diff(matrix.indptr))).astype(np.float32)
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
