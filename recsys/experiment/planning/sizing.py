"""`plan`: how many units and days an experiment takes, and what it can find, from the past of its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from math import ceil, isfinite, nan, sqrt
from typing import NamedTuple

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.times import from_micros, instant_micros
from recsys.experiment.analyzing import HasUnits
from recsys.experiment.covariates import empty_pre_periods
from recsys.experiment.experiment import Experiment
from recsys.experiment.looks import ConfidenceSequence, GroupSequential, Monitoring
from recsys.experiment.metrics import DAY, Metric, window_end
from recsys.experiment.planning.history import (
    Given,
    History,
    Traffic,
    given_history,
    history_of,
    known_metrics,
    traffic_of,
)
from recsys.experiment.planning.result import CurvePoint, Plan, PlannedMetric
from recsys.experiment.planning.setting import LOOKS, Setting, absolute, window_days
from recsys.experiment.questions.triggering import subset
from recsys.experiment.times import dates_of
from recsys.experiment.units.building import build_unit_table
from recsys.experiment.units.filtering import passes
from recsys.experiment.units.measures import Measure
from recsys.experiment.units.per_unit import PerUnit
from recsys.experiment.units.sources import Active, UnitRequest, UnitSource

MOST_WEEKS = 12
Instant = str | datetime | date


def plan(
    what: Experiment | Sequence[Metric],
    source: UnitSource | PerUnit | HasUnits | None = None,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    exclude_dates: Sequence[str | date] = (),
    baseline: Mapping[str, Given] | None = None,
    effect: float | Mapping[str, float] | None = None,
    units: int | None = None,
    weeks: int | None = None,
    arms: Mapping[str, float] | None = None,
    units_a_day: float | None = None,
    traffic: float = 1.0,
    power: float = 0.8,
    confidence: float = 0.95,
    correction: str = "holm",
    monitoring: Monitoring | None = None,
    unit: str = "user_id",
) -> Plan:
    """Return how many units and days an experiment takes, and what it can find.

    With `effect`, the plan is as large as the most demanding goal or guardrail; with `units` or `weeks` it is as large
    as they say. In both cases each metric has the smallest effect that the plan finds.

    Parameters
    ----------
    what : Experiment or sequence of Metric
        An experiment gives arms, confidence, correction, monitoring and unit as well, and who comes in: targeting,
        layer, holdout and the last stage of its ramp.
    source : Store, UnitSource or PerUnit, optional
        Whose past is looked at: the store, `Frames`, or a frame with one row a unit, all of the variant ``all``.
    since, until : str or datetime
        The reference period, half-open, UTC; needed with a source. Units count from their first event in it, and their
        windows run beyond it as far as there is data.
    exclude_dates : sequence of str or date
        UTC days that do not count, single or spans ``2026-12-24/2026-12-26``.
    baseline : mapping of metric to numbers, optional
        (mean, sd), (mean, sd, rho), a share for a proportion, or a `stats.Baseline`; used instead of the past.
    effect : float or mapping of metric to float, optional
        Relative change to the better that shall be found: .02 is 2 %. One number counts for all goals.
    units : int, optional
        Units of all arms.
    weeks : int, optional
        Weeks of enrolment.
    arms : mapping of str to float, optional
        Weights, the control first; by default two equal arms.
    units_a_day : float, optional
        New units a day that may come in, the same every day; by default as they came in the reference period.
    traffic : float
        Share of the units that the experiment gets (times what its layer, holdout and ramp let in).
    power : float
        Of each goal. All guardrails with a margin together miss no more often than one goal.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    correction : str
        Of the experiment: ``none``, or alpha is shared by all goals and arms (the worst case of every other).
    monitoring : ConfidenceSequence or GroupSequential, optional
        What looks before the end cost is in the size.
    unit : str
        Unit of randomisation.

    Raises
    ------
    ArgumentError
        Arguments contradict each other, or a metric has neither a past nor a baseline.

    Examples
    --------
    >>> from recsys.experiment import Mean
    >>> found = plan([Mean("minutes", window="7d")], baseline={"minutes": (40.0, 60.0, 0.6)}, effect=0.02,
    ...              units_a_day=4000)
    >>> found.units, found.enrolment_days, found.days
    (113024, 35, 42)
    """
    setting = Setting.of(what, arms, confidence, correction, monitoring, unit, power)
    effects = _effects(setting, effect)
    past = _past(setting, source, (since, until), exclude_dates, baseline or {})
    histories, arriving = past.histories, _shared(past.traffic, units_a_day, traffic, setting.enters)
    needs = {one.name: setting.needed(one, histories[one.name], effects.get(one.name)) for one in setting.metrics}
    size, enrolment = _size(needs, units, weeks, arriving)
    rows = tuple(
        _planned(one, histories[one.name], effects.get(one.name), needs[one.name], size, arriving, setting)
        for one in setting.metrics
    )
    return Plan(
        arms=setting.arms,
        metrics=rows,
        units=size,
        enrolment_days=enrolment,
        days=None if enrolment is None else enrolment + max(map(window_days, setting.metrics)),
        units_a_day=nan if enrolment is None or arriving is None else arriving.units(enrolment) / enrolment,
        curve=_curve(setting, histories, effects, size, enrolment, arriving),
        power=setting.power,
        confidence=setting.confidence,
        since=past.since,
        until=past.until,
        notes=(*_notes(setting, histories, arriving, constant=units_a_day is not None), *past.notes),
    )


def _effects(setting: Setting, effect: float | Mapping[str, float] | None) -> dict[str, float]:
    """Return the relative effects to be found, by metric."""
    if effect is None:
        return {}
    if not isinstance(effect, Mapping):
        one = _share_of("effect", effect)
        return {metric.name: one for metric in setting.metrics if metric.role == "goal"}
    known_metrics(setting.metrics, effect, "effect")
    return {name: _share_of(f"the effect on {name}", one) for name, one in effect.items()}


def _share_of(name: str, value: object) -> float:
    """Return a relative effect; below a millionth no number of units finds it, and 2 is no 2 %."""
    return finite_float(name, value, minimum=1e-6, maximum=1, hint="2 % is 0.02")


class _Past(NamedTuple):
    """How each metric varies, the traffic, the reference period in microseconds, and what is odd about it."""

    histories: dict[str, History]
    traffic: Traffic | None
    since: int | None
    until: int | None
    notes: tuple[str, ...]


def _past(
    setting: Setting,
    source: UnitSource | PerUnit | HasUnits | None,
    period: tuple[Instant | None, Instant | None],
    exclude_dates: Sequence[str | date],
    baseline: Mapping[str, Given],
) -> _Past:
    """Return what the reference period tells."""
    known_metrics(setting.metrics, baseline, "baseline")
    found = {one.name: given_history(one, baseline[one.name]) for one in setting.metrics if one.name in baseline}
    if source is None:
        missing = [one.name for one in setting.metrics if one.name not in found]
        if missing:
            raise ArgumentError(
                f"nothing is known of {', '.join(missing)}",
                "a source with a past, or baselines, were expected",
                f"plan(…, source, since=…, until=…), or baseline={{{missing[0]!r}: (mean, sd)}}",
            )
        return _Past(found, None, None, None, ())
    since, until = period
    if since is None or until is None:
        raise ArgumentError("the reference period is not given", "since= and until= were expected with a source")
    begin, end = instant_micros("since", since), instant_micros("until", until)
    if end - begin < DAY:
        raise ArgumentError(f"the reference period is {since} to {until}", "at least one day was expected")
    days = [instant_micros("exclude_dates", day) for day in dates_of(exclude_dates)]
    exclude = tuple((day, day + DAY) for day in days)
    asked = [metric for metric in setting.metrics if metric.name not in found]
    borrowed = {name for metric in asked for name in metric.borrowed}
    measures: dict[str, Measure] = {}
    for metric in setting.metrics:
        own = metric.measures()
        measures |= own if metric in asked or borrowed & set(own) else {}
    names = [name for metric in asked for name in metric.attributes] + [one.column for one in setting.targets]
    request = UnitRequest(Active(begin, end, exclude), measures, setting.unit, tuple(dict.fromkeys(names)))
    table = build_unit_table(source.units() if isinstance(source, HasUnits) else source, request)
    targeted = passes(table.attributes, "users", setting.targets)
    table = table if targeted is None else subset(table, targeted)
    if not len(table):
        raise ArgumentError(
            f"no unit that may come in was active from {from_micros(begin)} to {from_micros(end)}",
            "a period with events was expected",
        )
    found |= {one.name: history_of(one, table) for one in setting.metrics if one.name not in found}
    return _Past(found, traffic_of(table, begin, end, exclude), begin, end, empty_pre_periods(asked, table))


def _shared(arriving: Traffic | None, units_a_day: float | None, share: float, enters: float) -> Traffic | None:
    """Return the experiment's share of the traffic, which may be given."""
    share = finite_float("traffic", share, above=0, maximum=1) * enters
    if units_a_day is not None:
        arriving = Traffic((), finite_float("units_a_day", units_a_day, above=0))
    if arriving is None:
        return None
    return Traffic(tuple(share * one for one in arriving.arrivals), share * arriving.later)


