"""A chart becomes valid Vega-Lite that shows each number where it belongs."""

import json
import math
from datetime import datetime

import altair
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import NotEstimableError, NotFoundError, RecsysError
from recsys.display import Axis, Chart, Rule, Series, View, Viewable
from recsys.display.vega import plot, specification

DAYS = (datetime(2026, 1, 1), datetime(2026, 1, 2), datetime(2026, 1, 3))
EFFECT = Axis("effect", "minutes per user")
FOREST = Chart(
    "Effects",
    Axis("relative effect", percent=True),
    Axis("metric", kind="category"),
    (
        Series("als − control", "interval", (0.02, None), ("clicks", "minutes"), (-0.01, None), (0.05, None)),
        Series("knn − control", "interval", (0.01, 0.03), ("clicks", "minutes"), (-0.01, 0.02), (0.03, math.inf)),
    ),
    (Rule("x", 0.0, "no effect"), Rule("x", 0.001, "margin")),
    "An arrow: it goes on.",
)
TREND = Chart(
    "By day",
    Axis("day", kind="time"),
    EFFECT,
    (
        Series("als", "band", DAYS, (0.0, 0.0, 0.0), (-math.inf, -1.0, None), (2.0, 1.0, 1.0)),
        Series("als", "line", DAYS, (0.5, None, 0.25)),
        Series("knn", "step", DAYS, (0.1, 0.2, 0.3)),
    ),
    (Rule("y", 0.0, "no effect"), Rule("x", DAYS[1], "planned size")),
)
BINS = Chart(
    "Weights", Axis("weight", kind="log"), Axis("rows"), (Series("als", "bar", (0.5, 5), (3, 9), (0.1, 1), (1, 10)),)
)
COUNTS = Chart("Events", Axis("day", kind="time"), Axis("events"), (Series("events", "bar", DAYS, (3, None, 9)),))
SHARES = Chart(
    "Shares",
    Axis("bucket", kind="category"),
    Axis("share", percent=True),
    tuple(Series(name, "bar", ("head", "tail", 3), (0.9, 0.1, 0.0)) for name in ("als", "pop")),
)
CHARTS = (FOREST, TREND, BINS, COUNTS, SHARES)


def _layers(chart, mark):
    return [layer for layer in specification(chart)["layer"] if layer["mark"]["type"] == mark]


def _rows(chart, mark):
    return [row for layer in _layers(chart, mark) for row in layer["data"]["values"] if row]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_every_kind_of_chart_is_valid_and_strict_json(chart):
    drawn = plot(View("t", charts=(chart,)))
    assert isinstance(drawn, altair.LayerChart)
    plain = drawn.to_dict()  # altair checks it against the schema
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["title"]["text"] == chart.title
    assert "http" not in json.dumps({key: value for key, value in plain.items() if key != "$schema"})


def test_axes_are_named_with_their_units():
    encoding = _layers(TREND, "line")[0]["encoding"]
    assert encoding["x"]["title"] == "day"
    assert encoding["y"]["title"] == "effect (minutes per user)"
    assert _layers(FOREST, "rule")[-1]["encoding"]["x"]["title"] == "relative effect (%)"


def test_shares_are_drawn_times_100_and_what_is_unknown_is_left_out():
    points = [row for row in _rows(FOREST, "point") if "cap" not in row]
    assert [(row["series"], row["x"], row["y"]) for row in points] == [
        ("als − control", 2.0, "clicks"),
        ("knn − control", 1.0, "clicks"),
        ("knn − control", 3.0, "minutes"),
    ]
    assert points[0]["is"] == "2.0000 %"
    assert points[2]["between"] == "2.0000 % to ∞ %"


def test_an_end_outside_of_the_picture_is_an_arrow_at_its_edge():
    edge = _layers(FOREST, "point")[0]["encoding"]["x"]["scale"]["domain"][1]
    arrows = [row for row in _rows(FOREST, "point") if "triangle" in str(row.get("cap"))]
    assert [(row["x"], row["cap"]) for row in arrows] == [(edge, "triangle-right")]


def test_one_wide_interval_does_not_make_dots_of_the_others():
    series = Series("als", "interval", (0, 0, 0), ("a", "b", "c"), (-1, -1, -1000), (1, 1, 1000))
    chart = Chart("Effects", Axis("effect"), Axis("metric", kind="category"), (series,))
    low, high = _layers(chart, "point")[0]["encoding"]["x"]["scale"]["domain"]
    assert -5 < low < -3
    assert 3 < high < 5


def test_a_line_breaks_where_there_is_no_number_and_times_are_utc():
    (line, step) = _layers(TREND, "line")
    assert [row["y"] for row in line["data"]["values"]] == [0.5, None, 0.25]
    assert [row["x"] for row in line["data"]["values"]] == [1767225600000 + place * 86_400_000 for place in range(3)]
    assert line["encoding"]["x"]["scale"]["type"] == "utc"
    assert line["mark"]["invalid"].startswith("break-paths")
    assert step["mark"]["interpolate"] == "step-after"


def test_a_band_ends_at_the_edge_or_not_at_all():
    rows = _rows(TREND, "area")
    low = _layers(TREND, "area")[0]["encoding"]["y"]["scale"]["domain"][0]
    assert [(row["y"], row["y2"]) for row in rows] == [(low, 2.0), (-1.0, 1.0), (None, None)]


