"""The Poisson bootstrap of two arms: means, ratios of sums and quantiles, of independent units or of clusters."""

from __future__ import annotations

from math import inf, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.kernels import poisson_places, poisson_sums
from recsys.stats._samples import Float64, is_constant, largest, level
from recsys.stats.results import Status, TwoSample

METHOD = "Poisson bootstrap"


def poisson_bootstrap(
    treatment: ArrayLike,
    control: ArrayLike,
    *,
    q: float | None = None,
    treatment_clusters: ArrayLike | None = None,
    control_clusters: ArrayLike | None = None,
    relative: bool = False,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
    n_threads: int | None = None,
) -> TwoSample:
    """Return the difference of two means, ratios or quantiles with its percentile interval under Poisson weights.

    Every unit has an independent Poisson(1) weight in each replicate (Hanley & MacGibbon 2006; Chamandy, Muralidharan,
    Najmi & Naidu 2012): a bootstrap that needs no drawing and one pass over the units. The p-value is the smallest
    level at which the interval leaves 0 out, at least 2 / (replicates + 1). For some hundred units or more: percentile
    intervals of few units are too short.

    Parameters
    ----------
    treatment, control : (n,) or (n, 2) array_like
        Finite; one number a row: means, or with `q` quantiles. Two: the ratio of the sums of the first and the second.
    q : float, optional
        Which quantile, between 0 and 1: the smallest value that this share of the weight does not exceed.
    treatment_clusters, control_clusters : (n,) array_like, optional
        The unit of each row, any numbers or text; both or none. Rows of one unit have one weight, in both arms.
    relative : bool
        Over the absolute value of the control's.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    replicates : int
        At least 100.
    seed : int
        The same seed and data give the same bytes, whatever the threads.
    n_threads : int, optional
        Threads; by default all cores.

    Raises
    ------
    ArgumentError
        For NaN or infinite values, other shapes, or clusters of one arm only.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> found = poisson_bootstrap(rng.gamma(2, 1.1, size=5000), rng.gamma(2, size=5000))
    >>> round(found.estimate, 1), found.ci_low > 0, found.pvalue < 0.01
    (0.2, True, True)
    """
    left, right = _rows("treatment", treatment), _rows("control", control)
    if left.shape[1] != right.shape[1] or (q is not None and left.shape[1] != 1):
        raise ArgumentError(
            f"treatment has {left.shape[1]} columns and control {right.shape[1]}",
            "one column in both arms was expected, or two for a ratio",
        )
    confidence, replicates = level(confidence), positive_int("replicates", replicates, minimum=100)
    keys = _keys(len(left), len(right), treatment_clusters, control_clusters)
    options = {"replicates": replicates, "seed": seed, "n_threads": n_threads}
    if q is not None:
        q = finite_float("q", q, above=0, below=1)
        arms = [
            _quantiles(rows[:, 0], q, part, options)
            for rows, part in ((left, keys[: len(left)]), (right, keys[len(left) :]))
        ]
    else:
        arms = _smooth(left, right, keys, options)
    (one, ones), (other, others) = arms
    plain = TwoSample(
        *(one - other, nan, nan, nan, nan, nan, inf),
        treatment=one,
        control=other,
        n_treatment=len(left),
        n_control=len(right),
        confidence=confidence,
        method=METHOD,
    )
    if relative and other and len(left) and len(right):
        plain = plain._replace(estimate=plain.estimate / abs(other))
    status = _status(left, right, plain, others, relative)
    if status != "ok":
        return plain._replace(status=status, estimate=nan if relative and other == 0 else plain.estimate)
    with np.errstate(invalid="ignore", divide="ignore"):
        differences = (ones - others) / np.abs(others) if relative else ones - others
    if not np.isfinite(differences).all():  # a replicate without any weight, or with a denominator of 0
        return plain._replace(status="too_few" if left.shape[1] == 1 else "zero_denominator")
    return _interval(plain, differences)


