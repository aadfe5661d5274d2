"""`Decision`: ship, stop, continue, or blocked, with the reasons in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from recsys.core.jsonable import fit_for_json
from recsys.core.times import from_micros
from recsys.display import Chart, Interval, Percent, Table, View, Viewable, cell_text, number_text
from recsys.experiment.charts.arms import arm_charts
from recsys.experiment.charts.effects import effect_charts
from recsys.experiment.effects import Effect, Verdict
from recsys.experiment.metrics import window_end
from recsys.experiment.verdicts import absolute_bounds, relative_bounds

if TYPE_CHECKING:
    from recsys.experiment.analysis import Analysis

Action = Literal["ship", "stop", "continue", "blocked"]
ACTIONS: tuple[Action, ...] = get_args(Action)
HEADLINES = {
    "ship": "Ship {arm}.",
    "stop": "Stop: do not ship {arms}.",
    "continue": "Keep running.",
    "blocked": "No decision: an integrity check failed.",
}


@dataclass(frozen=True, repr=False)
class Decision(Viewable):
    """What to do, and why.

    Parameters
    ----------
    experiment : str
        Its name.
    action : {"ship", "stop", "continue", "blocked"}
        What to do.
    arm : str or None
        The arm to ship.
    arms : mapping of arm to action
        What each arm deserves on its own.
    reasons : tuple of str
        The most important one first.
    deviations : tuple of str
        In what the analysis differs from the plan.
    charts : tuple of Chart
        The effects that it rests on; of a blocked decision who came into which arm.
    """

    experiment: str
    action: Action
    arm: str | None
    arms: dict[str, Action]
    reasons: tuple[str, ...]
    deviations: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = field(default=(), compare=False)

    def __hash__(self) -> int:
        return hash((self.experiment, self.action, self.arm, self.reasons))

    @property
    def headline(self) -> str:
        """What to do, in one sentence."""
        if self.action == "blocked" and all(reason.startswith("maturity: ") for reason in self.reasons):
            return "Too early: no unit's window has ended."
        return HEADLINES[self.action].format(arm=self.arm, arms=" or ".join(self.arms))

    @property
    def conclusion(self) -> str:
        """What to do and the first reason, in a sentence or two; of a blocked decision which checks failed."""
        if self.action != "blocked":
            return " ".join([f"{self.experiment}: {self.headline}", *self.reasons[:1]])
        names = ", ".join(dict.fromkeys(reason.partition(": ")[0] for reason in self.reasons))
        return f"{self.experiment}: {self.headline.removesuffix('.')} ({names})."

    @property
    def summary(self) -> str:
        """The headline and the reasons in a paragraph."""
        return " ".join([self.headline, *self.reasons, *(f"Not as planned: {one}." for one in self.deviations)])

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "experiment": self.experiment,
            "action": self.action,
            "arm": self.arm,
            "arms": dict(self.arms),
            "reasons": list(self.reasons),
            "deviations": list(self.deviations),
        }

    def view(self) -> View:
        """Return the headline, the reasons and the deviations."""
        tables = [Table(("why",), tuple((reason,) for reason in self.reasons))]
        if len(self.arms) > 1:
            tables.append(Table(("arm", "on its own"), tuple(self.arms.items())))
        if self.deviations:
            tables.append(Table(("not as planned",), tuple((one,) for one in self.deviations)))
        return View(self.conclusion, tuple(tables), charts=self.charts)


def decide(analysis: Analysis) -> Decision:
    """Return what the analysis amounts to.

    Blocked when an integrity check failed. Else an arm ships if a goal is better, none is worse and all guardrails
    are safe; it stops if a goal is worse, a guardrail is broken, or its time is over and nothing was shown; else it
    goes on. As long as a goal or guardrail has no unit whose window has ended, an arm may stop and not ship.
    """
    name, notes = analysis.experiment.name, analysis.deviations
    names = [arm for arm in analysis.arms if arm != analysis.control]
    failed = [check for check in analysis.checks if check.blocks]
    if failed:
        reasons = tuple(f"{check.name}: {check.consequence} ({check.detail})." for check in failed)
        charts = (*arm_charts(analysis), *effect_charts(analysis))
        return Decision(name, "blocked", None, dict.fromkeys(names, "blocked"), reasons, notes, charts)
    each = {arm: _arm_decision([one for one in analysis.effects if one.arm == arm], analysis) for arm in names}
    actions: dict[str, Action] = {arm: action for arm, (action, _) in each.items()}
    shipping = [arm for arm in names if actions[arm] == "ship"]
    best = max(shipping, key=lambda arm: _worth(analysis.effects, arm)) if shipping else None
    action: Action = "ship" if best else "continue" if "continue" in actions.values() else "stop"
    order = sorted(names, key=lambda arm: arm != best)
    reasons = (*_doubts(analysis), *(reason for arm in order for reason in each[arm][1]))
    return Decision(name, action, best, actions, reasons, notes, effect_charts(analysis))


def _doubts(analysis: Analysis) -> tuple[str, ...]:
    """Return what must be cleared up before a decision is carried out, though it does not block it."""
    unlike = [check for check in analysis.checks if check.name == "seen" and check.status == "warn"]
    return tuple(f"First find out why {check.consequence} ({check.detail})." for check in unlike)


def _worth(effects: Sequence[Effect], arm: str) -> float:
    """Return the effect on the first goal, in the good direction."""
    goals = [one for one in effects if one.arm == arm and one.role == "goal"] or [
        one for one in effects if one.arm == arm
    ]
    return goals[0].difference * goals[0].sign


def _arm_decision(effects: Sequence[Effect], analysis: Analysis) -> tuple[Action, tuple[str, ...]]:
    goals = [one for one in effects if one.role == "goal"]
    guards = [one for one in effects if one.role == "guardrail"]
    action = _arm_action(goals, guards, analysis)
    ordered = sorted(goals + guards, key=lambda one: _weight(action, one.verdict))
    told = tuple(sentence(one) for one in ordered)
    return action, (*_how_far(goals + guards, analysis), *told) if action == "continue" else told


def _weight(action: Action, verdict: Verdict) -> int:
    """Return how early a verdict is told among the reasons of a decision: what it rests on comes first."""
    weighing: dict[str, tuple[Verdict, ...]] = {
        "ship": ("better",),
        "stop": ("worse", "broken", "not estimable", "not shown safe", "not clear"),
    }
    first = weighing.get(action, ())
    return first.index(verdict) if verdict in first else len(first)


def _arm_action(goals: Sequence[Effect], guards: Sequence[Effect], analysis: Analysis) -> Action:
    verdicts, safety = {one.verdict for one in goals}, {one.verdict for one in guards}
    if "broken" in safety or "worse" in verdicts:
        return "stop"
    if not goals and not guards:  # diagnostics decide nothing
        return "continue"
    unknown = any(one.status == "not_matured" for one in (*goals, *guards))
    waits = (
        unknown
        or "too early" in verdicts | safety
        or any(not analysis.reached[one.metric] for one in (*goals, *guards))
    )
    if not unknown and safety <= {"safe"} and ("better" in verdicts or not goals):
        return "ship"
    return "continue" if waits else "stop"


def _how_far(effects: Sequence[Effect], analysis: Analysis) -> tuple[str, ...]:
    """Return how much of the plan is done."""
    experiment, told = analysis.experiment, []
    if experiment.planned_units is not None:
        matured, planned = min(analysis.matured[one.metric] for one in effects), experiment.planned_units
        told.append(f"{matured:,} of {planned:,} planned units have matured ({100 * matured / planned:.0f} %).")
    if experiment.ends is not None:
        windows = [window_end(experiment.metric(one.metric)) or 0 for one in effects]
        last = from_micros(experiment.ends + max(windows))
        told.append(f"Its period ends on {from_micros(experiment.ends):%Y-%m-%d}, the last window on {last:%Y-%m-%d}.")
    return tuple(told)


def sentence(effect: Effect) -> str:
    """Return what an effect shows: "minutes is better with als: +2.1 % [0.8, 3.4] %, adjusted p .002."."""
    what = f"{effect.metric} with {effect.arm}"
    size = _size(effect)
    match effect.verdict:
        case "better" | "worse":
            return f"{effect.metric} is {effect.verdict} with {effect.arm}: {size}."
        case "safe":
            return f"{what} is no more than {_margin(effect)} worse: {size}."
        case "broken":
            return f"{what} is worse by more than the {_margin(effect)} that are tolerated: {size}."
        case "not shown safe":
            return f"{what} may be worse by more than the {_margin(effect)} that are tolerated: {size}."
        case "too early":
            return f"{what}: too early to judge{f' ({effect.reason})' if effect.reason else ''}."
        case "not estimable":
            return f"{what} cannot be estimated ({effect.reason or effect.relative_status})."
        case _:
            return f"{what}: no difference shown, {size}."


def _margin(effect: Effect) -> str:
    return f"{100 * (effect.margin or 0.0):g} %"


def _size(effect: Effect) -> str:
    if effect.relative_status == "ok":
        size = cell_text(Percent(effect.relative, signed=True))
        bounds = cell_text(Interval(*relative_bounds(effect), percent=True))
    else:
        size = f"{'+' if effect.difference > 0 else ''}{number_text(effect.difference)}"
        bounds = cell_text(Interval(*absolute_bounds(effect)))
    pvalue = effect.pvalue_adjusted
    return f"{size} {bounds}{f', adjusted p {pvalue:.2g}' if pvalue == pvalue else ''}"
