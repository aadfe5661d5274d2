"""Regression adjustment of unit-level data, with errors robust to unequal variances and to clusters."""

from __future__ import annotations

from itertools import pairwise
from math import nan
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError
from recsys.stats._contrasts import Arm, Arms, Contrast, result, unestimable
from recsys.stats._samples import Float64, level, sample
from recsys.stats.clusters import cluster_codes
from recsys.stats.results import Adjusted, Status, TwoSample

Errors = Literal["HC2", "HC3", "CR1", "CR2"]

_COLLINEAR = 1e-10  # of the largest eigenvalue of the standardised covariates
_ROUNDING = 1e-20  # of the outcome's sum of squares: residuals of that size are rounding


def regression_adjusted(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    clusters: ArrayLike | tuple[ArrayLike, ...] | None = None,
    errors: Errors | None = None,
    relative: bool = False,
    confidence: float = 0.95,
) -> Adjusted:
    """Return the average effect by Lin's (2013) regression: covariates centred and interacted with the treatment.

    That is a regression in each arm, both read off at the mean of the covariates over all units; it costs no precision
    in large samples whatever the truth is. The interval is for the units at hand, given their covariates; that of the
    population they come from is wider by (β_t − β_c)ᵀ S (β_t − β_c) / n in the variance, S being the covariance of the
    covariates, when slopes differ (`adjusted_difference` gives it).

    Errors: HC2 and HC3 (MacKinnon & White 1985) with n − rank degrees of freedom; CR1 (Liang & Zeger 1986, with Stata's
    correction) with clusters − 1; CR2 (Bell & McCaffrey 2002) with their Satterthwaite degrees of freedom, which is
    what few clusters, or a few large ones, need.

    Parameters
    ----------
    outcome : (n,) array_like
        Finite.
    treated : (n,) array_like of bool
        Which units are in the treated arm.
    covariates : (n, p) or (n,) array_like
        Finite, from before the treatment; p may be 0. Columns that repeat others are ignored.
    clusters : (n,) array_like or tuple of them, optional
        As in `cluster_difference`; a cluster may have units in both arms.
    errors : {"HC2", "HC3", "CR1", "CR2"}, optional
        HC2 without clusters and CR2 with them, if not given.
    relative : bool
        Over the absolute value of the adjusted control.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        For values that are not finite, HC errors with clusters or CR without, or covariates that tell the arms apart.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> treated, before = rng.random(400) < 0.5, rng.normal(size=400)
    >>> found = regression_adjusted(before + 0.5 * treated + rng.normal(size=400), treated, before)
    >>> found.effect.ci_low < 0.5 < found.effect.ci_high, found.variance_reduction > 0.3
    (True, True)
    """
    y, arm, x = _checked(outcome, treated, covariates)
    confidence = level(confidence)
    allowed = ("HC2", "HC3") if clusters is None else ("CR1", "CR2")
    kind = one_of("errors", allowed[clusters is not None] if errors is None else errors, allowed)
    codes, n_clusters = (np.arange(len(y)), len(y)) if clusters is None else cluster_codes(clusters, len(y))
    name = kind if clusters is None else f"{kind}, {n_clusters} clusters"
    status = _status(arm, codes)
    if status != "ok":
        both = _arms(arm, status)
        means = [float(y[side].mean()) if side.any() else nan for side in (arm, ~arm)]
        plain = unestimable(both, means[0], means[1], confidence, name, status)
        return Adjusted(plain._replace(method=f"Lin, {name}"), plain, (nan,) * x.shape[1], nan)
    fits = [_fit(y, arm, columns, codes, n_clusters, kind) for columns in (x[:, :0], x)]
    plain, effect = (
        _result(one, arm, confidence, label, relative) for one, label in zip(fits, (name, f"Lin, {name}"), strict=True)
    )
    variances = [_contrast(one).variance for one in fits]
    reduction = 1 - variances[1] / variances[0] if variances[0] else nan
    share = float(arm.mean())
    theta = (1 - share) * fits[1].slopes[0] + share * fits[1].slopes[1]
    return Adjusted(effect, plain, tuple(theta.tolist()), reduction)


