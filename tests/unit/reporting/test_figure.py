"""Figures: every mark on every axis that it may have, as SVG that fits a page."""

import math
import re
from datetime import datetime, timedelta
from xml.etree import ElementTree as Xml

import pytest

from recsys.display import Axis, Chart, Rule, Series
from recsys.reporting.figure import draw, legend
from recsys.reporting.figure.palette import ROLES, styles

DAYS = tuple(datetime(2026, 6, 1) + timedelta(days=day) for day in range(5))
HEIGHTS = (1.0, 2.0, None, 4.0, 5.0)
NAMES = ("a", "b", "a name that is so long that it takes several lines", "d", "e")
LOW, HIGH = (0.5, None, None, -math.inf, 4.0), (1.5, 3.0, None, math.inf, 6.0)
SIDES = {
    "linear": (Axis("dose", "mg"), (1, 2, 3, 4, 5)),
    "log": (Axis("cost", "CPU s", kind="log"), (0.01, 1, 10, 100, 1e7)),
    "time": (Axis("day", kind="time"), DAYS),
    "category": (Axis("model", kind="category"), NAMES),
}
VALUES = Axis("gain", "minutes")


def text_of(svg: str) -> list[str]:
    return [" ".join(element.itertext()) for element in Xml.fromstring(svg).iter() if element.tag.endswith("text")]


def chart_of(mark: str, side: str, upright: bool = True) -> Chart:
    axis, places = SIDES[side]
    ends = (LOW, HIGH) if mark in ("interval", "band") else ()
    both = [
        Series(name, mark, *((places, HEIGHTS) if upright else (HEIGHTS, places)), *ends) for name in ("als", "pop")
    ]
    rules = (Rule("y" if upright else "x", 0.0, "no effect"),)
    return Chart("gains", *((axis, VALUES) if upright else (VALUES, axis)), tuple(both), rules, "higher is better")


@pytest.mark.parametrize("width", [720, 360])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("mark", ["point", "line", "step", "bar", "interval", "band"])
def test_every_mark_on_every_axis_is_drawn_with_both_axes_named(mark, side, width):
    chart = chart_of(mark, side)
    texts = [*text_of(draw(chart, "f", width)), *(key.name for key in legend(chart))]
    for said in (SIDES[side][0].text(), "gain (minutes)", "no effect"):
        assert said in texts


@pytest.mark.parametrize("mark", ["point", "bar", "interval"])
def test_categories_on_y_are_drawn_from_the_top(mark):
    svg = draw(chart_of(mark, "category", upright=False), "f", 360)
    heights = {name: svg.index(f">{name}<") for name in ("a", "b", "d")}
    assert sorted(heights, key=heights.__getitem__) == ["a", "b", "d"]


def test_a_picture_has_roles_for_colours_and_names_of_its_own():
    svg = draw(chart_of("interval", "category"), "f7", 720)
    assert not any(colour in svg for colour in ROLES)
    assert {"var(--s1)", "var(--s2)", "var(--ink)", "var(--quiet)"} & set(re.findall(r"var\(--\w+\)", svg))
    assert "<style" not in svg
    assert "<metadata" not in svg
    names = re.findall(r' id="([^"]*)"', svg)
    assert len(names) == len(set(names)) > 5
    assert all(name.startswith("f7-") for name in names)
    assert {found.removeprefix("#") for found in re.findall(r'href="([^"]*)"', svg)} <= set(names)
    assert set(re.findall(r"url\(#([^)]*)\)", svg)) <= set(names)


def test_a_picture_says_what_it_shows_to_those_who_hear_it():
    root = Xml.fromstring(draw(chart_of("line", "time"), "f", 720))
    said = {element.attrib["id"]: element.text for element in root if element.tag.endswith(("title", "desc"))}
    assert root.attrib["role"] == "img"
    assert [said[name] for name in root.attrib["aria-labelledby"].split()] == ["gains", "higher is better"]


def test_the_same_chart_gives_the_same_bytes_whatever_matplotlib_is_set_to():
    import matplotlib as mpl

    before = draw(chart_of("line", "time"), "f", 720)
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        kept = dict(mpl.rcParams)
        assert draw(chart_of("line", "time"), "f", 720) == before
        assert dict(mpl.rcParams) == kept


@pytest.mark.parametrize("text", ["$\\frac{1}{2}$", "a_b^c", "<b>&amp;</b>", "映画", "100 %"])
def test_texts_are_texts(text):
    chart = Chart(text, Axis(text), Axis("y"), (Series(text, "line", (1, 2), (1, 2)),), note=text)
    svg = draw(chart, "f", 720)
    assert text in text_of(svg)
    assert [key.name for key in legend(chart)] in ([text], [])


