"""Cells as a person reads them."""

import math

import pytest

from recsys.display import (
    Axis,
    Chart,
    Interval,
    Marked,
    Percent,
    PValue,
    Rule,
    Series,
    Table,
    View,
    cell_text,
    to_html,
    to_text,
)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (0.0, "0.0000"),
        (-0.5, "-0.5000"),
        (9.99, "9.9900"),
        (10.0, "10.00"),
        (123456.7, "123,457"),
        (1.5e-7, "1.50e-07"),
        (1234567, "1,234,567"),
        (True, "yes"),
        ("a", "a"),
        ("a\x1b[31m\nb", "a [31m b"),
        (Percent(0.1234), "12.3 %"),
        (Percent(0.1234, signed=True), "+12.3 %"),
        (Percent(-0.02, signed=True), "-2.0 %"),
        (Percent(None), "–"),
        (PValue(0.0009), "<.001"),
        (PValue(0.032), ".032"),
        (PValue(0.0996), ".10"),
        (PValue(0.5), ".50"),
        (PValue(0.997), "1.00"),
        (PValue(math.nan), "–"),
        (Interval(0.1, 0.2), "[0.1000, 0.2000]"),
        (Interval(-0.0000266, 0.0061), "[-0.00003, 0.0061]"),
        (Interval(9.5, 12.25), "[9.50, 12.25]"),
        (Interval(-1e-12, 0.5), "[-1e-12, 0.5000]"),
        (Interval(0.0, 0.5), "[0.0000, 0.5000]"),
        (Interval(1.5e-7, 3e-7), "[1.50e-07, 3.00e-07]"),
        (Interval(-math.inf, 0.5), "[−∞, 0.5000]"),
        (Interval(0.08, 0.16, percent=True), "[8.0, 16.0] %"),
        (Interval(None, 0.1), "–"),
        (Interval(-math.inf, math.inf, percent=True), "[−∞, ∞] %"),
        (Marked(0.5, "ab", 3), "0.5000 ab "),
        (Marked(None), "–"),
    ],
)
def test_a_cell_reads_as_a_person_expects(cell, text):
    assert cell_text(cell) == text


def test_a_column_of_numbers_ends_at_the_right_and_an_empty_one_does_not():
    table = Table(("a", "b", "c"), (("x", 1, None), ("y", None, None)))
    assert table.right_aligned() == (False, True, False)


ILLEGIBLE = ("\x00", "\x01", "\x1b", "\x85", "\ud800", "\ufffe", "\u202e")


@pytest.mark.parametrize("sign", ILLEGIBLE)
def test_no_text_of_a_view_holds_a_sign_that_a_terminal_obeys_or_xml_refuses(sign):
    text = f"a{sign}b"
    series = (Series(text, "bar", (1.0,), (text,)),)
    chart = Chart(text, Axis(text, text), Axis(text, kind="category"), series, (Rule("x", 0.0, text),), text)
    view = View(text, (Table((text,), ((text,),), text),), (text,), (chart,))
    for drawn in (to_text(view), to_html(view), repr(chart), str(view.to_dict()["notes"])):
        assert sign not in drawn.replace("\n", "")
        assert repr(sign)[1:-1] not in drawn
        assert "a b" in drawn


@pytest.mark.parametrize("text", ["مشاهده\u200cها", "👩\u200d🚀", "日本 映画", "12\u00a0%"])
def test_what_languages_write_stays(text):
    assert cell_text(text) == View(text).title == text
