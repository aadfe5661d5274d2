"""Sample-ratio checks: overall, by ramp stage, by day, by segment, and at every look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.findings import CheckStatus, graded
from recsys.core.times import from_micros
from recsys.display import counted
from recsys.experiment.covariates import attribute, coded, labels_of
from recsys.experiment.integrity.checks import Check, Thresholds
from recsys.experiment.metrics import DAY
from recsys.experiment.units.table import UnitTable

Float64 = NDArray[np.float64]
BLOCKED = "the arms do not hold the units that they should: no effect can be trusted, the decision is blocked"


class Cells(NamedTuple):
    """Sample-ratio tests of groups of units, those of several stages added up.

    Attributes
    ----------
    labels : tuple of str
    statistics, dfs, pvalues : (n_groups,) float64
        NaN where too few units are expected in an arm.
    counts : (n_groups, n_arms) int64
    """

    labels: tuple[str, ...]
    statistics: Float64
    dfs: Float64
    pvalues: Float64
    counts: NDArray[np.int64]


def ratio_checks(
    table: UnitTable,
    weights: Float64,
    segments: Sequence[str],
    limits: Thresholds,
    *,
    monitored: bool = False,
    over: bool = True,
) -> list[Check]:
    """Return the sample-ratio checks.

    Parameters
    ----------
    table : UnitTable
    weights : (n_stages, n_arms) float64
        Expected shares of the arms by ramp stage.
    segments : sequence of str
        Attributes of the units.
    limits : Thresholds
    monitored : bool
        Whether the experiment is looked at again and again; then a sequential test is made too.
    over : bool
        Whether this is the last look. Before it the tests of all units and of stages only warn in a monitored
        experiment, where they would fail at some of the looks by chance; the sequential one decides.
    """
    names, labels = _days(table)
    found = [overall(table, weights, limits.srm)]
    if len(weights) > 1:
        stages = [f"stage {place + 1}" for place in range(len(weights))]
        found.append(_parts("srm:stage", ratio_cells(table, weights, table.stage, stages), limits.srm, limits.srm))
    if monitored and not over:
        found = [_at_one_look(check, limits.srm) for check in found]
    if len(names) > 1:
        found.append(_parts("srm:day", ratio_cells(table, weights, labels, names), limits.srm_parts, limits.srm))
    for segment in segments:
        levels, places = coded(labels_of(attribute(table, segment)))
        cells = ratio_cells(table, weights, places, levels)
        found.append(_parts(f"srm:{segment}", cells, limits.srm_parts, limits.srm))
    return [*found, _sequential(table, weights, labels, limits.srm)] if monitored else found


def _at_one_look(check: Check, threshold: float) -> Check:
    """Return a failed test as a warning; units in an arm without a weight are no chance, and stay a failure."""
    if check.status != "fail" or "no weight" in check.detail or check.number is None or check.number >= threshold:
        return check
    said = "a test of one look, not to be made at every look: srm:sequential decides until the planned size"
    return replace(check, status="warn", consequence=said)


def _days(table: UnitTable) -> tuple[list[str], NDArray[np.int32]]:
    """Return the days of first exposure, those without units too, and the place of each unit's own."""
    first, n, places, _ = table.days
    return [from_micros(day * DAY).date().isoformat() for day in range(first, first + n)], places


def overall(table: UnitTable, weights: Float64, threshold: float) -> Check:
    """Return the check of all units; those in several arms count in each, and a changed ratio is taken by stage."""
    if (weights == weights[0]).all():
        found = stats.sample_ratio(table.enrolment.units, weights[0])
        statistic, df, pvalue, counts = found.statistic, found.df, found.pvalue, np.array(found.observed)
        unexpected = found.unexpected
    else:
        cells = ratio_cells(table, weights, np.zeros(len(table), np.int64), ["all"])
        statistic, df, pvalue = float(cells.statistics[0]), int(cells.dfs[0]), float(cells.pvalues[0])
        counts = cells.counts[0]
        unexpected = int(np.count_nonzero(weights[np.clip(table.stage, 0, len(weights) - 1), table.arm] == 0))
    told = " : ".join(f"{count:,}" for count in counts) + f" units in {', '.join(table.arms)}"
    if unexpected:
        told += f"; {unexpected:,} units in an arm that has no weight"
        return Check("srm", "fail", pvalue if pvalue == pvalue else None, threshold, BLOCKED, told)
    if np.isnan(pvalue):
        return Check("srm", "not_run", None, threshold, "fewer than 5 units are expected in an arm", told)
    told += f"; expected {_expected(weights)}; χ² = {statistic:.2f}, {df} df, p = {pvalue:.3g}"
    status = graded(pvalue, fail=threshold, warn=0.0)
    return Check("srm", status, pvalue, threshold, BLOCKED if status == "fail" else "", told)


