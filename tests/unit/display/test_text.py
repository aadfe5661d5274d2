"""Plain text fits the line, stays aligned, and loses nothing but the ends of overlong words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.display import Table, View, to_text
from recsys.display.text import line_width, table_text, wrap

WORDS = st.text(alphabet="abcdé映 ", max_size=30)


@given(st.lists(st.tuples(WORDS, st.integers(-999, 999), WORDS), max_size=5), st.integers(40, 100))
def test_every_line_fits(rows, width):
    text = to_text(View("a title", (Table(("name", "n", "remark"), tuple(rows)),), ("a note " * 20,)), width)
    assert max(map(line_width, text.splitlines())) <= width


def test_numbers_line_up():
    lines = table_text(Table(("n", "x"), ((1, 0.5), (1000, 12345.6)))).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_a_long_text_wraps_in_its_column():
    text = table_text(Table(("id", "title"), ((1, "The Long Title of a Film " * 4), (2, "short"))), 40)
    assert text.count("Long") == 4
    assert max(map(len, text.splitlines())) <= 40


def test_a_table_too_wide_continues_in_blocks_that_repeat_the_first_column():
    names = ("model", *(f"metric@{place}" for place in range(20)))
    text = table_text(Table(names, (("als", *(0.5 for _ in range(20))),)))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("model") == text.count("als") >= 3
    assert all(name in text for name in names)


def test_wide_characters_take_two_cells():
    lines = table_text(Table(("t", "n"), (("映画", 1), ("ab", 2)))).splitlines()
    assert {line_width(line) for line in lines} == {7}


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_wraps_to_one_empty_line(text):
    assert wrap(text, 10) == [""]


def test_an_empty_table_still_shows_its_columns():
    assert table_text(Table(("model", "n"), ())).splitlines()[0] == "model  n"
