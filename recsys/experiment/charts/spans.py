"""Effects of segments, days, weeks and periods of exposure, each beside the line of no difference."""

from __future__ import annotations

from datetime import datetime
from math import isfinite, nan
from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Estimated, Series, forest
from recsys.experiment.charts.axes import difference_axis, interval_name, named, note, thinned, zero

if TYPE_CHECKING:
    from recsys.experiment.questions.days import DayEffect, DayEffects, Novelty
    from recsys.experiment.questions.segmenting import SegmentEffects
    from recsys.experiment.questions.since_exposure import SinceExposure
    from recsys.experiment.questions.triggering import Triggered

ONE_LOOK = "Intervals are those of a single look and not adjusted for their number: some leave out 0 by chance."


def segments_chart(found: SegmentEffects) -> Chart | None:
    """Return the effect in each segment, by itself and pooled."""
    name = interval_name(found.confidence)
    alone = [Estimated(one.segment, one.difference, one.ci_low, one.ci_high, name) for one in found.segments]
    pooled = [
        Estimated(one.segment, one.pooled, one.pooled_ci_low, one.pooled_ci_high, "pooled")
        for one in found.segments
        if isfinite(one.difference)
    ]
    rows = [row for pair in zip(alone, _beside(alone, pooled), strict=True) for row in pair if row is not None]
    return forest(
        f"{found.metric} by {found.by}: {found.arm} − {found.control}",
        difference_axis(found.metric, found.form),
        Axis(found.by),
        rows,
        rules=(zero("x"),),
        note=note("Pooled: drawn to the common effect by what is noise; read these when picking a segment.", ONE_LOOK),
        most=2 * 20,
    )


def _beside(alone: list[Estimated], pooled: list[Estimated]) -> list[Estimated | None]:
    by_label = {row.label: row for row in pooled}
    return [by_label.get(row.label) for row in alone]


def days_chart(found: DayEffects) -> Chart | None:
    """Return the effect of each day, or of all units up to it."""
    cumulative = found.kind == "cumulative"
    what = "all units up to a day" if cumulative else "the units of a day"
    return _dated(
        f"{found.metric}, {found.arm} − {found.control}: difference among {what}",
        "day of first exposure",
        found.days,
        found,
        "Intervals are those of a single look: whoever reads them day by day, finds something too often."
        if cumulative
        else ONE_LOOK,
    )


def cohorts_chart(found: Novelty) -> Chart | None:
    """Return the effect of each week of first exposure."""
    trend = ""
    if isfinite(found.slope):
        bounds = f"[{found.ci_low:.4g}, {found.ci_high:.4g}]"
        trend = f"Change from week to week: {found.slope:.4g} {bounds}."
    title = f"{found.metric}, {found.arm} − {found.control}: difference by week of first exposure"
    return _dated(title, "first day of the week of first exposure", found.cohorts, found, note(trend, ONE_LOOK))


def _dated(
    title: str, label: str, rows: tuple[DayEffect, ...], found: DayEffects | Novelty, reading: str
) -> Chart | None:
    usable = [row for row in rows if isfinite(row.difference)]
    if not usable:
        return None
    shown = thinned(usable)
    at = tuple(datetime.fromisoformat(row.day) for row in shown)
    values = tuple(row.difference for row in shown)
    ends = tuple(_end(row.ci_low) for row in shown), tuple(_end(row.ci_high) for row in shown)
    name = interval_name(found.confidence)
    banded = len(shown) > 60 or getattr(found, "kind", "") == "cumulative"
    series = [Series(name, "band" if banded else "interval", at, values, *ends)]
    if banded:
        series.append(Series("difference", "line", at, values))
    return Chart(
        title,
        Axis(label, "UTC", kind="time"),
        difference_axis(found.metric, found.form),
        tuple(series),
        (zero("y"),),
        note(
            reading,
            named("Not estimable, so not drawn", [row.day for row in rows if not isfinite(row.difference)]),
            f"Every {len(usable) / len(shown):.2g}th of {len(usable)} is drawn." if len(shown) < len(usable) else "",
        ),
    )


def periods_chart(found: SinceExposure) -> Chart | None:
    """Return the effect in each period after exposure, at its middle."""
    usable = [one for one in found.periods if isfinite(one.difference)]
    if not usable:
        return None
    return Chart(
        f"{found.metric}, {found.arm} − {found.control}: difference by time since exposure",
        Axis("time since the unit's first exposure", "days"),
        difference_axis(found.metric, found.form),
        (
            Series(
                interval_name(found.confidence), "interval",
                tuple((one.begin + one.end) / 2 for one in usable), tuple(one.difference for one in usable),
                tuple(_end(one.ci_low) for one in usable), tuple(_end(one.ci_high) for one in usable),
            ),
        ),
        (zero("y"),),
        note(
            "All periods are of the same units; each stands at its middle.",
            f"Change from period to period: {found.slope:.4g} [{found.ci_low:.4g}, {found.ci_high:.4g}]."
            if isfinite(found.slope)
            else "",
            ONE_LOOK,
            named(
                "Not estimable, so not drawn",
                [f"{one.begin:g}–{one.end:g}" for one in found.periods if not isfinite(one.difference)],
            ),
        ),
    )  # fmt: skip


def diluted_chart(found: Triggered) -> Chart | None:
    """Return the relative effects on the triggered units beside what they amount to for all units."""
    several = len({one.arm for one in found.diluted}) > 1
    rows = []
    for one in found.diluted:
        effect = found.analysis.effect(one.metric, one.arm)
        label = f"{one.metric} · {one.arm}" if several else one.metric
        scale = one.relative / one.difference if one.difference else nan
        triggered = (effect.relative, effect.relative_ci_low, effect.relative_ci_high)
        rows.append(Estimated(label, *triggered, f"triggered units ({100 * found.share:.1f} %)"))
        rows.append(Estimated(label, one.relative, one.ci_low * scale, one.ci_high * scale, "all units"))
    return forest(
        "What the effect on triggered units amounts to for all",
        Axis(f"difference relative to {found.analysis.control}", percent=True),
        Axis("metric and arm" if several else "metric"),
        rows,
        rules=(zero("x"),),
        note="Units that did not trigger are taken not to differ. Each is relative to the control of its own units.",
    )


def _end(value: float) -> float | None:
    """Return an end of an interval; it may be infinite."""
    return value if value == value else None
