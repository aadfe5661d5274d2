"""Whether the period is fit for a decision."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.experiment import Count, Mean, Retention
from recsys.experiment.integrity.checks import parse_gates
from recsys.experiment.integrity.period import (
    complete_check,
    holiday_check,
    maturity_check,
    week_check,
    window_check,
)
from recsys.experiment.times import dates_of

from ..made_up import unit_table


def table_of(days, **more):
    return unit_table(np.arange(len(days)) % 2, {"minutes": np.ones(len(days))}, days=days, **more)


@pytest.mark.parametrize(
    ("days", "status", "word"),
    [(14, "ok", ""), (7, "ok", ""), (10, "warn", "not whole weeks"), (3, "warn", "less than a week")],
)
def test_whole_weeks(days, status, word):
    check = week_check(table_of(np.repeat(np.arange(days), 2)))
    assert (check.status, check.number) == (status, days)
    assert word in check.consequence
    assert week_check(table_of([0, 0])).status == "not_run"
    assert week_check(table_of([])).status == "not_run"


def test_holidays_inside_the_period():
    table = table_of([0, 9], through_day=20)  # 2024-10-04 to 2024-10-23
    check = holiday_check(table, dates_of(["2024-10-12/2024-10-13", "2024-12-25"]))
    assert (check.status, check.number) == ("warn", 2.0)
    assert "2024-10-12, 2024-10-13" in check.detail
    assert holiday_check(table, [date(2024, 12, 25)]).status == "ok"
    assert holiday_check(table, ()).status == "not_run"
    assert holiday_check(table_of([]), [date(2024, 12, 25)]).status == "not_run"


def test_nothing_matured_blocks_unless_it_is_a_diagnostic():
    nothing = table_of([0, 1, 2], matured={"minutes": np.zeros(3, np.bool_)})
    assert maturity_check(nothing, [Mean("minutes", window="7d")]).status == "fail"
    assert maturity_check(nothing, [Mean("minutes", window="7d", role="diagnostic")]).status == "warn"
    some = table_of([0, 1, 2], matured={"minutes": np.array([True, False, False])})
    check = maturity_check(some, [Mean("minutes", window="7d")])
    assert (check.status, check.number) == ("ok", pytest.approx(1 / 3))
    assert "left out" in check.consequence


def test_windows_shorter_than_a_day_and_windows_that_never_end():
    metrics = [Count("a", window="2h"), Count("b"), Retention("c", day=3)]
    assert window_check(metrics[2:], monitored=True).status == "ok"
    short = window_check(metrics, monitored=False)
    assert (short.status, short.number) == ("warn", 1.0)
    assert "a: shorter than a day" in short.consequence
    assert "b: no window" in window_check(metrics, monitored=True).consequence


def test_how_far_the_data_is_complete():
    assert complete_check(table_of([0, 1])).status == "ok"
    table = table_of([0, 1])
    late = type(table)(
        **{**{name: getattr(table, name) for name in table.__dataclass_fields__}, "complete_through": {}}
    )
    assert complete_check(late).status == "not_run"


def test_names_of_gates():
    assert parse_gates(["srm", "srm:day", "guardrail", "windows"]) == ("srm", "srm:day", "guardrail", "windows")
    with pytest.raises(ArgumentError, match="did you mean 'srm'"):
        parse_gates(["smr:day"])
