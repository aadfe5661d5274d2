"""The gate: what weights, rewards and the support of a policy say of an estimate, before anybody reads it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.display import counted
from recsys.ope.checks import Check, Limits, graded, result, tested
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.weights import effective_n, even_n

Rows = NDArray[np.float64]
Codes = NDArray[np.integer]
_EDGES = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0, math.inf)
_LOW = (
    "the policy shows what the logger could not (rights, stock, items already seen: rules of eligibility tell), or the"
    " propensities are too large"
)
_HIGH = "the propensities are too small (of the list, or of another event), or rows were left out by what came of them"


class WeightBin(NamedTuple):
    """Rows whose weight lies in (low, high]; the first bin is of weights that are 0.

    Attributes
    ----------
    low, high : float
    rows : int
    share : float
        Of all rows.
    weight_share : float
        Of the sum of all weights; NaN when that is 0.
    """

    low: float
    high: float
    rows: int
    share: float
    weight_share: float


def weight_histogram(weights: Rows) -> tuple[WeightBin, ...]:
    """Return how many rows have which weight, and how much of the sum they make up."""
    place = np.searchsorted(_EDGES, weights, side="left")
    rows = np.bincount(place, minlength=len(_EDGES))
    sums = np.bincount(place, weights=weights, minlength=len(_EDGES))
    n, total = max(len(weights), 1), float(sums.sum())
    return tuple(
        WeightBin(
            _EDGES[max(at - 1, 0)],
            _EDGES[at],
            int(rows[at]),
            float(rows[at] / n),
            float(sums[at] / total) if total > 0 else math.nan,
        )
        for at in range(len(_EDGES))
    )


def clusters_of(feedback: LoggedFeedback, by_slate: bool = False) -> NDArray[np.int64] | None:
    """Return the cluster of each row (or slate): its user, else its request; None when all stand alone."""
    slates = feedback.slates
    codes = None if feedback.user_codes is None else feedback.user_codes.astype(np.int64)
    if codes is None:
        return None if by_slate or not feedback.has_requests else slates
    if by_slate:
        starts = feedback.offsets[:-1]
        codes, slates = codes[starts], np.arange(len(starts))
    return np.where(codes >= 0, codes, slates + (0 if feedback.users is None else len(feedback.users)))


def clustered_error(values: Rows, clusters: Codes | None) -> float:
    """Return the standard error of a mean, of rows that may depend on each other within clusters; NaN below two.

    √(G / (G − 1) · Σ_g (Σ_{i∈g} (x_i − x̄))²) / n
    """
    residuals = _residuals(values, clusters)
    groups = len(residuals)
    if groups < 2:
        return math.nan
    return math.sqrt(groups / (groups - 1) * float((residuals**2).sum())) / len(values)


def _residuals(values: Rows, clusters: Codes | None) -> Rows:
    """Return what each cluster (or row) adds to the sum of deviations from the mean."""
    residuals = values - values.mean() if len(values) else values
    return residuals if clusters is None else cluster_sums(residuals, clusters)


def unskewed(z: float, residuals: Rows) -> float:
    """Return a studentised mean as normal as it can be made (Hall 1992, a monotone transformation).

    Weights are skewed: a sample that misses the largest ones has too small a mean and too small an error of it.

    Parameters
    ----------
    z : float
        The mean, less what is expected, over its standard error.
    residuals : (n,) float64
        What the mean is of, less the mean.

    Examples
    --------
    >>> round(unskewed(-2.0, np.array([-1.0] * 9 + [9.0])), 2)  # far below, as such samples often are
    -0.95
    """
    squares = residuals * residuals
    skewness = float(squares @ residuals) / float(squares.sum()) ** 1.5  # of the sum
    return float(z + skewness * z * z / 3 + skewness * skewness * z**3 / 27 + skewness / 6)


def mean_weight(
    weights: Rows,
    clusters: Codes | None = None,
    *,
    expected: float = 1.0,
    limits: Limits = Limits(),  # noqa: B008
) -> Check:
    """Test that weights average to what they must: 1, or the mass of the policy on what the log can show.

    A normal test, corrected for skewness: without, right propensities with very uneven weights failed in up to 16 % of
    the logs (`python -m benchmarks error_rates mean-weight`). It is not made when so few rows carry weight that the
    sample cannot know its own variance (an effective size below `limits.least_size`, which has a check of its own).
    """
    name, size = "mean-weight", effective_n(weights)
    mean = float(weights.mean()) if len(weights) else math.nan
    error = clustered_error(weights, clusters)
    if size < limits.least_size or math.isnan(error):
        return Check(name, "not_run", None, limits.level, consequence="too few rows carry weight for the test")
    from scipy.special import ndtr

    rounding = 1e-9 * max(expected, mean)  # of sums of floats: equal weights have no variance
    if abs(mean - expected) <= rounding:
        z = 0.0
    else:
        z = unskewed((mean - expected) / error, _residuals(weights, clusters)) if error > 0 else math.inf
    pvalue = float(2 * ndtr(-abs(z)))
    detail = f"mean {mean:.4g}, expected {expected:.4g}, z = {z:.3g}"
    told = f"the weights do not average to what they must; likely {_LOW if mean < expected else _HIGH}"
    bounds = {"fail": limits.mean_weight, "flag": limits.flag_mean_weight}
    return tested(name, pvalue, abs(mean - expected) / expected, told, detail, limits, **bounds)


def size_checks(weights: Rows, limits: Limits = Limits()) -> tuple[Check, Check]:  # noqa: B008
    """Return the checks of the effective sample size and of the largest weight."""
    n, size, total = len(weights), effective_n(weights), float(weights.sum())
    verdict = graded(size, fail=limits.least_size, flag=limits.good_size)
    used = int((weights > 0).sum())
    told = "the policy shares nothing with the log" if not used else "few rows carry the estimate"
    share = f", {100 * size / n:.3g} %" if n else ""
    first = result("effective-size", verdict, size, limits.good_size, told, f"{size:,.1f} of {n:,} rows{share}")
    largest = float(weights.max() / total) if total > 0 else math.nan
    if math.isnan(largest):
        return first, Check("largest-weight", "not_run", None, limits.flag_weight, consequence="no row has weight")
    verdict = graded(largest, fail=limits.largest_weight, flag=limits.flag_weight, low_is_bad=False)
    detail = f"{100 * largest:.2g} % of the sum of weights"
    return first, result("largest-weight", verdict, largest, limits.flag_weight, "one row decides", detail)


def cluster_check(weights: Rows, clusters: Codes, limits: Limits = Limits()) -> Check:  # noqa: B008
    """Return the check that enough clusters carry the weights: two users with 10,000 rows each are two observations."""
    size = effective_n(cluster_sums(weights, clusters))
    verdict = graded(size, fail=limits.least_clusters, flag=limits.good_clusters)
    told = "few users (or requests) carry the estimate, and its interval is too narrow"
    return result("effective-clusters", verdict, size, limits.good_clusters, told, f"as good as {size:,.1f}")


def cluster_sums(values: Rows, clusters: Codes) -> Rows:
    """Return the sum of each cluster's rows."""
    codes = np.unique(clusters, return_inverse=True)[1]
    return np.asarray(np.bincount(codes, weights=values), np.float64)