def test_bars_have_their_bounds_or_touch_their_neighbours():
    assert [(row["x"], row["x2"]) for row in _rows(BINS, "bar")] == [(0.1, 1.0), (1.0, 10.0)]
    first, last = _rows(COUNTS, "bar")
    assert (first["x2"] - first["x"], last["x"] - first["x2"]) == (86_400_000, 86_400_000)
    assert _layers(SHARES, "bar")[0]["encoding"]["y2"] == {"datum": 0}
    assert _layers(SHARES, "bar")[0]["encoding"]["y"]["scale"]["domain"][0] <= 0


def test_bars_of_two_series_stand_beside_one_another_in_time():
    series = tuple(Series(name, "bar", DAYS, (1, 2, 3)) for name in ("als", "pop"))
    rows = _rows(Chart("Events", Axis("day", kind="time"), Axis("events"), series), "bar")
    assert rows[0]["x2"] == rows[3]["x"]
    assert rows[3]["x2"] == rows[1]["x"]


def test_categories_keep_their_order_and_series_stand_beside_one_another():
    encoding = _layers(SHARES, "bar")[0]["encoding"]
    assert encoding["x"]["scale"]["domain"] == ["head", "tail", "3"]
    assert encoding["xOffset"]["scale"]["domain"] == ["als", "pop"]
    assert "yOffset" in _layers(FOREST, "point")[0]["encoding"]
    assert "xOffset" not in _layers(BINS, "bar")[0]["encoding"]


def test_series_differ_without_colour():
    point = next(layer for layer in _layers(FOREST, "point") if layer["encoding"]["shape"].get("field") == "series")
    assert len(set(point["encoding"]["shape"]["scale"]["range"])) == 2
    dashes = _layers(TREND, "line")[0]["encoding"]["strokeDash"]["scale"]["range"]
    assert dashes[0] != dashes[1]


@pytest.mark.parametrize(("chart", "shown"), [(FOREST, True), (BINS, True), (COUNTS, False)])
def test_a_legend_stands_where_the_title_does_not_say_it_all(chart, shown):
    legends = [layer["encoding"].get("color", {}).get("legend") for layer in specification(chart)["layer"]]
    assert any(legends) == shown


def test_ticks_stand_on_whole_numbers_and_on_a_log_axis_that_is_less_than_a_decade():
    line = Series("als", "line", (0, 1), (0.5, 0.6))
    assert _layers(Chart("c", Axis("trial"), EFFECT, (line,)), "line")[0]["encoding"]["x"]["axis"]["tickMinStep"] == 1
    narrow = Series("als", "point", (0.031, 0.042), (1.5, 2.5))
    encoding = _layers(Chart("c", Axis("took", kind="log"), EFFECT, (narrow,)), "point")[0]["encoding"]
    assert len(encoding["x"]["axis"]["values"]) > 1
    assert "tickMinStep" not in encoding["y"]["axis"]


def test_labels_of_rules_do_not_lie_upon_one_another():
    heights = [layer["encoding"]["y"]["value"] for layer in _layers(FOREST, "text")]
    assert len(set(heights)) == 2


def test_a_chart_without_a_number_says_so():
    empty = Chart("Nothing", Axis("a"), Axis("b"), (Series("s", "line", (), ()),))
    assert [layer["mark"].get("text") for layer in specification(empty)["layer"]] == ["nothing to draw"]
    plot(View("t", charts=(empty,)))


@settings(max_examples=60)
@given(
    st.sampled_from(["linear", "log", "time", "category"]),
    st.sampled_from(["point", "line", "step", "bar", "interval", "band"]),
    st.lists(
        st.tuples(st.integers(1, 50), st.none() | st.floats(width=32), st.floats(allow_nan=False, width=32)), max_size=6
    ),
)
def test_no_number_leads_out_of_json(kind, mark, marks):
    ended = mark in ("interval", "band")
    x = tuple(datetime(2026, 1, one[0] % 28 + 1) if kind == "time" else one[0] for one in marks)
    ends = [tuple(side((one[1] if one[1] is not None else 0, one[2])) for one in marks) for side in (min, max)]
    if any(isinstance(one[1], float) and math.isnan(one[1]) for one in marks):
        ends = [tuple(None for _ in marks)] * 2
    series = Series("s", mark, x, tuple(one[1] for one in marks), *(ends if ended else ()))
    text = json.dumps(specification(Chart("c", Axis("x", kind=kind), Axis("y"), (series,))), allow_nan=False)
    assert "datetime" not in text


class _Result(Viewable):
    def __init__(self, *charts):
        self.charts = charts

    def view(self):
        return View("found", charts=self.charts)


def test_a_result_plots_all_its_charts_or_one():
    result = _Result(*CHARTS)
    whole = result.plot()
    assert isinstance(whole, altair.VConcatChart)
    assert [one["title"]["text"] for one in whole.to_dict()["vconcat"]] == [chart.title for chart in CHARTS]
    assert result.plot(2).to_dict()["title"]["text"] == result.plot("Weights").to_dict()["title"]["text"] == "Weights"


@pytest.mark.parametrize("which", [5, -1, "weights"])
def test_a_chart_that_is_not_there_is_named(which):
    with pytest.raises(NotFoundError, match="there is no chart"):
        _Result(*CHARTS).plot(which)


def test_a_result_without_charts_says_so():
    with pytest.raises(NotEstimableError, match="no charts"):
        _Result().plot()


def test_without_altair_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    with pytest.raises(RecsysError, match=r'pip install "recsys\[notebook\]"'):
        _Result(FOREST).plot()