def _interval(plain: TwoSample, differences: Float64) -> TwoSample:
    low, high = np.quantile(differences, [(1 - plain.confidence) / 2, (1 + plain.confidence) / 2])
    error = float(differences.std(ddof=1))
    beyond = int(min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0)))
    return plain._replace(
        ci_low=float(low),
        ci_high=float(high),
        standard_error=error,
        pvalue=min(1.0, 2 * (beyond + 1) / (len(differences) + 1)),
        statistic=plain.estimate / error if error else nan,
    )


def _status(left: Float64, right: Float64, plain: TwoSample, others: Float64, relative: bool) -> Status:
    if not len(left) or not len(right):
        return "empty_arm"
    if min(len(left), len(right)) < 2:
        return "too_few"
    if np.isnan(plain.treatment) or np.isnan(plain.control) or (relative and plain.control == 0):
        return "zero_denominator"
    if all(is_constant(column, largest(column)) for rows in (left, right) for column in rows.T):
        return "zero_variance"
    if relative and not (np.sign(others) == np.sign(plain.control)).all():
        return "unbounded"  # the control is not distinguished from 0
    return "ok"


def _smooth(
    left: Float64, right: Float64, keys: NDArray[np.int64], options: dict[str, int | None]
) -> list[tuple[float, Float64]]:
    """Return each arm's mean or ratio, and those of the replicates: sums are of deviations, so nothing cancels."""
    both, groups = np.concatenate([left, right]), np.repeat(np.array([0, 1], np.int32), [len(left), len(right)])
    estimates = []
    columns = both.copy()
    for group in (0, 1):
        rows = groups == group
        mine, weights = both[rows, 0], np.ones(1) if both.shape[1] == 1 else both[rows, 1]
        below = weights.mean() if rows.any() else 0.0
        estimate = float(mine.mean() / below) if below else nan
        estimates.append(estimate)
        columns[rows, 0] = mine - (estimate if np.isfinite(estimate) else 0.0) * weights
    sums = poisson_sums(columns, groups, 2, keys=keys, **options)  # type: ignore[arg-type]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [estimates[group] + sums[group, 1] / sums[group, 0 if both.shape[1] == 1 else 2] for group in (0, 1)]
    return list(zip(estimates, found, strict=True))


def _quantiles(
    values: Float64, q: float, keys: NDArray[np.int64], options: dict[str, int | None]
) -> tuple[float, Float64]:
    """Return an arm's quantile and those of the replicates."""
    if not len(values):
        return nan, np.empty(0)
    order = np.argsort(values, kind="stable")
    rising = np.append(values[order], nan)  # where a replicate has no weight at all
    places = poisson_places(len(values), [q], keys=keys[order], **options)[0]  # type: ignore[arg-type]
    return float(np.quantile(values, q, method="inverted_cdf")), rising[places]


def _rows(name: str, values: ArrayLike) -> Float64:
    try:
        rows = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} is not numeric", "one or two columns of finite numbers were expected") from None
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] not in (1, 2):
        raise ArgumentError(f"{name} has the shape {rows.shape}", "(n,), or (n, 2) for a ratio, was expected")
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if bad:
        raise ArgumentError(f"{name} has {bad} rows with NaN or infinite values", "finite numbers were expected")
    return rows


def _keys(n: int, m: int, left: ArrayLike | None, right: ArrayLike | None) -> NDArray[np.int64]:
    """Return a key for each row of both arms: its place, or the number of its cluster."""
    if left is None and right is None:
        return np.arange(n + m)
    if left is None or right is None:
        raise ArgumentError("one arm has clusters and the other none", "clusters of both arms were expected")
    labels = [np.asarray(left), np.asarray(right)]
    for name, part, length in (("treatment", labels[0], n), ("control", labels[1], m)):
        if part.shape != (length,):
            raise ArgumentError(
                f"{name} has {length} rows and clusters of the shape {part.shape}", "one each was expected"
            )
    codes: NDArray[np.int64] = np.unique(np.concatenate(labels), return_inverse=True)[1].astype(np.int64)
    return codes
