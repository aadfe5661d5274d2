"""Effects day by day, cumulated, and by when units came, which tells whether an effect wears off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from recsys import stats
from recsys.core.jsonable import fit_for_json
from recsys.core.times import from_micros
from recsys.display import (
    Interval,
    Plot,
    PValue,
    Table,
    Tabular,
    View,
    Viewable,
    cell_text,
    counted,
    drawn,
    number_text,
    shared_axis,
)
from recsys.experiment.charts.spans import cohorts_chart, days_chart
from recsys.experiment.comparing import compare_times
from recsys.experiment.effects import WITHHELD
from recsys.experiment.metrics import DAY, Form
from recsys.experiment.outcomes import Outcome

Kind = Literal["daily", "cumulative"]
WEEK = 7
FEWEST = 3  # cohorts; a line through two tells nothing of a trend


class DayEffect(NamedTuple):
    """The effect among the units that were first exposed on a day (or by its end).

    Attributes
    ----------
    day : str
        UTC, ISO.
    n, n_control : int
    difference, ci_low, ci_high : float
        Intervals of a single look.
    status : str
    """

    day: str
    n: int
    n_control: int
    difference: float
    ci_low: float
    ci_high: float
    status: str


@dataclass(frozen=True, eq=False, repr=False)
class DayEffects(Viewable, Tabular):
    """Effects of an arm on a metric by day of first exposure.

    Parameters
    ----------
    metric, arm, control : str
    kind : {"daily", "cumulative"}
    days : tuple of DayEffect
        The first one first.
    confidence : float
    form : str
        Of the metric.
    """

    metric: str
    arm: str
    control: str
    kind: Kind
    days: tuple[DayEffect, ...]
    confidence: float
    form: Form = "mean"

    @property
    def summary(self) -> str:
        """One sentence."""
        what = f"{self.metric}, {self.arm} − {self.control}"
        found = [one for one in self.days if isfinite(one.difference)]
        if not found:
            return f"{what}: no day has units of both arms to compare"
        days, last = counted(len(found), "day"), found[-1]
        if self.kind == "cumulative":
            interval = cell_text(Interval(last.ci_low, last.ci_high))
            return f"{what}: {number_text(last.difference)} {interval} after {days} of first exposures"
        values = [one.difference for one in found]
        span = f"from {number_text(min(values))} to {number_text(max(values))}"
        return f"{what}: differences {span} by day of first exposure, on {days}"

    def to_polars(self) -> pl.DataFrame:
        """Return one row a day."""
        return pl.DataFrame([one._asdict() for one in self.days], schema_overrides={"day": pl.String})

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("metric", "arm", "control", "kind", "confidence")
        return {name: getattr(self, name) for name in names} | {"days": [one._asdict() for one in self.days]}

    def view(self) -> View:
        """Return the days with their intervals drawn."""
        axis = shared_axis([(one.ci_low, one.difference, one.ci_high) for one in self.days])
        rows = tuple(
            (
                one.day, one.n + one.n_control, one.difference, Plot(one.ci_low, one.difference, one.ci_high, axis),
                Interval(one.ci_low, one.ci_high),
            )
            for one in self.days
        )  # fmt: skip
        columns = ("day", "units", "difference", "", f"{100 * self.confidence:g} % interval")
        return View(
            self.summary, (Table(columns, rows),), ("intervals are those of a single look",), drawn(days_chart(self))
        )


@dataclass(frozen=True, eq=False, repr=False)
class Novelty(Viewable, Tabular):
    """Whether the effect depends on when units came.

    Parameters
    ----------
    metric, arm, control : str
    cohorts : tuple of DayEffect
        By week of first exposure; `day` is its first one.
    slope, ci_low, ci_high, pvalue : float
        Change of the effect a week (weighted least squares over the cohorts); NaN with fewer than three cohorts.
    confidence : float
    withheld : str
        Why the p-value is not told (NaN); empty when it is.
    form : str
        Of the metric.
    """

    metric: str
    arm: str
    control: str
    cohorts: tuple[DayEffect, ...]
    slope: float
    ci_low: float
    ci_high: float
    pvalue: float
    confidence: float
    withheld: str = ""
    form: Form = "mean"

    @property
    def summary(self) -> str:
        """One sentence."""
        what = f"{self.metric}, {self.arm} − {self.control}"
        if self.withheld:
            return f"{what}: {self.withheld}"
        if not isfinite(self.pvalue):
            return f"{what}: too few weeks to see whether the effect changes"
        changes = self.pvalue < 1 - self.confidence
        word = ("grows" if self.slope > 0 else "falls") if changes else "does not clearly change"
        return f"{what}: the effect {word} with the week of exposure (p {cell_text(PValue(self.pvalue))})"

    def to_polars(self) -> pl.DataFrame:
        """Return one row a cohort."""
        return pl.DataFrame([one._asdict() for one in self.cohorts])

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("metric", "arm", "control", "slope", "ci_low", "ci_high", "pvalue", "confidence", "withheld")
        return {name: getattr(self, name) for name in names} | {"cohorts": [one._asdict() for one in self.cohorts]}

    def view(self) -> View:
        """Return the cohorts with their intervals drawn."""
        table = DayEffects(self.metric, self.arm, self.control, "daily", self.cohorts, self.confidence).view().tables
        trend = f"change a week: {self.slope:.4g} {cell_text(Interval(self.ci_low, self.ci_high))}"
        return View(self.summary, table, (trend,) if isfinite(self.slope) else (), drawn(cohorts_chart(self)))


def withhold_novelty(found: Novelty) -> Novelty:
    """Return the cohorts without the p-value of their trend: the planned size is not reached."""
    return replace(found, pvalue=nan, withheld=WITHHELD)


def day_effects(outcome: Outcome, arm: int, kind: Kind, confidence: float) -> DayEffects:
    """Return the effect by day of first exposure, or of all units up to each day."""
    table = outcome.table
    days = _told(outcome, _by_span(outcome, arm, 1, confidence, cumulated=kind == "cumulative"), 1)
    return DayEffects(outcome.metric.name, table.arms[arm], table.arms[0], kind, days, confidence, outcome.metric.form)


def novelty(outcome: Outcome, arm: int, confidence: float) -> Novelty:
    """Return the effect by week of first exposure with its trend.

    Those who came late were exposed for as long as those who came early (windows are per unit), so a falling effect is
    one of the calendar or of the people who come later, not of units left out.
    """
    table = outcome.table
    found = _by_span(outcome, arm, WEEK, confidence)
    weeks = _told(outcome, found, WEEK)
    usable = [one if one.status == "ok" else one._replace(estimate=nan, standard_error=nan) for one in found]
    line = stats.trend(
        np.arange(len(usable), dtype=np.float64), [one.estimate for one in usable],
        [one.standard_error for one in usable], confidence=confidence,
    )  # fmt: skip
    few = line.n < FEWEST
    numbers = (nan, nan, nan, nan) if few else (line.slope, line.ci_low, line.ci_high, line.pvalue)
    return Novelty(
        outcome.metric.name, table.arms[arm], table.arms[0], weeks, *numbers, confidence, form=outcome.metric.form
    )


def _by_span(
    outcome: Outcome, arm: int, days: int, confidence: float, *, cumulated: bool = False
) -> list[stats.TwoSample]:
    occupied = np.flatnonzero(outcome.occupied) // 2
    if not len(occupied):
        return []
    first, last = int(occupied[0]), int(occupied[-1])
    places = (np.arange(len(outcome.occupied)) // 2 - first) // days
    places[~outcome.occupied] = -1
    found = compare_times(outcome, arm, places, (last - first) // days + 1, confidence, cumulated=cumulated)
    return [one.absolute for one in found]


def _told(outcome: Outcome, found: list[stats.TwoSample], days: int) -> tuple[DayEffect, ...]:
    """Return comparisons as rows, each with the first day of its span."""
    if not found:
        return ()
    first = outcome.table.days.first + int(np.flatnonzero(outcome.occupied)[0]) // 2
    return tuple(
        DayEffect(
            from_micros((first + place * days) * DAY).date().isoformat(), one.n_treatment, one.n_control,
            one.estimate, one.ci_low, one.ci_high, one.status,
        )
        for place, one in enumerate(found)
    )  # fmt: skip
