"""How an experiment that is being planned will be tested: the design of each metric's test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, nan

from recsys import stats
from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError, NotEstimableError
from recsys.experiment.experiment import CORRECTIONS, Experiment
from recsys.experiment.looks import ConfidenceSequence, GroupSequential, Monitoring
from recsys.experiment.metrics import DAY, Metric, window_end
from recsys.experiment.monitoring import RULES
from recsys.experiment.planning.history import History
from recsys.experiment.units.measures import Condition

LOOKS = 28  # of a confidence sequence: more looks hardly change its power


@dataclass(frozen=True)
class Setting:
    """What all metrics of a plan share.

    Attributes
    ----------
    metrics : tuple of Metric
    arms : mapping of str to float
        Shares that sum to 1, the control first.
    confidence : float
    correction : str
    monitoring : ConfidenceSequence, GroupSequential or None
    unit : str
    power : float
    targets : tuple of Condition
        Only these units come in.
    enters : float
        Share of them that the layer, the holdout and the last stage of the ramp let in.
    """

    metrics: tuple[Metric, ...]
    arms: Mapping[str, float]
    confidence: float
    correction: str
    monitoring: Monitoring | None
    unit: str
    power: float
    targets: tuple[Condition, ...] = ()
    enters: float = 1.0

    @classmethod
    def of(
        cls,
        what: Experiment | Sequence[Metric],
        arms: Mapping[str, float] | None,
        confidence: float,
        correction: str,
        monitoring: Monitoring | None,
        unit: str,
        power: float,
    ) -> Setting:
        """Return the setting of an experiment, or of metrics and what stands beside them."""
        wanted = finite_float("power", power, above=0.5, below=1)
        if isinstance(what, Experiment):
            if arms is not None:
                raise ArgumentError("arms are given, and the experiment has its own", "one of them was expected")
            parts = what.confidence, what.correction, what.monitoring, what.unit
            weights = {arm: weight for arm, weight in what.arms.items() if weight > 0}
            return cls(tuple(what.metrics), weights, *parts, wanted, what.targets, _enters(what))
        metrics = tuple(what)
        if not metrics or not all(isinstance(one, Metric) for one in metrics):
            raise ArgumentError(f"the metrics are {what!r}", "an experiment or at least one metric was expected")
        if len({one.name for one in metrics}) < len(metrics):
            raise ArgumentError("two metrics have the same name", "distinct names were expected")
        given = {"control": 0.5, "treatment": 0.5} if arms is None else dict(arms)
        if len(given) < 2:
            raise ArgumentError(f"arms are {given}", "a control and at least one other arm were expected")
        checked = {name: finite_float(f"the weight of {name}", one, above=0) for name, one in given.items()}
        total = sum(checked.values())
        confidence = finite_float("confidence", confidence, minimum=0.5, below=1)
        one_of("correction", correction, CORRECTIONS)
        shares = {name: one / total for name, one in checked.items()}
        return cls(metrics, shares, confidence, correction, monitoring, unit, wanted)

    @property
    def comparisons(self) -> int:
        """Goals × arms that share alpha."""
        goals = sum(one.role == "goal" for one in self.metrics)
        return 1 if self.correction == "none" else max(goals, 1) * (len(self.arms) - 1)

    @property
    def dunnett(self) -> bool:
        """Whether the arms of a goal share alpha by Dunnett's test; looks before the end have no such test."""
        return self.correction == "dunnett" and self.monitoring is None

    @property
    def guardrails(self) -> int:
        """Guardrails with a margin: all of them must pass."""
        return sum(one.margin is not None for one in self.metrics)

    def alpha(self, metric: Metric) -> float:
        """Return that of one comparison: two-sided, of a guardrail with a margin one-sided."""
        if metric.margin is not None:
            return (1 - self.confidence) / 2
        from scipy.special import ndtr

        return float(2 * ndtr(-self.design(metric).critical))

    def asked(self, metric: Metric) -> float:
        """Return the power asked of a metric: guardrails with a margin share what may be missed."""
        return 1 - (1 - self.power) / self.guardrails if metric.margin is not None else self.power

    def design(self, metric: Metric) -> stats.PowerDesign:
        """Return the test of each arm against the control."""
        fractions: tuple[float, ...] = (1.0,)
        rule: str = "lan-demets-obrien-fleming"
        if isinstance(self.monitoring, GroupSequential):
            fractions, rule = self.monitoring.fractions, RULES[self.monitoring.spending]
        elif isinstance(self.monitoring, ConfidenceSequence):
            fractions, rule = tuple((place + 1) / LOOKS for place in range(LOOKS)), "confidence-sequence"
        goal = metric.role == "goal"
        shared = self.comparisons // (len(self.arms) - 1) if self.dunnett else self.comparisons
        parts = 2 if metric.margin is not None else shared if goal else 1
        return stats.PowerDesign(
            tuple(self.arms.values()),
            alpha=(1 - self.confidence) / parts,
            sides=1 if metric.margin is not None else 2,
            correction="dunnett" if goal and self.dunnett else "none",
            fractions=fractions,
            rule=rule,  # type: ignore[arg-type]
        )

    def needed(self, metric: Metric, history: History, effect: float | None) -> float:
        """Return the matured units of all arms that a metric needs; NaN when nothing was asked of it."""
        change = absolute(metric, history, effect)
        if history.baseline is None or change is None:
            return nan
        design, wanted = self.design(metric), self.asked(metric)
        if metric.margin is not None:
            return stats.sample_size(history.baseline, 0.0, power=wanted, design=design, margin=abs(change))
        return stats.sample_size(history.baseline, change, power=wanted, design=design)

    def achieved(self, metric: Metric, history: History, effect: float | None, units: float) -> float:
        """Return the power of a metric with so many units; NaN when nothing was asked of it."""
        change = absolute(metric, history, effect)
        if history.baseline is None or change is None or units < 4:
            return nan
        design = self.design(metric)
        if metric.margin is not None:
            return stats.achieved_power(history.baseline, 0.0, units, design=design, margin=abs(change))
        return stats.achieved_power(history.baseline, change, units, design=design)

    def detectable(self, metric: Metric, history: History, units: float) -> float:
        """Return the smallest change to the better that is found with so many units, as a difference above 0.

        Of a guardrail with a margin: the smallest margin that can be shown to be kept. NaN: nothing can.
        """
        if history.baseline is None or units < 4:
            return nan
        try:
            return stats.detectable_effect(
                history.baseline,
                units,
                power=self.asked(metric),
                design=self.design(metric),
                decrease=(metric.direction == "decrease") != (metric.margin is not None),
            )
        except NotEstimableError:
            return nan


def absolute(metric: Metric, history: History, effect: float | None) -> float | None:
    """Return a relative change to the better as a difference; a guardrail's is its margin, to the worse."""
    relative = -metric.margin if metric.margin is not None else effect
    if relative is None or history.baseline is None or history.baseline.value == 0:
        return None
    return relative * abs(history.baseline.value) * (1 if metric.direction == "increase" else -1)


def window_days(metric: Metric) -> int:
    """Return the length of a metric's window in whole days; 0 for one without an end."""
    return ceil((window_end(metric) or 0) / DAY)


def _enters(experiment: Experiment) -> float:
    layer, holdout = experiment.layer, experiment.holdout
    inside = 1.0 if layer is None else layer.end - layer.begin
    return inside * (1.0 if holdout is None else 1.0 - holdout.share) * experiment.stages[-1].share
