"""Training of ALS by our own solver: alternating half-steps, early stopping, factors to start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.progress import Progress, ProgressCallback
from recsys.dataset import Dataset, Vocabulary
from recsys.kernels import Csr, als_rows, gram_basis
from recsys.kernels.als import Update, rotate
from recsys.models.als_features import ItemPrior
from recsys.models.als_objective import Objective
from recsys.models.early_stopping import EarlyStopping

Float32 = NDArray[np.float32]
Improve = Callable[[Float32], Update | None]


class Side(NamedTuple):
    """The rows to solve in one half-step: users over items, or items over users.

    Attributes
    ----------
    weights : (n, n_others) csr_array float32
    ridge : (n,) float64
    """

    weights: Csr
    ridge: NDArray[np.float64]


class Start(NamedTuple):
    """Item vectors of an earlier model.

    Attributes
    ----------
    items : Vocabulary
    known : (n,) bool
        Whether an item had an event.
    vectors : (n, d) float32
    """

    items: Vocabulary
    known: NDArray[np.bool_]
    vectors: Float32

    def fill(self, vectors: Float32, data: Dataset) -> None:
        """Put the earlier vectors in the place of those of `data`'s items that both know and that have an event."""
        codes = self.items.encode(data.items.ids)
        kept = (codes >= 0) & self.known[codes] & (data.item_events > 0)
        vectors[kept] = self.vectors[codes[kept]]


def both_sides(weights: Csr, objective: Objective) -> tuple[Side, Side]:
    """Return the user and the item side of a matrix; rows and columns without entries count for nothing."""
    turned = weights.T.tocsr()
    n_users, n_items = (int((np.diff(side.indptr) > 0).sum()) for side in (weights, turned))
    return (
        Side(weights, objective.ridge(weights, n_items)),
        Side(turned, objective.ridge(turned, n_users)),
    )


def solve_exactly(_: Float32) -> None:
    """Return no `Update`: every row is solved."""


def half_step(
    side: Side,
    vectors: Float32,
    fixed: Float32,
    objective: Objective,
    improve: Improve = solve_exactly,
    means: Float32 | None = None,
) -> None:
    """Make the vectors of one side minimise the loss for fixed vectors of the other, or come nearer to it.

    Both arrays are overwritten, the fixed ones by themselves in the basis of the new ones. So there is never a second
    copy of either: of a large log, the users' is what memory goes into.

    Parameters
    ----------
    side : Side
        The rows to solve.
    vectors : (n, d) float32
        Where they stand, belonging to `fixed`; of no account when they are solved exactly.
    fixed : (n_others, d) float32
        The other side.
    objective : Objective
        The loss.
    improve : callable
        Makes the `Update` of vectors, or None to solve all rows exactly.
    means : (n, d) float32, optional
        Belonging to `fixed`: what the ridge draws to.
    """
    basis = gram_basis(fixed, overwrite=True)
    spectrum = objective.unobserved * basis.spectrum
    if means is not None:
        # Where a row without entries has its minimum: between its mean and what all pairs together ask for.
        drawn = means @ basis.rotation / (spectrum + side.ridge[:, None]) * side.ridge[:, None]
        means = drawn.astype(np.float32)
    update = improve(vectors)
    if update is not None:
        rotate(update.start, basis.rotation, out=update.start)
    offset = objective.target_offset
    als_rows(side.weights, fixed, spectrum, side.ridge, target_offset=offset, means=means, update=update, out=vectors)


def train_items(
    sides: tuple[Side, Side],
    items: Float32,
    objective: Objective,
    *,
    improve: Improve = solve_exactly,
    prior: ItemPrior | None = None,
    epochs: int,
    progress: ProgressCallback,
    judge: EarlyStopping | None,
) -> Float32:
    """Return item vectors after so many sweeps from the given ones, or those of the best epoch.

    A sweep solves items, then users, so that what `judge` sees is what will be served (but for the last exact
    half-step, when `improve` is not exact). Where nobody judges, the last users are left to those who fold them in.

    Parameters
    ----------
    sides : (Side, Side)
        Users and items.
    items : (n_items, d) float32
        First vectors, overwritten; zero where an item has no entry.
    improve : callable
        Makes the `Update` of vectors, or None to solve all rows exactly.
    prior : ItemPrior, optional
        What attributes say about items.
    epochs, progress, judge
        As for `recsys.models.implicit_adapter.train_factors`.
    """
    user_side, item_side = sides
    users = np.empty((len(user_side.ridge), items.shape[1]), np.float32)
    half_step(user_side, users, items, objective)
    for epoch in range(epochs):
        means = None if prior is None else prior.means(items)
        half_step(item_side, items, users, objective, improve, means)
        if prior is not None:
            items[prior.ridge == 0] = 0  # an item without an event is not shown to anyone yet
        if judge is not None or epoch + 1 < epochs:  # who only wants the items folds the users in at the end
            half_step(user_side, users, items, objective, improve)
        values = {} if judge is None else {"ndcg@10": judge.observe(users, items)}
        progress(Progress("als", epoch + 1, epochs, "epochs", values))
        if judge is not None and judge.exhausted:
            break
    return items if judge is None else judge.best[1]


def first_items(side: Side, factors: int, deviation: float, generator: np.random.Generator) -> Float32:
    """Return random item vectors of the expected length `deviation`; zero for items without entries.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> side = Side(csr_array(np.float32([[1], [0]])), np.ones(2))
    >>> first_items(side, 3, 0.1, np.random.default_rng(0)).any(axis=1).tolist()
    [True, False]
    """
    drawn = generator.standard_normal((len(side.ridge), factors), dtype=np.float32)
    drawn *= np.float32(deviation / factors**0.5)
    drawn[np.diff(side.weights.indptr) == 0] = 0
    return drawn
