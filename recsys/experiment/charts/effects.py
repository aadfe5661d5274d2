"""Forest plots of effects: metrics × arms by role, with the line of no difference and what is tolerated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isfinite, nan
from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Estimated, Rule, Series, counted, drawn, forest
from recsys.display.forest import MOST_ROWS
from recsys.experiment.charts.axes import difference_axis, interval_name, named, note, zero
from recsys.experiment.effects import Effect
from recsys.experiment.verdicts import absolute_bounds, relative_bounds

if TYPE_CHECKING:
    from recsys.experiment.analysis import Analysis

ROLES = (("goal", "Goals"), ("guardrail", "Guardrails"), ("diagnostic", "Diagnostics"))
MOST_ARMS = 6  # that get a chart of their own, where metrics × arms are too many rows for one
MOST_ABSOLUTE = 3
TOLD = ("better", "worse", "safe", "broken", "not shown safe")  # verdicts that stand beside a row
EARLY = "Too early to judge: the planned size is not reached, and an interval of a single look leaves out 0 by chance."


def effect_charts(analysis: Analysis) -> tuple[Chart, ...]:
    """Return the effects of an analysis, goals first; a failed check stands in every title."""
    charts: list[Chart] = []
    for role, title in ROLES:
        effects = [effect for effect in analysis.effects if effect.role == role]
        charts += _role_charts(effects, title, analysis) if effects else []
    return tuple(doubted(chart, analysis) for chart in charts)


def doubted(chart: Chart, analysis: Analysis) -> Chart:
    """Return the chart, with what failed in its title and note where a check blocks the decision."""
    failed = [check.name for check in analysis.checks if check.blocks]
    if not failed:
        return chart
    return replace(
        chart,
        title=f"Not to be trusted, {' and '.join(failed)} failed: {chart.title[0].lower()}{chart.title[1:]}",
        note=note("A failed integrity check blocks the decision: this shows no effect of the arms.", chart.note),
    )


def _role_charts(effects: Sequence[Effect], title: str, analysis: Analysis) -> tuple[Chart, ...]:
    comparable = [effect for effect in effects if _has_relative(effect) or effect.status != "ok"]
    parts = list(_parts(comparable))
    hidden = len(parts) - MOST_ARMS
    charts = [_relative_chart(part, title, analysis, max(hidden, 0)) for part in parts[:MOST_ARMS]]
    others = dict.fromkeys(effect.metric for effect in effects if effect not in comparable)
    apart = [[one for one in effects if one.metric == metric] for metric in list(others)[:MOST_ABSOLUTE]]
    return drawn(*charts, *(_absolute_chart(part, title, analysis) for part in apart))


def _parts(effects: Sequence[Effect]) -> Iterator[list[Effect]]:
    """Yield all effects, or those of each arm where they are too many rows to read."""
    if len(effects) <= MOST_ROWS:
        yield from [list(effects)] if effects else []
        return
    for arm in dict.fromkeys(effect.arm for effect in effects):
        yield [effect for effect in effects if effect.arm == arm]


def _relative_chart(effects: Sequence[Effect], title: str, analysis: Analysis, hidden: int) -> Chart | None:
    several = len({effect.arm for effect in effects}) > 1
    rows = [_row(effect, _relative(effect), relative_bounds(effect), several, analysis) for effect in effects]
    margins = [_margin(effect) for effect in effects]
    common = set(margins) if effects and effects[0].role == "guardrail" else set()
    rules = [zero("x")]
    if len(common) == 1:
        (at,) = common
        rules.append(Rule("x", at, f"tolerated: {100 * at:+g} %"))
    chart = forest(
        f"{title}: {_versus(effects, analysis)}",
        Axis(f"difference relative to {analysis.control}", percent=True),
        Axis("metric and arm" if several else "metric"),
        rows,
        rules=tuple(rules),
        note=note(
            _reading(effects, analysis),
            f"{counted(hidden, 'further arm')} not drawn: the tables have them." if hidden else "",
        ),
    )
    return _with_margins(chart, rows, margins) if chart is not None and len(common) > 1 else chart


def _with_margins(chart: Chart, rows: Sequence[Estimated], margins: Sequence[float]) -> Chart:
    """Mark how much for the worse each metric may be: they differ, so that one line would not say it."""
    places = list(zip(rows, margins, strict=True))[:MOST_ROWS]
    marks = Series("tolerated", "point", tuple(at for _, at in places), tuple(row.label for row, _ in places))
    return replace(chart, series=(*chart.series, marks))


def _absolute_chart(effects: Sequence[Effect], title: str, analysis: Analysis) -> Chart | None:
    """Draw a metric that has no relative effect by itself: differences of two metrics share no axis."""
    rows = [_row(effect, effect.difference, absolute_bounds(effect), True, analysis) for effect in effects]
    return forest(
        f"{title}: {effects[0].metric}, {_versus(effects, analysis)}",
        difference_axis(effects[0].metric, effects[0].form),
        Axis("metric and arm"),
        rows,
        rules=(zero("x"),),
        note=note(f"Drawn by itself: relative to {analysis.control} it has no value.", _reading(effects, analysis)),
    )


def _row(effect: Effect, estimate: float, bounds: tuple[float, float], several: bool, analysis: Analysis) -> Estimated:
    label = f"{effect.metric} · {effect.arm}" if several else effect.metric
    if effect.verdict in TOLD and not any(check.blocks for check in analysis.checks):
        label += f" ({effect.verdict})"
    held = effect.sequential is not None
    return Estimated(label, estimate, *bounds, interval_name(analysis.experiment.confidence, all_looks=held))


def _reading(effects: Sequence[Effect], analysis: Analysis) -> str:
    """Return how to read the rows: on which side what is better, what must stay clear of what, what is too early."""
    less = [effect.metric for effect in effects if effect.direction == "decrease"]
    guarded = effects[0].role == "guardrail"
    return note(
        "Right of the line the arm has more than the control.",
        named("Less is better of", less),
        "An interval is of its row alone; better and worse are judged by p-values adjusted for all goals and arms."
        if effects[0].role == "goal" and _many_goals(analysis) and not any(check.blocks for check in analysis.checks)
        else "",
        "A guardrail is safe where its whole interval is on the good side of what is tolerated." if guarded else "",
        EARLY if any(effect.withheld and effect.sequential is None for effect in effects) else "",
    )


def _many_goals(analysis: Analysis) -> bool:
    goals = sum(effect.role == "goal" for effect in analysis.effects)
    return goals > 1 and analysis.experiment.correction != "none"


def _versus(effects: Sequence[Effect], analysis: Analysis) -> str:
    arms = list(dict.fromkeys(effect.arm for effect in effects))
    return f"{arms[0]} − {analysis.control}" if len(arms) == 1 else f"each arm − {analysis.control}"


def _has_relative(effect: Effect) -> bool:
    return isfinite(effect.relative) and effect.relative_status in ("ok", "unbounded")


def _relative(effect: Effect) -> float:
    return effect.relative if effect.status == "ok" else nan


def _margin(effect: Effect) -> float:
    return -effect.sign * (effect.margin or 0.0)
