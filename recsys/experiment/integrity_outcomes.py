"""Checks of the numbers themselves: units far beyond the rest, values that could not be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.display import counted, number_text
from recsys.experiment.checks import Check, Thresholds
from recsys.experiment.comparing import compare_arms
from recsys.experiment.metrics import Metric
from recsys.experiment.outcomes import outcome_of
from recsys.experiment.unit_table import UnitTable

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


def find_outliers(metric: Metric, table: UnitTable, influence: float) -> Outliers | None:
    """Return the units that each have more than a share of the variance of a mean or ratio; None: nothing to find."""
    if metric.form not in ("mean", "ratio"):
        return None  # a share or a quantile has none: one unit moves it by 1 / n
    outcome = outcome_of(metric, table, capped=False)
    n = int(np.count_nonzero(outcome.used))
    if n < SMALLEST:
        return None
    column = outcome.values[:, 0]
    values = column[outcome.used]
    squares = np.square(values - values.mean())
    total = float(squares.sum())
    if not total > 0:
        return None
    units = np.zeros(len(table), np.bool_)
    units[outcome.used] = squares > influence * total
    others = column[outcome.used & ~units]
    capped = metric.cap is not None or metric.cap_at is not None
    return Outliers(metric.name, units, float(squares.max()) / total, float(values.max()), float(others.max()), capped)


def outlier_check(metrics: Sequence[Metric], table: UnitTable, limits: Thresholds, confidence: float) -> Check:
    """Return whether a few units (bots, errors) carry a metric, with its effects with and without them."""
    found = [one for metric in metrics if (one := find_outliers(metric, table, limits.influence)) is not None]
    if not found:
        return Check("outliers", "not_run", None, limits.influence, "no mean with enough units and variation")
    worst = max(found, key=lambda one: (not one.capped and bool(one.units.any()), one.influence))
    if not worst.units.any():
        told = f"the largest influence of one unit is {100 * worst.influence:.1f} % of the variance of {worst.metric}"
        return Check("outliers", "ok", worst.influence, limits.influence, "", told)
    metric = next(metric for metric in metrics if metric.name == worst.metric)
    told = (
        f"{worst.metric}: {counted(int(worst.units.sum()), 'unit')} up to {number_text(worst.largest)}, the others up"
        f" to {number_text(worst.rest)}; {_both_ways(metric, table, worst.units, confidence)}"
    )
    if worst.capped:
        return Check("outliers", "ok", worst.influence, limits.influence, "winsorised, as declared", told)
    return Check(
        "outliers", "warn", worst.influence, limits.influence,
        "a few units carry the metric: bots or errors? cap= winsorises it", told,
    )  # fmt: skip


def _both_ways(metric: Metric, table: UnitTable, units: NDArray[np.bool_], confidence: float) -> str:
    """Return the effect of each arm with these units and without them."""
    told = []
    for arm in range(1, len(table.arms)):
        ways = [
            compare_arms(outcome_of(metric, table, rows=rows, capped=False), arm, confidence).plain
            for rows in (None, ~units)
        ]
        with_them, without = (f"{one.estimate:+.4g} (p {one.pvalue:.2g})" for one in ways)
        told.append(f"{table.arms[arm]} {with_them} with them, {without} without")
    return "; ".join(told)


def left_out_check(table: UnitTable) -> Check:
    """Return how many rows had no usable value (null, NaN, infinite); they count as not there, and here."""
    rows = {name: count for name, count in sorted(table.left_out.items()) if count}
    told = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    said = "rows without a usable value were left out" if rows else ""
    return Check("missing-values", "warn" if rows else "ok", float(sum(rows.values())), 0.0, said, told)
