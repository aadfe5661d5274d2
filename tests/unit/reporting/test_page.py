"""The HTML page: bounded, escaped, complete."""

import re
from itertools import pairwise

import pytest

from recsys.core.errors import RecsysError
from recsys.display import Axis, Chart, Series, Table, View
from recsys.reporting import compose
from recsys.reporting.charted import chart_table
from recsys.reporting.page import LIMIT, to_page

LONG = "a caption of some length that each row of this very long table repeats, to make it large "


def test_long_tables_are_folded_until_the_page_is_small_enough_and_it_says_so():
    rows = tuple((f"{LONG * 20}{at}", at) for at in range(3_000))
    page = to_page(compose(View("many", (Table(("name", "n"), rows),))))
    assert len(page.encode()) <= LIMIT
    (shown,) = {int(found) for found in re.findall(r"The first (\d+) of 3,000 rows", page)}
    assert page.count('scope="row"') == shown >= 50
    assert "JSON" in page


def test_what_cannot_be_made_small_is_refused():
    tables = tuple(Table((f"{LONG * 100}{at}",), (("x",),)) for at in range(200))
    with pytest.raises(RecsysError, match=r"takes .* MB\. At most 1 MB.*json"):
        to_page(compose(View("many", tables)))


def test_headings_come_in_order_and_there_is_one_first_one():
    shown = View("found", (Table(("a",), ((1,),), "t"),), ("read so",))
    for results in (shown, [shown, shown]):
        levels = [int(level) for level in re.findall(r"<h(\d)", to_page(compose(results)))]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_nothing_is_fetched_and_nothing_runs():
    series = (Series("a", "line", (1, 2), (1, 2)),)
    page = to_page(compose(View("</style><script>x</script>", charts=(Chart("c", Axis("x"), Axis("y"), series),))))
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    assert "://" not in page


def test_the_data_of_a_figure_stand_behind_it():
    chart = Chart("c", Axis("day"), Axis("lift", percent=True), (Series("als", "line", (1, 2), (0.25, None)),))
    page = to_page(compose(View("v", charts=(chart,))))
    assert "<summary>Data of this figure</summary>" in page
    assert "25.0 %" in page


def test_the_data_of_a_figure_name_what_is_measured_before_the_value():
    bars = Series("estimate", "interval", (0.1, 0.2), ("pop", "als"), (0.0, 0.1), (0.2, 0.3))
    chart = Chart("c", Axis("ndcg@10"), Axis("model", kind="category"), (bars,))
    table = chart_table(chart)
    assert table.columns == ("model", "ndcg@10", "low", "high")
    assert table.rows == (("pop", 0.1, 0.0, 0.2), ("als", 0.2, 0.1, 0.3))
    several = chart_table(Chart("c", chart.x, chart.y, (bars, Series("other", "point", (0.3,), ("als",)))))
    assert several.columns == ("series", *table.columns)
    assert several.rows[-1] == ("other", "als", 0.3, None, None)


def test_there_is_no_heading_over_evidence_that_is_not_there():
    assert ">Evidence<" not in to_page(compose(View("nothing to see")))
    assert ">Evidence<" in to_page(compose(View("v", notes=("warning: look out",))))
    assert ">Evidence<" in to_page(compose(View("v", (Table(("a",), ((1,),)),))))


def test_one_result_twice_makes_no_name_twice():
    series = (Series("a", "line", (1, 2), (1, 2)),)
    shown = View("v", (Table(("a",), ((1,),)),), charts=(Chart("c", Axis("x"), Axis("y"), series),) * 2)
    names = re.findall(r' id="([^"]*)"', to_page(compose([shown, shown])))
    assert len(names) == len(set(names)) > 20


def test_no_line_of_the_conclusion_ends_within_a_number():
    told = "als is better: +98.7 % [85.4, 111.9] %, Holm p < .001"
    page = to_page(compose(View(told, notes=(f"warning: {told}", told))))
    assert told not in page
    kept = "als is better: +98.7~% [85.4,~111.9]~%, Holm p~&lt;~.001".replace("~", "\N{NO-BREAK SPACE}")
    assert page.count(kept) == 3