class _Fit(NamedTuple):
    means: tuple[float, float]  # adjusted, treatment and control
    covariance: Float64  # of those means, (2, 2)
    df: float
    slopes: tuple[Float64, Float64]


class _Side(NamedTuple):
    """The regression in one arm, in columns whose inverse Gram matrix is the identity of their rank."""

    rows: NDArray[np.intp]
    basis: Float64  # (n, rank), orthonormal
    loading: Float64  # (rank,): the intercept in terms of the basis
    residual: Float64
    intercept: float
    slopes: Float64


def _checked(
    outcome: ArrayLike, treated: ArrayLike, covariates: ArrayLike
) -> tuple[Float64, NDArray[np.bool_], Float64]:
    y, arm = sample("outcome", outcome), np.asarray(treated)
    if arm.shape != y.shape or arm.dtype.kind != "b":
        raise ArgumentError(
            f"treated has the shape {arm.shape} and the type {arm.dtype}", f"{len(y)} times true or false was expected"
        )
    try:
        x = np.asarray(covariates, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("covariates are not numeric", "numbers were expected", "one column a category") from None
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or len(x) != len(y):
        raise ArgumentError(f"covariates have the shape {x.shape}", f"{len(y)} rows were expected")
    bad = int((~np.isfinite(x)).sum())
    if bad:
        hint = "fill missing values and add a column that says where"
        raise ArgumentError(
            f"covariates have {bad} values that are NaN or infinite", "finite numbers were expected", hint
        )
    return y, arm, x


def _status(arm: NDArray[np.bool_], codes: NDArray[np.intp]) -> Status:
    if arm.all() or not arm.any():
        return "empty_arm"
    return "ok" if all(len(np.unique(codes[side])) > 1 for side in (arm, ~arm)) else "too_few"


def _fit(y: Float64, arm: NDArray[np.bool_], x: Float64, codes: NDArray[np.intp], n_clusters: int, kind: str) -> _Fit:
    centred = x - x.mean(axis=0)
    centred = centred - centred.mean(axis=0)
    shift = float(y.mean())
    sides = [_side(np.flatnonzero(one), y - shift, centred) for one in (arm, ~arm)]
    spent = sum(side.basis.shape[1] for side in sides)
    df = float(max(len(y) - spent, 1))
    if kind == "CR2":
        covariance, df = _cr2(sides, codes, n_clusters)
    else:
        scores = np.zeros((n_clusters, 2))
        for column, side in enumerate(sides):
            leverage = (side.basis**2).sum(axis=1)
            power = {"HC2": 0.5, "HC3": 1.0, "CR1": 0.0}[kind]
            score = side.basis @ side.loading * side.residual / np.maximum(1 - leverage, 1e-12) ** power
            scores[:, column] = np.bincount(codes[side.rows], weights=score, minlength=n_clusters)
        covariance = scores.T @ scores
        if kind == "CR1":
            covariance *= n_clusters / (n_clusters - 1) * (len(y) - 1) / df
            df = float(n_clusters - 1)
    residuals = sum(float(side.residual @ side.residual) for side in sides)
    if residuals <= _ROUNDING * float((y - shift) @ (y - shift)) or np.ptp(y) == 0:
        covariance = np.zeros((2, 2))
    return _Fit(
        (sides[0].intercept + shift, sides[1].intercept + shift), covariance, df, (sides[0].slopes, sides[1].slopes)
    )  # fmt: skip


def _side(rows: NDArray[np.intp], y: Float64, centred: Float64) -> _Side:
    """Return the regression of y on the covariates in one arm."""
    y, x = y[rows], centred[rows]
    means = x.mean(axis=0)
    inner = x - means
    scale = np.sqrt((inner**2).sum(axis=0))
    varying = scale > 1e-12 * np.sqrt((x**2).sum(axis=0))
    if (~varying & (np.abs(means) > 0)).any():
        place = int(np.flatnonzero(~varying & (np.abs(means) > 0))[0])
        raise ArgumentError(
            f"covariate {place} is constant in one arm", "covariates that vary in both arms were expected",
            "was it measured after the treatment?",
        )  # fmt: skip
    scaled = inner[:, varying] / scale[varying]
    sizes, vectors = np.linalg.eigh(scaled.T @ scaled) if varying.any() else (np.zeros(0), np.zeros((0, 0)))
    kept = sizes > _COLLINEAR * (sizes[-1] if len(sizes) else 1.0)
    turn = vectors[:, kept] / np.sqrt(sizes[kept])
    basis = scaled @ turn
    mean = float(y.mean())
    coefficients = basis.T @ (y - mean)
    slopes = np.zeros(x.shape[1])
    slopes[varying] = turn @ coefficients / scale[varying]
    # The intercept at x = 0 is the mean of y less the slopes times the mean of x.
    loading = np.concatenate([[1 / np.sqrt(len(y))], -(means[varying] / scale[varying]) @ turn])
    basis = np.column_stack([np.full(len(y), 1 / np.sqrt(len(y))), basis])
    residual = y - mean - basis[:, 1:] @ coefficients
    return _Side(rows, basis, loading, residual, mean - float(slopes @ means), slopes)


def _cr2(sides: list[_Side], codes: NDArray[np.intp], n_clusters: int) -> tuple[Float64, float]:
    """Return the covariance of both intercepts and the degrees of freedom of their difference.

    Within a cluster with rows U of the orthonormal design, residuals are multiplied by (I − U Uᵀ)^(−1/2), which acts on
    no more dimensions than U has columns.
    """
    ranks = [side.basis.shape[1] for side in sides]
    k = sum(ranks)
    n = sum(len(side.rows) for side in sides)
    design, residual = np.zeros((n, k)), np.zeros(n)
    loadings = np.zeros((k, 2))
    for column, (side, begin) in enumerate(zip(sides, (0, ranks[0]), strict=True)):
        design[side.rows, begin : begin + ranks[column]] = side.basis
        residual[side.rows] = side.residual
        loadings[begin : begin + ranks[column], column] = side.loading
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(n_clusters + 1))
    scores, diagonal, weights = np.zeros((n_clusters, 2)), np.zeros(n_clusters), np.zeros((n_clusters, k))
    both = loadings @ [1.0, -1.0]
    for cluster, (begin, end) in enumerate(pairwise(ends)):
        rows = order[begin:end]
        u = design[rows]
        sizes, vectors = np.linalg.eigh(u.T @ u)
        sizes = np.clip(sizes, 0.0, 1 - 1e-12)
        root = (vectors * (1 - sizes) ** -0.5) @ vectors.T
        scores[cluster] = loadings.T @ (root @ (u.T @ residual[rows]))
        half = vectors.T @ both
        diagonal[cluster] = float((sizes / (1 - sizes)) @ half**2)
        weights[cluster] = vectors @ (sizes * (1 - sizes) ** -0.5 * half)
    cross = weights.T @ weights
    own = (weights**2).sum(axis=1)
    trace = float((diagonal - own).sum())
    square = float((diagonal**2 - 2 * diagonal * own).sum() + (cross**2).sum())
    return scores.T @ scores, trace * trace / square


def _contrast(fit: _Fit) -> Contrast:
    (treatment, between), (_, control) = fit.covariance
    variance = float(treatment + control - 2 * between)
    return Contrast(*fit.means, max(variance, 0.0), fit.df, float(control), float(between - control))


def _arms(arm: NDArray[np.bool_], status: Status) -> Arms:
    treatment, control = (Arm(int(side.sum()), np.zeros(1), ()) for side in (arm, ~arm))
    return Arms(treatment, control, status, 0)


def _result(fit: _Fit, arm: NDArray[np.bool_], confidence: float, method: str, relative: bool) -> TwoSample:
    return result(_arms(arm, "ok"), _contrast(fit), confidence, method, relative=relative)
