"""What a plan can find: power and the smallest effect found, against weeks of enrolment or units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Rule, Series
from recsys.experiment.charts.axes import named, note

if TYPE_CHECKING:
    from recsys.experiment.planning.result import CurvePoint, Plan

MOST_METRICS = 6


def plan_charts(plan: Plan) -> tuple[Chart, ...]:
    """Return the power curve and the curve of detectable effects, where there is anything to draw them of."""
    if not plan.curve:
        return ()
    timed = isfinite(plan.curve[0].days)
    x = Axis("enrolment", "weeks") if timed else Axis("units", "of all arms, whose window has ended")
    at = plan.enrolment_days if timed else plan.units
    place = None if at is None else at / 7 if timed else at
    last = max(one.days / 7 if timed else one.units for one in plan.curve)
    rules = [] if place is None or place > last else [Rule("x", place, "the plan")]
    size = "" if place is None else f"{place:,.0f} {'weeks' if timed else 'units'}"
    beyond = f"The plan ({size}) lies beyond." if place is not None and place > last else ""
    power = _chart(
        plan, x, Axis("power", percent=True), "Power for the effect that shall be found", lambda one: one.power,
        [*rules, Rule("y", plan.power, f"asked for: {100 * plan.power:g} %")],
        note("The share of experiments that would show the effect, if it is there.", beyond),
    )  # fmt: skip
    found = _chart(
        plan, x, Axis("smallest effect found", "relative to the baseline, %", percent=True),
        f"Smallest effect found with {100 * plan.power:g} % power", lambda one: one.detectable, rules,
        note("An effect nearer to 0 than its line is found with less power than that.", beyond),
    )  # fmt: skip
    return tuple(chart for chart in (power, found) if chart is not None)


def _chart(
    plan: Plan,
    x: Axis,
    y: Axis,
    title: str,
    value: Callable[[CurvePoint], float],
    rules: Sequence[Rule],
    reading: str,
) -> Chart | None:
    timed = x.label == "enrolment"
    curves: dict[str, list[CurvePoint]] = {}
    for point in plan.curve:
        if isfinite(value(point)):
            curves.setdefault(point.metric, []).append(point)
    if not curves:
        return None
    drawn = list(curves.items())[:MOST_METRICS]
    empty = [name for name in dict.fromkeys(point.metric for point in plan.curve) if name not in curves]
    guarded = [one.metric for one in plan.metrics if one.role == "guardrail" and isfinite(one.units)]
    return Chart(
        title,
        x,
        y,
        tuple(
            Series(
                metric,
                "line",
                tuple(one.days / 7 if timed else one.units for one in points),
                tuple(value(one) for one in points),
            )
            for metric, points in drawn
        ),
        tuple(rules),
        note(
            reading,
            named("Guardrails are in the size, not drawn here", guarded),
            named("Not estimable, so not drawn", empty),
            named("Further metrics are in the table", list(curves)[MOST_METRICS:]),
        ),
    )