def rewarded_check(
    weights: Rows,
    rewards: Rows,
    limits: Limits = Limits(),  # noqa: B008
    clusters: Codes | None = None,
) -> Check:
    """Return the check that enough rewarded rows stand behind an estimate: a handful of clicks is no click rate.

    Counted as `even_n` counts: rare rewards with uneven weights have a skewed sum, whose normal interval covers less.

    All the clicks of one cluster are one: they need not be independent.

    Rewards of very uneven size (minutes, money) are counted the same way, by their deviations from the mean, and flag
    only: the interval is too narrow when a few of them decide, and the largest ones may not have come yet.

    A reward that is nowhere 0 has no rare outcome, and one that never varies no uncertainty: both pass.
    """
    name, paid = "rewarded", rewards != 0
    if len(rewards) and float(np.ptp(rewards)) == 0 and paid.all():
        return Check(name, "ok", effective_n(weights), limits.flag_rewarded, detail="the reward never varies")
    behind = weights * paid
    size = even_n(behind if clusters is None else cluster_sums(behind, clusters))
    mean = float(weights @ rewards) / max(float(weights.sum()), 1e-300)
    sized = _as_skewed(weights * (rewards - mean), clusters)
    verdict = graded(size, fail=limits.rewarded, flag=limits.flag_rewarded)
    detail = f"{counted(int((paid & (weights > 0)).sum()), 'rewarded row')} with weight, as even as {size:.1f} alike"
    if verdict == "estimable" and sized < limits.flag_rewarded:
        told = "a few large rewards decide, and larger ones may not have come yet: its interval is too narrow"
        return result(name, "flagged", sized, limits.flag_rewarded, told, f"as even as {sized:.1f} rewards alike")
    told = "hardly any row with a reward" if verdict == "not_estimable" else "a handful of rows with a reward"
    return result(name, verdict, size, limits.flag_rewarded, told, detail)


def _as_skewed(deviations: Rows, clusters: Codes | None) -> float:
    """Return how many equal rare terms have a sum as skewed as that of deviations; infinite for symmetric ones."""
    sums = deviations if clusters is None else cluster_sums(deviations, clusters)
    squares = sums * sums
    cubes = float(squares @ sums)
    return float(squares.sum()) ** 3 / cubes**2 if cubes else math.inf


def support_check(mass: float | None, limits: Limits = Limits(), judged: str = "item") -> Check:  # noqa: B008
    """Return the check of the mass on items never shown; None: the policy cannot tell its actions.

    What is judged by the whole log, not request by request, finds no item that was closed in some contexts alone.
    """
    name = "support"
    if mass is None:
        return Check(name, "not_run", consequence="the policy does not tell what else it would show")
    verdict = graded(mass, fail=limits.unsupported, flag=limits.flag_unsupported, low_is_bad=False)
    told = "of what the policy shows was never shown in the log: only bounds are known"
    return result(
        name,
        verdict,
        mass,
        limits.flag_unsupported,
        f"a part {told}",
        f"{100 * mass:.3g} % of its mass, by {judged}, not by context",
    )


def support_bounds(value: float, mass: float, reward_range: tuple[float, float]) -> tuple[float, float]:
    """Return what a policy may be worth when nothing is known of a part of what it shows.

    Parameters
    ----------
    value : float
        E[w·r] over the log: what the supported part earns, per row, its mass included.
    mass : float
        Of the unsupported part.
    reward_range : (float, float)
        Known bounds of the reward, not those of the sample.

    Examples
    --------
    >>> support_bounds(0.03, 0.2, (0, 1))
    (0.03, 0.23)
    """
    low, high = reward_range
    return value + mass * low, value + mass * high
