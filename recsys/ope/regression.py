"""Reward models: ridge and logistic regression with an effect of each item, eliminated exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.errors import ArgumentError
from recsys.ope.weights import vector

Float64 = NDArray[np.float64]
Int = NDArray[np.int64]
Family = Literal["ridge", "logistic"]
_ROWS = 1 << 16  # fitted at a time
_POSITIONS = 20  # with an effect of their own; those below share the last
_STEPS = 25  # Newton's; some eight are needed


class Features(NamedTuple):
    """What a reward model may look at; effects of all of it are added up.

    Attributes
    ----------
    n_items : int
        Each has an effect of its own, shrunk to 0 (one never shown: 0); 0 items: no such effects.
    positions : (n,) int array or None
        From 1.
    context : (n, d) float array or None
        Of the row.
    items : (n_items, f) float array or None
        Features of the items.
    scores : pair of (n,) and (nnz,) float64, or None
        A recommender's own scores, of the logged item and of each entry of `Actions`: with nothing else, the model
        calibrates them.
    """

    n_items: int = 0
    positions: ArrayLike | None = None
    context: ArrayLike | None = None
    items: ArrayLike | None = None
    scores: tuple[ArrayLike, ArrayLike] | None = None


class Parts(NamedTuple):
    """Columns by where they come from: rows, items, scores."""

    rows: Float64  # (n, k)
    items: Float64  # (n_items + 1, f): the last for items never shown
    logged_scores: Float64 | None
    entry_scores: Float64 | None
    n_items: int

    @classmethod
    def of(cls, features: Features, codes: Int, n: int, n_entries: int) -> Parts:
        """Return the columns that features give for n rows, and as many entries of what a policy may do."""
        columns: list[NDArray[np.generic]] = [np.ones((n, 1))]  # an intercept
        if features.positions is not None:
            places = np.minimum(np.asarray(features.positions, np.int64), _POSITIONS)
            if places.shape != (n,):
                raise ArgumentError(f"positions have the shape {places.shape}", f"({n},) was expected")
            columns.append(places[:, None] == np.unique(places)[None, 1:])  # the first is in the intercept
        if features.context is not None:
            columns.append(_standard("context", features.context, n))
        highest = int(codes.max(initial=-1)) + 1
        if features.n_items and highest > features.n_items:
            raise ArgumentError(f"n_items is {features.n_items}", f"at least {highest} was expected")
        size = features.n_items or highest
        items = np.zeros((size + 1, 0))
        if features.items is not None:
            items = np.pad(_standard("items", features.items, size), ((0, 1), (0, 0)))
        logged = entries = None
        if features.scores is not None:
            logged = vector("scores of logged items", features.scores[0], n)
            entries = vector("scores of entries", features.scores[1], n_entries)
            centre, spread = (float(logged.mean()), float(logged.std()) or 1.0) if n else (0.0, 1.0)
            logged, entries = (logged - centre) / spread, (entries - centre) / spread
        return cls(np.hstack(columns).astype(np.float64, copy=False), items, logged, entries, features.n_items)

    def design(self, rows: NDArray[np.int64], codes: Int) -> Float64:
        """Return all columns of some rows but the item effects."""
        blocks = [self.rows[rows], self.items[codes[rows]]]
        if self.logged_scores is not None:
            blocks.append(self.logged_scores[rows][:, None])
        return np.hstack(blocks)


class Effects(NamedTuple):
    """What was fitted: of columns that are made of rows, item features and scores; and of each item by itself."""

    base: float
    beta: Float64  # (k + f,), one more with scores
    items: Float64  # (n_items,)


class Fit(NamedTuple):
    """The same as it is asked.

    Attributes
    ----------
    effects : Effects
    rows : (k,) float64
    items : (n_items + 1,) float64
        Features and effects together; the last of items never shown.
    scores : float
    """

    effects: Effects
    rows: Float64
    items: Float64
    scores: float


def fit(y: Float64, codes: Int, parts: Parts, used: NDArray[np.bool_], penalty: float, family: Family) -> Fit:
    """Return the effects from some of the rows, by Newton's method: one step for ridge."""
    total, n = float(y[used].sum()), int(used.sum())
    base = total / n
    if family == "logistic":
        share = (total + 0.5) / (n + 1)
        base = float(np.log(share) - np.log1p(-share))
    k, f = parts.rows.shape[1], parts.items.shape[1]
    now = Effects(base, np.zeros(k + f + (parts.logged_scores is not None)), np.zeros(parts.n_items))
    for _ in range(1 if family == "ridge" else _STEPS):
        system = normal_equations(y, codes, parts, used, now, penalty, family)
        step, item_step = system.solve(system.gradient, system.own)
        now = Effects(base, now.beta + step, now.items + item_step)
        if max(np.abs(step).max(initial=0.0), np.abs(item_step).max(initial=0.0)) < 1e-8:
            break
    own = parts.items @ now.beta[k : k + f]
    own[: parts.n_items] += now.items
    return Fit(now, now.beta[:k], own, float(now.beta[-1]) if parts.logged_scores is not None else 0.0)


