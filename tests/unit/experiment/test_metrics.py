"""Metrics, declared: which columns they need, over which rows and windows, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from recsys.core.errors import ArgumentError
from recsys.experiment import (
    Aggregate,
    Condition,
    Count,
    Mean,
    Measure,
    Metric,
    Proportion,
    Quantile,
    Ratio,
    Retention,
    parse_aggregate,
    parse_where,
)

DAY = 86_400_000_000
PLAY = (Condition("event", "=", ("play",)),)


def test_a_mean_and_its_pre_period() -> None:
    assert Mean("minutes", event="play", window="14d", pre_period="4w").measures() == {
        "minutes": Measure(Aggregate("sum", "value"), "events", PLAY, 0, 14 * DAY),
        "minutes.pre": Measure(Aggregate("sum", "value"), "events", PLAY, -28 * DAY, 0),
    }
    assert Mean("longest", aggregate="max(value)").measures() == {"longest": Measure(Aggregate("max", "value"))}


def test_the_parts_of_a_ratio_are_over_the_same_rows_or_over_others() -> None:
    same = Ratio("completion", event="play", pre_period="1d").measures()
    assert list(same) == [
        "completion.numerator", "completion.numerator.pre", "completion.denominator", "completion.denominator.pre",
    ]  # fmt: skip
    assert {one.where for one in same.values()} == {PLAY}
    other = Ratio("ctr", numerator="count()", event="click", denominator_table="impressions").measures()
    assert other["ctr.numerator"] == Measure(Aggregate("count"), "events", (Condition("event", "=", ("click",)),))
    assert other["ctr.denominator"] == Measure(Aggregate("count"), "impressions")
    starts = Ratio("rate", event="end", denominator_event="start", denominator_where={"device": "tv"}).measures()
    assert starts["rate.denominator"].where == parse_where({"event": "start", "device": "tv"})


@pytest.mark.parametrize(
    ("metric", "span"),
    [
        (Retention("r", day=7), (7 * DAY, 8 * DAY)),
        (Retention("r", day=7, kind="rolling"), (7 * DAY, None)),
        (Retention("r", day=7, kind="in_window", window="14d"), (7 * DAY, 14 * DAY)),
    ],
)
def test_when_a_unit_must_come_back(metric: Retention, span: tuple[int, int | None]) -> None:
    (measure,) = metric.measures().values()
    assert (measure.begin, measure.end) == span
    assert measure.aggregate == Aggregate("any")


def test_forms() -> None:
    assert [kind.form for kind in (Mean, Count, Proportion, Retention, Ratio, Quantile)] == [
        "mean", "mean", "proportion", "proportion", "ratio", "quantile",
    ]  # fmt: skip


def test_spelling_is_one() -> None:
    one = Count("a", window=timedelta(days=14), where={"device": ("web", "tv", "web"), "n": {"=": 1}}, covariates=["c"])  # type: ignore[arg-type]
    assert one == Count("a", window="336h", where={"n": 1, "device": ["tv", "web"]}, covariates=("c",))
    assert one.window == "14d"
    assert one.where == {"device": {"in": ["tv", "web"]}, "n": 1}
    assert parse_where({"on": date(2026, 6, 8)}) == parse_where({"on": "2026-06-08"})


def test_metrics_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Count("a").name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Count(" "), "name of a metric is ' '"),
        (lambda: Count("a", table="items"), "did you mean|one of events, impressions"),
        (lambda: Count("a", direction="up"), "direction is 'up'"),
        (lambda: Count("a", role="goals"), "did you mean 'goal'"),
        (lambda: Count("a", window="0d"), "a duration longer than 0"),
        (lambda: Count("a", pre_period="soon"), "pre_period is 'soon'"),
        (lambda: Count("a", covariates="country"), "a list of names"),
        (lambda: Count("a", cap=99), "use cap_at= for a value"),
        (lambda: Count("a", cap=0.9, cap_at=5), "cap and cap_at are both given"),
        (lambda: Count("a", cap_at=float("nan")), "cap_at is nan"),
        (lambda: Proportion("a", cap=0.9), "share of units and has a cap"),
        (lambda: Ratio("a", cap_at=5), "cap was expected"),
        (lambda: Count("a", role="guardrail"), "margin=0.02"),
        (lambda: Count("a", margin=0.02), "a margin for guardrails, and for them alone"),
        (lambda: Count("a", role="guardrail", margin=2), "margin is 2"),
        (lambda: Count("a", event="x", where={"event": "y"}), "one kind of event"),
        (lambda: Count("a", where={"n": {"~": 1}}), "comparison of n is '~'"),
        (lambda: Count("a", where={"n": {">": [1, 2]}}), "filter on n"),
        (lambda: Count("a", where={"n": {"in": 1}}), "filter on n"),
        (lambda: Count("a", where={"n": []}), "filter on n"),
        (lambda: Count("a", where={"n": [1, "a"]}), "filter on n"),
        (lambda: Count("a", where={"n": None}), "filter on n"),
        (lambda: Count("a", where={"n": float("inf")}), "filter on n"),
        (lambda: Count("a", where="event = 1"), "conditions by column"),
        (lambda: Mean("a", aggregate="avg(value)"), "aggregate is 'avg'"),
        (lambda: Mean("a", aggregate="sum()"), "a column, as in sum"),
        (lambda: Mean("a", aggregate="count(value)"), "no column was expected"),
        (lambda: Mean("a", aggregate="value"), "the aggregate is 'value'"),
        (lambda: Ratio("a", denominator="sum(a) + 1"), "the aggregate is"),
        (lambda: Ratio("a", denominator_table="items"), "denominator_table is 'items'"),
        (lambda: Quantile("a", q=95), "q is 95"),
        (lambda: Retention("a", day=0), "day is 0"),
        (lambda: Retention("a", kind="any"), "kind is 'any'"),
        (lambda: Retention("a", day=7, kind="in_window"), "longer than 7 days"),
        (lambda: Retention("a", day=7, kind="in_window", window="7d"), "longer than 7 days"),
        (lambda: Retention("a", day=7, window="14d"), "kind='in_window'"),
    ],
)  # fmt: skip
def test_what_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=f"(?i){message}"):
        make()


@pytest.mark.parametrize("text", ["count()", "any()", "sum(a b)", "max(value)", "count_distinct(item_id)"])
def test_aggregates_as_text_and_back(text: str) -> None:
    assert str(parse_aggregate(f" {text} ")) == text


def test_the_base_has_no_aggregate() -> None:
    with pytest.raises(NotImplementedError):
        Metric("a")
