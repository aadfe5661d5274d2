"""`recsys report`: files, stdout, slips."""

from __future__ import annotations

import json
import sys

import pytest

import recsys as rs
from recsys.cli import main
from recsys.display import View
from recsys.reporting import of_store
from recsys.reporting.markdown import escaped, to_markdown
from recsys.reporting.page import to_page


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> rs.Store:
    """A store with two trained models and their comparison."""
    store = rs.Store(tmp_path_factory.mktemp("report") / "shop")
    log = rs.simulate(users=120, items=40, days=30, seed=3, start="2025-01-01", impressions=False).events()
    store.ingest("events", log)
    snapshot = store.snapshot(event="play").snapshot_id
    runs = [store.train(name, snapshot=snapshot, holdout="7d").run.run_id for name in ("popularity", "itemknn")]
    store.compare(runs, ["ndcg@10", "recall@10"])
    return store


def call(shop: rs.Store, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["report", *words, "--store", str(shop.path)])
    return (code, *capsys.readouterr())


def test_a_run_is_told_as_it_was_concluded_with_how_to_repeat_it(shop, tmp_path, capsys):
    run = shop.run("@latest:compare")
    code, out, err = call(shop, capsys, "@latest:compare", "--out", str(tmp_path / "a.md"))
    assert (code, out, err) == (0, f"{tmp_path / 'a.md'}\n", "")
    text = (tmp_path / "a.md").read_text()
    assert text.startswith("# Comparison\n")
    with shop.read() as con:
        (content_hash,) = con.execute("SELECT content_hash FROM snapshots LIMIT 1").fetchone()
    for said in (f"`recsys runs repeat {run.run_id}`", f'`rs.Store("shop").repeat("{run.run_id}")`', content_hash):
        assert said in text


def test_without_runs_it_is_an_index_of_the_store(shop, tmp_path, capsys):
    (tmp_path / "old.html").write_text("older")
    code, out, _ = call(shop, capsys, "--out", str(tmp_path / "old.html"), "--json")
    told = json.loads(out)
    assert code == 0
    assert told["schema"] == "recsys/report/1"
    assert told["data"]["sections"] == ["Data", "Comparison", "Training"]
    page = (tmp_path / "old.html").read_text()
    assert len(page.encode()) == told["data"]["bytes"]
    concluded = View.from_dict(shop.run("@latest:compare").view).title
    assert str(shop.path.parent) not in page
    assert concluded in page.replace("&#39;", "'").replace("&lt;", "<")


def test_several_runs_are_one_document(shop, tmp_path, capsys):
    first, second = shop.runs(kind="train")["run_id"].to_list()
    code, out, _ = call(shop, capsys, first, second, "--ledger", "--out", "-", "--format", "json", "--title", "Two")
    document = json.loads(out)
    assert (code, document["title"]) == (0, "Two")
    assert [section["title"] for section in document["sections"]] == ["Training", "Training", "Ledger"]


def test_stdout_takes_markdown_by_default(shop, capsys):
    code, out, err = call(shop, capsys, "@latest", "--out", "-")
    assert (code, err) == (0, "")
    assert out.startswith("# Comparison\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "nowhere to write to"),
        (("--out", "a.pdf"), 2, "a.pdf"),
        (("--out", "nowhere/a.html"), 3, "no folder"),
        (("zzzz", "--out", "a.html"), 3, "zzzz"),
        (("--experiment", "none", "--out", "a.html"), 3, "none"),
        (("--out", "-", "--json"), 2, "Hint: --out - --format json."),
        (("--out", "a.html", "--format", "pdf"), 2, "pdf"),
        (("--out", "/dev/null", "--format", "md"), 2, "a device"),
    ],
)
def test_a_slip_is_one_line_and_writes_nothing(shop, tmp_path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(tmp_path)
    found, out, err = call(shop, capsys, *words)
    assert found == code
    told = json.loads(out)["error"]["message"] if "--json" in words else err
    assert said in told
    assert told.strip().count("\n") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_a_missing_extra_is_one_line_with_what_to_install(shop, tmp_path, monkeypatch, capsys, library):
    shown = tmp_path / "a.html"
    monkeypatch.setitem(sys.modules, library, None)
    code, _, err = call(shop, capsys, "@latest:compare", "--out", str(shown))
    assert (code, shown.exists()) == (1, False)
    assert 'pip install "recsys[report]"' in err


def test_a_run_of_an_earlier_version_is_told_by_its_numbers(shop, tmp_path):
    run = shop.run("@latest:compare")
    with shop.write() as con:
        con.execute("UPDATE runs SET view = NULL WHERE run_id = ?", [run.run_id])
    try:
        text = shop.report(tmp_path / "a.md", runs=[run.run_id]).read_text()
    finally:
        with shop.write() as con:
            con.execute("UPDATE runs SET view = ? WHERE run_id = ?", [json.dumps(run.view), run.run_id])
    assert "was not kept" in text
    assert all(f"{value:.4f}" in text for value in run.metrics.values() if value is not None and 0 < value < 10)


def test_in_python_one_run_is_a_text_as_well_as_a_list(shop, tmp_path):
    told = [
        shop.report(tmp_path / f"{at}.md", runs=runs)
        for at, runs in enumerate(("@latest:compare", ["@latest:compare"]))
    ]
    assert told[0].read_text() == told[1].read_text()


def test_an_empty_name_is_refused_in_words(shop, capsys):
    for words in ((), ("--format", "md")):
        code, out, err = call(shop, capsys, "--out", "", *words)
        assert (code, out) == (2, "")
        assert "the name of the report is empty" in err
        assert "'.'" not in err


def test_the_index_says_what_the_only_run_of_a_kind_concluded_once(shop):
    text = to_markdown(of_store(shop))
    assert text.count(escaped(View.from_dict(shop.run("@latest:compare").view).title)) == 1


def test_a_long_hash_is_short_on_the_page_and_whole_behind_it(shop):
    with shop.read() as con:
        (content_hash,) = con.execute("SELECT content_hash FROM snapshots LIMIT 1").fetchone()
    page = to_page(of_store(shop, ["@latest:compare"]))
    assert f"<details><summary>{content_hash[:12]}…</summary>{content_hash}</details>" in page