def ratio_cells(table: UnitTable, weights: Float64, groups: NDArray[np.integer], labels: Sequence[str]) -> Cells:
    """Return the sample-ratio test of each group; cells that expect fewer than 5 units in an arm are left out."""
    n_groups, n_arms = len(labels), len(table.arms)
    cube = _cube(table, weights, groups, n_groups)
    expected = cube.sum(axis=2, keepdims=True) * weights
    used = expected > 0
    enough = (np.where(used, expected, np.inf).min(axis=2) >= 5) & (used.sum(axis=2) > 1)
    terms = np.divide((cube - expected) ** 2, expected, out=np.zeros_like(expected), where=used).sum(axis=2)
    statistics = np.where(enough, terms, 0).sum(axis=1)
    dfs = np.where(enough, used.sum(axis=2) - 1, 0).sum(axis=1)
    from scipy.special import chdtrc

    none = dfs == 0
    pvalues = np.where(none, np.nan, chdtrc(np.maximum(dfs, 1), statistics))
    counts = cube.sum(axis=1).astype(np.int64).reshape(n_groups, n_arms)
    return Cells(tuple(labels), np.where(none, np.nan, statistics), dfs.astype(np.float64), pvalues, counts)


def _cube(table: UnitTable, weights: Float64, groups: NDArray[np.integer], n_groups: int) -> Float64:
    """Return units by group, stage and arm."""
    n_stages, n_arms = weights.shape
    stage = np.clip(table.stage, 0, n_stages - 1).astype(np.int64)
    place = (groups.astype(np.int64) * n_stages + stage) * n_arms + table.arm
    return np.bincount(place, minlength=n_groups * n_stages * n_arms).reshape(n_groups, n_stages, n_arms).astype(float)


def _parts(name: str, cells: Cells, fail: float, warn: float) -> Check:
    """Return the check of several groups: the smallest p-value, adjusted by Holm."""
    adjusted = stats.holm(cells.pvalues)
    made = int(np.count_nonzero(~np.isnan(adjusted)))
    if made == 0:
        return Check(name, "not_run", None, fail, "fewer than 5 units are expected in an arm of every part")
    worst = int(np.nanargmin(adjusted))
    counts = " : ".join(f"{count:,}" for count in cells.counts[worst])
    detail = f"lowest of {made}: {cells.labels[worst]} with {counts} units, Holm p = {adjusted[worst]:.3g}"
    status = graded(float(adjusted[worst]), fail=fail, warn=warn)
    said = {"fail": BLOCKED, "warn": "look for what happened there before trusting effects on it"}.get(status, "")
    return Check(name, status, float(adjusted[worst]), fail, said, detail)


def _sequential(table: UnitTable, weights: Float64, days: NDArray[np.integer], threshold: float) -> Check:
    """Return the check that may be looked at every day: the smallest p-value of all days so far.

    With several ratios the e-values of the stages, each a martingale of its own units, are averaged.
    """
    cube = _cube(table, weights, days, int(days.max()) + 1 if len(days) else 0).cumsum(axis=0)
    lowest, where = 1.0, -1
    for day in range(len(cube)):
        tests = [stats.sequential_sample_ratio(row, share) for row, share in zip(cube[day], weights, strict=True)]
        e_value = float(np.mean([1.0 if np.isnan(test.statistic) else test.statistic for test in tests]))
        if (pvalue := min(1.0, 1 / e_value if e_value > 0 else 1.0)) < lowest:
            lowest, where = pvalue, day
    status: CheckStatus = graded(lowest, fail=threshold, warn=0.0)
    told = f"lowest on day {where + 1} of {len(cube)}" if where >= 0 else counted(len(cube), "day")
    return Check("srm:sequential", status, lowest, threshold, BLOCKED if status == "fail" else "", told)


def _expected(weights: Float64) -> str:
    return ", then ".join(" : ".join(f"{share:.4g}" for share in row) for row in weights)
