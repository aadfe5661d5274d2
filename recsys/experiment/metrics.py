"""Metrics of an experiment, declared: what is measured on each unit, in which window, and what the number is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.times import duration_micros, duration_text, parse_duration
from recsys.experiment.declared import names
from recsys.experiment.units.measures import (
    TABLES,
    Aggregate,
    Condition,
    Measure,
    Table,
    parse_aggregate,
    parse_where,
    plain_where,
)

Role = Literal["goal", "guardrail", "diagnostic"]
Direction = Literal["increase", "decrease"]
Form = Literal["mean", "proportion", "ratio", "quantile"]
DAY = 86_400_000_000  # microseconds
PRE = ".pre"  # suffix of the same measure before exposure
NUMERATOR, DENOMINATOR = ".numerator", ".denominator"


@dataclass(frozen=True)
class Metric:
    """What all metrics have in common; frozen, and filters and durations are kept in one spelling.

    Parameters
    ----------
    name : str
        Unique in an experiment.
    event : str, optional
        Only events of this kind; short for ``where={"event": …}``.
    where : mapping, optional
        A filter on columns of the table; see `parse_where`.
    table : {"events", "impressions"}
        Whose rows count.
    window : str or timedelta, optional
        Length of the half-open window from each unit's first exposure; None: to the end of the analysis.
    pre_period : str or timedelta, optional
        Length of the window before each unit's own first exposure in which the same measure is a covariate (CUPED).
    covariates : tuple of str
        What to adjust for beside the pre-period: attributes of the unit as of its first exposure (numbers, or text: one
        column a category), and other metrics before exposure, as ``plays.pre``.
    cap : float, optional
        Winsorise each column of the metric at this quantile (0 to 1) of all arms' pooled values, in and before the
        window alike; the thresholds are reported.
    cap_at : float, optional
        Winsorise at this value instead; not for ratios.
    direction : {"increase", "decrease"}
        Which way is good.
    role : {"goal", "guardrail", "diagnostic"}
        What it decides: goals ship, guardrails stop, diagnostics neither.
    margin : float, optional
        Of guardrails, which must have one: the relative change to the worse that is tolerated, such as .02; its test
        is non-inferiority.
    """

    name: str
    _: KW_ONLY
    event: str | None = None
    where: Mapping[str, object] | None = None
    table: Table = "events"
    window: str | timedelta | None = None
    pre_period: str | timedelta | None = None
    covariates: tuple[str, ...] = ()
    cap: float | None = None
    cap_at: float | None = None
    direction: Direction = "increase"
    role: Role = "goal"
    margin: float | None = None

    form: ClassVar[Form] = "mean"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ArgumentError(f"the name of a metric is {self.name!r}", "text was expected")
        one_of("table", self.table, TABLES)
        one_of("direction", self.direction, ("increase", "decrease"))
        one_of("role", self.role, ("goal", "guardrail", "diagnostic"))
        object.__setattr__(self, "covariates", names("covariates", self.covariates))
        object.__setattr__(self, "where", None if self.where is None else plain_where(parse_where(self.where)))
        for name in ("window", "pre_period"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, duration_text(parse_duration(name, value)))
        self._check_caps()
        if (self.margin is None) == (self.role == "guardrail"):
            raise ArgumentError(
                f"{self.name} has the role {self.role!r} and the margin {self.margin!r}",
                "a margin for guardrails, and for them alone, was expected",
                "margin=0.02 tolerates a change of 2 % to the worse",
            )
        if self.margin is not None:
            finite_float("margin", self.margin, above=0, below=1)
        _ = self.measures()  # refuse what cannot be read now, not in the analysis

    def _check_caps(self) -> None:
        if self.form == "proportion" and (self.cap, self.cap_at) != (None, None):
            raise ArgumentError(f"{self.name} is a share of units and has a cap", "no cap was expected")
        if self.form == "ratio" and self.cap_at is not None:
            raise ArgumentError(f"{self.name} is a ratio and has cap_at", "cap was expected: a quantile for each part")
        if self.cap is not None:
            finite_float("cap", self.cap, above=0, below=1, hint="cap is a quantile; use cap_at= for a value")
            if self.cap_at is not None:
                raise ArgumentError("cap and cap_at are both given", "one of them was expected")
        if self.cap_at is not None:
            finite_float("cap_at", self.cap_at)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The filter, with `event` in it."""
        return _filter(self.name, self.event, self.where)

    @property
    def span(self) -> tuple[int, int | None]:
        """Begin and end of the window in microseconds after the first exposure."""
        return 0, None if self.window is None else duration_micros("window", self.window)

    @property
    def pre_span(self) -> tuple[int, int] | None:
        """Begin and end of the window before the first exposure; None without a pre-period."""
        return None if self.pre_period is None else (-duration_micros("pre_period", self.pre_period), 0)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The covariates that are attributes of units."""
        return tuple(name for name in self.covariates if not name.endswith(PRE))

    @property
    def borrowed(self) -> tuple[str, ...]:
        """The covariates that are columns of other metrics before exposure."""
        return tuple(name for name in self.covariates if name.endswith(PRE))

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """What is computed on each unit, by the suffix of its column in the unit table (``""`` for the only one)."""
        raise NotImplementedError

    def measures(self) -> dict[str, Measure]:
        """Return what a source must compute on each unit, by column of the unit table.

        The column of a metric is its name (a ratio has ``name.numerator`` and ``name.denominator``); the same before
        exposure is that with ``.pre`` behind it.
        """
        found = {}
        for suffix, aggregate in self.aggregates.items():
            column = self.name + suffix
            for name, window in ((column, self.span), (column + PRE, self.pre_span)):
                if window is not None:
                    found[name] = Measure(aggregate, *self._rows(suffix), *window)
        return found

    def _rows(self, suffix: str) -> tuple[Table, tuple[Condition, ...]]:
        """Return the table and the filter of an aggregate."""
        return self.table, self.conditions


@dataclass(frozen=True)
class Mean(Metric):
    """The mean over units of a number: by default the sum of a column of the events in the window.

    Parameters
    ----------
    name : str
        Unique in an experiment.
    value : str
        The column that is summed.
    expr : str, optional
        An SQL expression over a unit's rows instead, such as ``sum(value) / count(DISTINCT item_id)``; only the store
        can answer it, in a locked process of its own.
    aggregate : str, optional
        Another aggregate instead: ``count()``, ``max(value)``, ``count_distinct(item_id)``, ….
    event, where, table, window, pre_period, covariates, cap, cap_at, direction, role, margin : optional
        Which rows, in which window, adjusted and winsorised how, and judged how: as of every `Metric`.

    Examples
    --------
    >>> minutes = Mean("minutes", event="play", value="value", window="14d", pre_period="28d")
    >>> sorted(minutes.measures())
    ['minutes', 'minutes.pre']
    """

    value: str = "value"
    aggregate: str | None = None
    expr: str | None = None

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """The one aggregate."""
        return {"": _aggregate(self)}


@dataclass(frozen=True)
class Count(Metric):
    """The mean over units of the number of rows in the window.

    Parameters
    ----------
    name : str
        Unique in an experiment.
    event, where, table, window, pre_period, covariates, cap, cap_at, direction, role, margin : optional
        Which rows, in which window, adjusted and winsorised how, and judged how: as of every `Metric`.

    Examples
    --------
    >>> str(Count("plays", event="play", window="7d").aggregates[""])
    'count()'
    """

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """The number of rows."""
        return {"": Aggregate("count")}


@dataclass(frozen=True)
class Proportion(Metric):
    """The share of units with at least one row in the window.

    Parameters
    ----------
    name : str
        Unique in an experiment.
    event, where, table, window, pre_period, covariates, cap, cap_at, direction, role, margin : optional
        Which rows, in which window, adjusted and winsorised how, and judged how: as of every `Metric`.

    Examples
    --------
    >>> Proportion("rated", event="rating", window="14d").form
    'proportion'
    """

    form: ClassVar[Form] = "proportion"

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """Whether there is any row."""
        return {"": Aggregate("any")}


@dataclass(frozen=True)
class Ratio(Metric):
    """The ratio of two sums over all units of an arm, such as minutes a session or clicks an impression.

    Parameters
    ----------
    name : str
        Unique in an experiment.
    numerator, denominator : str
        Aggregates: ``sum(value)``, ``count()``, ``count_distinct(session_id)``, ….
    denominator_event, denominator_where, denominator_table : optional
        Which rows the denominator is over. If any of them is given, they alone say so; else they are the rows of the
        numerator.
    event, where, table, window, pre_period, covariates, cap, cap_at, direction, role, margin : optional
        Which rows, in which window, adjusted and winsorised how, and judged how: as of every `Metric`.

    Examples
    --------
    >>> list(Ratio("completion", numerator="sum(completion)", denominator="count()", event="play").measures())
    ['completion.numerator', 'completion.denominator']
    >>> clicks = Ratio("ctr", numerator="count()", event="click", denominator_table="impressions")
    >>> clicks.measures()["ctr.denominator"].table
    'impressions'
    """

    numerator: str = "sum(value)"
    denominator: str = "count()"
    denominator_event: str | None = None
    denominator_where: Mapping[str, object] | None = None
    denominator_table: Table | None = None
    form: ClassVar[Form] = "ratio"

    def __post_init__(self) -> None:
        if self.denominator_where is not None:
            object.__setattr__(self, "denominator_where", plain_where(parse_where(self.denominator_where)))
        if self.denominator_table is not None:
            one_of("denominator_table", self.denominator_table, TABLES)
        super().__post_init__()

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """The two aggregates."""
        return {NUMERATOR: parse_aggregate(self.numerator), DENOMINATOR: parse_aggregate(self.denominator)}

    def _rows(self, suffix: str) -> tuple[Table, tuple[Condition, ...]]:
        own = (self.denominator_event, self.denominator_where, self.denominator_table)
        if suffix == NUMERATOR or own == (None, None, None):
            return self.table, self.conditions
        return self.denominator_table or self.table, _filter(self.name, *own[:2])


@dataclass(frozen=True)
class Quantile(Metric):
    """A quantile over units of a number.

    Parameters
    ----------
    name : str
        Unique in an experiment.
    q : float
        Between 0 and 1.
    value : str
        The column that is summed.
    expr : str, optional
        An SQL expression over a unit's rows instead, such as ``sum(value) / count(DISTINCT item_id)``; only the store
        can answer it, in a locked process of its own.
    aggregate : str, optional
        Another aggregate instead.
    event, where, table, window, pre_period, covariates, cap, cap_at, direction, role, margin : optional
        Which rows, in which window, adjusted and winsorised how, and judged how: as of every `Metric`.

    Examples
    --------
    >>> Quantile("heavy", q=0.9, event="play", window="7d").q
    0.9
    """

    q: float = 0.5
    value: str = "value"
    aggregate: str | None = None
    expr: str | None = None
    form: ClassVar[Form] = "quantile"

    def __post_init__(self) -> None:
        finite_float("q", self.q, above=0, below=1)
        super().__post_init__()

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """The one aggregate."""
        return {"": _aggregate(self)}


@dataclass(frozen=True)
class Retention(Proportion):
    """The share of units that come back.

    Parameters
    ----------
    name : str
        Unique in an experiment.
    day : int
        Days after the first exposure; day 0 is the first 24 hours.
    kind : {"on_day", "in_window", "rolling"}
        Any row on that day (hours 24 × day to 24 × day + 24); from that day to the end of `window`; or at any time from
        that day on.
    event, where, table, window, pre_period, covariates, cap, cap_at, direction, role, margin : optional
        Which rows, in which window, adjusted and winsorised how, and judged how: as of every `Metric`.

    Examples
    --------
    >>> Retention("d28", day=28).span == (28 * DAY, 29 * DAY)
    True
    """

    day: int = 7
    kind: Literal["on_day", "in_window", "rolling"] = "on_day"

    def __post_init__(self) -> None:
        positive_int("day", self.day)
        one_of("kind", self.kind, ("on_day", "in_window", "rolling"))
        if self.window is not None and self.kind != "in_window":
            raise ArgumentError(f"{self.name} has a window and the kind {self.kind!r}", "kind='in_window' was expected")
        super().__post_init__()

    @property
    def span(self) -> tuple[int, int | None]:
        """Begin and end of the time of return, in microseconds after the first exposure."""
        begin, (_, end) = self.day * DAY, super().span
        if self.kind == "on_day":
            return begin, begin + DAY
        if self.kind == "rolling":
            return begin, None
        if end is None or end <= begin:
            raise ArgumentError(
                f"the window of {self.name} is {self.window!r}", f"a window longer than {self.day} days was expected"
            )
        return begin, end


def _filter(name: str, event: str | None, where: Mapping[str, object] | None) -> tuple[Condition, ...]:
    """Return the filter of a metric, with the kind of event in it."""
    if event is None:
        return parse_where(where)
    if not isinstance(event, str) or "event" in (where or {}):
        raise ArgumentError(
            f"{name} has event={event!r} and where={where!r}", "one kind of event was expected", "use where alone"
        )
    return parse_where({**(where or {}), "event": event})


TYPES: dict[str, type[Metric]] = {
    "mean": Mean,
    "count": Count,
    "proportion": Proportion,
    "ratio": Ratio,
    "quantile": Quantile,
    "retention": Retention,
}


def _aggregate(metric: Mean | Quantile) -> Aggregate:
    """Return the one aggregate of a metric: that of `expr` or `aggregate`, else the sum of `value`."""
    if metric.expr is None:
        return Aggregate("sum", metric.value) if metric.aggregate is None else parse_aggregate(metric.aggregate)
    if not isinstance(metric.expr, str) or not metric.expr.strip() or metric.aggregate is not None:
        raise ArgumentError(
            f"{metric.name} has expr={metric.expr!r} and aggregate={metric.aggregate!r}",
            "one of them was expected, as text",
        )
    return Aggregate("expr", metric.expr.strip())


def window_end(metric: Metric) -> int | None:
    """Return the end of a metric's window after exposure in microseconds; None: it never ends."""
    ends = [measure.end for name, measure in metric.measures().items() if not name.endswith(PRE)]
    return None if any(end is None for end in ends) else max(end for end in ends if end is not None)
