"""The job from end to end, as a user types it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import recsys as rs
from recsys.cli import main
from recsys.workflows import demo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with the files of a small simulated service."""
    place = tmp_path_factory.mktemp("job")
    service = rs.simulate(users=300, items=80, days=50, seed=5, start="2025-01-01", impressions=False)
    events = service.events().rename({"user_id": "member", "item_id": "title_id"})
    (place / "events").mkdir()
    events.head(len(events) // 2).write_parquet(place / "events/1.parquet")
    events.tail(-(len(events) // 2)).write_csv(place / "events/2.csv")
    service.items().write_parquet(place / "items.parquet")
    service.users().write_parquet(place / "users.parquet")
    before = Path.cwd()
    os.chdir(place)
    yield place
    os.chdir(before)


class Cli:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def text(self, *words: str, code: int = 0) -> str:
        """Run quietly; return stdout; stderr must be empty."""
        self._capsys.readouterr()
        assert main([*words, "-q"]) == code, self._capsys.readouterr().err
        out, err = self._capsys.readouterr()
        assert err == ""
        return out.strip()

    def json(self, *words: str) -> Any:
        """Run with ``--json``; return the data; check the envelope."""
        document = json.loads(self.text(*words, "--json"))
        assert set(document) == {"schema", "data", "warnings"}
        assert document["schema"].startswith(f"recsys/{words[0]}")
        return document["data"]


@pytest.fixture
def cli(folder: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, str]:
    """Two trained candidates, by the words that a user types."""
    names = ["--map", "user_id=member", "--map", "item_id=title_id"]
    assert main(["init", "shop", "-q"]) == 0
    assert main(["ingest", "events", "events/1.parquet", "events/2.csv", *names, "-q"]) == 0
    assert main(["ingest", "items", "items.parquet", "-q"]) == 0
    assert main(["ingest", "users", "users.parquet", "-q"]) == 0
    store = rs.Store("shop")
    found = {}
    for words in (["popularity"], ["als", "--set", "factors=8", "--set", "iterations=3", "--seed", "1"]):
        assert main(["train", *words, "--event", "play", "--holdout", "10d", "-q"]) == 0
        found[words[0]] = store.run("@latest").run_id
    return found


def test_ingest_is_idempotent(cli: Cli, runs: dict[str, str]) -> None:
    again = cli.json("ingest", "events", "events/1.parquet", "--map", "user_id=member", "--map", "item_id=title_id")
    assert again["rows_ingested"] == 0
    assert again["rows_duplicate"] == again["rows_read"] > 0


def test_describe(cli: Cli, runs: dict[str, str]) -> None:
    profile = cli.json("describe")
    assert profile["items"] <= 80
    assert profile["rows"] > 1000
    assert "events" in cli.text("describe")


def test_train_prints_the_run_id_alone(cli: Cli, runs: dict[str, str]) -> None:
    out = cli.text("train", "itemknn", "--event", "play", "--holdout", "10d")
    assert out == rs.Store("shop").run("@latest").run_id


def test_evaluate_and_compare(cli: Cli, runs: dict[str, str]) -> None:
    evaluation = cli.json("evaluate", runs["als"][:9], "--metrics", "ndcg@10,recall@20", "--by", "country")
    assert set(evaluation["metrics"]) == {"ndcg@10", "recall@20"}
    comparison = cli.json("compare", *runs.values(), "--metrics", "ndcg@10", "--fail-on", "ndcg@10 rel < -99")
    assert comparison["baseline"] == "popularity"
    assert [gate["failed"] for gate in comparison["gates"]] == [False]
    assert "popularity" in cli.text("compare", *runs.values(), "--metrics", "ndcg@10")


def test_backtest(cli: Cli, runs: dict[str, str]) -> None:
    words = ["popularity", "itemknn", "--event", "play", "--windows", "2", "--test", "7d", "--metrics", "ndcg@10"]
    assert cli.json("backtest", *words, "--set", "itemknn.neighbors=20")["run_id"]


def test_recommend_to_a_file(cli: Cli, runs: dict[str, str]) -> None:
    Path("withdrawn.csv").write_text("item_id\n3\n5\n")
    cli.text("recommend", runs["als"], "--k", "5", "--deny", "withdrawn.csv", "--out", "recs.parquet")
    lists = pl.read_parquet("recs.parquet")
    assert lists.columns == ["user_id", "item_id", "rank", "score", "source"]
    assert not lists["item_id"].is_in([3, 5]).any()
    assert lists["rank"].max() == 5
    assert Path("recs.parquet.manifest.json").is_file()
    Path("vip.txt").write_text("1\n2\n")
    summary = cli.json("recommend", runs["als"], "--users", "vip.txt", "--out", "vip.csv")["summary"]
    assert summary["users"] == 2
    assert pl.read_csv("vip.csv")["user_id"].unique().sort().to_list() == [1, 2]


def test_recommend_with_a_policy(cli: Cli, runs: dict[str, str]) -> None:
    words = ["--k", "5", "--rerank", "mmr", "--set-rerank", "trade_off=0.3", "--explore", "epsilon=0.3", "--seed", "7"]
    assert cli.json("recommend", runs["als"], *words, "--out", "drawn.csv")["summary"]["explored"] > 0
    lists = pl.read_csv("drawn.csv")
    assert set(lists["source"]) >= {"model", "exploration"}
    assert lists["propensity_given_above"].is_between(0, 1, closed="right").all()
    cli.text("recommend", runs["als"], *words, "--out", "again.csv")
    assert Path("again.csv").read_bytes() == Path("drawn.csv").read_bytes()
    measured = cli.json("evaluate", runs["als"], "--metrics", "ndcg@5", "--rerank", "mmr")
    assert measured != cli.json("evaluate", runs["als"], "--metrics", "ndcg@5")


def test_recommend_for_a_look(cli: Cli, runs: dict[str, str]) -> None:
    rows = cli.json("recommend", runs["als"], "--user", "1", "--k", "3")["recommendations"]
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert all(row["title"] for row in rows)
    assert rows[0]["title"] in cli.text("recommend", runs["als"], "--user", "1", "--k", "3")


def test_recommend_to_stdout(cli: Cli, runs: dict[str, str]) -> None:
    lines = cli.text("recommend", runs["als"], "--user", "1", "--k", "3", "--out", "-").splitlines()
    assert lines[0] == "user_id,item_id,rank,score,source"
    assert len(lines) == 4
    rows = cli.text("recommend", runs["als"], "--user", "1", "--k", "3", "--out", "-", "--format", "jsonl").splitlines()
    assert [json.loads(row)["rank"] for row in rows] == [1, 2, 3]
    assert not Path("-").exists()


def test_recommend_shows_the_users_of_a_file(cli: Cli, runs: dict[str, str]) -> None:
    Path("two.txt").write_text("1\n2\n")
    data = cli.json("recommend", runs["als"], "--users", "two.txt", "--k", "3")
    assert set(data) == {"recommendations"}
    assert {row["user_id"] for row in data["recommendations"]} == {1, 2}


def test_similar_and_explain(cli: Cli, runs: dict[str, str]) -> None:
    assert len(cli.json("similar", runs["als"], "--item", "7", "--k", "4")["similar"]) == 4
    told = cli.json("explain", runs["als"], "--user", "1", "--item", "7")
    assert told["source"] == "model"
    assert told["contributions"]
    assert "fallback" in cli.text("explain", runs["als"], "--user", "999999", "--item", "7")


def test_refit_and_repeat(cli: Cli, runs: dict[str, str]) -> None:
    refitted = cli.text("train", "--refit", runs["als"])
    assert rs.Store("shop").run(refitted).recipe["holdout"] is None
    assert cli.text("runs", "repeat", runs["als"])


def test_runs(cli: Cli, runs: dict[str, str]) -> None:
    listed = cli.json("runs", "list", "--kind", "train", "--limit", "3")
    assert [run["kind"] for run in listed] == ["train"] * 3
    assert runs["als"] in cli.text("runs", "list", "--limit", "100")
    assert cli.json("runs", "show", runs["als"])["recipe"]["params"]["factors"] == 8
    fields = {change["field"] for change in cli.json("runs", "diff", *runs.values())}
    assert "recipe.model" in fields


def test_snapshots(cli: Cli, runs: dict[str, str]) -> None:
    made = cli.json("snapshot", "create", "january", "--event", "play", "--until", "2025-02-01")
    assert made["name"] == "january"
    assert "january" in cli.text("snapshot", "list")
    trained = cli.text("train", "popularity", "--snapshot", "january")
    assert rs.Store("shop").run(trained).snapshot_id == made["snapshot_id"]


def test_label_and_relevance_options(cli: Cli, runs: dict[str, str]) -> None:
    trained = cli.text(
        "train", "popularity", "--event", "rating", "--label-aggregate", "last", "--label-cap", "4",
        "--relevance-at-least", "4", "--min-user-events", "2", "--holdout", "10d",
    )  # fmt: skip
    data = rs.Store("shop").run(trained).recipe["data"]
    assert (data["label"]["aggregate"], data["label"]["cap"]) == ("last", 4.0)
    assert (data["relevance"]["at_least"], data["min_user_events"]) == (4.0, 2)


def test_revert_and_forget(cli: Cli, runs: dict[str, str]) -> None:
    Path("more.csv").write_text("user_id,item_id,ts,event\n900001,7,2025-02-10,play\n900002,7,2025-02-10,play\n")
    number = cli.json("ingest", "events", "more.csv")["ingest_ids"][0]
    before = cli.json("describe")["rows"]
    assert cli.json("revert", str(number))["rows"] == 2
    assert cli.json("describe")["rows"] == before - 2
    assert cli.json("ingests")[0]["kind"] == "revert"
    assert cli.json("forget", "900001", "--yes")["rows"]["events"] == 1
    assert cli.text("quarantine") == "no bad rows"


def test_doctor(cli: Cli, runs: dict[str, str]) -> None:
    checks = cli.json("doctor")
    assert all(check["well"] for check in checks)
    assert {"python", "duckdb", "answer", "orphan artefacts"} <= {check["name"] for check in checks}


def test_datasets(cli: Cli, runs: dict[str, str]) -> None:
    Path("ml-latest-small").mkdir()
    Path("ml-latest-small/ratings.csv").write_text("userId,movieId,rating,timestamp\n1,7,4.5,978300760\n")
    Path("ml-latest-small/movies.csv").write_text("movieId,title,genres\n7,Sabrina (1995),Comedy|Romance\n")
    assert cli.text("init", "movies", "--no-config")
    loaded = cli.json("datasets", "load", "auto", "ml-latest-small", "--store", "movies")
    assert loaded["name"] == "movielens-latest-small"
    assert loaded["tables"]["events"]["rows_ingested"] == 1
    assert "movielens-1m" in {info["name"] for info in cli.json("datasets", "list")}


def test_what_was_loaded_is_remembered_by_its_own_name(cli: Cli) -> None:
    Path("ml-small").mkdir()
    Path("ml-small/ratings.csv").write_text("userId,movieId,rating,timestamp\n1,7,4.5,978300760\n")
    Path("ml-small/movies.csv").write_text("movieId,title,genres\n7,Sabrina (1995),Comedy|Romance\n")
    cli.text("init", "films", "--no-config")
    loaded = cli.json("datasets", "load", "movielens-latest-small", "ml-small", "--store", "films")
    assert loaded["tables"]["events"]["notes"] == []
    sources = {row["source"] for row in cli.json("ingests", "--store", "films")}
    assert sources == {"ml-small (events)", "ml-small (items)"}


def test_a_log_of_impressions_says_what_it_is_good_for(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    Path("obd/random/men").mkdir(parents=True)
    features = "".join(f",user_feature_{number}" for number in range(4))
    head = f"timestamp,item_id,position,click,propensity_score{features}"
    Path("obd/random/men/men.csv").write_text(f"{head}\n2019-11-24 00:00:00+00:00,3,1,0,0.03,a,b,c,d\n")
    cli.text("init", "bandit", "--no-config")
    assert main(["datasets", "load", "open-bandit", "obd", "--store", "bandit"]) == 0
    assert "no events to train on" in capsys.readouterr().err
    assert main(["train", "popularity", "--store", "bandit"]) == 5
    assert "only 1 impression:" in capsys.readouterr().err


def test_json_holds_objects_and_not_json_in_text(cli: Cli, runs: dict[str, str]) -> None:
    assert all(isinstance(run["metrics"], dict) for run in cli.json("runs", "list"))
    Path("bad.csv").write_text(
        "user_id,item_id,ts,event\n1,,2025-01-01T00:00:00Z,play\n1,2,2025-01-01T00:00:00Z,play\n"
    )
    cli.text("init", "ill", "--no-config")
    main(["ingest", "events", "bad.csv", "--on-bad-rows", "quarantine", "--store", "ill", "-q"])
    (entry,) = cli.json("quarantine", "--store", "ill")
    assert entry["row"]["user_id"] == "1"
    assert cli.text("quarantine", "--store", "ill").startswith("1 bad row\n")
    assert json.loads(cli.text("--json", "--version"))["data"] == {"version": rs.__version__}


def test_views_at_80_columns(cli: Cli, runs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli.text("runs", "list")
    assert all(run["run_id"] in shown for run in cli.json("runs", "list"))
    changed = [row["field"] for row in cli.json("runs", "diff", *runs.values())]
    assert changed.index("wall_s") > changed.index("recipe.model")
    shown = cli.text("similar", runs["als"], "--item", "7", "--k", "2")
    assert shown.startswith("items similar to item 7 (")
    assert "similar_item_id" in shown.splitlines()[2].split()[0]
    assert "weight: what the user's events" in cli.text("explain", runs["als"], "--user", "1", "--item", "7")


def test_the_demo_can_be_run_again(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("USERS", 200), ("ITEMS", 60), ("DAYS", 40), ("MODELS", ("popularity", "itemknn"))):
        monkeypatch.setattr(demo, name, value)
    first, second = (cli.json("demo", "look") for _ in range(2))
    assert first["comparison"] == second["comparison"]
    assert first["recommended"] == second["recommended"]
    assert first["runs"] != second["runs"]
    assert {"data", "shop", "recsys.toml", "recommendations.parquet"} <= {path.name for path in Path("look").iterdir()}
    lines = cli.text("demo", "look").split("what to type next\n")[1].splitlines()
    assert "  cd look" in lines
    assert all(len(line) <= 80 for line in lines)
    assert lines[-1] == f"  {Path('look/report.html')}"
    page = Path("look/report.html").read_text(encoding="utf-8")
    assert "The demo: " in page
    assert "itemknn" in page
    assert any(line.startswith("  recsys compare ") and line.endswith(" --by country") for line in lines)
    Path("mine").mkdir()
    Path("mine/file").touch()
    assert main(["demo", "mine"]) == 2


def test_the_demo_goes_without_the_extra_report(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("USERS", 200), ("ITEMS", 60), ("DAYS", 40), ("MODELS", ("popularity", "itemknn"))):
        monkeypatch.setattr(demo, name, value)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    text = cli.text("demo", "plain")
    assert 'left out: pip install "recsys[report]"' in text
    assert "report.html" not in text
    assert not Path("plain/report.html").exists()


TUNE = ("tune", "itemknn", "als", "--event", "play", "--holdout", "10d", "--seed", "3", "--trials", "8")
SPACE = ("--space", "als.factors=4,8", "--space", "iterations=2", "--space", "neighbors=5..60:log")


def test_tune_train_the_best_and_test_it(cli: Cli, runs: dict[str, str]) -> None:
    found = cli.json(*TUNE, *SPACE, "--jobs", "2")
    assert [trial["number"] for trial in found["trials"]] == list(range(8))
    assert set(found["runs"].values()) == {row["run_id"] for row in cli.json("runs", "list", "--kind", "trial")}
    assert not [row for row in cli.json("runs", "list", "--limit", "100") if row["kind"] == "trial"]
    best = cli.json("runs", "show", found["best_run"])
    assert (best["recipe"]["params"], best["metrics"]) == (
        found["best"]["params"],
        {"ndcg@10": found["best"]["value"]},
    )
    candidate = cli.text("train", "--params-of", found["best_run"])
    assert cli.json("evaluate", candidate)["metrics"]["ndcg@10"]["estimate"] > 0
    assert cli.json("train", "--refit", found["run_id"])["recipe"]["params"] == found["best"]["params"]
    one_by_one = cli.json(*TUNE, *SPACE)
    assert [(one["chosen"], one["value"]) for one in one_by_one["trials"]] == [
        (one["chosen"], one["value"]) for one in found["trials"]
    ]


def test_tune_shows_the_best_and_what_to_do_next(cli: Cli, runs: dict[str, str]) -> None:
    out = cli.text("tune", "popularity", "--event", "play", "--holdout", "10d", "--metric", "recall@5", "--trials", "9")
    run = rs.Store("shop").run("@latest")
    assert "recall@5" in out.splitlines()[0]
    assert "half_life=" in out
    assert f"recsys train --params-of {run.result['best_run']}" in out
    assert f"recsys train --refit {run.result['best_run']}" in out
    assert "5 of 9 trials were made: there were no other settings" in out


def test_a_search_is_interrupted_and_goes_on(
    cli: Cli, runs: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from recsys.workflows import tuning

    whole = cli.json(*TUNE, *SPACE)
    real, kept = tuning._keep, []

    def keep(*args: Any) -> str:
        if len(kept) == 3:
            raise KeyboardInterrupt
        kept.append(real(*args))
        return kept[-1]

    monkeypatch.setattr(tuning, "_keep", keep)
    assert main([*TUNE, *SPACE]) == 130
    assert "recsys tune --resume @latest" in capsys.readouterr().err
    monkeypatch.setattr(tuning, "_keep", real)
    again = cli.json("tune", "--resume", "@latest", "--jobs", "2")
    assert set(kept) < set(again["runs"].values())
    assert [(one["params"], one["value"]) for one in again["trials"]] == [
        (one["params"], one["value"]) for one in whole["trials"]
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["tune"], 2, "tune needs a model or --resume TUNING"),
        (["tune", "als", "--resume", "@latest"], 2, "not both"),
        (["tune", "--resume", "@latest", "--seed", "3"], 2, "No option other than --trials, --jobs, --timeout"),
        (["tune", "--resume", "@latest", "--event", "play"], 2, "No option other than"),
        (["tune", "--resume", "zzz"], 3, "there is no tuning 'zzz'"),
        (["tune", "als", "--space", "factors"], 2, "--space is 'factors'"),
        (["tune", "als", "--space", "factors=9..3"], 2, "the space of factors is '9..3'"),
        (["tune", "als", "--space", "factor=9"], 2, "did you mean 'factors'"),
        (["tune", "als", "--no-pruning", "--rung-users", "9"], 2, "--rung-users and --no-pruning"),
        (["tune", "als", "--event", "play", "--holdout", "900d"], 2, "empty"),
        (["train", "--refit", "@latest", "--params-of", "@latest"], 2, "one of them only"),
        (["train", "--params-of", "@latest", "--set", "factors=3"], 2, "--params-of repeats the recipe of a run"),
        (["train", "auto", "--set", "factors=3", "--event", "play"], 2, "params were given with 'auto'"),
    ],
)
def test_wrong_turns_of_a_search(
    words: list[str], code: int, message: str, runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_train_auto_says_why(runs: dict[str, str], cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "auto", "--event", "play", "--holdout", "10d"]) == 0
    out, err = capsys.readouterr()
    run = rs.Store("shop").run(out.strip())
    assert (
        f"{run.result['auto']['tuning']['best']['model']} did best, each as it comes: ndcg@10 on what happened from"
        in err
    )
    assert "the data: 278 users, 76 items" in err
    assert cli.json("runs", "repeat", run.run_id)["recipe"]["model"] == run.recipe["model"]
