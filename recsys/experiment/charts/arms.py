"""Who came into which arm: sizes beside what was expected, and the share of units day by day."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.times import from_micros
from recsys.display import Axis, Chart, Rule, Series, Spark, Table
from recsys.experiment.charts.axes import note, thinned
from recsys.experiment.integrity.checking import stage_weights
from recsys.experiment.integrity.checks import Check, Thresholds
from recsys.experiment.metrics import DAY
from recsys.experiment.units.table import UnitTable

if TYPE_CHECKING:
    from recsys.experiment.analysis import Analysis

MOST_ARMS = 6
FARTHEST = 4  # half-widths of the last day's band
Float64 = NDArray[np.float64]


def arm_charts(analysis: Analysis) -> tuple[Chart, ...]:
    """Return the sizes of the arms, and their shares by day where units came on several days."""
    if not len(analysis.table):
        return ()
    by_day = units_by_day(analysis.table)
    weights = stage_weights(analysis.experiment, analysis.table)
    sizes = size_chart(analysis.table, weights, _verdict(analysis))
    if len(by_day) < 2:
        return (sizes,)
    limits = analysis.limits or Thresholds()
    return ratio_chart(analysis.table, weights, by_day, limits.srm, _verdict(analysis)), sizes


def arms_table(analysis: Analysis) -> Table:
    """Return the units of each arm, and how they came day by day."""
    by_day = units_by_day(analysis.table)
    total = int(by_day.sum())
    rows = tuple(
        (arm, int(by_day[:, place].sum()), by_day[:, place].sum() / total, Spark(tuple(by_day[:, place].tolist())))
        for place, arm in enumerate(analysis.arms)
    )
    return Table(("arm", "units", "share", "a day"), rows, "units by day of first exposure")


def units_by_day(table: UnitTable) -> NDArray[np.int64]:
    """Return how many units came first on each day, (n_days, n_arms)."""
    days, n_arms = table.days, len(table.arms)
    places = days.day * np.int32(n_arms) + table.arm
    return np.bincount(places, minlength=days.n * n_arms).reshape(-1, n_arms).astype(np.int64)


def size_chart(table: UnitTable, weights: Float64, verdict: str) -> Chart:
    """Return the units of each arm beside what the weights say of so many."""
    counts, arms = table.enrolment.units, tuple(table.arms)
    expected = np.bincount(np.clip(table.stage, 0, len(weights) - 1), minlength=len(weights)) @ weights
    if (weights == weights[0]).all():  # units in several arms count in each, as the check counts them
        expected = counts.sum() * weights[0]
    told = ", ".join(f"{count:,} in {arm}" for arm, count in zip(arms, counts.tolist(), strict=True))
    return Chart(
        f"Units by arm: {told}",
        Axis("units", "first exposures"),
        Axis("arm", kind="category"),
        (
            Series("came", "bar", tuple(counts.tolist()), arms),
            Series("expected", "point", tuple(expected.tolist()), arms),
        ),
        note=note("Bars should end at the points but for chance.", verdict),
    )


def ratio_chart(table: UnitTable, weights: Float64, by_day: NDArray[np.int64], alpha: float, verdict: str) -> Chart:
    """Return the share of each arm among the units so far, by day, with where the sequential test lets it be."""
    arms, so_far = table.arms, by_day.cumsum(axis=0)
    totals = so_far.sum(axis=1)
    days = thinned([day for day in range(len(so_far)) if totals[day]])
    at = tuple(_day(table.days.first + day) for day in days)
    shown = range(1, 2) if len(arms) == 2 else range(min(len(arms), MOST_ARMS))
    constant = bool((weights == weights[0]).all())
    series: list[Series] = []
    for share in dict.fromkeys(weights[0][list(shown)].tolist()) if constant else ():
        tests = 1 if len(arms) == 2 else len(arms)
        low, high = _in_reach(share, *stats.sample_ratio_bounds(totals[days], share, alpha=alpha / tests))
        name = f"no alarm around {100 * share:g} %" if len(arms) > 2 else "no alarm"
        series.append(Series(name, "band", at, (share,) * len(at), tuple(low.tolist()), tuple(high.tolist())))
    for arm in shown:
        shares = so_far[days, arm] / totals[days]
        series.append(Series(f"share of {arms[arm]}", "line", at, tuple(shares.tolist())))
    if not constant:
        series += _expected(table, weights, list(shown), days, at)
    rules = tuple(
        Rule("y", share, f"expected: {100 * share:g} %") for share in dict.fromkeys(weights[0][list(shown)].tolist())
    )
    last = ", ".join(f"{100 * so_far[-1, arm] / totals[-1]:.2f} % in {arms[arm]}" for arm in shown)
    hidden = len(arms) - len(shown) if len(arms) > 2 else 0
    return Chart(
        f"Share of the units so far by day: {last} at the end",
        Axis("day of first exposure", "UTC", kind="time"),
        Axis("share of the units so far", percent=True),
        tuple(series),
        rules if constant else (),
        note(
            f"A line that leaves the band on any day is an alarm of the sequential test at {alpha:g}: chance alone"
            f" makes one in at most {100 * alpha:g} % of experiments, however often one looks."
            " Where the band runs to the edge it is wider than drawn."
            if constant
            else "The planned shares change with the stages of the ramp: the lines should follow what is expected.",
            f"{hidden} further arms are in the table." if hidden else "",
            verdict,
        ),
    )


def _in_reach(share: float, low: Float64, high: Float64) -> tuple[Float64, Float64]:
    """Leave ends far beyond those of the last day open: the band of a few units would flatten all that follows."""
    reach = FARTHEST * (high[-1] - low[-1]) / 2
    return np.where(share - low > reach, -np.inf, low), np.where(high - share > reach, np.inf, high)


def _expected(
    table: UnitTable, weights: Float64, shown: list[int], days: list[int], at: tuple[datetime, ...]
) -> list[Series]:
    """Return what the weights of the stages say of the units so far."""
    n_stages = len(weights)
    stage = np.clip(table.stage, 0, n_stages - 1).astype(np.int64)
    places = table.days.day.astype(np.int64) * n_stages + stage
    by_stage = np.bincount(places, minlength=table.days.n * n_stages).reshape(-1, n_stages).cumsum(axis=0)
    shares = (by_stage @ weights / by_stage.sum(axis=1, keepdims=True))[days]
    return [Series(f"expected of {table.arms[arm]}", "step", at, tuple(shares[:, arm].tolist())) for arm in shown]


def _verdict(analysis: Analysis) -> str:
    """Return what the checks of the sample ratio say of it."""
    checks: list[Check] = [check for check in analysis.checks if check.family == "srm" and check.status != "not_run"]
    bad = [f"{check.name} {'fails' if check.blocks else 'warns'}" for check in checks if check.status != "ok"]
    if any(check.blocks for check in checks):
        return f"The decision is blocked: {', '.join(bad)}."
    return f"{', '.join(bad)}." if bad else "The sample-ratio checks are in order." if checks else ""


def _day(day: int) -> datetime:
    return from_micros(day * DAY)
