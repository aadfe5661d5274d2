"""How a replay of learning policies is shown: estimates, learning curves, checks, conventions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from recsys.core.times import from_micros
from recsys.display import Cell, Interval, Percent, Plot, PValue, Table, View, counted, number_text, shared_axis
from recsys.display.chart import Axis, Chart, Series
from recsys.ope.replay_view import checks_table
from recsys.ope.results import Estimate

if TYPE_CHECKING:
    from recsys.ope.learning.result import LearningReplay


def conclude(found: LearningReplay) -> str:
    """Return the best policy and what it would have earned, or why the log cannot tell."""
    able = [one for one in found.estimates if one.status != "not_estimable"]
    if not able:
        one = found.estimates[0]
        why = one.reasons[0].partition(": ")[2] or one.reasons[0] if one.reasons else "no estimate could be made"
        return f"The log cannot tell what {one.policy} would have earned: {why}"
    best = max(able, key=lambda one: one.value)
    told = f"{best.policy} would have earned {number_text(best.value)} {best.reward} per impression"
    told += f" [{number_text(best.ci_low)}, {number_text(best.ci_high)}]" if math.isfinite(best.ci_low) else ""
    told += f" while it learned, the log {number_text(found.logged.value)}"
    if best.status == "flagged":
        told += f" (flagged: {best.reasons[0].partition(': ')[2] or best.reasons[0]})"
    return told


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
    series: list[Series] = []
    estimable = {one.policy for one in found.estimates if one.status != "not_estimable"}
    for name, points in found.curves.items():
        if name not in estimable or not points:
            continue
        x = tuple(point.events for point in points)
        if len(estimable) == 1:
            low, high = tuple(point.ci_low for point in points), tuple(point.ci_high for point in points)
            series.append(Series(name, "band", x, tuple(point.value for point in points), low, high))
        series.append(Series(name, "line", x, tuple(point.cumulative for point in points)))
    longest = max((points for name, points in found.curves.items() if name in estimable), key=len, default=())
    if not series:
        return ()
    x = tuple(point.events for point in longest)
    series.append(Series("logged", "line", x, tuple(point.logged_cumulative for point in longest)))
    note = "lines: mean reward from the first event on"
    note += "; band: of each block of events, with its interval" if len(estimable) == 1 else ""
    title = f"{found.reward}: learning curves"
    axes = Axis("events served"), Axis(found.reward, "per impression")
    return (Chart(title, *axes, tuple(series), note=f"{note}; logged: the same stretch of the log"),)


def _notes(found: LearningReplay) -> tuple[str, ...]:
    log = found.log
    when = ""
    if log.since is not None and log.until is not None:
        when = f", {from_micros(log.since):%Y-%m-%d} to {from_micros(log.until):%Y-%m-%d}"
    facts = f"{counted(log.impressions, 'impression')} of {counted(log.items, 'item')}{when}; written by "
    how = _how(found, found.estimates[0])
    ties = "of equal scores the first item in the order of ids is chosen"
    return (facts + ", ".join(log.versions), how, ties, *found.notes)


def _how(found: LearningReplay, one: Estimate) -> str:
    if found.method == "bootstrap":
        return f"bootstrapped replay, {one.interval}: they hold both the log's chance and the policy's"
    return (
        f"replay by rejection, {100 * found.floor:.3g} % of the log accepted whatever the policy does; intervals"
        f" ({one.interval}) are of this run's policies, not of another run's"
    )
