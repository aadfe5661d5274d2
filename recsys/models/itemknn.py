"""`ItemKNN`: items are similar when the same users use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.progress import Progress, ProgressCallback
from recsys.core.threads import row_chunks, run_chunks
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.implicit_adapter import positive_weights
from recsys.models.item_model import ItemModel
from recsys.models.spaces import Choice, Dimension, Integer, Real

Weighting = Literal["cosine", "tfidf", "bm25"]
Neighbours = tuple[NDArray[np.int32], NDArray[np.float32]]
_CELLS_PER_CHUNK = 1 << 23
_BM25_K1, _BM25_B = 1.2, 0.75


class ItemKNN(ItemModel):
    """Item-to-item nearest neighbours with exact fold-in and explanations.

    The similarity of items i and j, with columns x and y of the weighted training matrix, is
    ``x·y / (|x| |y| + shrink · mean(w²))``; each item keeps its `neighbors` most similar ones (Sarwar et al. 2001;
    Deshpande and Karypis 2004).

    Parameters
    ----------
    neighbors : int
        Neighbours kept per item.
    weighting : {"cosine", "tfidf", "bm25"}
        How the training matrix is weighted: not at all; times ``log(1 + items / items of the user)``, as a user of
        many items says less about each; or by BM25 (k1 = 1.2, b = .75), with items as documents and users as terms.
    shrink : float
        Pulls similarities that rest on few users towards 0: about so many users' worth of doubt. The mean squared
        weight scales it, so that the unit of weights does not matter.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> ItemKNN().fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "itemknn"
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "neighbors": Integer(10, 1000, log=True),
        "weighting": Choice(("cosine", "tfidf", "bm25")),
        "shrink": Real(0.5, 500, log=True),
    }

    def __init__(self, neighbors: int = 100, weighting: Weighting = "tfidf", shrink: float = 20.0) -> None:
        self.neighbors = neighbors
        self.weighting = weighting
        self.shrink = shrink

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        positive_int("neighbors", self.neighbors)
        one_of("weighting", self.weighting, ("cosine", "tfidf", "bm25"))
        finite_float("shrink", self.shrink, minimum=0)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        if self.weighting == "bm25":
            positive_weights(matrix, "bm25")
        weighted = _weighted(matrix, self.weighting)
        shrink = self.shrink * float(np.square(weighted.data, dtype=np.float64).mean())
        self.item_weights_ = similarities(weighted, self.neighbors, shrink, progress)


def similarities(matrix: Csr, neighbors: int, shrink: float, progress: ProgressCallback) -> Csr:
    """Return (n_items, n_items) float32: each row's `neighbors` largest shrunk cosines with other items, if above 0.

    The product is made a block of rows at a time, so memory stays bounded; ties go to the smaller item code.

    Examples
    --------
    >>> from recsys.core.progress import silent
    >>> matrix = csr_array(np.array([[1, 1, 0], [0, 1, 1]], np.float32))
    >>> similarities(matrix, 1, 0.0, silent).toarray().round(3)
    array([[0.   , 0.707, 0.   ],
           [0.707, 0.   , 0.   ],
           [0.   , 0.707, 0.   ]], dtype=float32)
    """
    n_items = matrix.shape[1]
    squares = np.square(matrix.data, dtype=np.float64)
    norms = np.sqrt(np.bincount(matrix.indices, weights=squares, minlength=n_items)).astype(np.float32)
    by_item = csr_array(matrix.T.tocsr())
    chunks = row_chunks(n_items, max(1, _CELLS_PER_CHUNK // n_items))
    kept: dict[tuple[int, int], list[Neighbours]] = {}

    def multiply(chunk: tuple[int, int]) -> None:
        products = csr_array(by_item[slice(*chunk)] @ matrix)
        kept[chunk] = [
            _nearest(place, *_row(products, place - chunk[0]), norms, neighbors, shrink) for place in range(*chunk)
        ]

    run_chunks(multiply, chunks, on_done=lambda done: progress(Progress("itemknn", done, len(chunks), "blocks")))
    rows = [row for chunk in chunks for row in kept[chunk]]
    indptr = np.concatenate(([0], np.cumsum([len(codes) for codes, _ in rows], dtype=np.int64)))
    codes, values = (np.concatenate([row[part] for row in rows]) for part in (0, 1))
    return csr_array((values, codes, indptr), shape=(n_items, n_items))


def _row(products: Csr, place: int) -> Neighbours:
    part = slice(products.indptr[place], products.indptr[place + 1])
    return products.indices[part], products.data[part]


def _nearest(
    item: int,
    codes: NDArray[np.int32],
    products: NDArray[np.float32],
    norms: NDArray[np.float32],
    neighbors: int,
    shrink: float,
) -> Neighbours:
    useful = (products > 0) & (codes != item)
    codes, products = codes[useful], products[useful]
    values = products / (norms[item] * norms[codes] + np.float32(shrink))
    if len(codes) > neighbors:
        # Everything above the last value that fits; then, among its equals, the smaller codes.
        bar = -np.partition(-values, neighbors - 1)[neighbors - 1]
        above, level = np.flatnonzero(values > bar), np.flatnonzero(values == bar)
        level = level[np.argsort(codes[level])][: neighbors - len(above)]
        chosen = np.concatenate([above, level])
        codes, values = codes[chosen], values[chosen]
    order = np.argsort(codes)
    return codes[order].astype(np.int32, copy=False), values[order]


def _weighted(matrix: Csr, weighting: Weighting) -> Csr:
    """Return the matrix with the weights of `ItemKNN`'s `weighting`; every user is a term, every item a document."""
    if weighting == "cosine":
        return matrix
    events_of_user = np.diff(matrix.indptr)
    # The 1 keeps users of every item, as there are in small worlds, from weighing nothing.
    # Items without a training event do not count: how many the future brings is not known yet.
    idf = np.log1p(len(np.unique(matrix.indices)) / np.maximum(events_of_user, 1))
    factor = np.repeat(idf, events_of_user)
    if weighting == "tfidf":
        values = matrix.data * factor
    else:
        length = np.bincount(matrix.indices, weights=matrix.data, minlength=matrix.shape[1])
        norm = _BM25_K1 * (1 - _BM25_B + _BM25_B * length / max(length[length > 0].mean(), 1e-9))
        values = matrix.data * (_BM25_K1 + 1) / (matrix.data + norm[matrix.indices]) * factor
    return csr_array((values.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
