"""Whether the period is fit for a decision: whole weeks, holidays, windows that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from recsys.core.times import from_micros
from recsys.display import counted
from recsys.experiment.integrity.checks import Check
from recsys.experiment.metrics import DAY, Metric
from recsys.experiment.units.maturity import matured_units
from recsys.experiment.units.table import UnitTable


def week_check(table: UnitTable) -> Check:
    """Return whether units were enrolled over whole weeks: people of a Sunday are not those of a Tuesday."""
    if not len(table):
        return Check("whole-weeks", "not_run", None, 7.0, table.nobody)
    first, last = int(table.first_exposure.min()), int(table.first_exposure.max())
    days = (last // DAY) - (first // DAY) + 1
    if last == first:  # exposures without times of their own, as in a ready-made table
        return Check("whole-weeks", "not_run", None, 7.0, "all units have the same time of exposure")
    told = f"enrolled over {counted(int(days), 'day')}, from {_day(first)} to {_day(last)}"
    if days < 7:
        said = "less than a week: weekdays or the weekend are missing"
    else:
        said = "" if days % 7 == 0 else "not whole weeks: some weekdays count more than others"
    return Check("whole-weeks", "warn" if said else "ok", float(days), 7.0, said, told)


def holiday_check(table: UnitTable, holidays: Sequence[date]) -> Check:
    """Return which of the dates that are no ordinary days fall into the period (enrolment and windows, UTC)."""
    if not holidays:
        return Check("holidays", "not_run", None, 0.0, "no holidays were named")
    if not len(table):
        return Check("holidays", "not_run", None, 0.0, table.nobody)
    begin = from_micros(int(table.first_exposure.min())).date()
    end = from_micros(max(table.through, int(table.first_exposure.max()) + 1) - 1).date()
    inside = sorted(day for day in set(holidays) if begin <= day <= end)
    said = "the effect may be another one on ordinary days" if inside else ""
    told = ", ".join(map(str, inside)) or f"none of {len(holidays)} between {begin} and {end}"
    return Check("holidays", "warn" if inside else "ok", float(len(inside)), 0.0, said, told)


def maturity_check(table: UnitTable, metrics: Sequence[Metric]) -> Check:
    """Return the share of units whose windows have ended, of the metric with the fewest."""
    if not len(table) or not metrics:
        return Check("maturity", "not_run", None, 0.0, table.nobody)
    shares = {metric.name: np.count_nonzero(matured_units(table, metric)) / len(table) for metric in metrics}
    name = min(shares, key=lambda key: shares[key])
    told = ", ".join(f"{key} {100 * share:.1f} %" for key, share in shares.items())
    nothing = [metric for metric in metrics if shares[metric.name] == 0]
    deciding = [metric for metric in metrics if metric.role != "diagnostic"]
    waiting = [metric.name for metric in nothing if metric.role != "diagnostic"]
    if waiting:
        said = f"no unit's window has ended for {', '.join(waiting)}"
        if len(waiting) == len(deciding):
            return Check(
                "maturity", "fail", 0.0, 0.0, f"{said}: nothing can be said yet, the decision is blocked", told
            )
        return Check("maturity", "warn", 0.0, 0.0, f"{said}: nothing can be shipped yet, only stopped", told)
    said = "units whose window has not ended are left out" if shares[name] < 1 else ""
    return Check("maturity", "warn" if nothing else "ok", shares[name], 0.0, said, told)


def window_check(metrics: Sequence[Metric], *, monitored: bool) -> Check:
    """Return whether windows are long enough for a day's rhythm, and end, where the experiment is looked at early.

    What is proved of many looks is proved of units that enter with their final values; without a window they grow.
    """
    ends = {metric.name: metric.span[1] for metric in metrics}
    short = [name for name, end in ends.items() if end is not None and end < DAY]
    growing = [name for name, end in ends.items() if end is None and monitored]
    said = [
        f"{', '.join(short)}: shorter than a day, so that the hour of exposure counts" if short else "",
        f"{', '.join(growing)}: no window, values keep growing, and intervals do not hold at all looks together"
        if growing
        else "",
    ]
    told = ", ".join(f"{name} {_length(end)}" for name, end in ends.items())
    consequence = "; ".join(filter(None, said))
    return Check("windows", "warn" if consequence else "ok", float(len(short) + len(growing)), 0.0, consequence, told)


def complete_check(table: UnitTable) -> Check:
    """Return how far behind the end of the analysis the tables end."""
    late = {name: table.through - until for name, until in table.complete_through.items() if until < table.through}
    if not table.complete_through:
        return Check("complete", "not_run", None, 0.0, "it is not known how far the data is complete")
    if not late:
        return Check("complete", "ok", 0.0, 0.0, "", "to the end of the analysis")
    days = max(late.values()) / DAY
    told = ", ".join(f"{name} to {from_micros(table.through - gap)}" for name, gap in sorted(late.items()))
    said = "windows count as ended only where the data is complete"
    return Check("complete", "ok", days, 0.0, said, told)


def _day(micros: int) -> str:
    return from_micros(micros).date().isoformat()


def _length(end: int | None) -> str:
    if end is None:
        return "open"
    return f"{end / DAY:g} day{'' if end == DAY else 's'}"
