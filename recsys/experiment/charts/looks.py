"""The effect as it stood at the end of every day, with what holds on all days together."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from recsys.core.times import from_micros
from recsys.display import Axis, Chart, Rule, Series, counted
from recsys.experiment.charts.axes import difference_axis, known, note, thinned, zero

if TYPE_CHECKING:
    from recsys.experiment.monitoring import Look, Monitor


def looks_chart(monitor: Monitor) -> Chart | None:
    """Return the looks at an effect; None where fewer than two have an interval (of planned looks: where none has)."""
    bounded = [look for look in monitor.looks if isfinite(look.ci_low) and isfinite(look.ci_high)]
    if len(bounded) < (1 if monitor.grouped else 2):
        return None
    looks = thinned(bounded)
    at = tuple(from_micros(look.at) for look in looks)
    estimates = tuple(known(look.difference) for look in looks)
    ends = tuple(look.ci_low for look in looks), tuple(look.ci_high for look in looks)
    name = "interval at all looks"
    series = [Series(name, "interval" if monitor.grouped else "band", at, estimates, *ends)]
    if not monitor.grouped:
        series.append(Series("difference so far", "line", at, estimates))
    return Chart(
        monitor.summary,
        Axis("end of the data", "UTC", kind="time"),
        difference_axis(monitor.metric, monitor.form),
        tuple(series),
        (zero("y"), *_milestones(looks, monitor.end)),
        note(
            "The difference is shown on the day on which the interval first leaves 0, however often one looks. An "
            "interval for one look alone is narrower: it may leave 0 where this one does not.",
            _left_out(monitor, bounded),
            f"{monitor.method[0].upper()}{monitor.method[1:]}.",
        ),
    )


def _milestones(looks: Sequence[Look], end: int | None) -> list[Rule]:
    """Return when the planned units had matured, and when the planned period ends."""
    reached = next((look for look in looks if look.fraction >= 1), None)
    found = [] if reached is None else [Rule("x", from_micros(reached.at), "planned units")]
    return found if end is None else [*found, Rule("x", from_micros(end), "planned end")]


def _left_out(monitor: Monitor, bounded: Sequence[Look]) -> str:
    early = len(monitor.looks) - len(bounded)
    if not early:
        return ""
    return f"{counted(early, 'day')} with too few units for an interval left out."
