"""Checks of the numbers themselves: units far beyond the rest, values that could not be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.findings import graded
from recsys.display import counted, number_text
from recsys.experiment.comparing import compare_arms
from recsys.experiment.integrity.checks import Check, Thresholds
from recsys.experiment.metrics import Metric
from recsys.experiment.outcomes import Outcome, outcome_of
from recsys.experiment.units.maturity import matured_units
from recsys.experiment.units.table import UnitTable

UNITS_A_SQUARED_SKEWNESS = 355  # Kohavi et al. (2014), rule 7
SMALLEST = 1000  # units; among fewer, a large share of the variance is nobody's fault


class Outliers(NamedTuple):
    """Units that make up much of a metric's variance, each on its own.

    Attributes
    ----------
    metric : str
    units : (n,) bool
    influence : float
        The largest share of the variance that one unit has.
    largest, rest : float
        The largest value, and the largest of the units that are no outliers.
    capped : bool
        Whether the metric is winsorised, so that they do not count in full.
    """

    metric: str
    units: NDArray[np.bool_]
    influence: float
    largest: float
    rest: float
    capped: bool


def find_outliers(outcome: Outcome, influence: float) -> Outliers | None:
    """Return the units that each have more than a share of the variance of a mean or ratio; None: nothing to find."""
    metric, outcome = outcome.metric, outcome.raw
    if metric.form not in ("mean", "ratio"):
        return None  # a share or a quantile has none: one unit moves it by 1 / n
    parts = outcome.whole.take([0]).parts
    moments = parts[0].merge(*parts[1:])
    mean, total = float(moments.mean[0]), float(moments.comoments[0, 0])
    if moments.n < SMALLEST or not total > 0:
        return None
    column = outcome.columns[0]
    values = column if outcome.used.all() else column[outcome.used]
    low, high = float(values.min()), float(values.max())
    farthest, rest = max(high - mean, mean - low) ** 2 / total, high
    units = np.zeros(len(column), np.bool_)
    if farthest > influence:
        units = outcome.used & (np.square(column - mean) > influence * total)
        rest = float(column[outcome.used & ~units].max())
    capped = metric.cap is not None or metric.cap_at is not None
    return Outliers(metric.name, units, farthest, high, rest, capped)


def outlier_check(outcomes: Sequence[Outcome], limits: Thresholds, confidence: float) -> Check:
    """Return whether a few units (bots, errors) carry a metric, with its effects with and without them."""
    found = [one for outcome in outcomes if (one := find_outliers(outcome, limits.influence)) is not None]
    if not found:
        return Check("outliers", "not_run", None, limits.influence, "no mean with enough units and variation")
    worst = max(found, key=lambda one: (not one.capped and bool(one.units.any()), one.influence))
    if not worst.units.any():
        told = f"the largest influence of one unit is {100 * worst.influence:.1f} % of the variance of {worst.metric}"
        return Check("outliers", "ok", worst.influence, limits.influence, "", told)
    outcome = next(outcome for outcome in outcomes if outcome.metric.name == worst.metric)
    told = (
        f"{worst.metric}: {counted(int(worst.units.sum()), 'unit')} up to {number_text(worst.largest)}, the others up"
        f" to {number_text(worst.rest)}; {_both_ways(outcome, worst.units, confidence)}"
    )
    if worst.capped:
        return Check("outliers", "ok", worst.influence, limits.influence, "winsorised, as declared", told)
    return Check(
        "outliers", "warn", worst.influence, limits.influence,
        "a few units carry the metric: bots or errors? cap= winsorises it", told,
    )  # fmt: skip


def _both_ways(outcome: Outcome, units: NDArray[np.bool_], confidence: float) -> str:
    """Return the effect of each arm with these units and without them."""
    table, told = outcome.table, []
    without_them = outcome_of(outcome.metric, table, rows=~units, capped=False)
    for arm in range(1, len(table.arms)):
        ways = [compare_arms(one, arm, confidence).plain for one in (outcome.raw, without_them)]
        with_them, without = (f"{one.estimate:+.4g} [{one.ci_low:.4g}, {one.ci_high:.4g}]" for one in ways)
        told.append(f"{table.arms[arm]} {with_them} with them, {without} without")
    return "; ".join(told)


def missing_outcome_check(metrics: Sequence[Metric], table: UnitTable, limits: Thresholds) -> Check:
    """Return whether the arms differ in the share of units that have an outcome: those left out are then no accident.

    A unit has one when its window has ended and no value is missing. Shares are compared within ramp stages, whose
    units came at other times; p-values are adjusted by Holm over the metrics.
    """
    pvalues = np.array([differing_shares(matured_units(table, metric), table) for metric in metrics], np.float64)
    adjusted = stats.holm(pvalues)
    if not len(adjusted) or np.isnan(adjusted).all():
        told = "all units have an outcome, or too few have to compare the arms"
        return Check("missing-outcomes", "not_run", None, limits.srm_parts, "", told)
    worst = int(np.nanargmin(adjusted))
    lowest, used = float(adjusted[worst]), matured_units(table, metrics[worst])
    status = graded(lowest, fail=limits.srm_parts, warn=limits.srm)
    said = {
        "fail": "the arms differ in who has an outcome: the rest make no fair comparison, the decision is blocked",
        "warn": "the arms may differ in who has an outcome",
    }
    shares = ", ".join(
        f"{name} {100 * float(used[table.arm == arm].mean()):.1f} %" for arm, name in enumerate(table.arms)
    )
    told = f"{metrics[worst].name}: {shares} of the units, Holm p = {lowest:.3g}"
    return Check("missing-outcomes", status, lowest, limits.srm_parts, said.get(status, ""), told)


def differing_shares(used: NDArray[np.bool_], table: UnitTable) -> float:
    """Return the p-value of equal shares in all arms of each stage (χ²); NaN where fewer than 5 units are expected."""
    from scipy.special import chdtrc

    statistic, df, n_arms = 0.0, 0, len(table.arms)
    for stage in np.unique(table.stage):
        rows = table.stage == stage
        enrolled = np.bincount(table.arm[rows], minlength=n_arms).astype(np.float64)
        with_one = np.bincount(table.arm[rows & used], minlength=n_arms)[enrolled > 0]
        enrolled = enrolled[enrolled > 0]
        share = with_one.sum() / enrolled.sum()
        if len(enrolled) < 2 or enrolled.min() * min(share, 1 - share) < 5:
            continue
        statistic += float((np.square(with_one - enrolled * share) / (enrolled * share * (1 - share))).sum())
        df += len(enrolled) - 1
    return float(chdtrc(df, statistic)) if df else np.nan


def skewness_check(outcomes: Sequence[Outcome]) -> Check:
    """Return whether every mean has enough units in its smaller arm for its interval to be trusted.

    355 × skewness² units are wanted (Kohavi et al. 2014, rule 7): with fewer the mean is not yet normal, and the
    interval misses more often on the side of the long tail than it says. Values count as they are winsorised.
    """
    wanted = {one.metric.name: (_wanted(one), int(one.sizes.min())) for one in outcomes if one.metric.form == "mean"}
    known = {name: pair for name, pair in wanted.items() if np.isfinite(pair[0])}
    if not known:
        return Check("skewness", "not_run", None, 1.0, "no mean with enough units and variation")
    worst = max(known, key=lambda name: known[name][0] / max(known[name][1], 1))
    few = [name for name, (needed, n) in known.items() if n < needed]
    told = "; ".join(f"{name}: {known[name][1]:,} units, {known[name][0]:,.0f} wanted" for name in few or [worst])
    said = f"too few units for how skewed {', '.join(few)} is: its intervals hold less often than they say; cap= helps"
    number = known[worst][1] / max(known[worst][0], 1.0)
    return Check("skewness", "warn" if few else "ok", number, 1.0, said if few else "", f"smaller arm, {told}")


def _wanted(outcome: Outcome) -> float:
    """Return the units that a mean needs in each arm; NaN where it does not vary."""
    column = outcome.columns[0]
    values = column if outcome.used.all() else column[outcome.used]
    if len(values) < 2 or not np.ptp(values) > 0:
        return np.nan
    centred = values - values.mean()
    squares = np.square(centred)
    return float(UNITS_A_SQUARED_SKEWNESS * np.mean(squares * centred) ** 2 / np.mean(squares) ** 3)


def left_out_check(table: UnitTable) -> Check:
    """Return how many rows had no usable value (null, NaN, infinite); they count as not there, and here."""
    rows = {name: count for name, count in sorted(table.left_out.items()) if count}
    told = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    said = "rows without a usable value were left out" if rows else ""
    return Check("missing-values", "warn" if rows else "ok", float(sum(rows.values())), 0.0, said, told)
