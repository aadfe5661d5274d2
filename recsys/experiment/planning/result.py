"""`Plan`: what a planned experiment takes and can find, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any, NamedTuple

import polars as pl

from recsys.core.errors import NotFoundError
from recsys.core.jsonable import fit_for_json
from recsys.core.times import from_micros
from recsys.display import Percent, Table, Tabular, View, Viewable
from recsys.experiment.charts.plans import plan_charts


class PlannedMetric(NamedTuple):
    """What a plan says of one metric; absolute numbers are in its own unit.

    Attributes
    ----------
    metric, role, form : str
    baseline : float
    sd : float
        Of one unit, after adjustment: the square root of units × squared standard error of an arm.
    rho : float
        Multiple correlation with its covariates.
    history : int
        Units it was learned from; 0: it was given.
    effect, effect_absolute : float
        That shall be found: relative to the baseline (a guardrail's margin is below 0), and as a difference. NaN: none
        was named.
    alpha : float
        Of each comparison, two-sided, after correction (of a guardrail with a margin one-sided).
    power : float
        That is asked of it: more than that of the goals for guardrails with a margin, all of which must pass.
    units : float
        Of all arms, whose window has ended. NaN: no effect was named.
    days : float
        To have them: enrolment in whole weeks, and the metric's window. NaN: no traffic is known.
    detectable, detectable_absolute : float
        The smallest effect found with this power at the plan's units.
    achieved : float
        Power for the effect at the plan's units.
    status : str
        ``ok``, ``too_few``, ``zero_variance``, ``zero_denominator``, or ``zero_baseline`` (no relative effect exists).
    """

    metric: str
    role: str
    form: str
    baseline: float
    sd: float
    rho: float
    history: int
    effect: float
    effect_absolute: float
    alpha: float
    power: float
    units: float
    days: float
    detectable: float
    detectable_absolute: float
    achieved: float
    status: str


class CurvePoint(NamedTuple):
    """What a metric can show after so many units.

    Attributes
    ----------
    metric : str
    days : float
        Of enrolment; NaN without traffic.
    units : float
    power : float
        For the effect; NaN when none was named.
    detectable : float
        Relative; NaN where nothing can be found.
    """

    metric: str
    days: float
    units: float
    power: float
    detectable: float


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Viewable, Tabular):
    """How many units and days an experiment takes. ``plan["minutes"]`` is what it says of a metric.

    Attributes
    ----------
    arms : mapping of str to float
        Shares of the units, the control first.
    metrics : tuple of PlannedMetric
        What each metric needs.
    units : int or None
        Of all arms: what the most demanding goal or guardrail needs, or as given. None: nothing to size it by.
    enrolment_days : int or None
        Whole weeks of enrolment; None: no traffic is known.
    days : int or None
        Until all windows have ended.
    units_a_day : float
        On average while units are enrolled; NaN without traffic.
    curve : tuple of CurvePoint
        By week of enrolment, or by shares of the plan's units without traffic.
    power : float
        Probability of finding the effect that was planned for.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    since, until : int or None
        Reference period, microseconds.
    notes : tuple of str
        Conventions, and what is doubtful.
    """

    arms: Mapping[str, float]
    metrics: tuple[PlannedMetric, ...]
    units: int | None
    enrolment_days: int | None
    days: int | None
    units_a_day: float
    curve: tuple[CurvePoint, ...]
    power: float
    confidence: float
    since: int | None = None
    until: int | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> PlannedMetric:
        """Return what the plan says of a metric."""
        for one in self.metrics:
            if one.metric == metric:
                return one
        names = ", ".join(one.metric for one in self.metrics)
        raise NotFoundError(f"the plan has no metric {metric!r}", f"one of {names} was expected")

    @property
    def summary(self) -> str:
        """One sentence."""
        if self.units is None:
            named = [one for one in self.metrics if isfinite(one.effect)]
            if not named:
                return "no size: no effect was named, and no units or weeks given"
            return f"no size: {'; '.join(f'{one.metric}: {_why(one)}' for one in named)}"
        size = f"{self.units:,} units in {len(self.arms)} arms"
        if self.days is None or self.enrolment_days is None:
            timed = bool(self.curve) and isfinite(self.curve[0].days)
            why = "which such traffic never brings" if timed else "how long that takes is not known without traffic"
            return f"{size}; {why}"
        return f"{size}: {_weeks(self.enrolment_days)} of enrolment, {self.days} days until the last window ends"

    def to_polars(self) -> pl.DataFrame:
        """Return one row a metric."""
        text = {"metric", "role", "form", "status"}
        schema: dict[str, pl.DataType] = {
            name: pl.String() if name in text else pl.Float64() for name in PlannedMetric._fields
        }
        schema["history"] = pl.Int64()
        return pl.DataFrame([one._asdict() for one in self.metrics], schema=schema, orient="row")

    def curve_to_polars(self) -> pl.DataFrame:
        """Return one row a point of the power curve."""
        schema = {name: pl.String() if name == "metric" else pl.Float64() for name in CurvePoint._fields}
        return pl.DataFrame([one._asdict() for one in self.curve], schema=schema, orient="row")

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("units", "enrolment_days", "days", "units_a_day", "power", "confidence")
        period = {name: None if at is None else from_micros(at).isoformat() for name, at in self._period.items()}
        return {
            "arms": dict(self.arms),
            **{name: getattr(self, name) for name in names},
            **period,
            "metrics": [one._asdict() for one in self.metrics],
            "curve": [one._asdict() for one in self.curve],
            "notes": list(self.notes),
        }

    @property
    def _period(self) -> dict[str, int | None]:
        return {"since": self.since, "until": self.until}

    def view(self) -> View:
        """Return the size, what each metric needs, and the power curve."""
        rows = tuple(
            (
                one.metric, one.role, one.baseline, one.sd, Percent(one.rho**2),
                Percent(one.effect, signed=True), None if isnan(one.units) else int(one.units),
                None if isnan(one.days) else int(one.days), Percent(one.detectable, signed=True), Percent(one.achieved),
                "" if one.status == "ok" else one.status.replace("_", " "),
            )
            for one in self.metrics
        )  # fmt: skip
        columns = (
            "metric", "role", "baseline", "sd", "ρ²", "effect", "units", "days", "found at the plan", "power", "state",
        )  # fmt: skip
        shares = ", ".join(f"{arm} {100 * share:g} %" for arm, share in self.arms.items())
        tables = [Table(columns, rows, f"arms: {shares}")]
        if self.curve:
            tables.append(self._curve_table())
        return View(self.summary, tuple(tables), self.notes, plan_charts(self))

    def _curve_table(self) -> Table:
        names = list(dict.fromkeys(one.metric for one in self.curve))
        timed = isfinite(self.curve[0].days)
        lines: dict[tuple[float, float], list[CurvePoint]] = {}
        for one in self.curve:
            lines.setdefault((one.days if timed else 0.0, one.units), []).append(one)
        rows = tuple(
            (
                *((int(points[0].days),) if timed else ()), int(points[0].units),
                *(Percent(cell) for one in points for cell in (one.power, one.detectable)),
            )
            for points in lines.values()
        )  # fmt: skip
        heads = (f"{name}: {what}" for name in names for what in ("power", "found"))
        return Table((*(("days",) if timed else ()), "units", *heads), rows, "after so much enrolment")


def _weeks(days: int) -> str:
    return "1 week" if days == 7 else f"{days // 7} weeks"


def _why(metric: PlannedMetric) -> str:
    """Return why a metric with an effect has no size."""
    reasons = {
        "too_few": f"too few units whose window ended in the reference period ({metric.history:,})",
        "zero_variance": "its values do not vary in the reference period",
        "zero_baseline": "its baseline is 0, and no share of that can be found",
        "zero_denominator": "its denominator is 0 in the reference period",
    }
    return reasons.get(metric.status, "no size is enough")
