"""Whether the arms were alike before the experiment: covariates, and metrics in the time before exposure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.findings import graded
from recsys.display import counted
from recsys.experiment.covariates import Covariates, attribute_columns
from recsys.experiment.integrity.checks import Check, Thresholds
from recsys.experiment.metrics import PRE
from recsys.experiment.units.table import UnitTable

Float64 = NDArray[np.float64]
UNLIKE = "the arms were not alike before the experiment: the decision is blocked"


class Balance(NamedTuple):
    """How an arm's covariates differ from the control's.

    Attributes
    ----------
    names : tuple of str
    differences : (k,) float64
        In standard deviations, stages of a ramp weighted as in the estimates.
    pvalue : float
        Of all of them together (χ²); NaN with too few units.
    df : int
    """

    names: tuple[str, ...]
    differences: Float64
    pvalue: float
    df: int


def covariates_of(table: UnitTable, attributes: Sequence[str]) -> Covariates:
    """Return the attributes and all columns of a pre-period, as numbers."""
    columns = attribute_columns(table, attributes)
    before = [name for name in sorted(table.columns) if name.endswith(PRE) and _varies(table.columns[name])]
    return Covariates((*columns.names, *before), (*columns.columns, *(table.columns[name] for name in before)))


def _varies(values: Float64) -> bool:
    return bool(len(values) and np.ptp(values) > 0)


def cells_of(table: UnitTable, covariates: Covariates) -> list[stats.Moments]:
    """Return the moments of the covariates by ramp stage and arm, all units."""
    return stats.column_moments(covariates.columns, table.strata, table.n_stages * len(table.arms))


def arm_balance(
    table: UnitTable, covariates: Covariates, arm: int, cells: list[stats.Moments] | None = None
) -> Balance:
    """Return how the covariates of an arm differ from the control's, stage by stage of the ramp.

    A ramp whose ratio changed makes arms differ in *when* their units came, hence in who they are: differences are
    taken within stages, and weighted by n₀ n₁ / (n₀ + n₁). `cells` are those of the covariates, if they are at hand.
    """
    parts = cells_of(table, covariates) if cells is None else cells
    n_arms = len(table.arms)
    pairs = [(parts[first], parts[first + arm]) for first in range(0, len(parts), n_arms)]
    usable = [(control, treated) for control, treated in pairs if control.n > 1 and treated.n > 1]
    k = len(covariates.names)
    if not usable or k == 0:
        return Balance(covariates.names, np.full(k, np.nan), np.nan, 0)
    weights = np.array([a.n * b.n / (a.n + b.n) for a, b in usable])
    weights /= weights.sum()
    shift = sum(w * (b.mean - a.mean) for w, (a, b) in zip(weights, usable, strict=True))
    error = sum(
        w * w * (a.covariance() / a.n + b.covariance() / b.n) for w, (a, b) in zip(weights, usable, strict=True)
    )
    spread = sum(w * (a.variance + b.variance) / 2 for w, (a, b) in zip(weights, usable, strict=True))
    scale = np.sqrt(spread)
    standard = np.divide(shift, scale, out=np.zeros(k), where=scale > 0)
    return Balance(covariates.names, standard, *_joint(np.asarray(shift), np.asarray(error)))


def _joint(shift: Float64, error: Float64) -> tuple[float, int]:
    """Return the p-value of d' V⁺ d and its degrees of freedom, the rank of V."""
    from scipy.special import chdtrc

    scale = np.sqrt(np.diagonal(error))
    used = scale > 0
    if not used.any():
        return np.nan, 0
    z, correlation = shift[used] / scale[used], error[np.ix_(used, used)] / np.outer(scale[used], scale[used])
    values, vectors = np.linalg.eigh(correlation)
    kept = values > 1e-8 * values.max()  # collinear columns (a total beside its parts) are one
    statistic = float((np.square(vectors[:, kept].T @ z) / values[kept]).sum())
    df = int(kept.sum())
    return float(chdtrc(df, statistic)), df


def balance_check(table: UnitTable, attributes: Sequence[str], limits: Thresholds) -> Check:
    """Return the check of all covariates of all arms: the smallest joint p-value, adjusted by Holm over the arms."""
    covariates = covariates_of(table, attributes)
    if not covariates.names:
        return Check("balance", "not_run", None, limits.balance, "no covariate and no pre-period is declared")
    cells = cells_of(table, covariates)
    found = [arm_balance(table, covariates, arm, cells) for arm in range(1, len(table.arms))]
    adjusted = stats.holm([one.pvalue for one in found])
    if np.isnan(adjusted).all():
        return Check("balance", "not_run", None, limits.balance, "too few units, or covariates that do not vary")
    sizes = np.array([np.abs(one.differences) for one in found])
    arm, place = np.unravel_index(int(np.nanargmax(np.where(np.isnan(sizes), -1, sizes))), sizes.shape)
    lowest, largest = float(np.nanmin(adjusted)), float(sizes[arm, place])
    status = graded(lowest, fail=limits.balance, warn=0.01)
    if status == "ok" and largest > limits.difference:
        status = "warn"
    said = {"fail": UNLIKE, "warn": "read the adjusted effect, and mind the difference before exposure"}.get(status, "")
    told = (
        f"{counted(len(covariates.names), 'covariate')}, joint p = {lowest:.3g}; largest difference:"
        f" {covariates.names[place]} in {table.arms[arm + 1]}, {found[arm].differences[place]:+.3f} sd"
    )
    return Check("balance", status, lowest, limits.balance, said, told)


def pre_period_check(names: Sequence[str], arms: Sequence[str], pvalues: Float64, limits: Thresholds) -> Check:
    """Return the A/A check of the metrics before exposure.

    Parameters
    ----------
    names, arms : sequence of str
        Metric and arm of every test.
    pvalues : (n,) float64
        NaN where it could not be made.
    """
    adjusted = stats.holm(pvalues)
    if not len(adjusted) or np.isnan(adjusted).all():
        return Check("pre-period", "not_run", None, limits.pre_period, "no metric has a pre-period with variation")
    worst = int(np.nanargmin(adjusted))
    lowest = float(adjusted[worst])
    status = graded(lowest, fail=limits.pre_period, warn=0.01)
    said = {"fail": UNLIKE, "warn": "read the adjusted effect, and mind the difference before exposure"}.get(status, "")
    made = int(np.count_nonzero(~np.isnan(adjusted)))
    told = f"lowest of {made}: {names[worst]} in {arms[worst]}, Holm p = {lowest:.3g}"
    return Check("pre-period", status, lowest, limits.pre_period, said, told)