def test_nothing_to_draw_is_an_empty_picture():
    nothing = Chart("none", Axis("x"), Axis("y"), (Series("a", "interval", (1,), (None,), (None,), (math.nan,)),))
    assert "x" in text_of(draw(nothing, "f", 360))
    assert "x" in text_of(draw(Chart("none", Axis("x", kind="log"), Axis("y"), ()), "f", 360))


def test_shares_are_drawn_times_100():
    chart = Chart("lift", Axis("x"), Axis("lift", percent=True), (Series("a", "line", (0, 1), (0.0, 0.4)),))
    assert {"lift (%)", "40"} <= set(text_of(draw(chart, "f", 720)))


def test_many_series_differ_without_colour():
    series = tuple(Series(f"model {at}", "line", (1, 2), (at, at)) for at in range(20))
    chart = Chart("many", Axis("x"), Axis("y"), series)
    looks = list(styles(chart).values())
    assert len({(look.dash, look.marker) for look in looks}) == 20
    assert len(legend(chart)) == 20
    assert draw(chart, "f", 360)


def test_points_are_thinned_so_that_a_page_stays_small():
    series = Series("all", "point", tuple(range(50_000)), tuple(float(at) for at in range(50_000)))
    assert len(draw(Chart("cloud", Axis("x"), Axis("y"), (series,)), "f", 720)) < 150_000


def test_points_bear_their_names_where_there_is_room():
    places = {"als": (1.0, 1.0), "pop": (1.0, 1.0001), "bpr": (9.0, 9.0)}
    series = tuple(Series(name, "point", (x,), (y,)) for name, (x, y) in places.items())
    chart = Chart(
        "cost", Axis("x"), Axis("y"), (*series, *(Series(f"m{at}", "point", (1.0,), (1.0,)) for at in range(5)))
    )
    texts = text_of(draw(chart, "f", 720))
    assert "bpr" in texts
    assert sum(name in texts for name in ("als", "pop", *(f"m{at}" for at in range(5)))) < 7
    assert len(legend(chart)) == 8


def test_one_level_line_is_named_by_the_legend_and_two_in_the_picture():
    line = (Series("als", "line", (1, 2), (1, 2)),)
    one, two = (
        Chart("c", Axis("x"), Axis("y"), line, (Rule("y", 1.0, "low"), Rule("y", 2.0, "high"))[:n]) for n in (1, 2)
    )
    assert [key.name for key in legend(one)] == ["als", "low"]
    assert "low" not in text_of(draw(one, "f", 720))
    assert {"low", "high"} <= set(text_of(draw(two, "f", 720)))


@pytest.mark.parametrize(
    ("mark", "x", "y", "anchor", "below"),
    [
        ("line", (1, 10), (0.2, 0.2), "end", False),
        ("line", (1, 5, 6, 10), (0.2, 0.2, 2.06, 2.06), "end", True),
        ("step", (1, 6, 10), (0.2, 2.06, 2.06), "end", True),
        ("bar", tuple(range(6, 11)), (2.5,) * 5, "start", False),
        ("interval", tuple(range(1, 11)), (*(0.2,) * 5, *(2.06,) * 5), "start", False),
    ],
)
def test_the_name_of_a_level_line_stands_where_it_covers_no_mark(mark, x, y, anchor, below):
    ends = (tuple(at - 0.5 for at in y), tuple(at + 0.5 for at in y)) if mark == "interval" else ()
    rules = (Rule("y", 1.0, "low"), Rule("y", 2.0, "high"))
    series = (Series("als", mark, x, y, *ends), Series("corner", "point", (0.5,), (3.0,)))
    svg = draw(Chart("c", Axis("x"), Axis("y"), series, rules), "f", 720)
    ((found, height),) = re.findall(r'text-anchor: (\w+);[^>]* y="([\d.]+)"[^>]*>high<', svg)
    _, level = re.findall(r'd="M [\d.]+ ([\d.]+)[^"]*"[^>]*stroke-dasharray: 5,2.5[^>]*--rule', svg)
    assert (found, float(height) > float(level)) == (anchor, below)


@pytest.mark.parametrize(("places", "fractions"), [((0, 1, 2, 3), False), ((0.0, 1.0, 2.0, 3.0), True)])
def test_whole_numbers_have_whole_ticks(places, fractions):
    chart = Chart("c", Axis("trial"), Axis("ndcg"), (Series("a", "line", places, (10.0, 20.0, 30.0, 40.0)),))
    assert any(re.fullmatch(r"\d\.\d+", text) for text in text_of(draw(chart, "f", 720))) == fractions
