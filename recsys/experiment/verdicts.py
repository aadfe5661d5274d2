"""What an effect amounts to: many goals and arms adjusted for, margins held, early looks paid for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isfinite, isnan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.experiment.effects import Effect, Verdict, withhold
from recsys.experiment.looks import GroupSequential
from recsys.experiment.metrics import Metric, window_end
from recsys.experiment.monitoring import Monitor
from recsys.experiment.units.table import UnitTable

if TYPE_CHECKING:
    from recsys.experiment.experiment import Experiment

Float64 = NDArray[np.float64]


def _bonferroni(pvalues: Float64) -> Float64:
    return np.asarray(np.minimum(pvalues * len(pvalues), 1.0))


ADJUSTMENTS: dict[str, Callable[[Float64], Float64]] = {
    "none": lambda pvalues: pvalues,
    "bonferroni": _bonferroni,
    "holm": stats.holm,
    "hochberg": stats.hochberg,
    "bh": stats.benjamini_hochberg,
    "by": stats.benjamini_yekutieli,
    "dunnett": stats.holm,  # of sequential p-values, which have no joint distribution to use
}


def planned_reached(experiment: Experiment, table: UnitTable, metric: Metric, matured: int) -> bool:
    """Return whether a metric may be judged at a single look: the planned units have matured, or the period is over.

    An experiment that plans neither units nor an end has no planned look; its only look is taken to be this one, unless
    it is monitored: then it is never over by itself.
    """
    if experiment.planned_units is None and experiment.ends is None:
        return experiment.monitoring is None
    if experiment.planned_units is not None and matured >= experiment.planned_units:
        return True
    if experiment.ends is None:
        return False
    tables = {one.table for one in metric.measures().values()}  # a ratio may have two
    known = min(table.through, *(table.complete_through.get(name, table.through) for name in tables))
    return known >= experiment.ends + (window_end(metric) or 0)


def judge(
    effects: Sequence[Effect],
    experiment: Experiment,
    reached: Mapping[str, bool],
    monitors: dict[tuple[str, str], Monitor],
    *,
    final: bool,
) -> tuple[Effect, ...]:
    """Return the effects with their verdicts.

    Parameters
    ----------
    effects : sequence of Effect
    experiment : Experiment
    reached : mapping of metric to bool
        Whether the planned size is reached.
    monitors : mapping of (metric, arm) to Monitor
        Empty without monitoring.
    final : bool
        Whether p-values of a single look were asked for by name.
    """
    found = [
        replace(
            effect if final or reached[effect.metric] else withhold(effect),
            sequential=monitors[effect.metric, effect.arm].sequential if monitors else None,
        )
        for effect in effects
    ]
    goals = [place for place, effect in enumerate(found) if effect.role == "goal"]
    pvalues = np.array([_deciding_pvalue(found[place], monitored=bool(monitors)) for place in goals], np.float64)
    if experiment.correction == "dunnett" and not monitors:
        adjusted = _dunnett([found[place] for place in goals], pvalues)
    else:
        adjusted = _adjusted(experiment.correction, pvalues)
    for place, pvalue in zip(goals, adjusted, strict=True):
        found[place] = replace(found[place], pvalue_adjusted=float(pvalue))
    alpha = 1 - experiment.confidence
    grouped = isinstance(experiment.monitoring, GroupSequential)
    return tuple(
        replace(effect, verdict=_verdict(effect, alpha, reached[effect.metric] or final, grouped=grouped))
        for effect in found
    )


def _adjusted(correction: str, pvalues: Float64) -> Float64:
    """Return adjusted p-values; NaN stays NaN, but counts as a test.

    What is not known yet will be tested later: a goal with a short window must not be judged as the only one first, and
    as one of several when the others have matured.
    """
    known = ~np.isnan(pvalues)
    return np.where(known, ADJUSTMENTS[correction](np.where(known, pvalues, 1.0)), np.nan)


def _dunnett(goals: Sequence[Effect], pvalues: Float64) -> Float64:
    """Return p-values adjusted for the arms by Dunnett and for the goals by Bonferroni.

    The control's part of an error is taken from the numbers of units, as if arms varied alike; the smallest part is
    used, so that the correlation of the arms is not overstated.
    """
    adjusted = np.full(len(goals), np.nan)
    names = list(dict.fromkeys(goal.metric for goal in goals))
    for name in names:
        places = [place for place, goal in enumerate(goals) if goal.metric == name and not isnan(pvalues[place])]
        if not places:
            continue
        own = [goals[place] for place in places]
        control = min(one.standard_error * (one.n / (one.n + one.n_control)) ** 0.5 for one in own)
        found = stats.dunnett([one.difference for one in own], [one.standard_error for one in own], control)
        adjusted[places] = np.minimum(found.pvalues * len(names), 1.0)
    return adjusted


def _deciding_pvalue(effect: Effect, *, monitored: bool) -> float:
    if not monitored:
        return effect.pvalue
    return effect.sequential.pvalue if effect.sequential is not None else np.nan


def _verdict(effect: Effect, alpha: float, reached: bool, *, grouped: bool) -> Verdict:
    if effect.status == "not_matured" or (effect.sequential is not None and effect.sequential.status == "burn_in"):
        return "too early"
    if effect.status not in ("ok", "zero_variance"):
        return "not estimable"
    if effect.role == "guardrail":
        return _guarded(effect, reached)
    if effect.status != "ok":
        return "not estimable"
    if effect.role == "diagnostic":
        shown = effect.pvalue < alpha
    elif effect.sequential is not None and grouped:
        held = effect.sequential  # crossed at some look, and still: the interval that is told must not hold 0
        shown = held.crossed and not held.ci_low <= 0 <= held.ci_high and effect.difference * held.ci_low > 0
    else:
        shown = effect.pvalue_adjusted < alpha
    if shown:
        return "better" if effect.difference * effect.sign > 0 else "worse"
    return "not clear" if reached else "too early"


def _guarded(effect: Effect, reached: bool) -> Verdict:
    """Hold a guardrail's relative interval against its margin; before the planned size only a sequential one counts."""
    if effect.margin is None:
        return "not estimable"
    low, high = relative_bounds(effect)
    if effect.status == "zero_variance" or isnan(low) or isnan(high):
        return "not estimable"
    worst, best = (low, high) if effect.sign > 0 else (-high, -low)
    if worst > -effect.margin:
        return "safe" if reached or effect.sequential is not None else "too early"
    if best < -effect.margin:
        return "broken" if reached or effect.sequential is not None else "too early"
    return "not shown safe" if reached else "too early"


def absolute_bounds(effect: Effect) -> tuple[float, float]:
    """Return the bounds of the difference that count: those that hold at all looks where there are such."""
    held = effect.sequential
    return (effect.ci_low, effect.ci_high) if held is None else (held.ci_low, held.ci_high)


def relative_bounds(effect: Effect) -> tuple[float, float]:
    """Return the bounds of the relative effect that count: those that hold at all looks where there are such.

    A sequential interval of the difference becomes a relative one by widening the relative interval of a single look
    in the same proportion on either side.
    """
    one_look = (effect.relative_ci_low, effect.relative_ci_high)
    if effect.sequential is None or not all(map(isfinite, one_look)):
        return one_look
    low = _widened(effect.difference, effect.ci_low, effect.sequential.ci_low)
    high = _widened(effect.difference, effect.ci_high, effect.sequential.ci_high)
    return (
        effect.relative + low * (effect.relative_ci_low - effect.relative),
        effect.relative + high * (effect.relative_ci_high - effect.relative),
    )


def _widened(estimate: float, single: float, sequential: float) -> float:
    return (sequential - estimate) / (single - estimate) if single != estimate else np.inf
