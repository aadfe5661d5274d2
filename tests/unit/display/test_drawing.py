"""HTML escapes, rich takes texts literally, and nothing heavy is loaded before it is used."""

import io
import subprocess
import sys
from html.parser import HTMLParser

from recsys.display import Percent, Table, View, Viewable, to_html, to_rich, to_text

NASTY = View("<b>&", (Table(("<i>", "n"), (("[red]x</td>", Percent(0.5)),), caption='"<u>"'),), ("<script>",))


class _Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.texts, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html_is_balanced_and_every_text_is_escaped():
    parser = _Cells()
    parser.feed(to_html(NASTY))
    assert not parser.open
    assert parser.texts == ["<b>&", '"<u>"', "<i>", "n", "[red]x</td>", "50.0 %", "<script>"]
    assert "script" not in parser.tags


def test_rich_takes_texts_literally():
    from rich.console import Console

    console = Console(width=60, record=True, file=io.StringIO())
    console.print(to_rich(NASTY))
    text = console.export_text()
    assert "[red]x</td>" in text
    assert "50.0 %" in text


def test_a_terminal_squeezes_no_column_out_of_sight():
    from rich.console import Console

    names = ("user_id", "title", *(f"a_rather_long_name_{place}" for place in range(8)))
    console = Console(width=60, record=True, file=io.StringIO())
    view = View("t", (Table(names, (("ann", "Alien (1979)", *([0.5] * 8)),), caption="who"),))
    console.print(to_rich(view))
    text = console.export_text()
    assert text.count("0.5000") == 8
    assert "Alien" in text
    assert [line.rstrip() for line in text.splitlines() if line.strip()] == [
        line.rstrip() for line in to_text(view, 60).splitlines() if line.strip()
    ]


def test_a_result_shows_its_view():
    class Result(Viewable):
        def view(self):
            return NASTY

    assert repr(Result()) == to_text(NASTY)
    assert Result()._repr_html_() == to_html(NASTY)


def test_nothing_heavy_is_imported():
    heavy = ["numpy", "polars", "rich", "scipy", "duckdb"]
    code = f"import sys, recsys.display; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
