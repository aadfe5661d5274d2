"""Cross-fitted reward models: what an item would earn at a row, never fitted on the rows that it is asked of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.seeds import Seed, generator
from recsys.ope.model_based import row_sums
from recsys.ope.policies import Actions
from recsys.ope.regression import Family, Features, Fit, Parts, blocks, fit, mean_of, normal_equations, slope_of
from recsys.ope.units import label_codes
from recsys.ope.weights import vector

Float64 = NDArray[np.float64]
Int = NDArray[np.int64]
_ENTRIES = 1 << 18  # predicted at a time: they stay in the cache


class Expected(NamedTuple):
    """What the model expects.

    Attributes
    ----------
    logged, target : (n,) float64
        Of the logged item; of the target policy, Σ_a π(a) q(a).
    pull : (n,) float64 or None
        How far each row moves the mean of `target` by what the model learned from it, times n: the error of the model
        in the influence function of that mean, by residuals of the fits that did not see the row.
    """

    logged: Float64
    target: Float64
    pull: Float64 | None = None


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
    pull: bool = False,
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
    pull : bool
        Also return how each row moves the mean.

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
    parts = Parts.of(features, codes, n, len(policy.codes))
    fold = _folds(n, groups, folds, seed)
    fits = [fit(y, codes, parts, fold != one, penalty, family) for one in range(folds)]
    found = _predict(fits, fold, codes, policy, parts, family)
    if not pull:
        return found
    return found._replace(pull=_pull(fits, fold, y, y - found.logged, codes, policy, parts, penalty, family))


def _predict(fits: list[Fit], fold: Int, codes: Int, policy: Actions, parts: Parts, family: Family) -> Expected:
    """Return both expectations; each row is asked of the model that did not see its fold."""
    common = _common(fits, fold, parts)
    eta = common + np.array([one.items for one in fits])[fold, codes]
    if parts.logged_scores is not None:
        eta += np.array([one.scores for one in fits])[fold] * parts.logged_scores
    target = np.zeros(len(fold))
    for asked in _asked(fits, fold, common, policy, parts):
        target[asked.rows] = row_sums(asked.part, asked.part.probabilities * mean_of(asked.eta, family))
    return Expected(mean_of(eta, family), target)


def _pull(
    fits: list[Fit],
    fold: Int,
    y: Float64,
    residuals: Float64,
    codes: Int,
    policy: Actions,
    parts: Parts,
    penalty: float,
    family: Family,
) -> Float64:
    """Return how far each row moves the mean of what is expected, times n (the sandwich of Huber 1967).

    The sum over the rows of a fold rises with the effects by g, and these with a row that they were fitted on by
    H⁻¹ x (y − μ): the row adds gᵀ H⁻¹ x (y − μ), over all folds but its own. Its residual is that of the model which
    did not see it: a fit that saw few rows of an item passes close to each of them, and would hide their spread.
    """
    found = np.zeros(len(y))
    of_columns, of_items = _gradients(fits, fold, policy, parts, family)
    for one, fitted in enumerate(fits):
        used = fold != one
        system = normal_equations(y, codes, parts, used, fitted.effects, penalty, family)
        columns, items = system.solve(of_columns[one], of_items[one, : parts.n_items])
        for rows in blocks(used):
            moved = parts.design(rows, codes) @ columns + (items[codes[rows]] if parts.n_items else 0.0)
            found[rows] += moved * residuals[rows]
    return found


def _gradients(fits: list[Fit], fold: Int, policy: Actions, parts: Parts, family: Family) -> tuple[Float64, Float64]:
    """Return how the sums of what is expected in each fold rise with the effects, (folds, …): of columns, of items."""
    n_folds, size = len(fits), len(fits[0].items)
    of_rows, of_items, of_scores = np.zeros((n_folds, parts.rows.shape[1])), np.zeros(n_folds * size), np.zeros(n_folds)
    for asked in _asked(fits, fold, _common(fits, fold, parts), policy, parts):
        share = asked.part.probabilities * slope_of(asked.eta, family)
        of_items += np.bincount(asked.at * size + asked.items, share, n_folds * size)
        per_row, own = row_sums(asked.part, share), fold[asked.rows]
        for column, values in enumerate(parts.rows[asked.rows].T):
            of_rows[:, column] += np.bincount(own, per_row * values, n_folds)
        if asked.scores is not None:
            of_scores += np.bincount(asked.at, share * asked.scores, n_folds)
    items = of_items.reshape(n_folds, size)
    scored = [of_scores[:, None]] if parts.entry_scores is not None else []
    return np.hstack([of_rows, items @ parts.items, *scored]), items


class _Asked(NamedTuple):
    """Some rows, and what the policy may do in them: `at`, the fold of each entry; `items`, its item or the unknown."""

    rows: slice
    part: Actions
    at: Int
    items: Int
    scores: Float64 | None
    eta: Float64


def _asked(fits: list[Fit], fold: Int, common: Float64, policy: Actions, parts: Parts) -> Iterator[_Asked]:
    table, slopes = np.array([one.items for one in fits]), np.array([one.scores for one in fits])
    unknown = table.shape[1] - 1
    for rows, entries in _chunks(policy.indptr):
        indptr, shown = policy.indptr[rows.start : rows.stop + 1], policy.codes[entries]
        at, items = np.repeat(fold[rows], np.diff(indptr)), np.where((shown < 0) | (shown > unknown), unknown, shown)
        eta = np.repeat(common[rows], np.diff(indptr))
        eta += table[at, items]
        scores = None if parts.entry_scores is None else parts.entry_scores[entries]
        if scores is not None:
            eta += slopes[at] * scores
        part = Actions(indptr - entries.start, shown, policy.probabilities[entries])
        yield _Asked(rows, part, at, items, scores, eta)


def _common(fits: list[Fit], fold: Int, parts: Parts) -> Float64:
    """Return what the predictor of each row has whatever the item."""
    common: Float64 = np.array([one.effects.base for one in fits])[fold]
    for column, effects in zip(parts.rows.T, np.array([one.rows for one in fits]).T, strict=True):
        common += column * effects[fold]
    return common


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
