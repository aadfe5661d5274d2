"""How an analysis is shown: the decision, the checks, the effects with their intervals drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, nan
from typing import TYPE_CHECKING

from recsys.display import (
    Cell,
    Chart,
    Interval,
    Percent,
    Plot,
    PValue,
    Table,
    View,
    counted,
    drawn,
    number_text,
    shared_axis,
)
from recsys.experiment.charts.arms import arm_charts, arms_table
from recsys.experiment.charts.effects import effect_charts
from recsys.experiment.charts.looks import looks_chart
from recsys.experiment.charts.spans import segments_chart
from recsys.experiment.effects import Effect
from recsys.experiment.integrity.checks import Check
from recsys.experiment.looks import GroupSequential
from recsys.experiment.monitoring import Monitor
from recsys.experiment.verdicts import absolute_bounds, relative_bounds

if TYPE_CHECKING:
    from recsys.experiment.analysis import Analysis

MARKS = {"fail": "FAIL", "warn": "warn", "ok": "ok", "not_run": "not run"}
MOST_DRAWN = 3  # arms whose first goal is drawn by day and by segment
MOST_LOOKED = 12
ROLES = (("goal", "goals"), ("guardrail", "guardrails"), ("diagnostic", "diagnostics"))


def analysis_view(analysis: Analysis) -> View:
    """Return what a reader should see of an analysis, the decision first."""
    decision = analysis.decision
    tables = [Table(("why",), tuple((reason,) for reason in decision.reasons))] if decision.reasons else []
    if any(check.blocks for check in analysis.checks):
        tables.append(checks_table(analysis.checks, analysis))
    for role, title in ROLES:
        rows = [effect for effect in analysis.effects if effect.role == role]
        if rows:
            tables.append(effects_table(rows, title, analysis))
    tables += [segments_table(analysis, by) for by in analysis.by]
    if any(effect.covariates or effect.uncapped for effect in analysis.effects):
        tables.append(beside_table(analysis.effects))
    if not any(check.blocks for check in analysis.checks):
        tables.append(checks_table(analysis.checks, analysis))
    if len(analysis.table) and analysis.table.days.n > 1:
        tables.append(arms_table(analysis))
    return View(decision.conclusion, tuple(tables), _notes(analysis), _charts(analysis))


def _charts(analysis: Analysis) -> tuple[Chart, ...]:
    """Return what is to be seen: where a check blocks, who came into which arm, and effects only with that said."""
    effects, arms = effect_charts(analysis), arm_charts(analysis)
    if any(check.blocks for check in analysis.checks):
        return (*arms, *effects)
    goals = _first_goals(analysis)
    looks = drawn(*(looks_chart(analysis.monitor(one.metric, one.arm)) for one in goals))
    segments = (analysis.segments(one.metric, by, one.arm) for by in analysis.by for one in goals)
    return (*effects, *looks, *drawn(*map(segments_chart, segments)), *arms)


def _first_goals(analysis: Analysis) -> list[Effect]:
    """Return the effects on the first goal (or metric), of the first few arms."""
    goals = [effect for effect in analysis.effects if effect.role == "goal"] or list(analysis.effects)
    return [effect for effect in goals if effect.metric == goals[0].metric][:MOST_DRAWN]


def monitors_view(name: str, monitors: Sequence[Monitor]) -> View:
    """Return the looks at several effects one below the other."""
    views = [monitor.view() for monitor in monitors]
    tables = [replace(table, caption=view.title) for view in views for table in view.tables]
    untold = [view.title for view in views if not view.tables]
    notes = dict.fromkeys([*untold, *(note for view in views for note in view.notes)])
    shown = [f"{one.metric} ({one.arm})" for one in monitors if one.looks and one.looks[-1].crossed]
    past = [f"{one.metric} ({one.arm})" for one in monitors if one.crossed and not one.looks[-1].crossed]
    told = [f"a difference is shown in {', '.join(shown)}"] if shown else []
    told += [f"one was shown in {', '.join(past)}, and the last look holds 0 again"] if past else []
    title = f"{name}: {'; '.join(told) or 'nothing shown so far'}"
    charts = tuple(chart for view in views for chart in view.charts)
    if hidden := len(charts[MOST_LOOKED:]):
        notes[f"{counted(hidden, 'further chart')} not drawn"] = None
    return View(title, tuple(tables), tuple(notes), charts[:MOST_LOOKED])


def checks_table(checks: Sequence[Check], analysis: Analysis) -> Table:
    """Return the checks, the worst first; those that are in order in one line."""
    order = {"fail": 0, "warn": 1, "not_run": 2, "ok": 3}
    loud = sorted((check for check in checks if check.status in ("fail", "warn")), key=lambda one: order[one.status])
    quiet = [check.name for check in checks if check.status == "ok"]
    unrun = [check.name for check in checks if check.status == "not_run"]
    rows: list[tuple[Cell, ...]] = [
        (
            MARKS[check.status],
            check.name,
            f"{check.consequence} ({check.detail})" if check.detail else check.consequence,
        )
        for check in loud
    ]
    if quiet:
        rows.append(("ok", f"{counted(len(quiet), 'check')}", ", ".join(quiet)))
    if unrun:
        rows.append(("not run", f"{counted(len(unrun), 'check')}", ", ".join(unrun)))
    sizes = ", ".join(
        f"{arm} {n:,}" for arm, n in zip(analysis.arms, analysis.units.values(), strict=True)
    )  # fmt: skip
    return Table(("", "integrity", "what it says"), tuple(rows), f"units: {sizes}")


def effects_table(effects: Sequence[Effect], title: str, analysis: Analysis) -> Table:
    """Return the effects of one role: relative where that is possible, else absolute."""
    bounds = [relative_bounds(effect) for effect in effects]
    axis = shared_axis([(low, effect.relative, high) for effect, (low, high) in zip(effects, bounds, strict=True)])
    many, guarded = len(analysis.arms) > 2, effects[0].role == "guardrail"
    rows = []
    for effect, (low, high) in zip(effects, bounds, strict=True):
        cells: list[Cell] = [effect.metric, *([effect.arm] if many else [])]
        cells += [_percent(effect), _interval(effect), Plot(low, effect.relative, high, axis)]
        last = Percent(effect.margin) if guarded else PValue(_shown_pvalue(effect))
        cells += [last, effect.verdict, _matured(effect)]
        rows.append(tuple(cells))
    level = f"{100 * analysis.experiment.confidence:g} % interval"
    head = "margin" if guarded else "p"
    columns = ("metric", *(("arm",) if many else ()), "effect", level, "", head, "verdict", "matured units")
    versus = f"{analysis.control} is the control" if many else f"{effects[0].arm} − {analysis.control}"
    doubt = " (not to be trusted: a check failed)" if any(check.blocks for check in analysis.checks) else ""
    return Table(columns, tuple(rows), f"{title}: {versus}{doubt}")


def segments_table(analysis: Analysis, by: str) -> Table:
    """Return the effects on the first goal by segment, partially pooled, with the test whether they differ at all."""
    goals = [effect for effect in analysis.effects if effect.role == "goal"] or list(analysis.effects)
    wanted = [effect for effect in goals if effect.metric == goals[0].metric]
    found = [analysis.segments(effect.metric, by, effect.arm) for effect in wanted]
    rows = tuple(
        (f"{one.arm} · {row.segment}" if len(found) > 1 else row.segment, row.n + row.n_control, row.difference,
         Interval(row.ci_low, row.ci_high), row.pooled, Interval(row.pooled_ci_low, row.pooled_ci_high))
        for one in found for row in one.segments
    )  # fmt: skip
    columns = (by, "units", "difference", "interval", "pooled", "pooled interval")
    return Table(columns, rows, "; ".join(one.summary for one in found))


def beside_table(effects: Sequence[Effect]) -> Table:
    """Return the effects as they are without adjustment and without winsorising."""
    rows = []
    for effect in effects:
        if not (effect.covariates or effect.uncapped):
            continue
        plain, raw = effect.unadjusted, effect.uncapped
        rows.append(
            (
                f"{effect.metric} · {effect.arm}",
                effect.difference,
                Interval(effect.ci_low, effect.ci_high),
                Interval(plain["ci_low"], plain["ci_high"]) if effect.covariates else None,
                Percent(effect.variance_reduction if effect.covariates else nan),
                Interval(raw.get("ci_low", nan), raw.get("ci_high", nan)) if raw else None,
                "; ".join(f"{number_text(cap.threshold)} ({counted(cap.units, 'unit')})" for cap in effect.caps[:1])
                or None,
            )
        )
    columns = ("metric · arm", "difference", "interval", "unadjusted", "less variance", "without cap", "cap")
    return Table(columns, tuple(rows), "differences beside what they are without adjustment and capping")


def _percent(effect: Effect) -> Cell:
    if isfinite(effect.relative):
        return Percent(effect.relative, signed=True)
    return None if not isfinite(effect.difference) else f"{effect.difference:+.4g}"


def _interval(effect: Effect) -> Cell:
    if effect.relative_status in ("ok", "unbounded") and isfinite(effect.relative):
        low, high = relative_bounds(effect)
        if isfinite(low) or effect.relative_status == "unbounded":
            return Interval(low, high, percent=True)
    return Interval(*absolute_bounds(effect))


def _shown_pvalue(effect: Effect) -> float:
    return effect.pvalue_adjusted if effect.role == "goal" else effect.pvalue


def _matured(effect: Effect) -> str:
    n, of = effect.n + effect.n_control, effect.enrolled + effect.enrolled_control
    return f"{n:,}" if n == of else f"{n:,}/{of:,}"


def _notes(analysis: Analysis) -> tuple[str, ...]:
    experiment, notes = analysis.experiment, []
    goals = sum(effect.role == "goal" for effect in analysis.effects)
    if goals > 1 and isinstance(experiment.monitoring, GroupSequential):
        notes.append(f"{goals} goals × arms share alpha equally" if experiment.correction != "none" else "")
    elif goals > 1:
        notes.append(f"p-values of goals are adjusted for {goals} (goals × arms) by {experiment.correction}")
    if any(effect.withheld for effect in analysis.effects):
        notes.append(
            "p-values of a single look are withheld before the planned size: whoever looks often finds something"
            " (look='final' asks for them)"
        )
    if analysis.monitors:
        notes.append(f"intervals hold at all looks: {next(iter(analysis.monitors.values())).method}")
    elif any(effect.withheld for effect in analysis.effects):
        notes.append("intervals are those of a single look")
    notes.append(f"methods: {'; '.join(dict.fromkeys(effect.method for effect in analysis.effects))}")
    return (*filter(None, notes), *(f"warning: not as planned: {one}" for one in analysis.deviations))
