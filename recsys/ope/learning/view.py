"""How a replay of learning policies is shown: estimates, learning curves, checks, conventions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from recsys.core.times import from_micros
from recsys.display import Cell, Interval, Percent, Plot, PValue, Table, View, counted, number_text, shared_axis
from recsys.display.chart import Axis, Chart, Series
from recsys.ope.concluding import reasons_of
from recsys.ope.replay_view import checks_table

if TYPE_CHECKING:
    from recsys.ope.learning.result import LearningReplay


def conclude(found: LearningReplay) -> str:
    """Return the best policy and what it would have earned, or why the log cannot tell."""
    able = [one for one in found.estimates if one.status != "not_estimable"]
    if not able:
        names = " or ".join(one.policy for one in found.estimates)
        return f"The log cannot tell what {names} would have earned: {reasons_of(found.estimates).rstrip('.')}."
    best = max(able, key=lambda one: one.value)
    told = f"{best.policy} would have earned {number_text(best.value)} {best.reward} per impression"
    told += f" [{number_text(best.ci_low)}, {number_text(best.ci_high)}]" if math.isfinite(best.ci_low) else ""
    told += f" while it learned, the log {number_text(found.logged.value)}"
    if best.status == "flagged":
        told += f" (flagged: {best.reasons[0].partition(': ')[2] or best.reasons[0]})"
    return f"{told}."


def learning_view(found: LearningReplay) -> View:
    """Return the conclusion, estimates, what was learned, checks, conventions and the learning curves."""
    tables = (_estimates(found), _learned(found), checks_table(found.checks))
    return View(found.conclusion, tables, _notes(found), _charts(found))


def _estimates(found: LearningReplay) -> Table:
    rows = (found.logged, *found.estimates)
    axis = shared_axis([(one.ci_low, one.value, one.ci_high) for one in rows])
    against = {one.policy: one for one in found.differences}
    cells: list[tuple[Cell, ...]] = []
    for one in rows:
        pair = against.get(one.policy)
        share = pair.estimate / abs(pair.baseline_value) if pair is not None and pair.baseline_value else None
        more: tuple[Cell, ...] = (
            (Percent(share, signed=True), None if pair is None else PValue(pair.pvalue)) if found.differences else ()
        )
        cells.append((one.policy, one.value, Interval(one.ci_low, one.ci_high),
                      Plot(one.ci_low, one.value, one.ci_high, axis), *more, one.status.replace("_", " ")))  # fmt: skip
    level = f"{100 * found.logged.confidence:g} % interval"
    compared = ("vs. logged", "p") if found.differences else ()
    columns = ("policy", f"{found.reward} per impression", level, "", *compared, "status")
    return Table(columns, tuple(cells), f"{found.reward}: what would have been earned while learning")


def _learned(found: LearningReplay) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.learned.items():
        points = found.curves[name]
        last = points[-1].value if points else None
        rows.append((name, one.accepted, Percent(one.accepted / max(one.events, 1)), one.learned, one.batches, last))
    columns = ("policy", "events served", "of the log", "rewards learned", "updates", f"{found.reward} at the end")
    return Table(columns, tuple(rows), "how they learned")


def _charts(found: LearningReplay) -> tuple[Chart, ...]:
    """Return the learning curves: of one policy by blocks, with their intervals; of several from the first event on."""
    estimable = {one.policy for one in found.estimates if one.status != "not_estimable"}
    curves = {name: points for name, points in found.curves.items() if name in estimable and points}
    if not curves:
        return ()
    alone = len(curves) == 1
    series: list[Series] = []
    for name, points in curves.items():
        x = tuple(point.events for point in points)
        if alone:
            low, high = tuple(point.ci_low for point in points), tuple(point.ci_high for point in points)
            series.append(Series(name, "band", x, tuple(point.value for point in points), low, high))
        series.append(Series(name, "line", x, tuple(point.value if alone else point.cumulative for point in points)))
    longest = max(curves.values(), key=lambda points: points[-1].events)
    logged = tuple(point.logged if alone else point.logged_cumulative for point in longest)
    series.append(Series("logged", "line", tuple(point.events for point in longest), logged))
    what = "mean reward of each block of events, with its interval" if alone else "mean reward from the first event on"
    axes = Axis("events served"), Axis(found.reward, "per impression")
    note = f"{what}; logged: the same stretch of the log"
    return (Chart(f"{found.reward}: learning curve{'' if alone else 's'}", *axes, tuple(series), note=note),)


def _notes(found: LearningReplay) -> tuple[str, ...]:
    log = found.log
    when = ""
    if log.since is not None and log.until is not None:
        when = f", {from_micros(log.since):%Y-%m-%d} to {from_micros(log.until):%Y-%m-%d}"
    facts = f"{counted(log.impressions, 'impression')} of {counted(log.items, 'item')}{when}; written by "
    how = _how(found)
    ties = "of equal scores the first item in the order of ids is chosen"
    return (facts + ", ".join(log.versions), how, ties, *found.notes)


def _how(found: LearningReplay) -> str:
    by: dict[str, list[str]] = {}
    for one in found.estimates:
        if one.status != "not_estimable":
            by.setdefault(one.interval, []).append(one.policy)
    told = ", ".join(f"{how} ({' and '.join(names)})" if len(by) > 1 else how for how, names in by.items()) or "none"
    if found.method == "bootstrap":
        return f"bootstrapped replay; intervals: {told}"
    share = f"{100 * found.floor:.3g} % of the log accepted whatever the policy does"
    return f"replay by rejection, {share}; intervals: {told}"