def _size(
    needs: Mapping[str, float], units: int | None, weeks: int | None, arriving: Traffic | None
) -> tuple[int | None, int | None]:
    """Return the units of the plan, and the days of enrolment."""
    if units is not None and weeks is not None:
        raise ArgumentError("units and weeks are both given", "one of them was expected")
    if weeks is not None:
        days = 7 * positive_int("weeks", weeks)
        if arriving is None:
            raise ArgumentError("weeks are given and no traffic is known", "units_a_day= or a source was expected")
        return max(int(arriving.units(days)), 1), days
    if units is None:
        wanted = [one for one in needs.values() if isfinite(one)]
        units = int(max(wanted)) if wanted else None
    else:
        units = positive_int("units", units, minimum=4)
    return units, None if units is None or arriving is None else _whole_weeks(arriving, units)


def _whole_weeks(arriving: Traffic, units: float) -> int | None:
    """Return the whole weeks of enrolment in days; None: so many units never come."""
    days = arriving.days(units)
    return None if days is None else 7 * max(ceil(days / 7), 1)


def _planned(
    metric: Metric,
    history: History,
    effect: float | None,
    needed: float,
    size: int | None,
    arriving: Traffic | None,
    setting: Setting,
) -> PlannedMetric:
    known, change = history.baseline, absolute(metric, history, effect)
    value = nan if known is None else known.value
    status = "zero_baseline" if history.status == "ok" and value == 0 else history.status
    enrolment = _whole_weeks(arriving, needed) if arriving is not None and isfinite(needed) else None
    found = nan if size is None else setting.detectable(metric, history, size)
    sign = -1 if (metric.direction == "decrease") != (metric.margin is not None) else 1
    relative = -metric.margin if metric.margin is not None else effect
    return PlannedMetric(
        metric=metric.name,
        role=metric.role,
        form=metric.form,
        baseline=value,
        sd=nan if known is None else sqrt(known.variance),
        rho=history.rho,
        history=history.units,
        effect=nan if relative is None else relative,
        effect_absolute=nan if change is None else change,
        alpha=setting.alpha(metric),
        power=setting.asked(metric),
        units=needed,
        days=nan if enrolment is None else enrolment + window_days(metric),
        detectable=_relative(found, value, metric),
        detectable_absolute=sign * found,
        achieved=nan if size is None else setting.achieved(metric, history, effect, size),
        status=status,
    )


