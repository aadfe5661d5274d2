"""Cross-fitted reward models: what an item would earn at a row, never fitted on the rows that it is asked of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.seeds import Seed, generator
from recsys.ope.model_based import row_sums
from recsys.ope.policies import Actions
from recsys.ope.units import label_codes
from recsys.ope.weights import vector

Float64 = NDArray[np.float64]
Int = NDArray[np.int64]
Family = Literal["ridge", "logistic"]
_ENTRIES = 1 << 18  # predicted at a time: they stay in the cache
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


class Expected(NamedTuple):
    """What the model expects: (n,) of the logged item, and (n,) of the target policy, Σ_a π(a) q(a)."""

    logged: Float64
    target: Float64


def cross_fitted(
    rewards: ArrayLike,
    actions: ArrayLike,
    policy: Actions,
    features: Features,
    *,
    groups: ArrayLike | None = None,
    family: Family = "ridge",
    folds: int = 5,
    penalty: float = 1.0,
    seed: Seed = 0,
) -> Expected:
    """Return what a model fitted on the other folds expects in every row.

    Ridge or logistic regression on an intercept, position, context, item features and item effects. The block of item
    effects is diagonal and eliminated exactly, so that nothing of size rows × items is made.

    Parameters
    ----------
    rewards, actions : (n,) array_like
        Rewards, and codes of the logged items.
    policy : Actions
        What the target policy may do in each row; where it leaves a slot empty, 0 is expected.
    features : Features
    groups : (n,) array_like of int, optional
        Users where known, else requests: rows of one group are in one fold. By default each row by itself.
    family : {"ridge", "logistic"}
        Logistic is for rewards between 0 and 1.
    folds : int
        At least 2.
    penalty : float
        On the squares of all effects; features are standardised.
    seed : int
        Of the folds.

    Raises
    ------
    ArgumentError
        For other shapes, values that are not finite, fewer groups than folds, or rewards outside [0, 1] for logistic.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shown, always_2 = rng.integers(0, 3, 3000), np.full(3000, 2, np.int32)
    >>> policy = Actions(np.arange(3001), always_2, np.ones(3000))
    >>> found = cross_fitted(np.array([0.1, 0.3, 0.8])[shown], shown, policy, Features(n_items=3))
    >>> round(float(found.target.mean()), 2)
    0.8
    """
    y = vector("rewards", rewards)
    codes, n = np.asarray(actions, np.int64), len(y)
    one_of("family", family, ("ridge", "logistic"))
    penalty = finite_float("penalty", penalty, above=0)
    if family == "logistic" and n and not (y.min() >= 0 and y.max() <= 1):
        raise ArgumentError("rewards lie outside [0, 1]", "rewards between 0 and 1 were expected for logistic")
    if len(codes) != n or len(policy.indptr) != n + 1:
        raise ArgumentError(
            f"there are {n} rewards, {len(codes)} actions and {len(policy.indptr) - 1} rows of the policy",
            "as many of each were expected",
        )
    parts = _Parts.of(features, codes, n, len(policy.codes))
    fold = _folds(n, groups, folds, seed)
    fits = [_fit(y, codes, parts, fold != one, penalty, family) for one in range(folds)]
    return _predict(fits, fold, codes, policy, parts, family)


class _Parts(NamedTuple):
    """Columns by where they come from: rows, items, scores."""

    rows: Float64  # (n, k)
    items: Float64  # (n_items + 1, f): the last for items never shown
    logged_scores: Float64 | None
    entry_scores: Float64 | None
    n_items: int

    @classmethod
    def of(cls, features: Features, codes: Int, n: int, n_entries: int) -> _Parts:
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


class _Fit(NamedTuple):
    base: float
    rows: Float64
    items: Float64  # (n_items + 1,): features and effects together
    scores: float


def _fit(y: Float64, codes: Int, parts: _Parts, used: NDArray[np.bool_], penalty: float, family: Family) -> _Fit:
    """Return the effects from some of the rows, by Newton's method: one step for ridge."""
    total, n = float(y[used].sum()), int(used.sum())
    base = total / n
    if family == "logistic":
        share = (total + 0.5) / (n + 1)
        base = float(np.log(share) - np.log1p(-share))
    k, f = parts.rows.shape[1], parts.items.shape[1]
    beta, effects = np.zeros(k + f + (parts.logged_scores is not None)), np.zeros(parts.n_items)
    for _ in range(1 if family == "ridge" else _STEPS):
        step, item_step = _newton(y, codes, parts, used, _Now(base, beta, effects), penalty, family)
        beta, effects = beta + step, effects + item_step
        if max(np.abs(step).max(initial=0.0), np.abs(item_step).max(initial=0.0)) < 1e-8:
            break
    own = parts.items @ beta[k : k + f]
    own[: parts.n_items] += effects
    return _Fit(base, beta[:k], own, float(beta[-1]) if parts.logged_scores is not None else 0.0)


