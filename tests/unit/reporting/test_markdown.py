"""Markdown: what stands in a result is text, and nothing else."""

from __future__ import annotations

import pytest

from recsys.display import Table, View
from recsys.reporting import compose
from recsys.reporting.document import Document, Fact, Section
from recsys.reporting.markdown import escaped, to_markdown


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("see https://a.example/x", r"see https\://a.example/x"),
        ("www.a.example, WWW.a.example", r"www\.a.example, WWW\.a.example"),
        ("![a](b)", r"!\[a\](b)"),
        ("two\n# heads", "two # heads"),
        ("10:30, ratio 1:2", "10:30, ratio 1:2"),
    ],
)
def test_a_text_becomes_no_link_picture_or_heading(text, marked):
    assert escaped(text) == marked


def test_what_has_no_conclusion_has_no_line_for_it():
    lines = to_markdown(compose([View("", (Table(("a",), ((1,),)),)), View("als beats pop")])).splitlines()
    assert "****" not in lines
    assert "**als beats pop**" in lines


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        ("recsys runs repeat 1", "`recsys runs repeat 1`"),
        ("`rm`", "`` `rm` ``"),
        ("a\n\n# b", "`a # b`"),
    ],
)
def test_code_stays_code(value, drawn):
    document = Document("t", "", (Section("s", View("v"), (Fact("repeat", value, code=True),)),))
    assert f"- repeat: {drawn}" in to_markdown(document).splitlines()
