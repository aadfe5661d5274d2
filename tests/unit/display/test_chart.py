"""A chart that would draw nonsense is refused when it is made."""

import math
from datetime import UTC, datetime

import pytest

from recsys.core.errors import ArgumentError
from recsys.display import Axis, Chart, Rule, Series

DAY = datetime(2026, 1, 1)
LINEAR, LOG, CATEGORY, TIME = Axis("a"), Axis("a", kind="log"), Axis("a", kind="category"), Axis("a", kind="time")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("s", "pie", (), ()), "pie"),
        (("s", "line", (1, 2), (1,)), "2 x, 1 y"),
        (("s", "interval", (1,), (1,)), "0 low"),
        (("s", "interval", (1,), (1,), (0,)), "0 high"),
        (("s", "band", (1, 2), (1, 2), (0,), (1,)), "1 low"),
        (("s", "line", (1,), (1,), (0,), (2,)), "neither low nor high"),
        (("s", "bar", (1,), (1,), (0,), ()), "or none"),
        (("s", "interval", (1,), (1,), (2,), (0,)), "low = 2 above"),
        (("s", "interval", (1,), (1,), ("0",), (2,)), "'0'"),
    ],
)
def test_marks_that_do_not_fit_their_numbers_are_refused(arguments, what):
    with pytest.raises(ArgumentError, match=what):
        Series(*arguments)


@pytest.mark.parametrize(
    ("x", "y", "series", "what"),
    [
        (LINEAR, LINEAR, ("point", (None,), (1,)), "None in x"),
        (CATEGORY, LINEAR, ("point", (None,), (1,)), "None in x"),
        (LINEAR, CATEGORY, ("point", (1,), (None,)), "None in y"),
        (LINEAR, LINEAR, ("point", ("a",), (1,)), "'a'"),
        (LINEAR, LINEAR, ("point", (True,), (1,)), "True"),
        (LINEAR, LINEAR, ("point", (DAY,), (1,)), "datetime"),
        (TIME, LINEAR, ("point", (3,), (1,)), "3.*datetime"),
        (TIME, LINEAR, ("point", (DAY.replace(tzinfo=UTC),), (1,)), "without zone"),
        (CATEGORY, LINEAR, ("point", (0.5,), (1,)), "0.5"),
        (LOG, LINEAR, ("point", (0,), (1,)), "above 0"),
        (LINEAR, LOG, ("interval", (1,), (1,), (-1,), (2,)), "-1"),
        (LINEAR, TIME, ("interval", (1,), (DAY,), (1,), (2,)), "along a time axis"),
        (CATEGORY, CATEGORY, ("bar", ("a",), ("b",)), "along a category axis"),
        (LINEAR, CATEGORY, ("band", (1,), ("b",), (0,), (2,)), "band"),
        (CATEGORY, LINEAR, ("bar", ("a",), (1,), (0,), (1,)), "bins"),
    ],
)
def test_series_that_do_not_fit_the_axes_are_refused(x, y, series, what):
    with pytest.raises(ArgumentError, match=what):
        Chart("c", x, y, (Series("s", *series),))


@pytest.mark.parametrize(
    ("axis", "rule", "what"),
    [
        (CATEGORY, Rule("x", 1.0), "category"),
        (LOG, Rule("x", 0.0), "above 0"),
        (LINEAR, Rule("x", math.nan), "nan"),
        (LINEAR, Rule("x", DAY), "datetime"),
        (TIME, Rule("x", 1.0), "1.0"),
        (LINEAR, Rule("z", 1.0), "'z'"),
    ],
)
def test_rules_that_stand_nowhere_are_refused(axis, rule, what):
    with pytest.raises(ArgumentError, match=what):
        Chart("c", axis, LINEAR, (), (rule,))


@pytest.mark.parametrize(
    ("title", "axis", "what"),
    [
        ("", LINEAR, "no title"),
        ("c", Axis(""), "no label"),
        ("c", Axis("a", kind="polar"), "polar"),
        ("c", Axis("a", kind="time", percent=True), "percent"),
    ],
)
def test_what_is_not_named_is_refused(title, axis, what):
    with pytest.raises(ArgumentError, match=what):
        Chart(title, axis, LINEAR, ())


def test_what_cannot_be_estimated_and_open_ends_are_welcome():
    Chart(
        "c",
        Axis("day", kind="time"),
        LOG,
        (
            Series("s", "interval", (DAY, DAY), (None, 2.0), (None, 0.5), (None, math.inf)),
            Series("s", "band", (DAY,), (math.nan,), (None,), (math.inf,)),
        ),
        (Rule("x", DAY, "change"), Rule("y", 1.0)),
    )
    Chart("c", LOG, LINEAR, (Series("s", "bar", (2.0,), (5,), (1.0,), (3.0,)),))
    Chart("c", LINEAR, CATEGORY, (Series("s", "interval", (None, 1), ("a", "b"), (None, -math.inf), (None, 2)),))
