"""`GraphFilter`: the history smoothed over the graph of items, its noise cut off and its outlines sharpened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.memory import refuse_beyond
from recsys.core.progress import ProgressCallback
from recsys.core.seeds import derived_int
from recsys.core.threads import single_threaded_blas
from recsys.dataset import Dataset
from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.item_model import ItemModel
from recsys.models.products import BYTES_PER_ENTRY, degree_powers, degrees, dense_product, gram, gram_work, scaled
from recsys.models.ranking import Filters
from recsys.models.rescoring import rank_sum
from recsys.models.serving import Block, Codes
from recsys.models.spaces import Choice, Dimension, Real
from recsys.models.spectral import leading_directions

if TYPE_CHECKING:
    from recsys.kernels import TopK

Float32 = NDArray[np.float32]

_IDEAL_TILT = 0.5  # of the ideal filter, as in GF-CF
_ITERATIONS = 4
_SIZE_PER_FACTOR, _FEWEST, _MOST = 64, 32, 256


class GraphFilter(ItemModel):
    """A spectral filter of the item–item graph, in closed form: linear, GF-CF, with sharpening, or all of it.

    With the degrees D of users and items (sums of absolute weights), ``R = D_u^-user_exponent X D_i^-item_exponent``
    and ``P = RᵀR / λ₁`` with eigenvectors V and eigenvalues λ ≤ 1, a history x has the scores ``x W`` for

    ``W = D_i^-tilt · (P − V diag(λ − λ e^(−sharpening · λ)) Vᵀ) · D_i^tilt  +  ideal_weight · D_i^-½ V Vᵀ D_i^½``

    - P alone is the linear filter (Turbo-CF: Park et al. 2024);
    - with the ideal low-pass filter it is GF-CF (Shen et al. 2021), for exponents of ½, tilt 0 and no sharpening;
    - sharpening is the heat equation run backwards, ``P e^(−sharpening · P)`` (BSPM: Choi et al. 2023), on the leading
      `factors` eigenvectors, where nearly all of its effect is.

    Folding in a new history is exact, and so are explanations.

    Parameters
    ----------
    user_exponent, item_exponent : float
        Of the normalisation: more of it, and active users, popular items, weigh less.
    tilt : float
        How much the scores of popular items are raised, those of their neighbours lowered.
    factors : int, optional
        Eigenvectors of the ideal filter and of the sharpening. Default: a 64th of the number of users or items with
        events, whichever is less, within 32 … 256.
    ideal_weight, sharpening : float
        Strength of the two; both 0: the linear filter, which needs no eigenvectors.
    neighbors : int, optional
        Entries kept of each row of ``D_i^-tilt P D_i^tilt``, the largest. None: all, which takes up to
        ``12 · n_items²`` bytes where users have long histories.
    seed : int, optional
        Of the randomised eigenvectors. The result depends on it, not on the number of threads. None: another result
        every time.

    Attributes
    ----------
    item_weights_ : (n_items, n_items) csr_array float32
        The linear filter, the first term with P.
    history_factors_, item_factors_ : (n_items, d) float32
        ``history_factors_ @ item_factors_.T`` are the others; d is 0, `factors`, or twice that with both.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> GraphFilter(factors=1).fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str] = "graphfilter"
    search_space: ClassVar[Mapping[str, Dimension]] = {
        "user_exponent": Real(0, 0.7),
        "item_exponent": Real(0.2, 0.7),
        "tilt": Real(-0.1, 0.4),
        "factors": Choice((64, 128, 256, 512)),
        "ideal_weight": Real(0, 0.5),
        "sharpening": Real(0, 3),
    }

    item_weights_: Csr
    history_factors_: Float32
    item_factors_: Float32

    def __init__(
        self,
        user_exponent: float = 0.3,
        item_exponent: float = 0.37,
        tilt: float = 0.15,
        factors: int | None = None,
        ideal_weight: float = 0.1,
        sharpening: float = 2.0,
        neighbors: int | None = 1000,
        seed: int | None = 0,
    ) -> None:
        self.user_exponent = user_exponent
        self.item_exponent = item_exponent
        self.tilt = tilt
        self.factors = factors
        self.ideal_weight = ideal_weight
        self.sharpening = sharpening
        self.neighbors = neighbors
        self.seed = seed

    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""
        for name in ("user_exponent", "item_exponent", "tilt"):
            finite_float(name, getattr(self, name), minimum=-2, maximum=2)
        for name in ("ideal_weight", "sharpening"):
            finite_float(name, getattr(self, name), minimum=0)
        if self.factors is not None:
            positive_int("factors", self.factors)
        if self.neighbors is not None:
            positive_int("neighbors", self.neighbors)
        derived_int(self.seed)

    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        n_items = matrix.shape[1]
        most = n_items if self.neighbors is None else min(n_items, self.neighbors)
        entries = int(np.minimum(gram_work(matrix), most).sum())
        refuse_beyond(BYTES_PER_ENTRY * entries, f"{n_items:,} items", "set neighbors=200, or raise min_item_events")
        users, items = degrees(matrix)
        normed = scaled(degree_powers(users, -self.user_exponent), matrix, degree_powers(items, -self.item_exponent))
        largest = self._set_factors(normed, items, progress)
        self.item_weights_ = gram(
            normed,
            rows=degree_powers(items, -self.tilt) / largest,
            columns=degree_powers(items, self.tilt),
            neighbors=self.neighbors,
            stage=self.name,
            progress=progress,
        )

    def _set_factors(self, normed: Csr, items: NDArray[np.float64], progress: ProgressCallback) -> float:
        """Set the low-rank terms; return λ₁ of ``RᵀR``, or 1 where no eigenvectors are needed."""
        strengths = self.sharpening, self.ideal_weight
        if not any(strengths):
            self.history_factors_ = self.item_factors_ = np.zeros((len(items), 0), dtype=np.float32)
            return 1.0
        found = leading_directions(
            normed,
            self.factors or _share_of(normed),
            seed=self.seed,
            iterations=_ITERATIONS,
            stage=self.name,
            progress=progress,
        )
        squares = np.square(found.values, dtype=np.float64)
        values = squares / squares[0]
        responses = values * np.expm1(-self.sharpening * values), np.full(len(values), self.ideal_weight)
        terms = [term for term in zip(strengths, (self.tilt, _IDEAL_TILT), responses, strict=True) if term[0]]
        self.history_factors_ = np.hstack([_side(found.vectors, items, -tilt, gain) for _, tilt, gain in terms])
        self.item_factors_ = np.hstack([_side(found.vectors, items, tilt, 1.0) for _, tilt, _ in terms])
        return float(squares[0])

    # ---- how it is served: the sum of a sparse and a low-rank product

    def _score_block(self, block: Block) -> Float32:
        scores = super()._score_block(block)
        if self.item_factors_.shape[1]:
            with single_threaded_blas():
                scores += dense_product(block.weights, self.history_factors_) @ self.item_factors_.T
        return scores

    def _rank(self, block: Block, k: int, filters: Filters, n_threads: int | None) -> TopK:
        if not self.item_factors_.shape[1]:
            return super()._rank(block, k, filters, n_threads)
        walked = self._walked(block, n_threads)
        vectors = dense_product(block.weights, self.history_factors_, n_threads)
        return rank_sum(walked, vectors, self.item_factors_, k, filters, n_threads)

    def _users_per_chunk(self) -> int:
        return Recommender._users_per_chunk(self) if self.item_factors_.shape[1] else super()._users_per_chunk()

    def _similar(self, codes: Codes, k: int, itself: Csr, allow: NDArray[np.bool_], n_threads: int | None) -> TopK:
        return self._rank(Block(np.full(len(codes), -1, np.int32), itself), k, Filters(itself, allow, None), n_threads)

    def _contributions(self, block: Block, item: int) -> NDArray[np.float64]:
        items = block.weights.indices
        others = self.history_factors_[items].astype(np.float64) @ self.item_factors_[item].astype(np.float64)
        return np.asarray(super()._contributions(block, item) + block.weights.data * others)


def _share_of(matrix: Csr) -> int:
    """Return the default number of eigenvectors: on small catalogues many of them would be the identity."""
    n_users, n_items = int(np.count_nonzero(np.diff(matrix.indptr))), len(np.unique(matrix.indices))
    return min(max(min(n_users, n_items) // _SIZE_PER_FACTOR, _FEWEST), _MOST)


def _side(vectors: Float32, items: NDArray[np.float64], exponent: float, gains: NDArray[np.float64] | float) -> Float32:
    return np.asarray(degree_powers(items, exponent)[:, None] * vectors * gains, dtype=np.float32)
