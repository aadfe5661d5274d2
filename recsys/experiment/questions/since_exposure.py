"""Effects by time since each unit's own exposure: whether a novelty wears off, or people learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import polars as pl

from recsys import stats
from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError
from recsys.core.jsonable import fit_for_json
from recsys.core.times import duration_micros
from recsys.display import (
    Interval,
    Percent,
    Plot,
    PValue,
    Table,
    Tabular,
    View,
    Viewable,
    cell_text,
    drawn,
    shared_axis,
)
from recsys.experiment.charts.spans import periods_chart
from recsys.experiment.effects import WITHHELD
from recsys.experiment.metrics import DAY, Form, Metric
from recsys.experiment.questions.answers import LookKind
from recsys.experiment.strata import moments_by_stage, without_empty
from recsys.experiment.units.building import build_unit_table
from recsys.experiment.units.measures import Measure
from recsys.experiment.units.sources import UnitSource
from recsys.experiment.verdicts import planned_reached

if TYPE_CHECKING:
    from recsys.experiment.experiment import Experiment

MOST_PERIODS = 60


class PeriodEffect(NamedTuple):
    """The effect in one period after exposure.

    Attributes
    ----------
    begin, end : float
        Days after the unit's first exposure.
    control_value, difference, ci_low, ci_high, relative : float
    status : str
    """

    begin: float
    end: float
    control_value: float
    difference: float
    ci_low: float
    ci_high: float
    relative: float
    status: str


@dataclass(frozen=True, eq=False, repr=False)
class SinceExposure(Viewable, Tabular):
    """The effect of an arm on a metric by time since exposure; all periods are of the same units.

    Parameters
    ----------
    metric, arm, control : str
        What the effects are of: arm − control.
    n, n_control : int
        Units whose whole window has ended.
    periods : tuple of PeriodEffect
        In their order.
    slope, ci_low, ci_high, pvalue : float
        Change of the absolute difference from one period to the next, by each unit's own straight line.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    withheld : str
        Why the p-value is not told (NaN); empty when it is.
    form : str
        Of the metric.
    """

    metric: str
    arm: str
    control: str
    n: int
    n_control: int
    periods: tuple[PeriodEffect, ...]
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
        if not np.isfinite(self.pvalue):
            return f"{what}: too few units to see whether the effect changes with the time since exposure"
        changes = self.pvalue < 1 - self.confidence
        word = ("grows" if self.slope > 0 else "falls") if changes else "does not clearly change"
        return f"{what}: the difference {word} with the time since exposure (p {cell_text(PValue(self.pvalue))})"

    @property
    def caveat(self) -> str:
        """What the trend is of, and what became of the relative effect."""
        first, last = (cell_text(Percent(self.periods[place].relative, signed=True)) for place in (0, -1))
        return (
            "the trend is of absolute differences: with a control that changes, a steady relative effect has one too;"
            f" relative to the control {first} in the first period, {last} in the last"
        )

    def to_polars(self) -> pl.DataFrame:
        """Return one row a period."""
        return pl.DataFrame([one._asdict() for one in self.periods])

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("metric", "arm", "control", "n", "n_control", "slope", "ci_low", "ci_high", "pvalue", "confidence")
        return {name: getattr(self, name) for name in (*names, "withheld")} | {
            "periods": [one._asdict() for one in self.periods],
            "caveat": self.caveat,
        }

    def view(self) -> View:
        """Return the periods with their intervals drawn."""
        axis = shared_axis([(one.ci_low, one.difference, one.ci_high) for one in self.periods])
        rows = tuple(
            (
                f"{one.begin:g}–{one.end:g}", one.difference, Plot(one.ci_low, one.difference, one.ci_high, axis),
                Interval(one.ci_low, one.ci_high), Percent(one.relative, signed=True),
            )
            for one in self.periods
        )  # fmt: skip
        columns = ("days", "difference", "", f"{100 * self.confidence:g} % interval", "relative")
        units = f"{self.n + self.n_control:,} units whose whole window has ended"
        return View(self.summary, (Table(columns, rows),), (units, self.caveat), drawn(periods_chart(self)))


def since_exposure(
    experiment: Experiment,
    source: UnitSource,
    metric: str,
    *,
    arm: str | None = None,
    period: str | timedelta = "1d",
    through: str | datetime | date | int | None = None,
    look: LookKind = "planned",
) -> SinceExposure:
    """Return the effect on a metric in each period of its window.

    The metric is measured anew in every period; units whose whole window has not ended are left out of all periods, so
    that periods differ in time and not in people. The trend is tested on each unit's own slope, which allows for
    whatever a unit's periods have in common.

    Parameters
    ----------
    experiment : Experiment
        The declaration.
    source : UnitSource
        The store's units, or `Frames`; a ready-made table does not hold the periods.
    metric : str
        A mean, count or share with a window.
    arm : str, optional
        The first one beside the control by default.
    period : str or timedelta
        Length of a period; what is left at the end of the window is not looked at.
    through : str or datetime, optional
        Only data before this instant.
    look : {"planned", "final"}
        ``planned``: the p-value of the trend is withheld before the planned size, as it is in `analyze`.

    Raises
    ------
    NotFoundError
        The experiment has no such metric or arm.
    ArgumentError
        The metric is a ratio or a quantile, has no window, or the window holds fewer than 2 or more than 60 periods.

    Examples
    --------
    >>> from recsys.experiment import Count, Experiment, Frames
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01", end="2026-06-15",
    ...                   metrics=[Count("plays", event="play", window="2d")])
    >>> from datetime import datetime
    >>> users, first, then = list(range(200)), [datetime(2026, 6, 2)] * 200, [datetime(2026, 6, 3)] * 200
    >>> exposures = {"unit_id": users, "experiment": ["x"] * 200, "variant": ["a", "b"] * 100, "ts": first}
    >>> events = {"user_id": users, "item_id": users, "event": ["play"] * 200, "ts": then}
    >>> len(since_exposure(test, Frames(events=events, exposures=exposures), "plays").periods)
    2
    """
    look = cast("LookKind", one_of("look", look, ("planned", "final")))
    found = experiment.metric(metric)
    length = duration_micros("period", period)
    measures = _measures(found, length)
    request = replace(experiment.request(through), measures=measures, attributes=())
    table = build_unit_table(source, request)
    names = list(measures)
    used = np.logical_and.reduce([table.matured[name] for name in names])
    times = np.arange(len(names), dtype=np.float64)
    line = (times - times.mean()) / np.square(times - times.mean()).sum()
    values = np.column_stack([table.columns[name] for name in names])
    values = np.column_stack([values, values @ line])
    place = 1 if arm is None else experiment.arm_names.index(arm) if arm in experiment.arm_names[1:] else 0
    if place == 0:
        others = ", ".join(experiment.arm_names[1:])
        raise ArgumentError(f"the arm is {arm!r}", f"one of {others} was expected, beside the control")
    sides = without_empty(*(moments_by_stage(values, table, one, used) for one in (place, 0)))
    made = [
        stats.difference_in_means(*sides, column=column, confidence=experiment.confidence)
        for column in range(len(names) + 1)
    ]
    begin = measures[names[0]].begin
    periods = tuple(
        PeriodEffect(
            (begin + k * length) / DAY, (begin + (k + 1) * length) / DAY, one.control, one.estimate, one.ci_low,
            one.ci_high, one.estimate / abs(one.control) if one.control else np.nan, one.status,
        )
        for k, one in enumerate(made[:-1])
    )  # fmt: skip
    slope = made[-1]
    told = look == "final" or planned_reached(experiment, table, found, int(used.sum()))
    return SinceExposure(
        metric, table.arms[place], table.arms[0], slope.n_treatment, slope.n_control, periods, slope.estimate,
        slope.ci_low, slope.ci_high, slope.pvalue if told else np.nan, experiment.confidence,
        "" if told else WITHHELD, found.form,
    )  # fmt: skip


def _measures(metric: Metric, length: int) -> dict[str, Measure]:
    """Return the measure of a metric in each period of its window."""
    if metric.form not in ("mean", "proportion"):
        raise ArgumentError(f"{metric.name} is a {metric.form}", "a mean, a count or a share was expected")
    whole = metric.measures()[metric.name]
    if whole.end is None:
        raise ArgumentError(f"{metric.name} has no window", "a window was expected, to be divided into periods")
    n = (whole.end - whole.begin) // length
    if not 2 <= n <= MOST_PERIODS:
        raise ArgumentError(
            f"the window of {metric.name} holds {n} periods", f"2 to {MOST_PERIODS} were expected", "choose period="
        )
    return {
        f"{metric.name}.{k}": replace(whole, begin=whole.begin + k * length, end=whole.begin + (k + 1) * length)
        for k in range(n)
    }
