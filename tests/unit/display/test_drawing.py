"""HTML escapes, rich takes texts literally, and nothing heavy is loaded before it is used."""

import io
import math
import subprocess
import sys
from html.parser import HTMLParser

from recsys.display import (
    Axis,
    Card,
    Chart,
    Percent,
    Plot,
    Series,
    Spark,
    Table,
    View,
    Viewable,
    facts,
    to_html,
    to_rich,
    to_text,
)

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

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_html_is_balanced_and_every_text_is_escaped():
    parser = _Cells()
    parser.feed(to_html(NASTY))
    assert not parser.open
    assert parser.texts[1:] == ["<b>&", '"<u>"', "<i>", "n", "[red]x</td>", "50.0 %", "<script>"]  # [0] is the style
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


def test_html_names_columns_and_rows_for_those_who_hear_it_read():
    html = to_html(View("t", (Table(("model", "ndcg"), (("als", 0.5),), caption="all users"),)))
    assert '<th scope="col">model</th><th scope="col" class="n">ndcg</th>' in html
    assert '<th scope="row">als</th><td class="n">0.5000</td>' in html
    assert "<caption>all users</caption>" in html
    assert 'tabindex="0" role="region" aria-label="all users"' in html


def test_html_fetches_nothing_and_styles_only_itself():
    html = to_html(NASTY)
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert all("div.recsys" in rule for rule in style.split("}") if rule)
    assert not any(word in html for word in ("http", "url(", "@import", "src=", "<link"))


def test_drawings_of_cells_are_pictures_with_a_text():
    axis = (-1.0, 1.0)
    rows = ((Plot(-0.5, 0.25, 9.0, axis), Spark((3, None, 1, 5), "a day")), (Plot(math.nan, 0, 1, axis), Spark(())))
    html = to_html(View("t", (Table(("effect", "events"), rows),)))
    parser = _Cells()
    parser.feed(html)
    assert not parser.open
    assert parser.tags.count("svg") == 2
    assert 'aria-label="0.2500, from -0.5000 to 9.0000"' in html
    assert "1–5 a day" in html
    assert html.count("<polygon") == 1  # the end that lies outside


def test_html_says_what_plot_would_draw():
    chart = Chart("<b>clicks", Axis("day"), Axis("clicks"), (Series("als", "line", (1,), (2,)),))
    assert ".plot() draws “&lt;b&gt;clicks”" in View("t", charts=(chart,))._repr_html_()


def test_a_card_has_a_name_of_one_line_and_facts_for_notebooks():
    class Box(Card):
        def __repr__(self):
            return "Box"

        def card(self):
            return facts("a box", {"things": 3, "cover": None, "owner": "<ann>"})

    html = Box()._repr_html_()
    assert repr(Box()) == "Box"
    assert '<th scope="row">things</th><td>3</td>' in html
    assert "&lt;ann&gt;" in html
    assert "cover" not in html
    assert "<thead>" not in html


def test_nothing_heavy_is_imported():
    heavy = ["numpy", "polars", "rich", "scipy", "duckdb"]
    code = f"import sys, recsys.display; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
