"""Estimators of whole slates: SIPS, IIPS, RIPS, cascade-DR and the pseudo-inverse.

A value is the mean over requests (or users) of the rewards of all positions together, unless said otherwise.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.ope.estimators import ips
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.model_based import row_sums
from recsys.ope.policies import Actions
from recsys.ope.results import Estimand
from recsys.ope.units import Units, units_of
from recsys.ope.valuing import Valued, valued
from recsys.ope.weights import Kind, checked, vector

Float64 = NDArray[np.float64]
SlateEstimator = Literal["sips", "iips", "rips", "cascade_dr", "pseudo_inverse"]
NEEDS: dict[SlateEstimator, Kind] = {
    "sips": "slate",
    "iips": "position",
    "rips": "given_above",
    "cascade_dr": "given_above",
    "pseudo_inverse": "position",
}
"""The kind of propensity that each slate estimator needs."""


def slate_units(feedback: LoggedFeedback, estimand: Estimand = "request") -> Units:
    """Return the units of a log for slate estimators.

    Raises
    ------
    ArgumentError
        When the log names no requests: which rows are one slate is then not known.
    """
    if not feedback.has_requests:
        hint = "use an estimator over impressions, such as snips"
        raise ArgumentError("the log names no requests", "request ids were expected for estimators over slates", hint)
    return units_of(feedback, estimand)


def sips(slate_weights: ArrayLike, rewards: ArrayLike, offsets: ArrayLike, units: Units | None = None) -> Valued:
    """Return IPS over whole slates: the weight is that of the list as a whole.

    Needs propensities of the kind ``slate``. Assumes nothing of how users read a list, and varies most.

    Parameters
    ----------
    slate_weights : (n_slates,) array_like
    rewards : (n,) array_like
        Of the rows.
    offsets : (n_slates + 1,) array_like of int
        Slate s is the rows ``offsets[s]:offsets[s + 1]``.
    units : Units, optional
        Of the rows; by default each slate is a unit by itself.

    Raises
    ------
    ArgumentError
        For other lengths, NaN, infinite values or negative weights.

    Examples
    --------
    >>> sips([2.0, 0.0], [1.0, 0.0, 1.0, 1.0], offsets=[0, 2, 4]).value
    1.0
    """
    bounds = _offsets(offsets, rewards)
    checked(slate_weights, np.zeros(len(bounds) - 1))
    return weighted_slates("sips", slate_weights, rewards, bounds, units)


def iips(weights: ArrayLike, rewards: ArrayLike, offsets: ArrayLike, units: Units | None = None) -> Valued:
    """Return independent IPS (Li et al. 2018): each position weighted by itself.

    Needs propensities of the kind ``position``. Unbiased when what a position earns depends on its own item alone.
    """
    bounds = _offsets(offsets, rewards)
    return ips(weights, rewards, units or _requests(bounds)).named("iips")


def rips(weights: ArrayLike, rewards: ArrayLike, offsets: ArrayLike, units: Units | None = None) -> Valued:
    """Return reward interaction IPS (McInerney et al. 2020): a position is weighted with all positions above it.

    Needs propensities of the kind ``given_above``: `weights` are their ratios, and are multiplied here from the top of
    each slate down. Unbiased when what a position earns depends on the items above it and its own alone.

    Examples
    --------
    >>> rips([2.0, 0.5, 2.0, 2.0], [1.0, 1.0, 0.0, 1.0], offsets=[0, 2, 4]).value
    3.5
    """
    bounds = _offsets(offsets, rewards)
    w, r = checked(weights, rewards)
    return ips(running_products(w, bounds)[0], r, units or _requests(bounds)).named("rips")


def cascade_dr(
    weights: ArrayLike,
    rewards: ArrayLike,
    logged: ArrayLike,
    target: ArrayLike,
    offsets: ArrayLike,
    units: Units | None = None,
) -> Valued:
    """Return cascade-DR (Kiyohara et al. 2022): RIPS with a reward model of each position.

    Needs propensities of the kind ``given_above``. Position k adds w_1…k (r_k − q_k) + w_1…k−1 E[q_k], unbiased under
    the assumption of RIPS whatever the model, if it was fitted on other rows.

    Parameters
    ----------
    weights, rewards, offsets, units
        As of `rips`.
    logged : (n,) array_like
        What the model expects from the position on (or of the position alone), for the logged item.
    target : (n,) array_like
        The mean of that over the items that the target policy would put there *given the items above*.
    """
    bounds = _offsets(offsets, rewards)
    w, r = checked(weights, rewards)
    q, expected = vector("logged", logged, len(w)), vector("target", target, len(w))
    through, above = running_products(w, bounds)
    terms = through * (r - q) + above * expected
    return valued("cascade_dr", units or _requests(bounds), plain=terms, importance=through)


def pseudo_inverse(weights: ArrayLike, rewards: ArrayLike, offsets: ArrayLike, units: Units | None = None) -> Valued:
    """Return the pseudo-inverse estimator (Swaminathan et al. 2017) for a logger that fills positions independently.

    Needs propensities of the kind ``position``. There q'Γ⁺1 is 1 + Σ_k (w_k − 1), the weight of the slate's reward:
    unbiased when a slate's reward is a sum of what items add at their positions, even if only the sum is observed. For
    a logger that draws without replacement, see `uniform_slate_weights`.

    Examples
    --------
    >>> pseudo_inverse([2.0, 0.5, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0], offsets=[0, 2, 4]).value
    1.25
    """
    bounds = _offsets(offsets, rewards)
    w, _ = checked(weights, rewards)
    sizes = np.diff(bounds)
    per_slate = 1 + np.add.reduceat(w - 1, bounds[:-1]) if len(sizes) else np.zeros(0)
    return weighted_slates("pseudo_inverse", per_slate, rewards, bounds, units)


def uniform_slate_weights(
    target: Actions, actions: ArrayLike, offsets: ArrayLike, n_candidates: int | NDArray[np.int64]
) -> Float64:
    """Return the pseudo-inverse weights q'Γ⁺1 of slates drawn uniformly, in order and without replacement.

    With m candidates and l positions, Γ has three eigenvalues, and the weight is
    1 + (m (m − 1) / (m − l)) Σ_k (p(a_k) − 1/m) + (m − 1) Σ_k (q_k(a_k) − p(a_k)), where q_k(a_k) is the
    target's probability of the logged item at its position, and p its mean over the positions. With l = m there is no
    second term.

    Parameters
    ----------
    target : Actions
        Of every row: the target's probabilities at that position.
    actions : (n,) array_like of int
        The logged items, from the top of each slate down.
    offsets : (n_slates + 1,) array_like of int
    n_candidates : int or (n_slates,) int64
        m, items that every (or each) slate was drawn from.

    Returns
    -------
    (n_slates,) float64
        For `weighted_slates`; they may be negative.

    Raises
    ------
    ArgumentError
        For slates longer than the candidates, or fewer than two candidates.
    """
    codes = np.asarray(actions, np.int64)
    bounds = _offsets(offsets, codes)
    sizes = np.diff(bounds)
    if isinstance(n_candidates, np.ndarray):
        m = n_candidates.astype(np.int64)
    else:
        m = np.full(len(sizes), positive_int("n_candidates", n_candidates, minimum=2))
    over = sizes > m
    if over.any():
        place = int(np.argmax(over))
        raise ArgumentError(
            f"a slate has {sizes[place]} items of {m[place]} candidates", "at most all of them were expected"
        )
    slates = np.repeat(np.arange(len(sizes)), sizes)
    own, anywhere = _marginals(target, codes, slates)
    mean = anywhere / sizes[slates]
    among = np.zeros(len(sizes))
    np.divide(m * (m - 1.0), m - sizes, out=among, where=sizes < m)
    terms = among[slates] * (mean - 1 / m[slates]) + (m[slates] - 1) * (own - mean)
    return np.asarray(1 + np.bincount(slates, terms, len(sizes)), np.float64)


def weighted_slates(
    name: SlateEstimator, slate_weights: ArrayLike, rewards: ArrayLike, offsets: ArrayLike, units: Units | None = None
) -> Valued:
    """Return the mean of slates' rewards times weights that may be negative, as the pseudo-inverse gives them."""
    one_of("name", name, NEEDS)
    bounds = _offsets(offsets, rewards)
    w = vector("slate_weights", slate_weights, len(bounds) - 1)
    terms = np.repeat(w, np.diff(bounds)) * vector("rewards", rewards)
    return valued(name, units or _requests(bounds), plain=terms, importance=np.abs(w))


