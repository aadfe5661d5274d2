"""`analyze`: from the table of units to checks, effects and a decision; `Analysis` answers every further question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from math import inf, nan
from typing import Any, Literal, Protocol, cast, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.jsonable import fit_for_json
from recsys.core.times import from_micros
from recsys.display import View, Viewable
from recsys.experiment.assignment import arms_by_hash
from recsys.experiment.believing import belief
from recsys.experiment.building import build_unit_table
from recsys.experiment.checks import GUARDRAIL, Check, Thresholds, failed_gates, parse_gates
from recsys.experiment.clustering import clustered_difference
from recsys.experiment.days import DayEffects, Novelty, day_effects, novelty
from recsys.experiment.deciding import Decision, decide
from recsys.experiment.declared import names
from recsys.experiment.effects import WITHHELD, Effect, all_effects
from recsys.experiment.experiment import Experiment
from recsys.experiment.integrity import check_integrity
from recsys.experiment.integrity_period import dates_of
from recsys.experiment.monitoring import Monitor, monitor_effect
from recsys.experiment.outcomes import Outcome, outcome_of
from recsys.experiment.per_unit import PerUnit
from recsys.experiment.resampling import bootstrap_difference
from recsys.experiment.segmenting import SegmentEffects, segment_effects, withhold_segments
from recsys.experiment.sources import UnitSource
from recsys.experiment.triggering import Triggered, dilute, subset, trigger_rows
from recsys.experiment.unit_table import UnitTable
from recsys.experiment.verdicts import judge, planned_reached
from recsys.stats import BayesResult, Interval, TwoSample

LookKind = Literal["planned", "final"]


@runtime_checkable
class HasUnits(Protocol):
    """What has a source of units, as a store does."""

    def units(self) -> UnitSource:
        """Return it."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Viewable):
    """An experiment at one look. ``analysis["minutes"]`` is the effect on a metric.

    It keeps the table of units, and answers every further question from it: `segments`, `daily`, `monitor`, `novelty`,
    `triggered`, `bayes`, `bootstrap`, `clustered`.

    Parameters
    ----------
    experiment : Experiment
    table : UnitTable
    outcomes : mapping of metric to Outcome
        The metrics on the units, with moments by day, stage and arm: what a question of time merges.
    look : {"planned", "final"}
        ``final``: p-values of a single look were asked for by name, whatever the plan says.
    checks : tuple of Check
    effects : tuple of Effect
        Metrics × arms, in the order in which they are declared.
    reached : mapping of metric to bool
        Whether the planned size (or the end of the period) is reached.
    matured : mapping of metric to int
        Units of all arms whose window has ended.
    monitors : mapping of (metric, arm) to Monitor
        Empty unless the experiment declares monitoring.
    deviations : tuple of str
        In what this is not what was planned.
    by : tuple of str
        Attributes by which effects are shown.
    limits : Thresholds or None
    holidays : tuple of date
    assigned : (n,) int16 or None
        As they were given to `analyze`; the parts that `triggered` looks at are checked in the same way.
    """

    experiment: Experiment
    table: UnitTable
    outcomes: Mapping[str, Outcome]
    look: LookKind
    checks: tuple[Check, ...]
    effects: tuple[Effect, ...]
    reached: Mapping[str, bool]
    matured: Mapping[str, int]
    monitors: Mapping[tuple[str, str], Monitor] = field(default_factory=dict)
    deviations: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    limits: Thresholds | None = None
    holidays: tuple[date, ...] = ()
    assigned: NDArray[np.int16] | None = None

    def __getitem__(self, metric: str) -> Effect:
        """Return the effect of the only arm on a metric, or of the first one beside the control."""
        return self.effect(metric)

    @property
    def arms(self) -> tuple[str, ...]:
        """The control first."""
        return self.table.arms

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return self.table.arms[0]

    @property
    def units(self) -> dict[str, int]:
        """Enrolled units by arm."""
        return {arm: int(n) for arm, n in zip(self.arms, self.table.sizes, strict=True)}

    @property
    def through(self) -> datetime:
        """End of the data that was looked at."""
        return from_micros(self.table.through)

    @property
    def decision(self) -> Decision:
        """What it amounts to."""
        return decide(self)

    def decide(self) -> Decision:
        """Return what it amounts to: ship, stop, continue or blocked, and why."""
        return decide(self)

    @property
    def summary(self) -> str:
        """The decision and its reasons in a paragraph."""
        return f"{self.experiment.name}: {self.decision.summary}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What puts the result into doubt: failed checks and warnings, deviations from the plan."""
        told = [
            f"{check.name}: {check.consequence}" for check in self.checks if check.status in ("warn", "fail")
        ]  # fmt: skip
        return (*told, *(f"not as planned: {one}" for one in self.deviations))

    def effect(self, metric: str, arm: str | None = None) -> Effect:
        """Return one effect, or raise NotFoundError.

        Parameters
        ----------
        metric : str
        arm : str, optional
            The first one beside the control by default.
        """
        arm = self.arms[1] if arm is None else arm
        for effect in self.effects:
            if (effect.metric, effect.arm) == (metric, arm):
                return effect
        self.experiment.metric(metric)
        raise NotFoundError(
            f"there is no arm {arm!r} beside the control {self.control!r}",
            f"one of {', '.join(self.arms[1:])} was expected",
            did_you_mean(arm, self.arms[1:]),
        )

    def check(self, name: str) -> Check:
        """Return one check, or raise NotFoundError."""
        found = {check.name: check for check in self.checks}
        if name not in found:
            raise NotFoundError(
                f"there is no check {name!r}", f"one of {', '.join(found)} was expected", did_you_mean(name, found)
            )
        return found[name]

    def monitor(self, metric: str, arm: str | None = None) -> Monitor:
        """Return the looks at a metric so far; without declared monitoring a confidence sequence is drawn."""
        arm = self.effect(metric, arm).arm
        if (metric, arm) in self.monitors:
            return self.monitors[metric, arm]
        return monitor_effect(*self._of(metric, arm), self.experiment, over=self.reached[metric])

    def segments(self, metric: str, by: str, arm: str | None = None) -> SegmentEffects:
        """Return the effect in each segment of an attribute, with a test whether they differ, and pooled.

        Before the planned size p-values are withheld (NaN), as `SegmentEffects.withheld` says.

        Raises
        ------
        ArgumentError
            The units have no such attribute.
        """
        found = segment_effects(*self._of(metric, arm), by, self.experiment.confidence)
        return found if self._told(metric) else withhold_segments(found)

    def daily(self, metric: str, arm: str | None = None) -> DayEffects:
        """Return the effect among the units of each day of first exposure."""
        return day_effects(*self._of(metric, arm), "daily", self.experiment.confidence)

    def cumulative(self, metric: str, arm: str | None = None) -> DayEffects:
        """Return the effect among all units up to each day: adding a day is adding moments."""
        return day_effects(*self._of(metric, arm), "cumulative", self.experiment.confidence)

    def novelty(self, metric: str, arm: str | None = None) -> Novelty:
        """Return whether the effect changes with the week in which units came."""
        return novelty(*self._of(metric, arm), self.experiment.confidence)

    def clustered(self, metric: str, by: str, arm: str | None = None, *, relative: bool = False) -> TwoSample:
        """Return the difference with clusters of units (an attribute such as ``household``) as the observations.

        Before the planned size its p-value and statistic are withheld (NaN), as the method then says.
        """
        outcome, place = self._of(metric, arm)
        found = clustered_difference(outcome, place, by, self.experiment.confidence, relative=relative)
        if self._told(metric):
            return found
        return found._replace(pvalue=nan, statistic=nan, method=f"{found.method}; {WITHHELD}")

    def bayes(
        self, metric: str, arm: str | None = None, *, prior_mean: float = 0.0, prior_deviation: float = inf
    ) -> BayesResult:
        """Return what may be believed of an effect: the probability that it is for the better, and what a choice costs.

        Parameters
        ----------
        metric : str
        arm : str, optional
        prior_mean, prior_deviation : float
            Of the difference, in the unit of the metric; flat by default. A share without covariates and without a
            prior of its own has beta posteriors.

        Notes
        -----
        ``probability_to_beat``, ``loss_treatment`` and ``loss_control`` go by what is better: below 0 for a metric of
        which less is better. Posteriors do not make up for
        looking often: before the planned size these three are withheld (NaN), as the method then says.
        """
        outcome, place = self._of(metric, arm)
        found = belief(
            outcome, place, self.experiment.confidence, prior_mean=prior_mean, prior_deviation=prior_deviation
        )
        if self._told(metric):
            return found
        method = f"{found.method}; {WITHHELD}"
        return found._replace(probability_to_beat=nan, loss_treatment=nan, loss_control=nan, method=method)

    def bootstrap(
        self,
        metric: str,
        arm: str | None = None,
        *,
        replicates: int = 1000,
        seed: int = 0,
        by: str | None = None,
        relative: bool = False,
    ) -> Interval:
        """Return the difference with its Poisson-bootstrap interval; `by` names clusters that are drawn together."""
        outcome, place = self._of(metric, arm)
        return bootstrap_difference(
            outcome, place, self.experiment.confidence, replicates=replicates, seed=seed, by=by, relative=relative
        )

    def triggered(self, where: Mapping[str, object] | NDArray[np.bool_]) -> Triggered:
        """Return the analysis of a part of the units, and its effects diluted to all.

        Parameters
        ----------
        where : mapping or (n,) bool
            A filter on attributes, as `parse_where` reads it, or one truth value for each unit of the table. Whether a
            unit is in must not depend on its arm: the sample ratio of the part is checked again. Whether the planned
            size is reached is that of the whole: it was planned for all units.
        """
        rows = trigger_rows(self.table, where)
        part = _analysis(
            self.experiment, subset(self.table, rows), look=self.look, by=self.by, holidays=self.holidays,
            limits=self.limits, assigned=None if self.assigned is None else self.assigned[rows],
            deviations=self.deviations, reached=self.reached,
        )  # fmt: skip
        return Triggered(part, float(rows.mean()) if len(rows) else 0.0, dilute(part, self, rows))

    def _told(self, metric: str) -> bool:
        """Return whether what a single look amounts to may be told."""
        return self.look == "final" or self.reached[metric]

    def _of(self, metric: str, arm: str | None) -> tuple[Outcome, int]:
        place = self.arms.index(self.effect(metric, arm).arm)
        return self.outcomes[metric], place

    def failed(self, gates: Sequence[str]) -> tuple[str, ...]:
        """Return, in words, which of the named gates do not hold; what could not be checked does not.

        Parameters
        ----------
        gates : sequence of str
            Names of checks or of families of checks (``srm``), and ``guardrail``: one that is broken, or that is
            not shown to be safe although its planned size is reached.

        Raises
        ------
        ArgumentError
            There is no such gate.
        """
        gates = parse_gates(gates)
        found = [
            f"{check.name}: {'not checked, ' if check.status == 'not_run' else ''}{check.consequence}"
            for check in failed_gates(self.checks, gates)
        ]
        if GUARDRAIL in gates:
            bad = ("broken", "not shown safe", "not estimable")
            found += [
                f"{one.metric} of {one.arm} is {one.verdict}"
                for one in self.effects
                if one.role == "guardrail" and one.verdict in bad
            ]
        return tuple(found)

    def to_polars(self) -> pl.DataFrame:
        """Return one row for each metric and arm; see `Effect` for the columns."""
        return pl.DataFrame([effect.row() for effect in self.effects], infer_schema_length=None)

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "experiment": self.experiment.name,
            "plan_hash": self.experiment.plan_hash,
            "through": self.through.isoformat(),
            "look": self.look,
            "arms": list(self.arms),
            "control": self.control,
            "units": self.units,
            "decision": self.decision.to_dict(),
            "checks": [check.to_dict() for check in self.checks],
            "effects": [effect.to_dict() for effect in self.effects],
            "reached": dict(self.reached),
            "matured": dict(self.matured),
            "deviations": list(self.deviations),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return the decision, the checks that matter, and the effects with their intervals drawn."""
        from recsys.experiment.analysis_view import analysis_view

        return analysis_view(self)


def analyze(
    experiment: Experiment,
    source: UnitSource | PerUnit | UnitTable | HasUnits,
    *,
    through: str | datetime | date | int | None = None,
    look: LookKind = "planned",
    by: Sequence[str] = (),
    holidays: Sequence[str | date] = (),
    limits: Thresholds | None = None,
    assigned: NDArray[np.int16] | None = None,
    deviations: Sequence[str] = (),
) -> Analysis:
    """Return the analysis of an experiment: integrity first, then effects, then what they amount to.

    Parameters
    ----------
    experiment : Experiment
    source : UnitSource, PerUnit, UnitTable or Store
        `Frames`, `PerUnit`, a store or its `units()`, or a table that was built before.
    through : str or datetime, optional
        Only data before this instant counts; by default all there is.
    look : {"planned", "final"}
        ``planned``: the p-value of a single look is withheld before the planned size, because whoever looks often
        finds something. ``final`` asks for it by name, and says so in the result.
    by : sequence of str
        Attributes of units to look at beside the segments that are declared; nothing is adjusted for having looked.
    holidays : sequence of str or date
        Days unlike others: dates, or spans such as ``2026-12-24/2026-12-26``.
    limits : Thresholds, optional
        Where checks warn and fail.
    assigned : (n,) int16, optional
        The arm that the assignment gives each unit of the table; by default the hash's, if the experiment says that
        it assigns.
    deviations : sequence of str
        Known differences from the frozen plan; they are listed in the result.

    Raises
    ------
    ArgumentError
        An argument is not usable.
    """
    look = cast("LookKind", one_of("look", look, ("planned", "final")))
    if limits is not None and not isinstance(limits, Thresholds):
        raise ArgumentError(f"limits is {limits!r}", "Thresholds were expected", "use Thresholds(srm=0.001)")
    by, days = names("by", by), dates_of(holidays)
    table = source if isinstance(source, UnitTable) else _built(experiment, source, through, by)
    if assigned is None and experiment.assignment == "hash":
        assigned = arms_by_hash(experiment, table.unit_ids)
    return _analysis(
        experiment, table, look=look, by=tuple(dict.fromkeys([*experiment.segments, *by])),
        holidays=days, limits=limits, assigned=assigned, deviations=tuple(deviations),
    )  # fmt: skip


def _analysis(
    experiment: Experiment,
    table: UnitTable,
    *,
    look: LookKind,
    by: tuple[str, ...],
    holidays: tuple[date, ...],
    limits: Thresholds | None,
    assigned: NDArray[np.int16] | None,
    deviations: tuple[str, ...],
    reached: Mapping[str, bool] | None = None,
) -> Analysis:
    """Return the analysis of a table; `reached` is that of the whole when the table is a part."""
    outcomes = {one.name: outcome_of(one, table) for one in experiment.metrics}
    matured = {name: int(one.sizes.sum()) for name, one in outcomes.items()}
    if reached is None:
        reached = {one.name: planned_reached(experiment, table, one, matured[one.name]) for one in experiment.metrics}
    effects = all_effects(outcomes.values(), experiment.confidence)
    monitors = _monitors(experiment, outcomes, reached) if experiment.monitoring is not None else {}
    early = [name for name, done in reached.items() if not done]
    told = list(deviations)
    if look == "final" and early:
        told.append(f"p-values of a single look were asked for before the planned size ({', '.join(early)})")
    if experiment.planned_units is None and experiment.ends is None and experiment.monitoring is None:
        told.append("neither a size nor an end was planned: p-values hold only if this is the one look")
    return Analysis(
        experiment=experiment,
        table=table,
        look=look,
        outcomes=outcomes,
        checks=check_integrity(
            experiment,
            table,
            limits=limits,
            by=by,
            holidays=holidays,
            assigned=assigned,
            outcomes=outcomes,
            over=all(reached.values()),
        ),
        effects=judge(effects, experiment, reached, monitors, final=look == "final"),
        reached=reached,
        matured=matured,
        monitors=monitors,
        deviations=tuple(dict.fromkeys(told)),
        by=by,
        limits=limits,
        holidays=holidays,
        assigned=assigned,
    )


def _built(
    experiment: Experiment,
    source: UnitSource | PerUnit | HasUnits,
    through: str | datetime | date | int | None,
    by: Sequence[str],
) -> UnitTable:
    request = experiment.request(through)
    units = source.units() if isinstance(source, HasUnits) else source
    if not isinstance(units, PerUnit) and not all(hasattr(units, one) for one in ("exposures", "batches", "seen")):
        raise ArgumentError(
            f"the source is a {type(source).__name__}",
            "a store, Frames, PerUnit or a table of units was expected",
            "PerUnit(frame, …) reads a frame with one row a unit",
        )
    return build_unit_table(units, replace(request, attributes=tuple(dict.fromkeys([*request.attributes, *by]))))


def _monitors(
    experiment: Experiment, outcomes: Mapping[str, Outcome], reached: Mapping[str, bool]
) -> dict[tuple[str, str], Monitor]:
    found = {}
    table = next(iter(outcomes.values())).table
    comparisons = sum(one.role == "goal" for one in experiment.metrics) * (len(table.arms) - 1)
    for metric in experiment.metrics:
        outcome = outcomes[metric.name]
        for arm in range(1, len(table.arms)):
            many = comparisons if metric.role == "goal" and experiment.correction != "none" else 1
            found[metric.name, table.arms[arm]] = monitor_effect(
                outcome, arm, experiment, comparisons=many, over=reached[metric.name]
            )
    return found
