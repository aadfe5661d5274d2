"""Plain text fits the line, stays aligned, and loses nothing."""

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


@given(st.lists(st.tuples(WORDS, st.integers(-999, 999), WORDS), min_size=1, max_size=5), st.integers(30, 100))
def test_no_letter_is_lost(rows, width):
    text = table_text(Table(("name", "n", "remark"), tuple(rows)), width)
    assert "…" not in text
    for name, _, remark in rows:
        assert all(text.count(sign) >= (name + remark).count(sign) for sign in "abcdé映")


def test_run_ids_and_counts_stay_whole_in_80_columns():
    run, record = "20260801-101112-abcdef", "1,885/13,204"
    row = (run, "train", "als, popularity, itemknn", "2026-08-01 10:11", "2026-07-18", "ndcg@10 0.1234", "1.5 s")
    names = ("run", "kind", "model", "finished (UTC)", "trained through", "found", "time")
    text = table_text(Table(names, (row, row)))
    assert text.count(run) >= 2
    assert max(map(len, text.splitlines())) <= 80
    pair = ("als-with-128-factors − popularity", "ndcg(gain=value)@10", 0.0123, "[8.1, 16.0] %", record)
    text = table_text(Table(("pair", "metric", "difference", "95 % interval", "won/lost"), (pair,)))
    assert record in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_table_too_wide_continues_in_blocks_that_repeat_the_first_column():
    names = ("model", *(f"metric@{place}" for place in range(20)))
    text = table_text(Table(names, (("als", *(0.5 for _ in range(20))),)))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("model") == text.count("als") >= 3
    assert all(name in text for name in names)


def test_names_above_numbers_break_before_the_table_does():
    text = table_text(Table(("item", "propensity_given_above", "ndcg of all users"), (("a", 0.5, 0.25),)), 25)
    assert text.splitlines() == [
        "item  propensity_    ndcg",
        "      given_above  of all",
        "                    users",
        "────  ───────────  ──────",
        "a          0.5000  0.2500",
    ]


def test_further_blocks_repeat_what_tells_the_rows_apart():
    rows = tuple((user, item, *([0.5] * 8)) for user in ("ann", "bob") for item in ("x", "y"))
    lines = table_text(Table(("user", "item", *(f"m@{place}" for place in range(8))), rows), 40).splitlines()
    heads = [line.split()[:2] for line in lines if "m@" in line]
    assert len(heads) > 1
    assert heads == [["user", "item"]] * len(heads)
    one = table_text(Table(("item", "user", *(f"m@{place}" for place in range(8))), rows[:1]), 40).splitlines()
    assert [line.split()[1] for line in one if "m@" in line][1:] == ["m@3", "m@7"]


def test_wide_characters_take_two_cells():
    lines = table_text(Table(("t", "n"), (("映画", 1), ("ab", 2)))).splitlines()
    assert {line_width(line) for line in lines} == {7}


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_wraps_to_one_empty_line(text):
    assert wrap(text, 10) == [""]


def test_an_empty_table_still_shows_its_columns():
    assert table_text(Table(("model", "n"), ())).splitlines()[0] == "model  n"
