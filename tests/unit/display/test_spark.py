"""A sparkline is as high as its numbers, shows gaps, and stays short."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.display import Spark, cell_text, in_ascii
from recsys.display.spark import GAP, LEVELS, sparkline, thinned

VALUES = st.lists(st.floats(allow_nan=True) | st.none(), min_size=1, max_size=100)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Spark((1, 2, 3, 4, 5, 6, 7, 8)), "▁▂▃▄▅▆▇█ 1–8"),
        (Spark((12, None, 340), "a day"), "▁·█ 12–340 a day"),
        (Spark((-0.5, math.nan, 0.5)), "▁·█ -0.5000–0.5000"),
        (Spark((601.0, 1136.0)), "▁█ 601–1,136"),
        (Spark((3, 3)), "▄▄ 3"),
        (Spark((0.00002, 0.5)), "▁█ 0.0000–0.5000"),
        (Spark(()), "–"),
        (Spark((None, math.inf)), "–"),
    ],
)
def test_a_sparkline_tells_its_range_and_unit(cell, text):
    assert cell_text(cell) == text


@given(VALUES)
def test_higher_numbers_are_drawn_at_least_as_high_and_gaps_stay_gaps(values):
    drawn = sparkline(values, longest=100)
    assert len(drawn) == len(values)
    known = [
        (value, sign) for value, sign in zip(values, drawn, strict=True) if value is not None and abs(value) < math.inf
    ]
    assert drawn.count(GAP) == len(values) - len(known)
    levels = [LEVELS.index(sign) for _, sign in sorted(known)]
    assert levels == sorted(levels)
    if known and min(known)[0] < max(known)[0]:
        assert (levels[0], levels[-1]) == (0, len(LEVELS) - 1)


def test_a_long_series_is_drawn_as_means():
    assert len(sparkline(range(1000))) == 30
    assert thinned([1, 2, 3, 4, None, 6], 3) == [1.5, 3.5, 6]


def test_in_ascii_each_level_has_its_sign():
    assert in_ascii(sparkline([*range(8), None])) == "_-~=+*%#."
