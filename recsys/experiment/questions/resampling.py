"""Intervals by the Poisson bootstrap, for whoever trusts no formula: units get weights, statistics are made anew."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.errors import ArgumentError
from recsys.experiment.comparing import UNITS_A_COVARIATE, compare_arms
from recsys.experiment.covariates import attribute
from recsys.experiment.outcomes import Outcome
from recsys.experiment.strata import stages_of
from recsys.kernels import poisson_places, poisson_sums

Float64 = NDArray[np.float64]


def bootstrap_difference(
    outcome: Outcome,
    arm: int,
    confidence: float,
    *,
    replicates: int = 1000,
    seed: int = 0,
    by: str | None = None,
    relative: bool = False,
    n_threads: int | None = None,
) -> stats.Interval:
    """Return the difference with the percentile interval of its Poisson bootstrap.

    Means are adjusted for the covariates with the coefficients of the whole sample. The same seed gives the same
    interval, whatever the threads.

    Parameters
    ----------
    outcome : Outcome
    arm : int
    confidence : float
    replicates : int
    seed : int
    by : str, optional
        An attribute that names clusters: their units get one weight together. Not for quantiles.
    relative : bool
        Over the size of the control's value.
    n_threads : int, optional

    Raises
    ------
    ArgumentError
        There is no such attribute, or an argument is out of its range.
    """
    found = compare_arms(outcome, arm, confidence)
    point = found.relative if relative else found.absolute
    n = point.n_treatment + point.n_control
    method = f"Poisson bootstrap, {replicates:,} replicates"
    if point.status not in ("ok", "unbounded"):
        return stats.Interval(point.estimate, nan, nan, nan, n, confidence, method, point.status)
    settings = (replicates, seed, n_threads)
    made = (
        _quantiles(outcome, arm, *settings) if outcome.metric.form == "quantile" else _sums(outcome, arm, by, *settings)
    )
    treated, control = made
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (treated - control) / np.abs(control) if relative else treated - control
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 2:
        return stats.Interval(point.estimate, nan, nan, nan, n, confidence, method, "zero_denominator")
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    error = float(drawn.std(ddof=1))
    return stats.Interval(float(point.estimate), float(low), float(high), error, n, confidence, method)


def _sums(
    outcome: Outcome, arm: int, by: str | None, replicates: int, seed: int, n_threads: int | None
) -> tuple[Float64, Float64]:
    """Return means (or ratios) of both arms in each replicate, stages weighted by their units."""
    table = outcome.table
    rows = outcome.used & ((table.arm == arm) | (table.arm == 0))
    stages, groups = np.unique(table.stage[rows], return_inverse=True)
    groups = (2 * groups + (table.arm[rows] != 0)).astype(np.int32)
    sizes = np.bincount(groups, minlength=2 * len(stages)).reshape(-1, 2)
    values = _values(outcome, arm)[rows]
    centre = values.mean(axis=0)
    keys = None if by is None else cluster_keys(outcome, by)[rows]
    sums = poisson_sums(
        np.ascontiguousarray(values - centre), groups, 2 * len(stages), replicates=replicates, seed=seed, keys=keys,
        n_threads=n_threads,
    )  # fmt: skip
    usable = (sizes > 0).all(axis=1)
    weights = sizes.sum(axis=1)[usable] / sizes[usable].sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        means = centre[:, None] + sums[:, 1:] / sums[:, :1]  # (groups, columns, replicates)
    by_stage = means.reshape(len(stages), 2, *means.shape[1:])[usable]
    total = np.einsum("s,sgcr->gcr", weights, by_stage)
    control, treated = (side[0] / side[1] if len(side) > 1 else side[0] for side in total)
    return np.asarray(treated), np.asarray(control)


def _values(outcome: Outcome, arm: int) -> Float64:
    """Return the outcome's columns, a mean less what the covariates say of it."""
    if isinstance(outcome.outcome, tuple):
        return np.column_stack([outcome.columns[place] for place in outcome.outcome])
    plain = outcome.columns[outcome.outcome][:, None]
    columns = [column for column in outcome.covariates if isinstance(column, int)]
    cells = outcome.whole
    left, right = cells.strata(arm), cells.strata(0)
    smallest = min(sum(part.n for part in side) for side in (left, right))
    if not columns or smallest < UNITS_A_COVARIATE * len(columns):
        return plain
    theta = stats.adjusted_difference(left, right, outcome=outcome.outcome, covariates=columns).theta
    covariates = np.column_stack([outcome.columns[place] for place in columns])
    shift = (covariates - covariates[outcome.used].mean(axis=0)) @ np.array(theta)
    adjusted: Float64 = plain - shift[:, None]
    return adjusted


def _quantiles(
    outcome: Outcome, arm: int, replicates: int, seed: int, n_threads: int | None
) -> tuple[Float64, Float64]:
    stages = stages_of(outcome.table, arm, outcome.used)
    if len(stages) > 1:
        raise ArgumentError(
            f"{outcome.metric.name} is a quantile of units of {len(stages)} ramp stages",
            "a quantile within one stage was expected: its bootstrap is not stratified",
            "the interval of the effect is",
        )
    found = []
    for place in (arm, 0):
        rising = np.sort(outcome.samples(place)[:, 0])
        places = poisson_places(
            len(rising), [outcome.q], replicates=replicates, seed=seed + place, n_threads=n_threads
        )[0]
        found.append(np.where(places < len(rising), rising[np.minimum(places, len(rising) - 1)], nan))
    return found[0], found[1]


def cluster_keys(outcome: Outcome, by: str) -> NDArray[np.int64]:
    """Return a number for the cluster of each unit; units without one are clusters of their own."""
    codes = attribute(outcome.table, by).rank("dense").fill_null(0).to_numpy().astype(np.int64)
    alone = codes == 0
    codes[alone] = int(codes.max(initial=0)) + 1 + np.arange(int(alone.sum()))
    return codes
