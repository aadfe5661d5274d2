"""`recsys replay-learning`: on the store, on a file without a store, recorded."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys import workflows
from recsys.cli import main
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.progress import Progress
from recsys.ope import Limits
from recsys.simulation import simulate
from recsys.store import Run, Store
from recsys.store.runs import add_run
from recsys.workflows.learning import LEARNERS, learners_from
from tests.unit.ope.learning.worlds import World

ON_CLICKS: dict[str, Any] = {"reward": "click", "position": 1, "replicates": 2, "floor": 1 / 40}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.parquet"
    World.of(1.0).logged(np.random.default_rng(5), 2000, even=True).write_parquet(path)
    return path


def test_a_log_in_a_file_needs_no_store(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["linucb", "thompson", "--log", str(log), "--context", "group", "--set", "alpha=0.5", "--replicates", "10"]
    assert main(["replay-learning", *words, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    direct = workflows.replay_learning_file(["linucb", "thompson"], log, context=["group"], params={"alpha": 0.5},
                                            replicates=10)  # fmt: skip
    assert data["run_id"] is None
    assert data["estimates"] == direct.to_dict()["estimates"]
    assert main(["replay-learning", "linucb", "--log", str(log), "--delay", "9h", "--fail-on", "flagged"]) == 6


def test_a_replay_on_the_store_is_a_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    store.ingest("impressions", simulate(users=300, items=20, days=12, seed=5).impressions())
    run, found = store.replay_learning("thompson", reward="click", position=1, replicates=5, floor=1 / 40)
    assert store.run(run.run_id).kind == "replay-learning"
    assert store.run(run.run_id).result["conclusion"] == found.conclusion
    assert run.recipe["policies"] == ["thompson"]
    assert run.view is not None


def test_it_comes_back_after_the_store_has_grown(log: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    rows = simulate(users=300, items=20, days=12, seed=5).impressions()
    early = pl.col("ts") < rows["ts"].quantile(0.6)
    store.ingest("impressions", rows.filter(early))
    loose = Limits(mean_weight=0.9, flag_mean_weight=0.8)
    old = [
        store.replay_learning(["thompson", "epsilon-greedy"], **ON_CLICKS, delay=timedelta(hours=2), limits=loose,
                              context=["candidate_set"], params={"epsilon": 0.3}).run,
        store.replay_learning("thompson", log=log, since="2026-01-01", replicates=2).run,
    ]  # fmt: skip
    store.ingest("impressions", rows.filter(~early))
    for one in old:
        again = store.repeat(one.run_id).run
        assert (again.kind, again.metrics, again.recipe) == (one.kind, one.metrics, one.recipe)
    assert store.replay_learning("thompson", **ON_CLICKS).run.metrics.items() - old[0].metrics.items()
    assert main(["runs", "repeat", old[1].run_id, "--store", str(store.path)]) == 0


def test_what_arrives_while_it_runs_is_no_part_of_it(tmp_path: Path) -> None:
    store, rows = Store(tmp_path / "shop"), simulate(users=150, items=15, days=8, seed=5).impressions()
    early = pl.col("ts") < rows["ts"].quantile(0.6)
    store.ingest("impressions", rows.filter(early))
    late = rows.filter(~early)

    def arrive(_: Progress) -> None:
        store.ingest("impressions", late)  # the same again adds nothing

    old = store.replay_learning("thompson", **ON_CLICKS, progress=arrive).run
    assert len(store.impressions()) == len(rows)
    again = store.repeat(old.run_id).run
    assert (again.metrics, again.recipe) == (old.metrics, old.recipe)
    assert store.replay_learning("thompson", **ON_CLICKS).run.metrics.items() - old.metrics.items()


def test_who_was_forgotten_is_missed_on_the_store_and_not_in_a_file(log: Path, tmp_path: Path) -> None:
    store, rows = Store(tmp_path / "shop"), simulate(users=100, items=12, days=6, seed=5).impressions()
    store.ingest("impressions", rows)
    on_store = store.replay_learning("thompson", **ON_CLICKS).run.run_id
    on_file = store.replay_learning("thompson", log=log, replicates=2).run.run_id
    assert store.forget(rows["user_id"][0]).runs == (on_store,)
    with pytest.raises(DataError, match="a person in its data was forgotten. Hint: replay again"):
        store.repeat(on_store)
    assert store.repeat(on_file).run.repeatable


def test_a_file_is_found_from_another_folder(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "shop")
    monkeypatch.chdir(log.parent)
    old = store.replay_learning("thompson", log=log.name, replicates=2).run
    monkeypatch.chdir(store.path)
    assert store.repeat(old.run_id).run.recipe == old.recipe


@pytest.mark.parametrize("told", [{"delay": "2:00:00"}, {"update_every": "1 day, 0:00:00"}, {"high_water": None},
                                  {"limits": "Limits()"}])  # fmt: skip
def test_what_an_earlier_version_kept_does_not_tell_all(tmp_path: Path, told: dict[str, object]) -> None:
    store = Store(tmp_path / "shop")
    recipe = {"policies": ["thompson"], "log": None, "since": None, "until": None, "versions": [], "reward": "click",
              "context": [], "params": {}, "high_water": 0} | told  # fmt: skip
    with store.write() as con:
        add_run(con, Run("old", "replay-learning", datetime(2026, 1, 1), recipe))
    with pytest.raises(ArgumentError, match="does not tell all that it was asked"):
        store.repeat("old")


def test_a_table_of_items_is_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,year\n1,A,1990\n2,B,1991\n3,C,1992\n")
    for verb, policy in (("replay", "uniform"), ("replay-learning", "thompson")):
        assert main([verb, policy, "--log", str(path)]) == 5
        assert "one row for each of 3 items" in capsys.readouterr().err


def test_names_keep_their_letters_at_the_start_of_a_sentence() -> None:
    with pytest.raises(ArgumentError, match="One of alpha, scale, epsilon and ridge"):
        learners_from("thompson", params={"beta": 1.0})
    with pytest.raises(ArgumentError, match="One of linucb, linear-thompson"):
        learners_from("thompson", ["age"])


def test_words_that_mean_nothing_are_refused(log: Path) -> None:
    assert set(learners_from(LEARNERS, ["a"])) == set(LEARNERS)
    assert learners_from("popularity", params={"epsilon": 0.3})["popularity"].epsilon == 0.3
    with pytest.raises(NotFoundError, match="did you mean 'linucb'"):
        learners_from("linucp")
    with pytest.raises(ArgumentError, match="no policy here has the parameter alpha"):
        learners_from("thompson", params={"alpha": 1.0})
    with pytest.raises(ArgumentError, match="looks at none"):
        learners_from("thompson", ["age"])
