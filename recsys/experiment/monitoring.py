"""Looks at an experiment before its end: the effect as it stood at the end of every day, with what may be said then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys import stats
from recsys.core.jsonable import fit_for_json
from recsys.core.times import from_micros
from recsys.display import Interval, Percent, Plot, PValue, Table, Tabular, View, Viewable, counted, drawn, shared_axis
from recsys.experiment.charts.looks import looks_chart
from recsys.experiment.comparing import Compared, compare_times
from recsys.experiment.effects import Sequential
from recsys.experiment.looks import ConfidenceSequence, GroupSequential
from recsys.experiment.metrics import DAY, Form, window_end
from recsys.experiment.outcomes import Outcome

if TYPE_CHECKING:
    from recsys.experiment.experiment import Experiment

RULES: dict[str, stats.Rule] = {"obrien-fleming": "lan-demets-obrien-fleming", "pocock": "lan-demets-pocock"}
OPTIMAL_AT = (
    10_000  # units at which a sequence is narrowest when nothing was planned; fixed, for it may not depend on data
)


class Look(NamedTuple):
    """The effect at one look.

    Attributes
    ----------
    at : int
        End of the data looked at, microseconds.
    n, n_control : int
        Units whose window had ended.
    fraction : float
        Of the planned units of both arms; NaN without a plan.
    difference : float
    ci_low, ci_high : float
        That hold at all looks together.
    pvalue : float
        Always-valid; NaN for group-sequential looks.
    statistic, bound : float
        z and the bound that it must pass; NaN for confidence sequences.
    crossed : bool
        Whether the effect is shown at this look.
    status : str
    """

    at: int
    n: int
    n_control: int
    fraction: float
    difference: float
    ci_low: float
    ci_high: float
    pvalue: float
    statistic: float
    bound: float
    crossed: bool
    status: str

    @property
    def side(self) -> str:
        """On which side of 0 the difference is."""
        return "above" if self.difference > 0 else "below"


@dataclass(frozen=True, eq=False, repr=False)
class Monitor(Viewable, Tabular):
    """All looks at one metric of one arm so far.

    Parameters
    ----------
    metric, arm, control, method : str
        What is looked at, arm − control, and how.
    looks : tuple of Look
        The oldest first.
    next_look : float or None
        Planned share of units at which the next group-sequential look is due.
    form : str
        Of the metric.
    grouped : bool
        Whether looks are those of a group-sequential plan, at its shares alone.
    end : int or None
        When the last window ends as planned, microseconds.
    """

    metric: str
    arm: str
    control: str
    method: str
    looks: tuple[Look, ...]
    next_look: float | None = None
    form: Form = "mean"
    grouped: bool = False
    end: int | None = None

    @property
    def crossed(self) -> bool:
        """Whether the effect was shown at any look; whether it still is, the last look says."""
        return any(look.crossed for look in self.looks)

    @property
    def sequential(self) -> Sequential | None:
        """What may be said now; None before the first look.

        The p-value is the one of the last look, valid whenever one stops, and so agrees with the interval beside it;
        the smallest one so far would be valid too, and could call an effect shown whose interval holds 0 by now.
        """
        if not self.looks:
            return None
        last = self.looks[-1]
        return Sequential(self.method, last.ci_low, last.ci_high, last.pvalue, self.crossed, last.fraction, last.status)

    def to_polars(self) -> pl.DataFrame:
        """Return one row a look; `at` is a time."""
        rows = [look._asdict() | {"at": from_micros(look.at)} for look in self.looks]
        return pl.DataFrame(rows, schema=_SCHEMA)

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("metric", "arm", "control", "method", "next_look")
        looks = [look._asdict() | {"at": from_micros(look.at).isoformat()} for look in self.looks]
        return {name: getattr(self, name) for name in names} | {"crossed": self.crossed, "looks": looks}

    @property
    def summary(self) -> str:
        """One sentence."""
        what = f"{self.metric}, {self.arm} − {self.control}"
        if not self.looks:
            due = (
                f"; the first look is due at {100 * self.next_look:.0f} % of the planned units"
                if self.next_look
                else ""
            )
            return f"{what}: nothing to look at yet{due}"
        last = self.looks[-1]
        if not self.crossed:
            return f"{what}: no difference shown after {counted(len(self.looks), 'look')}"
        if last.crossed:
            return f"{what}: {last.side} 0 since {_day(self._held()[0].at)}"
        once = next(look for look in self.looks if look.crossed)
        return f"{what}: {once.side} 0 on {_day(once.at)}, but the interval of {_day(last.at)} holds 0 again"

    def _held(self) -> list[Look]:
        """Return the last looks that all show the difference, on one side; none where the last one does not."""
        sides = [look.side if look.crossed else None for look in self.looks]
        alike = takewhile(lambda side: side is not None and side == sides[-1], reversed(sides))
        return list(self.looks[len(sides) - sum(1 for _ in alike) :])

    def view(self) -> View:
        """Return the last looks with their intervals drawn."""
        shown = self.looks[-14:]
        axis = shared_axis([(look.ci_low, look.difference, look.ci_high) for look in shown])
        grouped = self.grouped
        planned = any(isfinite(look.fraction) for look in shown)
        rows = tuple(
            (
                _day(look.at), look.n + look.n_control, *((Percent(look.fraction),) if planned else ()),
                Plot(look.ci_low, look.difference, look.ci_high, axis),
                f"{look.statistic:.2f} / {look.bound:.2f}" if grouped else PValue(look.pvalue),
                "shown" if look.crossed else look.status if look.status != "ok" else "",
                look.difference, Interval(look.ci_low, look.ci_high),
            )
            for look in shown
        )  # fmt: skip
        head = ("through", "units", *(("of plan",) if planned else ()), "", "z / bound" if grouped else "p", "state")
        columns = (*head, "difference", "interval at all looks")
        hidden = len(self.looks) - len(shown)
        notes = (self.method, *((f"{hidden} earlier looks are not shown",) if hidden else ()))
        return View(self.summary, (Table(columns, rows),) if rows else (), notes, drawn(looks_chart(self)))


_NUMBERS = ("fraction", "difference", "ci_low", "ci_high", "pvalue", "statistic", "bound")
_SCHEMA: dict[str, pl.DataType] = {
    "at": pl.Datetime("us"),
    "n": pl.Int64(),
    "n_control": pl.Int64(),
    **{name: pl.Float64() for name in _NUMBERS},
    "crossed": pl.Boolean(),
    "status": pl.String(),
}


def maturity_days(outcome: Outcome) -> tuple[NDArray[np.int64], int, int]:
    """Return the day on which windows ended by label of time, as 0, 1, …, the number of days, and the first since 1970.

    A window that never ends grows with the data: how it stood on an earlier day is not known, and all units are of one
    day. Labels of time without units have the day −1.
    """
    end, table, occupied = window_end(outcome.metric), outcome.table, outcome.occupied
    if end is None:
        return np.zeros(len(occupied), np.int64), 1, (table.through - 1) // DAY
    labels = np.arange(len(occupied))
    days = table.days.first + labels // 2 + (end - 1) // DAY + labels % 2
    if not occupied.any():
        return np.full(len(occupied), -1), 0, 0
    first, last = int(days[occupied].min()), int(days[occupied].max())
    return np.where(occupied, days - first, -1), last - first + 1, first


def planned_pair(experiment: Experiment, arm: str) -> float:
    """Return the planned units of an arm and the control; NaN without a plan."""
    if experiment.planned_units is None:
        return nan
    share = experiment.arms[arm] + experiment.arms[experiment.control]
    return experiment.planned_units * share


def monitor_effect(
    outcome: Outcome, arm: int, experiment: Experiment, *, comparisons: int = 1, over: bool = False
) -> Monitor:
    """Return the looks at one metric of one arm, by what the experiment declares (a confidence sequence if nothing).

    Parameters
    ----------
    outcome : Outcome
    arm : int
        Its place in the table.
    experiment : Experiment
    comparisons : int
        Goals × arms: group-sequential bounds are for alpha over their number (Bonferroni).
    over : bool
        Whether the period has ended, so that no more units will come.
    """
    table = outcome.table
    plan = experiment.monitoring or ConfidenceSequence()
    name, control = table.arms[arm], table.arms[0]
    places, n_days, first = maturity_days(outcome)
    planned = planned_pair(experiment, name)
    days = compare_times(outcome, arm, places, n_days, experiment.confidence, cumulated=True)
    ends = [(first + day + 1) * DAY for day in range(n_days)]
    end = None if experiment.ends is None else experiment.ends + (window_end(outcome.metric) or 0)
    if isinstance(plan, GroupSequential):
        alpha = (1 - experiment.confidence) / comparisons
        whole = n_days if over else _whole_days(outcome, ends)
        made, waiting = _grouped_looks(days[:whole], ends[:whole], plan, planned, alpha, over=over)
        method = f"group-sequential, {plan.spending} spending of alpha = {alpha:.3g} over {len(plan.fractions)} looks"
        return Monitor(outcome.metric.name, name, control, method, made, waiting, outcome.metric.form, True, end)
    tuned = plan.tuned_for or round(planned if isfinite(planned) else OPTIMAL_AT)
    share = experiment.arms[name] / (experiment.arms[name] + experiment.arms[control])
    exact = plan.kind == "betting" and outcome.metric.form == "proportion" and outcome.n_stages == 1
    held = (_exact_looks if exact else _asymptotic_looks)([one for one in days if not _waits(one, plan)], tuned, share)
    looks = tuple(
        _sequence_look(one, end, next(held) if not _waits(one, plan) else _waiting(one, tuned), planned)
        for one, end in zip(days, ends, strict=True)
    )
    kind = "beta-binomial (guaranteed)" if exact else "asymptotic"
    method = f"{kind} confidence sequence, narrowest at {tuned:,} units; from {plan.burn_in:,} units an arm on"
    return Monitor(outcome.metric.name, name, control, method, looks, form=outcome.metric.form, end=end)


def _waits(found: Compared, plan: ConfidenceSequence) -> bool:
    """Return whether an arm has too few units for a look."""
    return min(found.absolute.n_treatment, found.absolute.n_control) < max(plan.burn_in, 2)


def _exact_looks(days: Sequence[Compared], tuned: int, share: float) -> Iterator[stats.AnytimeInterval]:
    """Return the looks of the sequence that is guaranteed, all at once: one by one they take far longer."""
    if not days:
        return iter(())
    arms = [(one.plain, one.absolute) for one in days]
    n, control_n = [one.n_treatment for _, one in arms], [one.n_control for _, one in arms]
    return iter(
        stats.proportion_difference_sequences(
            [round(plain.treatment * one.n_treatment) for plain, one in arms], n,
            [round(plain.control * one.n_control) for plain, one in arms], control_n,
            optimal_at=tuned, share=share, confidence=days[0].absolute.confidence,
        )
    )  # fmt: skip


def _asymptotic_looks(days: Sequence[Compared], tuned: int, _: float) -> Iterator[stats.AnytimeInterval]:
    """Return the looks of the asymptotic sequence; a mixture SPRT is the same with its prior set by `tuned`."""
    return (_asymptotic(one.absolute, tuned, 2) for one in days)


def _waiting(found: Compared, tuned: int) -> stats.AnytimeInterval:
    one = found.absolute
    return _asymptotic(one, tuned, one.n_treatment + one.n_control + 2)


def _asymptotic(one: stats.TwoSample, tuned: int, burn_in: int) -> stats.AnytimeInterval:
    return stats.asymptotic_sequence(
        one.estimate, one.standard_error, one.n_treatment + one.n_control, optimal_at=tuned, burn_in=burn_in,
        confidence=one.confidence,
    )  # fmt: skip


def _sequence_look(found: Compared, end: int, look: stats.AnytimeInterval, planned: float) -> Look:
    """Return one look of a confidence sequence."""
    one = found.absolute
    crossed = look.status == "ok" and not look.ci_low <= 0 <= look.ci_high
    return Look(
        end, one.n_treatment, one.n_control, (one.n_treatment + one.n_control) / planned, look.estimate, look.ci_low,
        look.ci_high, look.pvalue, nan, nan, crossed, look.status,
    )  # fmt: skip


def _whole_days(outcome: Outcome, ends: Sequence[int]) -> int:
    """Return how many days are over: a day that grows would be another look each time somebody asks.

    A single day stays: times of exposure that are all the same are those of a frame without times.
    """
    table = outcome.table
    tables = {one.table for one in outcome.metric.measures().values()}
    known = min(table.through, *(table.complete_through.get(name, table.through) for name in tables))
    growing = len(ends) > 1 and ends[-1] - DAY < known < ends[-1]
    return len(ends) - growing


def _grouped_looks(
    days: Sequence[Compared], ends: Sequence[int], plan: GroupSequential, planned: float, alpha: float, *, over: bool
) -> tuple[tuple[Look, ...], float | None]:
    """Return the looks that are due so far, each on the first day on which its share of units had matured.

    Between two of them nobody looks: what an analysis says does not depend on how often it is asked for. When the
    period is over with fewer units than planned, the last day is the last look and spends what is left.
    """
    sizes = [one.absolute.n_treatment + one.absolute.n_control for one in days]
    due: dict[int, float] = {}
    waiting = None
    for fraction in plan.fractions:
        day = next((place for place, n in enumerate(sizes) if n >= fraction * planned), None)
        if day is None:
            waiting = fraction
            break
        due[day] = min(sizes[day] / planned, 1.0)
    if over and waiting is not None and days:
        due[len(days) - 1], waiting = sizes[-1] / planned, None
    usable = {day: share for day, share in due.items() if days[day].absolute.standard_error > 0}
    if not usable:
        return (), waiting
    fractions = list(usable.values())
    bounds = stats.group_sequential_bounds(fractions, alpha=alpha, rule=RULES[plan.spending], last=waiting is None)
    return tuple(
        _grouped_look(days[day].absolute, ends[day], share, float(bound))
        for (day, share), bound in zip(usable.items(), bounds, strict=True)
    ), waiting


def _grouped_look(one: stats.TwoSample, end: int, fraction: float, bound: float) -> Look:
    z, half = one.estimate / one.standard_error, bound * one.standard_error
    return Look(
        end, one.n_treatment, one.n_control, fraction, one.estimate, one.estimate - half, one.estimate + half, nan, z,
        bound, abs(z) >= bound, "ok",
    )  # fmt: skip


def _day(micros: int) -> str:
    return from_micros(micros - 1).date().isoformat()
