"""Estimators with a reward model: DM, DR, SNDR, Switch-DR, DR with optimistic shrinkage; MIPS over embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.ope.policies import Actions
from recsys.ope.units import Units
from recsys.ope.valuing import CUT, Valued, valued
from recsys.ope.weights import checked, vector

Float64 = NDArray[np.float64]
MODEL_DECIDES = "the reward model decides: its bias is in no interval"
CATEGORIES_DECIDE = "items of one category are taken to earn alike: where they do not, the bias is in no interval"


def dm(target: ArrayLike, units: Units | None = None, *, pull: ArrayLike | None = None) -> Valued:
    """Return the direct method's value: the mean of what a reward model expects under the target policy.

    With `pull` the interval tells how much the mean varies over the units and with what the model has learned, but not
    how wrong its form is. Without, it takes the model for the truth, and is far too narrow.

    Parameters
    ----------
    target : (n,) array_like
        Σ_a π(a) q(a) of each row, from `rewards.cross_fitted`.
    units : Units, optional
    pull : (n,) array_like, optional
        How far each row moves the mean by the model, from the same.

    Raises
    ------
    ArgumentError
        For NaN or infinite values.
    """
    q = vector("target", target)
    units = units or Units.impressions(len(q))
    moved = None if pull is None else vector("pull", pull, len(q))
    return valued("dm", units, plain=q, moved=moved).named("dm", MODEL_DECIDES)


def dr(
    weights: ArrayLike, rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, units: Units | None = None
) -> Valued:
    """Return the doubly robust value, q(π) + w (r − q(logged)) (Dudík, Langford & Li 2011).

    Unbiased with the true propensities and a reward model fitted on other rows; the better the model, the less it
    varies.

    Parameters
    ----------
    weights, rewards : (n,) array_like
        As of `estimators.ips`.
    logged, target : (n,) array_like
        What the reward model expects of the logged item, and under the target policy.
    units : Units, optional

    Raises
    ------
    ArgumentError
        For other lengths, NaN, infinite values or negative weights.

    Examples
    --------
    >>> found = dr([2.0, 0.0], [1.0, 0.0], logged=[0.5, 0.1], target=[0.5, 0.4])
    >>> found.value
    0.95
    """
    w, r, q, expected = _inputs(weights, rewards, logged, target)
    return valued("dr", units or Units.impressions(len(w)), plain=expected + w * (r - q), importance=w)


def sndr(
    weights: ArrayLike, rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, units: Units | None = None
) -> Valued:
    """Return the self-normalised doubly robust value: the corrections are divided by the sum of the weights.

    Parameters and errors are those of `dr`.
    """
    w, r, q, expected = _inputs(weights, rewards, logged, target)
    units = units or Units.impressions(len(w))
    return valued("sndr", units, plain=expected, normalised=w * (r - q), weights=w, importance=w)


def switch_dr(
    weights: ArrayLike,
    rewards: ArrayLike,
    logged: ArrayLike,
    target: ArrayLike,
    units: Units | None = None,
    *,
    threshold: float,
) -> Valued:
    """Return Switch-DR (Wang, Agarwal & Dudík 2017): rows with a weight above the threshold are not corrected.

    Parameters and errors are those of `dr`.
    """
    w, r, q, expected = _inputs(weights, rewards, logged, target)
    kept = np.where(w <= finite_float("threshold", threshold, minimum=0), w, 0.0)
    units = units or Units.impressions(len(w))
    found = valued("switch_dr", units, plain=expected + kept * (r - q), importance=w)
    return found.named("switch_dr", *([CUT] if (kept < w).any() else []), threshold=float(threshold))


def shrunk_dr(
    weights: ArrayLike,
    rewards: ArrayLike,
    logged: ArrayLike,
    target: ArrayLike,
    units: Units | None = None,
    *,
    shrinkage: float,
) -> Valued:
    """Return DR with optimistic shrinkage (Su, Dimakopoulou, Krishnamurthy & Dudík 2020): weights λ w / (w² + λ).

    λ of 0 is the direct method, infinitely large λ is DR. Other parameters and errors are those of `dr`.
    """
    w, r, q, expected = _inputs(weights, rewards, logged, target)
    strength = finite_float("shrinkage", shrinkage, minimum=0)
    shrunk = np.zeros_like(w) if strength == 0 else w / (w * (w / strength) + 1)
    units = units or Units.impressions(len(w))
    found = valued("shrunk_dr", units, plain=expected + shrunk * (r - q), importance=w)
    return found.named("shrunk_dr", CUT, shrinkage=strength)


def mips_weights(target: Actions, logging: Actions, actions: ArrayLike, embedding: ArrayLike) -> Float64:
    """Return marginal importance weights over embeddings of items (Saito & Joachims 2022).

    The weight of a row is how probable an item *with the embedding of the logged one* is under the target policy, over
    the same under the logging policy. `estimators.ips` or `snips` of them is MIPS: unbiased when items of one embedding
    earn the same in the same context.

    Parameters
    ----------
    target, logging : Actions
        What both policies may do in each row.
    actions : (n,) array_like of int
        Codes of the logged items.
    embedding : (n_items,) array_like of int
        A category of each item, by its code. Items that the log has never shown (−1) have none.

    Raises
    ------
    ArgumentError
        For other lengths, or a logging policy that gives the logged category no probability.

    Examples
    --------
    >>> logging = Actions(np.array([0, 3]), np.array([0, 1, 2], np.int32), np.array([0.2, 0.3, 0.5]))
    >>> target = Actions(np.array([0, 1]), np.array([1], np.int32), np.array([1.0]))
    >>> mips_weights(target, logging, [0], embedding=[7, 7, 8]).tolist()
    [2.0]
    """
    codes, categories = np.asarray(actions), np.asarray(embedding)
    below = _mass(logging, codes, categories)
    if len(below) and below.min() <= 0:
        bad = int((below <= 0).sum())
        raise ArgumentError(
            f"in {bad} rows the logging policy gives the category of the logged item no probability",
            "a positive one was expected",
        )
    return _mass(target, codes, categories) / below


def row_sums(actions: Actions, values: Float64) -> Float64:
    """Return the sum over each row's entries, (n,); 0 for a row without any."""
    starts, sizes = actions.indptr[:-1], np.diff(actions.indptr)
    if sizes.size and sizes.min() > 0:
        return np.asarray(np.add.reduceat(values, starts), np.float64)
    found = np.zeros(len(sizes))
    if len(values):
        found[sizes > 0] = np.add.reduceat(values, starts[sizes > 0])
    return found


def _mass(policy: Actions, codes: NDArray[np.int32], categories: NDArray[np.int64]) -> Float64:
    if len(policy.indptr) != len(codes) + 1:
        raise ArgumentError(f"a policy tells of {len(policy.indptr) - 1} rows", f"{len(codes)} were expected")
    last = int(max(codes.max(initial=-1), policy.codes.max(initial=-1)))
    if last >= len(categories):
        raise ArgumentError(f"there are {len(categories)} embeddings", f"one of each of {last + 1} items was expected")
    wanted = np.repeat(categories[codes], np.diff(policy.indptr))
    same = (categories[policy.codes] == wanted) & (policy.codes >= 0)
    return row_sums(policy, np.where(same, policy.probabilities, 0.0))


def _inputs(
    weights: ArrayLike, rewards: ArrayLike, logged: ArrayLike, target: ArrayLike
) -> tuple[Float64, Float64, Float64, Float64]:
    w, r = checked(weights, rewards)
    return w, r, vector("logged", logged, len(w)), vector("target", target, len(w))