def _relative(found: float, value: float, metric: Metric) -> float:
    """Return a difference as a relative change to the better; a guardrail's margin is below 0."""
    if not value or not isfinite(value):
        return nan
    return found / abs(value) * (-1 if metric.margin is not None else 1)


def _curve(
    setting: Setting,
    histories: Mapping[str, History],
    effects: Mapping[str, float],
    size: int | None,
    enrolment: int | None,
    arriving: Traffic | None,
) -> tuple[CurvePoint, ...]:
    """Return power and detectable effect by week of enrolment, or by shares of the plan's units."""
    if arriving is not None:
        weeks = MOST_WEEKS if enrolment is None else min(max(enrolment // 7 + 2, 4), MOST_WEEKS)
        steps = [(7.0 * week, arriving.units(7 * week)) for week in range(1, weeks + 1)]
    else:
        steps = [(nan, float(ceil(share * size))) for share in (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)] if size else []
    return tuple(
        CurvePoint(
            metric.name,
            days,
            units,
            setting.achieved(metric, histories[metric.name], effects.get(metric.name), units),
            _found(metric, histories[metric.name], units, setting),
        )
        for days, units in steps
        for metric in setting.metrics
        if metric.role == "goal"
    )


def _found(metric: Metric, history: History, units: float, setting: Setting) -> float:
    value = nan if history.baseline is None else history.baseline.value
    return _relative(setting.detectable(metric, history, units), value, metric)


def _notes(
    setting: Setting, histories: Mapping[str, History], arriving: Traffic | None, *, constant: bool
) -> tuple[str, ...]:
    found = [f"{100 * setting.confidence:g} % confidence, {100 * setting.power:g} % power for each goal and arm"]
    if setting.comparisons > 1 and setting.dunnett:
        found.append("goals share alpha as Bonferroni has it, the arms of each as Dunnett")
    elif setting.comparisons > 1:
        found.append(f"alpha is shared by {setting.comparisons} comparisons of goals (the worst case of a correction)")
    if setting.guardrails > 1:
        found.append(f"{setting.guardrails} guardrails share what may be missed: each has more power, none less alpha")
    if isinstance(setting.monitoring, GroupSequential):
        looks = len(setting.monitoring.fractions)
        found.append(f"{looks} looks with {setting.monitoring.spending} spending are in the size")
    elif isinstance(setting.monitoring, ConfidenceSequence):
        found.append(
            f"an asymptotic confidence sequence, narrowest at the end, looked at {LOOKS} times, is in the size"
        )
    if arriving is not None and not constant:
        found.append("units enter as in the reference period; beyond it as on its last seven days")
    endless = [metric.name for metric in setting.metrics if window_end(metric) is None]
    if endless:
        found.append(f"{', '.join(endless)}: without a window; the past says only what units did to its own end")
    found += [
        f"{name}: {one.status.replace('_', ' ')}, no plan" for name, one in histories.items() if one.status != "ok"
    ]
    return tuple(found)
