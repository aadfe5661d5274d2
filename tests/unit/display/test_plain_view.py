"""A view survives strict JSON, and what is no view of this version is refused with a reason."""

import json
import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.core.errors import DataError
from recsys.display import (
    Axis,
    Chart,
    Interval,
    Marked,
    Percent,
    Plot,
    PValue,
    Rule,
    Series,
    Spark,
    Table,
    View,
    to_html,
    to_text,
)

TEXTS = st.text(max_size=8)
NUMBERS = st.floats() | st.none()
ENDS = st.tuples(NUMBERS, NUMBERS).filter(lambda two: None in two or not two[0] > two[1])
CELLS = st.one_of(
    st.none(), TEXTS, st.sampled_from(["NaN", "Infinity"]), st.booleans(), st.integers(), st.floats(),
    st.builds(Percent, NUMBERS, st.booleans()),
    st.builds(PValue, NUMBERS),
    st.builds(Interval, NUMBERS, NUMBERS, st.booleans()),
    st.builds(Marked, NUMBERS, TEXTS, st.integers(0, 5)),
    st.builds(Plot, st.floats(), st.floats(), st.floats(), st.just((-1.0, 1.0))),
    st.builds(Spark, st.lists(NUMBERS, max_size=5).map(tuple), TEXTS),
)  # fmt: skip
PLACES = {
    "linear": st.floats() | st.integers(-5, 5),
    "log": st.floats(min_value=1e-9) | st.integers(1, 5),
    "category": TEXTS | st.integers(0, 99) | st.sampled_from(["NaN", "2026-01-01"]),
    "time": st.datetimes(allow_imaginary=False).map(lambda time: time.replace(fold=0)),
}


@st.composite
def tables(draw):
    width = draw(st.integers(1, 3))
    row = st.tuples(*[CELLS] * width)
    return Table(draw(st.tuples(*[TEXTS] * width)), tuple(draw(st.lists(row, max_size=3))), draw(TEXTS))


@st.composite
def charts(draw):
    kind = draw(st.sampled_from(sorted(PLACES)))
    mark = draw(st.sampled_from(["point", "line", "step", "bar", "interval", "band"]))
    places = tuple(draw(st.lists(PLACES[kind], max_size=4)))
    values = tuple(draw(st.none() | PLACES["linear"]) for _ in places)
    ends = tuple(zip(*[draw(ENDS) for _ in places], strict=True)) if mark in ("interval", "band") and places else ()
    y = Axis("effect", draw(TEXTS), percent=draw(st.booleans()))
    rules = (Rule("y", 0.0, draw(TEXTS)), *([Rule("x", datetime(2026, 1, 5), "change")] if kind == "time" else []))
    return Chart("seen", Axis("place", kind=kind), y, (Series(draw(TEXTS), mark, places, values, *ends),), rules)


VIEWS = st.builds(
    View,
    TEXTS,
    st.lists(tables(), max_size=2).map(tuple),
    st.lists(TEXTS, max_size=2).map(tuple),
    st.lists(charts(), max_size=2).map(tuple),
)


@given(VIEWS)
def test_a_view_survives_strict_json(view):
    read = View.from_dict(json.loads(json.dumps(view.to_dict(), allow_nan=False)))
    assert repr(read) == repr(view)  # NaN does not equal itself; repr also tells 1 from 1.0 and True
    assert to_text(read) == to_text(view)
    assert to_html(read) == to_html(view)


def test_words_of_json_are_not_taken_for_numbers_nor_numbers_for_words():
    view = View("t", (Table(("a", "b"), (("NaN", math.nan), ("Infinity", -math.inf))),))
    assert view.to_dict()["tables"][0]["rows"] == [
        ["NaN", {"kind": "number", "value": "NaN"}],
        ["Infinity", {"kind": "number", "value": "-Infinity"}],
    ]


def test_scalars_of_numpy_become_plain():
    view = View("t", (Table(("a",), ((np.int64(3),), (Percent(np.float32(0.5)),), (np.float64("nan"),))),))
    assert json.loads(json.dumps(view.to_dict(), allow_nan=False))["tables"][0]["rows"] == [
        [3],
        [{"kind": "percent", "value": 0.5, "signed": False}],
        [{"kind": "number", "value": "NaN"}],
    ]


def _changed(**parts):
    return View("t", (Table(("a",), ((1,),)),)).to_dict() | parts


@pytest.mark.parametrize(
    ("plain", "what"),
    [
        ({}, "schema None"),
        ([], "schema None"),
        (_changed(schema="recsys/view/2"), "recsys/view/2.*upgrade"),
        (_changed(tables=[{"columns": ["a"], "rows": [[{"kind": "heat", "value": 1}]], "caption": ""}]), "heat.*later"),
        (_changed(tables=[{"columns": ["a"], "rows": [[{"kind": "pvalue", "power": 1}]], "caption": ""}]), "power"),
        (_changed(tables=[{"columns": ["a"], "rows": [[1, 2]], "caption": ""}]), "as long as the header"),
        (_changed(tables=[{"columns": ["a"], "rows": [[[1]]], "caption": ""}]), "a cell is a list"),
        (_changed(tables=[{"columns": ["a"], "rows": [[{"kind": "pvalue", "value": "x"}]], "caption": ""}]), "'x'"),
        (_changed(tables=None), "NoneType"),
        (_changed(charts=[{"title": "t"}]), "KeyError"),
    ],
)
def test_what_is_no_view_of_this_version_is_refused(plain, what):
    with pytest.raises(DataError, match=what):
        View.from_dict(plain)


def test_a_mark_of_a_later_version_is_refused():
    plain = View("t", charts=(Chart("c", Axis("a"), Axis("b"), (Series("s", "line", (1,), (1,)),)),)).to_dict()
    plain["charts"][0]["series"][0]["mark"] = "violin"
    with pytest.raises(DataError, match="violin"):
        View.from_dict(plain)
