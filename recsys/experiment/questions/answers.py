"""`Answers`: every further question that an analysis answers from its table of units; nothing is cached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import inf, nan
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import NotFoundError
from recsys.experiment.effects import WITHHELD, Effect
from recsys.experiment.experiment import Experiment
from recsys.experiment.integrity.checks import Thresholds
from recsys.experiment.monitoring import Monitor, monitor_effect
from recsys.experiment.outcomes import Outcome
from recsys.experiment.questions.believing import belief
from recsys.experiment.questions.clustering import clustered_difference
from recsys.experiment.questions.days import DayEffects, Novelty, day_effects, novelty, withhold_novelty
from recsys.experiment.questions.resampling import bootstrap_difference
from recsys.experiment.questions.segmenting import SegmentEffects, segment_effects, withhold_segments
from recsys.experiment.questions.triggering import Triggered, dilute, subset, trigger_rows
from recsys.experiment.units.table import UnitTable
from recsys.stats import BayesResult, Interval, TwoSample

if TYPE_CHECKING:
    pass

LookKind = Literal["planned", "final"]


class Answers:
    """The questions that `Analysis` answers beyond its effects.

    An arm that is not named is the first one beside the control.
    """

    experiment: Experiment
    table: UnitTable
    outcomes: Mapping[str, Outcome]
    effects: tuple[Effect, ...]
    look: LookKind
    reached: Mapping[str, bool]
    monitors: Mapping[tuple[str, str], Monitor]
    deviations: tuple[str, ...]
    by: tuple[str, ...]
    limits: Thresholds | None
    holidays: tuple[date, ...]
    assigned: NDArray[np.int16] | None

    @property
    def arms(self) -> tuple[str, ...]:
        """The control first."""
        return self.table.arms

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
            f"there is no arm {arm!r} beside the control {self.arms[0]!r}",
            f"one of {', '.join(self.arms[1:])} was expected",
            did_you_mean(arm, self.arms[1:]),
        )

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
        """Return whether the effect changes with the week in which units came.

        Before the planned size the p-value of the trend is withheld (NaN), as `Novelty.withheld` says.
        """
        found = novelty(*self._of(metric, arm), self.experiment.confidence)
        return found if self._told(metric) else withhold_novelty(found)

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
        from recsys.experiment.analyzing import analyze_table

        rows = trigger_rows(self.table, where)
        part = analyze_table(
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