class System(NamedTuple):
    """Penalised normal equations; the block of item effects is diagonal.

    Attributes
    ----------
    gradient, own : (size,), (n_items,) float64
        Of the columns and of the item effects.
    gram, cross, diagonal : (size, size), (size, n_items), (n_items,) float64
    """

    gradient: Float64
    own: Float64
    gram: Float64
    cross: Float64
    diagonal: Float64

    def solve(self, columns: Float64, items: Float64) -> tuple[Float64, Float64]:
        """Return the solution for a right-hand side; item effects are eliminated exactly."""
        if not len(self.diagonal):
            return np.asarray(np.linalg.solve(self.gram, columns), np.float64), items
        reduced = self.gram - (self.cross / self.diagonal) @ self.cross.T
        step = np.asarray(np.linalg.solve(reduced, columns - self.cross @ (items / self.diagonal)), np.float64)
        return step, (items - step @ self.cross) / self.diagonal


def normal_equations(
    y: Float64,
    codes: Int,
    parts: Parts,
    used: NDArray[np.bool_],
    now: Effects,
    penalty: float,
    family: Family,
) -> System:
    """Return what a Newton step from some effects solves.

    Sums are added up over blocks of rows, so that the design never exists as a whole.
    """
    size, n_items = len(now.beta), parts.n_items
    gradient, gram = -penalty * now.beta, penalty * np.eye(size)
    own, diagonal, cross = -penalty * now.items, np.full(n_items, penalty), np.zeros((size, n_items))
    for rows in blocks(used):
        design, shown = parts.design(rows, codes), codes[rows]
        eta = now.base + design @ now.beta + (now.items[shown] if n_items else 0.0)
        weights, residuals = slope_of(eta, family), y[rows] - mean_of(eta, family)
        gradient += design.T @ residuals
        gram += design.T @ (design * weights[:, None])
        if n_items:
            own += np.bincount(shown, residuals, n_items)
            diagonal += np.bincount(shown, weights, n_items)
            cross += [np.bincount(shown, weights * column, n_items) for column in design.T]
    return System(gradient, own, gram, cross, diagonal)


def blocks(used: NDArray[np.bool_]) -> Iterator[Int]:
    """Yield the numbers of the rows that are used, some at a time."""
    for begin in range(0, len(used), _ROWS):
        yield begin + np.flatnonzero(used[begin : begin + _ROWS])


def mean_of(eta: Float64, family: Family) -> Float64:
    """Return what is expected at a linear predictor."""
    if family == "ridge":
        return eta
    from scipy.special import expit

    return np.asarray(expit(eta), np.float64)


def slope_of(eta: Float64, family: Family) -> Float64:
    """Return how fast what is expected rises with the predictor; at least a trifle, so that a step can be solved."""
    if family == "ridge":
        return np.ones(len(eta))
    mean = mean_of(eta, family)
    return np.asarray(np.maximum(mean * (1 - mean), 1e-10), np.float64)


def _standard(name: str, values: ArrayLike, n: int) -> Float64:
    given = np.asarray(values, np.float64)
    given = given[:, None] if given.ndim == 1 else given
    if given.ndim != 2 or len(given) != n:
        raise ArgumentError(f"{name} has the shape {given.shape}", f"{n} rows were expected")
    if not np.isfinite(given).all():
        raise ArgumentError(f"{name} has NaN or infinite values", "finite numbers were expected")
    centred = given - given.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0), np.float64)
