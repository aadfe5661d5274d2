import math

import pytest

from recsys.display import Plot, Table, View, cell_text, in_ascii, interval_plot, shared_axis, to_html, to_text
from recsys.display.text import line_width

AXIS = (-1.0, 1.0)


def test_every_value_stands_where_the_axis_says():
    drawn = interval_plot(-0.5, 0.0, 0.5, axis=AXIS, width=20, zero=-0.99)
    assert drawn == "│····├────●────┤····"


@pytest.mark.parametrize("row", [(math.nan, 0.0, 1.0), (0.0, math.nan, 1.0), (0.0, 0.0, math.nan)])
def test_what_is_not_known_draws_the_axis_alone(row):
    assert interval_plot(*row, axis=AXIS, width=5) == "··│··"


def test_bounds_beyond_the_axis_get_arrow_heads():
    assert interval_plot(-math.inf, 0.5, math.inf, axis=AXIS, width=8) == "◂───│─●▸"
    assert interval_plot(2.0, 3.0, 4.0, axis=AXIS, width=8) == "····│··▸"
    assert interval_plot(-4.0, -3.0, -2.0, axis=AXIS, width=8) == "◂···│···"


def test_ascii_form_is_ascii_and_as_wide():
    for row in ((-0.5, 0.1, 0.7), (-9.0, 0.0, 9.0)):
        drawn = interval_plot(*row, axis=AXIS)
        plain = in_ascii(drawn)
        assert plain.isascii()
        assert "?" not in plain
        assert len(plain) == len(drawn) == line_width(drawn) == 17


def test_one_wide_interval_does_not_flatten_the_others():
    low, high = shared_axis([(-0.01, 0.0, 0.01)] * 3 + [(-50.0, 0.0, 50.0)])
    assert high < 0.1
    assert low > -0.1


def test_shared_axis_holds_every_estimate_and_zero():
    low, high = shared_axis([(2.0, 3.0, 4.0), (math.nan, 5.0, math.inf)])
    assert low < 0
    assert high > 5


def test_plots_stay_whole_at_eighty_columns_and_in_html():
    plot = Plot(-0.5, 0.0, 0.5, AXIS)
    view = View("t", (Table(("metric", "effect", "p"), (("a rather long name of a metric " * 3, plot, 0.5),)),))
    assert any(cell_text(plot) in line for line in to_text(view, 80).splitlines())
    assert max(map(line_width, to_text(view, 80).splitlines())) <= 80
    assert 'aria-label="0.0000, from -0.5000 to 0.5000"' in to_html(view)