class _Now(NamedTuple):
    base: float
    beta: Float64
    effects: Float64


def _newton(
    y: Float64,
    codes: Int,
    parts: _Parts,
    used: NDArray[np.bool_],
    now: _Now,
    penalty: float,
    family: Family,
) -> tuple[Float64, Float64]:
    """Solve the penalised normal equations; item effects are eliminated (their block is diagonal).

    Sums are added up over blocks of rows, so that the design never exists as a whole.
    """
    size, n_items = len(now.beta), parts.n_items
    gradient, gram = -penalty * now.beta, penalty * np.eye(size)
    own, diagonal, cross = -penalty * now.effects, np.full(n_items, penalty), np.zeros((size, n_items))
    for begin in range(0, len(y), _ROWS):
        rows = begin + np.flatnonzero(used[begin : begin + _ROWS])
        design, shown = parts.design(rows, codes), codes[rows]
        eta = now.base + design @ now.beta + (now.effects[shown] if n_items else 0.0)
        weights, residuals = np.ones(len(rows)), y[rows] - eta
        if family == "logistic":
            mean = _expit(eta)
            weights, residuals = np.maximum(mean * (1 - mean), 1e-10), y[rows] - mean
        gradient += design.T @ residuals
        gram += design.T @ (design * weights[:, None])
        if n_items:
            own += np.bincount(shown, residuals, n_items)
            diagonal += np.bincount(shown, weights, n_items)
            cross += [np.bincount(shown, weights * column, n_items) for column in design.T]
    if not n_items:
        return np.asarray(np.linalg.solve(gram, gradient), np.float64), now.effects
    step: Float64 = np.linalg.solve(gram - (cross / diagonal) @ cross.T, gradient - cross @ (own / diagonal))
    return step, (own - step @ cross) / diagonal


def _predict(fits: list[_Fit], fold: Int, codes: Int, policy: Actions, parts: _Parts, family: Family) -> Expected:
    """Return both expectations; each row is asked of the model that did not see its fold."""
    common = np.array([fit.base for fit in fits])[fold]
    for column, effects in zip(parts.rows.T, np.array([fit.rows for fit in fits]).T, strict=True):
        common += column * effects[fold]
    table, slopes = np.array([fit.items for fit in fits]), np.array([fit.scores for fit in fits])
    unknown = table.shape[1] - 1
    link = _expit if family == "logistic" else _same
    eta = common + table[fold, codes]
    if parts.logged_scores is not None:
        eta += slopes[fold] * parts.logged_scores
    target = np.zeros(len(fold))
    for rows, entries in _chunks(policy.indptr):
        sizes = np.diff(policy.indptr[rows.start : rows.stop + 1])
        shown = policy.codes[entries]
        at = np.repeat(fold[rows], sizes)
        predicted = np.repeat(common[rows], sizes)
        predicted += table[at, np.where((shown < 0) | (shown > unknown), unknown, shown)]
        if parts.entry_scores is not None:
            predicted += slopes[at] * parts.entry_scores[entries]
        part = Actions(policy.indptr[rows.start : rows.stop + 1] - entries.start, shown, policy.probabilities[entries])
        target[rows] = row_sums(part, policy.probabilities[entries] * link(predicted))
    return Expected(link(eta), target)


def _chunks(indptr: Int) -> Iterator[tuple[slice, slice]]:
    """Yield rows, and their entries, of so many entries each."""
    begin, n = 0, len(indptr) - 1
    while begin < n:
        end = max(int(np.searchsorted(indptr, indptr[begin] + _ENTRIES, side="right")) - 1, begin + 1)
        end = min(end, n)
        yield slice(begin, end), slice(int(indptr[begin]), int(indptr[end]))
        begin = end


def _folds(n: int, groups: ArrayLike | None, folds: int, seed: Seed) -> Int:
    folds = positive_int("folds", folds, minimum=2)
    labels = np.arange(n) if groups is None else np.asarray(groups)
    if labels.shape != (n,):
        raise ArgumentError(f"groups have the shape {labels.shape}", f"({n},) was expected")
    places = labels if groups is None else label_codes("groups", labels)
    size = int(places.max(initial=-1)) + 1
    if size < folds:
        raise ArgumentError(f"there are {size} groups for {folds} folds", "at least one group a fold was expected")
    fold_of: Int = generator(seed).permutation(size) % folds
    return fold_of.take(places)


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


def _expit(eta: Float64) -> Float64:
    from scipy.special import expit

    return np.asarray(expit(eta), np.float64)


def _same(eta: Float64) -> Float64:
    return eta
