from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recsys.cli import main
from recsys.ledger import Outcome, Prediction
from recsys.reporting import of_store
from recsys.store import Store

DECLARED = """
name = "als-vs-pop"
control = "pop"
start = 2026-06-08
arms = {pop = 0.5, als = 0.5}

[[metrics]]
type = "mean"
name = "minutes"
event = "play"
window = "14d"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "shop")
    events = pl.DataFrame({"user_id": range(20), "item_id": ["a"] * 20, "ts": ["2026-06-01T00:00:00Z"] * 20})
    store.ingest("events", events, set={"event": "play"})
    (tmp_path / "ab.toml").write_text(DECLARED)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert main([*words, "--store", "shop"]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out, err


def data(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(run(capsys, *words, "--json")[0])["data"]


def test_an_experiment_from_its_file_to_its_end(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "experiment", "create", "ab.toml")[0] == "als-vs-pop\n"
    arms = ("experiment", "assign", "als-vs-pop", "--at", "2026-06-09", "--out")
    counts = data(capsys, *arms, "arms.csv")["arms"]
    assert sum(counts.values()) == 20
    streamed, _ = run(capsys, *arms, "-")
    assert streamed == (shop / "arms.csv").read_text()
    (shop / "some.txt").write_text("3\n4\n99\n")
    assert run(capsys, *arms, "-", "--units", "some.txt")[0].count("\n") == 4
    exposed = data(capsys, "experiment", "expose", "als-vs-pop", "arms.csv", "--at", "2026-06-09")
    assert exposed["recorded"] == dict(sorted(counts.items()))
    again = data(capsys, "experiment", "expose", "als-vs-pop", "arms.csv")
    assert (again["recorded"], again["known"]) == ({}, 20)
    (listed,) = data(capsys, "experiment", "list")
    assert (listed["status"], listed["exposed"], listed["deviations"]) == ("running", 20, [])
    assert "arms.als" in run(capsys, "experiment", "show", "als-vs-pop")[0]
    stopped = data(capsys, "experiment", "stop", "als-vs-pop", "--reason", "enough")
    assert stopped["changes"][-1]["detail"] == "enough"


def test_a_frozen_plan_is_changed_by_name_only(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    (shop / "ab.toml").write_text(DECLARED.replace("14d", "7d"))
    _, err = run(capsys, "experiment", "create", "ab.toml", code=2)
    assert "plan is frozen (metrics.minutes.window would change)" in err
    assert "--amend" in err
    changed = data(capsys, "experiment", "create", "ab.toml", "--amend")
    assert changed["deviations"] == [{"field": "metrics.minutes.window", "planned": "14d", "now": "7d"}]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["create", "nix.toml"], 3, "nix.toml"),
        (["create", "bad.toml"], 2, "bad.toml is not TOML"),
        (["create", "column.toml"], 3, "events has no column 'lenght'"),
        (["assign", "nix", "--out", "x.csv"], 3, "there is no experiment 'nix'"),
        (["expose", "nix", "some.csv"], 3, "there is no experiment 'nix'"),
        (["expose", "nix", "nix.csv"], 3, "nix.csv"),
        (["show", "nix"], 3, "there is no experiment 'nix'"),
        (["stop", "nix"], 3, "there is no experiment 'nix'"),
    ],
)
def test_a_slip_is_one_line(
    shop: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    (shop / "bad.toml").write_text("name =")
    (shop / "column.toml").write_text(DECLARED + 'value = "lenght"\n')
    (shop / "some.csv").write_text("unit_id,variant\n1,als\n")
    out, err = run(capsys, "experiment", *words, code=code)
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_completion_offers_the_names_in_the_store(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    for typed, offered in (
        ("recsys --store shop experiment show al", ["als-vs-pop"]),
        ("recsys experiment stop x", []),
    ):
        monkeypatch.setenv("_RECSYS_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
        assert main([]) == 0
        assert capsys.readouterr().out.split() == offered


@pytest.fixture
def lopsided(shop: Path) -> Path:
    """An experiment with 300 units in one arm and 200 in the other; all of them play a day later."""
    store, units = Store(shop / "shop"), range(500)
    day = ["2026-06-09T00:00:00Z"] * 500
    arms = ["pop" if unit < 300 else "als" for unit in units]
    shown = pl.DataFrame({"experiment": ["als-vs-pop"] * 500, "unit_id": units, "variant": arms, "ts": day})
    later = ["2026-06-10T00:00:00Z"] * 500
    plays = pl.DataFrame({"user_id": units, "item_id": ["a"] * 500, "value": [unit % 7 for unit in units], "ts": later})
    last = plays.head(1).with_columns(ts=pl.lit("2026-07-10T00:00:00Z"))
    store.ingest("events", pl.concat([plays, last]), set={"event": "play"})
    store.ingest("exposures", shown)
    return shop


def test_a_failed_gate_is_exit_code_6_after_the_result(lopsided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    out, err = run(capsys, "experiment", "analyze", "als-vs-pop", "--fail-on", "srm,guardrail", code=6)
    assert "No decision: an integrity check failed" in out
    assert "als-vs-pop did not hold: srm: " in err
    found = data(capsys, "experiment", "analyze", "als-vs-pop", "--final", "--holidays", "2026-06-10")
    assert (found["decision"]["action"], found["look"]) == ("blocked", "final")
    assert {"name": "holidays", "status": "warn"}.items() <= next(
        one for one in found["checks"] if one["name"] == "holidays"
    ).items()
    _, err = run(capsys, "experiment", "analyze", "als-vs-pop", "--fail-on", "smr", code=2)
    assert "did you mean 'srm'" in err


def test_looks_and_decisions_on_the_terminal(lopsided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    looks = data(capsys, "experiment", "monitor", "als-vs-pop")["monitors"]
    assert [one["metric"] for one in looks] == ["minutes"]
    assert "no difference shown after 1 look" in run(capsys, "experiment", "monitor", "als-vs-pop")[0]
    assert data(capsys, "experiment", "decide", "als-vs-pop")["action"] == "blocked"
    _, err = run(capsys, "experiment", "decide", "als-vs-pop", "--fail-on", "blocked", code=6)
    assert "the decision on als-vs-pop is blocked" in err
    store = Store(lopsided / "shop")
    runs = store.runs(kind="analysis")
    assert runs["asked_for"].to_list() == ["decide", "decide", "monitor", "monitor"]
    assert set(runs["experiment"]) == {"als-vs-pop"}
    listed, _ = run(capsys, "runs", "list")
    assert listed.count("analysis:") == listed.count("als-vs-pop") == 4
    assert (listed.count("decide"), listed.count("monitor")) == (2, 2)
    (section,) = [one for one in of_store(store).sections if one.title == "Analysis of an experiment"]
    assert [row[2:4] for row in section.view.tables[0].rows[::2]] == [
        ("als-vs-pop", "decide"),
        ("als-vs-pop", "monitor"),
    ]


def test_the_ledger_is_shown(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none of the same pair yet" in run(capsys, "ledger")[0]
    pair = {"candidate": "als", "baseline": "pop", "quantity": "minutes", "per": "user", "scale": "relative"}
    store = Store(shop / "shop")
    store.record_prediction(Prediction(source="snips", estimate=0.1, ci_low=0.05, ci_high=0.15, **pair))  # type: ignore[arg-type]
    store.record_outcome(Outcome(experiment="ab", estimate=0.2, ci_low=0.1, ci_high=0.3, **pair))  # type: ignore[arg-type]
    shown, _ = run(capsys, "ledger")
    assert "Too little to say what predicts minutes best (1 pair)" in shown
    assert json.loads(run(capsys, "ledger", "--json")[0])["data"]["scores"][0]["agreement"] == 1


def test_a_gate_that_could_not_be_checked_does_not_hold(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    _, err = run(capsys, "experiment", "analyze", "als-vs-pop", "--fail-on", "srm", code=6)
    assert "srm: not checked, " in err


@pytest.mark.parametrize("word", ["xmas", "2026-12-26/2026-12-24", "2026-12-24/x", "0001-01-01/9999-01-01"])
def test_holidays_that_are_no_days(shop: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    _, err = run(capsys, "experiment", "analyze", "als-vs-pop", "--holidays", word, code=2)
    assert f"a holiday is '{word}'" in err
    assert "2026-12-24/2026-12-26" in err


def test_a_misspelled_event_is_refused_before_the_plan_freezes(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "slip.toml").write_text(DECLARED.replace('"play"', '"plays"'))
    _, err = run(capsys, "experiment", "create", "slip.toml", code=2)
    assert "'plays', and none has occurred" in err
    assert "did you mean 'play'? If not, --allow-unseen" in err
    assert data(capsys, "experiment", "list") == []
    run(capsys, "experiment", "create", "slip.toml", "--allow-unseen")


def test_the_hint_of_a_frozen_plan_is_a_switch(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    (shop / "ab.toml").write_text(DECLARED.replace("14d", "7d"))
    _, err = run(capsys, "experiment", "create", "ab.toml", code=2)
    assert "Hint: --amend changes it" in err


def test_what_is_stopped_stays_stopped(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    assert "was stopped at" in run(capsys, "experiment", "stop", "als-vs-pop")[1]
    assert "was stopped already, at" in run(capsys, "experiment", "stop", "als-vs-pop")[1]
    assert "was stopped" in run(capsys, "experiment", "create", "ab.toml", code=2)[1]


def test_a_name_with_a_space_is_quoted(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "ab.toml").write_text(DECLARED.replace("als-vs-pop", "als vs pop"))
    assert "assign 'als vs pop' --out" in run(capsys, "experiment", "create", "ab.toml")[1]


def test_odd_exposures_are_told_of(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "experiment", "create", "ab.toml")
    expose = ("experiment", "expose", "als-vs-pop")
    (shop / "slip.csv").write_text("unit_id,varient\n1,als\n")
    assert "did you mean 'variant'?" in run(capsys, *expose, "slip.csv", code=5)[1]
    (shop / "other.csv").write_text("experiment,unit_id,variant\nelse,1,als\nals-vs-pop,2,als\n")
    assert "1 row names another experiment, such as 'else'" in run(capsys, *expose, "other.csv", code=5)[1]
    (shop / "odd.csv").write_text(
        "unit_id,variant,ts\n1,als,2026-06-07T00:00:00Z\n2,als,2126-06-09T00:00:00Z\n3,pop,2026-06-09T00:00:00Z\n"
    )
    _, err = run(capsys, *expose, "odd.csv")
    assert "1 row lies before the start (2026-06-08 00:00 UTC)" in err
    assert "1 row lies in the future" in err
    (shop / "bad.csv").write_text("unit_id,variant,ts\n1,als,someday\n")
    _, err = run(capsys, *expose, "bad.csv", code=5)
    assert "bad.csv" in err
    assert "in frame" not in err