def running_products(weights: Float64, offsets: NDArray[np.int64]) -> tuple[Float64, Float64]:
    """Return for every row the product of the slate's weights through it, and above it (1 at the top)."""
    through, above = weights.copy(), np.ones_like(weights)
    sizes = np.diff(offsets)
    with np.errstate(over="ignore", invalid="ignore"):  # refused, with its reason, where weights are asked for
        for depth in range(1, int(sizes.max(initial=0))):  # as many steps as the longest slate has positions
            rows = offsets[:-1][sizes > depth] + depth
            above[rows] = through[rows - 1]
            through[rows] *= above[rows]
    return through, above


def _marginals(target: Actions, codes: NDArray[np.int64], slates: NDArray[np.int64]) -> tuple[Float64, Float64]:
    """Return the target's probability of each logged item at its own position, and summed over its slate's."""
    if len(target.indptr) != len(codes) + 1:
        raise ArgumentError(f"the policy tells of {len(target.indptr) - 1} rows", f"{len(codes)} were expected")
    rows = np.repeat(np.arange(len(codes)), np.diff(target.indptr))
    own = row_sums(target, np.where(target.codes == codes[rows], target.probabilities, 0.0))
    width = int(max(codes.max(initial=0), target.codes.max(initial=0))) + 2
    pairs = slates[rows] * width + target.codes + 1
    logged = slates * width + codes + 1
    order = np.sort(np.unique(logged))
    place = np.searchsorted(order, pairs)
    place[place == len(order)] = 0
    hit = order[place] == pairs if len(order) else np.zeros(0, bool)
    sums: Float64 = np.bincount(place[hit], target.probabilities[hit], len(order)).astype(np.float64)
    return own, sums[np.searchsorted(order, logged)]


def _offsets(offsets: ArrayLike, rows: ArrayLike) -> NDArray[np.int64]:
    bounds, n = np.asarray(offsets, np.int64), len(np.asarray(rows))
    if bounds.ndim != 1 or not len(bounds) or bounds[0] != 0 or bounds[-1] != n or (np.diff(bounds) < 1).any():
        raise ArgumentError(
            f"offsets have the shape {bounds.shape}", f"rising row numbers from 0 to {n} were expected, no slate empty"
        )
    return bounds


def _requests(offsets: NDArray[np.int64]) -> Units:
    return Units.of("request", requests=np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)))
