"""What a forest plot draws, and what it says of the rest."""

import math

import pytest

from recsys.display import Axis, Estimated, forest

X, Y = Axis("ndcg@10", "0 to 1"), Axis("model")


def plot(*rows, **options):
    return forest("ndcg@10 of each model", X, Y, rows, **options)


def test_rows_are_drawn_as_they_are_in_their_order():
    chart = plot(Estimated("b", 0.2, 0.1, 0.3), Estimated("a", 0.1, 0.05, 0.15))
    (series,) = chart.series
    assert (series.y, series.x, series.low, series.high) == (("b", "a"), (0.2, 0.1), (0.1, 0.05), (0.3, 0.15))
    assert (series.mark, chart.y.kind, chart.note) == ("interval", "category", "")


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf])
def test_what_is_not_estimable_keeps_its_row_and_is_named_never_drawn(unknown):
    chart = plot(Estimated("als", 0.2, 0.1, 0.3), Estimated("pop", unknown, 0.1, 0.2))
    (series,) = chart.series
    assert series.y == ("als", "pop")
    assert (series.x[1], series.low[1], series.high[1]) == (None, None, None)
    assert chart.note == "Not estimable, so not drawn: pop."


def test_without_any_estimate_there_is_no_chart():
    assert plot(Estimated("als", math.nan), Estimated("pop", None)) is None
    assert plot() is None


def test_ends_that_are_unknown_or_infinite_are_told():
    chart = plot(Estimated("als", 0.2), Estimated("pop", 0.1, math.nan, 0.2), Estimated("knn", 0.3, 0.2, math.inf))
    (series,) = chart.series
    assert series.low == (None, None, 0.2)
    assert series.high == (None, 0.2, math.inf)
    assert chart.note == "No interval is known for: als, pop. A line that runs to the edge has no bound there."


def test_an_interval_without_width_is_drawn():
    (series,) = plot(Estimated("all tied", 0.0, 0.0, 0.0)).series
    assert (series.x, series.low, series.high) == ((0.0,), (0.0,), (0.0,))


def test_groups_are_series_and_share_labels():
    chart = plot(Estimated("a", 1, group="warm"), Estimated("a", 2, group="cold"), Estimated("b", 3, group="warm"))
    assert [(series.name, series.y, series.x) for series in chart.series] == [
        ("warm", ("a", "b"), (1, 3)),
        ("cold", ("a",), (2,)),
    ]


def test_too_many_rows_are_cut_and_counted():
    rows = [Estimated(f"m{place}", float(place)) for place in range(480)]
    chart = plot(*rows, most=24, note="Read it so.")
    assert chart.series[0].x == tuple(float(place) for place in range(24))
    assert chart.note.startswith("Read it so. No interval is known for: m0, m1, m2, m3, m4, m5 and 18 more.")
    assert chart.note.endswith("456 further rows not drawn: the tables have them.")
