"""`recsys interleave generate | analyze` on the command line."""

from __future__ import annotations

import json
from typing import get_type_hints

import polars as pl
import pytest

from recsys.cli import main
from recsys.cli.verbs import interleave_generate, recommend
from recsys.simulation import simulate
from recsys.store import Store


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    service = simulate(users=120, items=40, days=20, seed=2, impressions=False)
    store = Store(folder / "shop")
    store.ingest("events", service.events())
    runs = [store.train(model, event="play", holdout="6d").run.run_id for model in ("popularity", "itemknn")]
    return folder, runs


def run(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_generate_then_analyze(shop, capsys):
    folder, (a, b) = shop
    where = ("--store", folder / "shop", "-q")
    generate = ("interleave", "generate", a, b, "--k", 5, "--seed", 3, "--out", folder / "l.csv")
    code, out, err = run(capsys, *generate, *where)
    assert (code, out.strip(), err) == (0, str(folder / "l.csv"), "")
    assert pl.read_csv(folder / "l.csv")["rank"].max() == 5
    asked = ("interleave", "analyze", folder / "l.csv", "--event", "play", "--since", "2026-01-14")
    code, out, _ = run(capsys, *asked, *where)
    assert code == 0
    assert "itemknn − popularity" in out
    assert "gave credit" in out
    code, out, _ = run(capsys, *asked, "--json", *where)
    plain = json.loads(out)
    assert plain["schema"] == "recsys/interleave-analyze/1"
    assert plain["data"]["names"] == ["popularity", "itemknn"]
    assert -1 <= plain["data"]["estimates"][0]["estimate"] <= 1


def test_wrong_turns_have_the_right_exit_code(shop, capsys):
    folder, (a, _) = shop
    where = ("--store", folder / "shop")
    assert run(capsys, "interleave", "generate", a, a, "--out", folder / "x.csv", *where)[0] == 2
    assert run(capsys, "interleave", "generate", a, "nosuchrun", "--out", folder / "x.csv", *where)[0] == 3
    assert run(capsys, "interleave", "analyze", folder / "none.csv", "--since", "2026-01-14", *where)[0] == 3
    assert not (folder / "x.csv").exists()


def test_lists_are_written_by_one_option():
    """Both verbs that write lists describe ``--out`` alike."""
    hints = [get_type_hints(verb.command, include_extras=True)["out"] for verb in (recommend, interleave_generate)]
    assert hints[0].__metadata__[0] is hints[1].__metadata__[0]
