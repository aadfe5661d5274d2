"""A report: the file it becomes, whole or not at all."""

import json
from pathlib import Path

import pytest

import recsys as rs
from recsys.display import Axis, Chart, Series, Table, View
from recsys.reporting import compose, format_of

SHOWN = View(
    "als beats pop by 12 %",
    (Table(("model", "ndcg@10"), (("als", 0.12), ("pop", 0.107)), "metrics"),),
    ("warning: few users", "ties: by item"),
    (Chart("learning", Axis("epoch"), Axis("ndcg@10"), (Series("als", "line", (1, 2, 3), (0.1, 0.11, 0.12)),)),),
)


@pytest.mark.parametrize("ending", ["html", "md", "json"])
def test_every_form_tells_the_conclusion_before_the_evidence(tmp_path, ending):
    text = rs.report(SHOWN, tmp_path / f"als.{ending}", title="Spring models").read_text(encoding="utf-8")
    body = text[text.find("<body>") + 1 :].replace("\N{NO-BREAK SPACE}", " ")
    assert -1 < body.find("Spring models") < body.find("als beats pop by 12 %") < body.find("ndcg@10")


@pytest.mark.parametrize("ending", ["html", "md", "json"])
def test_the_same_result_gives_the_same_bytes(tmp_path, ending):
    first, second = (rs.report(SHOWN, tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
    assert first == second


def test_json_holds_the_view(tmp_path):
    document = json.loads(rs.report(SHOWN, tmp_path / "a.json").read_text())
    assert document["schema"] == "recsys/document/1"
    assert View.from_dict(document["sections"][0]["view"]) == SHOWN


def test_another_ending_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(rs.core.errors.ArgumentError, match=r"ends in \.html, \.md or \.json"):
        rs.report(SHOWN, tmp_path / "als.pdf")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_and_a_device_are_refused(tmp_path):
    with pytest.raises(rs.core.errors.NotFoundError, match="there is no folder"):
        rs.report(SHOWN, tmp_path / "nowhere" / "als.md")
    (tmp_path / "taken.md").mkdir()
    with pytest.raises(rs.core.errors.ArgumentError, match="a folder"):
        rs.report(SHOWN, tmp_path / "taken.md")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.md"]


def test_a_file_that_cannot_be_drawn_leaves_the_older_one(tmp_path):
    older = rs.report(SHOWN, tmp_path / "als.json")
    before = older.read_bytes()
    with pytest.raises(rs.core.errors.ArgumentError, match="a int cannot be reported"):
        rs.report(3, older)
    assert older.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["als.json"]


def test_nothing_to_report_is_refused():
    with pytest.raises(rs.core.errors.ArgumentError, match="nothing to report"):
        compose([])


def test_markdown_says_the_title_of_a_figure_once(tmp_path):
    text = rs.report(SHOWN, tmp_path / "a.md").read_text()
    assert text.count("learning") == 1
    assert "| epoch | ndcg@10 |" in text


def test_a_name_and_a_format_that_contradict_each_other_are_refused():
    assert format_of(Path("report"), "md") == format_of(Path("a.markdown"), "md") == "md"
    with pytest.raises(rs.core.errors.ArgumentError, match=r"'a\.html' and format is 'md'.*ends in \.md"):
        format_of(Path("a.html"), "md")


def test_arguments_in_the_wrong_order_are_told():
    with pytest.raises(rs.core.errors.ArgumentError, match=r"path is a View.*rs\.report\(result"):
        rs.report("a.html", SHOWN)
