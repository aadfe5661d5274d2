"""`replay` on a simulated service: through the store, through the command line, against the truth."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recsys.cli import main
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import Progress
from recsys.ope import Limits
from recsys.scoring import Eligibility, EpsilonGreedy
from recsys.simulation import Simulation, simulate
from recsys.store import Run, Store
from recsys.store.runs import add_run

CUT = "2026-01-16"


@pytest.fixture(scope="module")
def world() -> Simulation:
    return simulate(users=400, items=30, days=25, seed=5)


@pytest.fixture(scope="module")
def shop(world: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "shop"
    store = Store(folder)
    store.ingest("events", world.events())
    store.ingest("impressions", world.impressions())
    store.ingest("users", world.users())
    store.train("popularity", event="play", until=CUT)
    store.train("itemknn", event="play", until=CUT)
    return folder


@pytest.fixture
def store(shop: Path) -> Store:
    return Store(shop)


def rights(world: Simulation) -> Eligibility:
    return Eligibility().available(world.availability(), by="country")


def test_a_model_with_rights_is_estimable_and_without_them_the_gate_speaks(store: Store, world: Simulation) -> None:
    asked: dict[str, Any] = {"reward": "click", "explore": EpsilonGreedy(0.3, seed=1), "estimator": ["snips", "ips"]}
    run, found = store.replay("@latest", **asked, eligibility=rights(world))
    assert found.status == "estimable", found.warnings
    assert (run.kind, run.parents) == ("replay", (store.run("@latest:train").run_id,))
    assert run.metrics["itemknn click snips"] == found["itemknn", "snips"].value
    assert store.run(run.run_id).result["conclusion"] == found.conclusion
    _, without = store.replay("@latest", **asked)
    assert without.status != "estimable"
    assert any("mean-weight" in reason for reason in without["itemknn", "ips"].reasons)


def test_a_replay_comes_back_after_the_store_has_grown(world: Simulation, tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    early = pl.col("ts") < pl.lit("2026-01-20").str.to_datetime()
    store.ingest("events", world.events().filter(early))
    store.ingest("impressions", world.impressions().filter(early))
    model = store.train("itemknn", event="play", until=CUT).run.run_id
    asked: dict[str, Any] = {"reward": "click", "explore": EpsilonGreedy(0.3, seed=1), "estimator": ["snips", "ips"]}
    loose = Limits(mean_weight=0.9, flag_mean_weight=0.8)
    old = [store.replay([model, "uniform"], **asked, limits=loose).run, store.replay("@latest:train", **asked).run]
    store.ingest("events", world.events().filter(~early))
    store.ingest("impressions", world.impressions().filter(~early))
    for one in old:
        again = store.repeat(one.run_id).run
        assert (again.kind, again.metrics, again.recipe) == ("replay", one.metrics, one.recipe)
    assert store.replay([model, "uniform"], **asked, limits=loose).run.metrics != old[0].metrics
    assert main(["runs", "repeat", old[1].run_id, "--store", str(tmp_path / "shop")]) == 0


def test_what_arrives_while_it_runs_is_no_part_of_it(world: Simulation, tmp_path: Path) -> None:
    store, events, rows = Store(tmp_path / "shop"), world.events(), world.impressions()
    early = pl.col("ts") < pl.lit("2026-01-20").str.to_datetime()
    store.ingest("events", events.filter(early))
    store.ingest("impressions", rows.filter(early))
    store.train("popularity", event="play", until=CUT)

    def arrive(_: Progress) -> None:  # the same again adds nothing
        store.ingest("impressions", rows.filter(~early))
        store.ingest("events", events.filter(~early))

    asked: dict[str, Any] = {"reward": "click", "explore": EpsilonGreedy(0.3, seed=1)}
    old = store.replay(["@latest", "uniform"], **asked, progress=arrive).run
    assert len(store.impressions()) == len(rows)
    again = store.repeat(old.run_id).run
    assert (again.metrics, again.recipe) == (old.metrics, old.recipe)
    assert store.replay(["@latest", "uniform"], **asked).run.metrics != old.metrics


def test_who_was_forgotten_is_missed(tmp_path: Path) -> None:
    store, rows = Store(tmp_path / "shop"), simulate(users=60, items=10, days=5, seed=5).impressions()
    store.ingest("impressions", rows)
    old = store.replay("uniform", reward="click").run
    assert store.forget(rows["user_id"][0]).runs == (old.run_id,)
    with pytest.raises(DataError, match="a person in its data was forgotten. Hint: replay again"):
        store.repeat(old.run_id)


def test_what_an_earlier_version_kept_does_not_tell_all(store: Store) -> None:
    recipe = dict(store.replay("uniform", reward="click").run.recipe)
    for name, told in (("unmarked", {"high_water": None}), ("repr", {"limits": "Limits()"})):
        with store.write() as con:
            add_run(con, Run(name, "replay", datetime(2026, 1, 1), recipe | told))
        with pytest.raises(ArgumentError, match="does not tell all that it was asked"):
            store.repeat(name)


def test_only_what_is_later_than_the_training_is_replayed(store: Store) -> None:
    _, found = store.replay("@latest", reward="click")
    through = store.run("@latest:train").trained_through
    later = store.impressions(since=through)
    assert found.log.impressions == len(later.filter(pl.col("ts") > through))
    with pytest.raises(DataError, match="learned from events up to"):
        store.replay("@latest", since="2026-01-10", reward="click")
    with pytest.raises(DataError, match="no impressions"):
        store.replay("@latest", since="2027-01-10", reward="click")


def test_models_against_each_other(store: Store) -> None:
    first, second = store.runs(kind="train")["run_id"].to_list()
    run, found = store.replay([first, second], compare=True, reward=["click", "minutes"], correction="holm")
    assert [(one.policy, one.baseline, one.reward) for one in found.differences] == [
        ("popularity", "itemknn", "click"),
        ("popularity", "itemknn", "minutes"),
    ]
    assert run.recipe["models"] == {"itemknn": first, "popularity": second}
    with pytest.raises(ArgumentError, match="one policy"):
        store.replay(first, compare=True)
    with pytest.raises(ArgumentError, match="ifferent policies"):
        store.replay([first, first])


def test_the_command_line(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["replay", "@latest", "--reward", "click", "--explore", "epsilon=0.3", "--store", str(shop)]
    assert main(words) == 0
    out, _ = capsys.readouterr()
    assert "itemknn would have earned" in out
    assert main([*words, "--json", "--fail-on", "flagged,not-estimable"]) == 6
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["schema"] == "recsys/replay/1"
    assert told["data"]["failed"]
    assert "itemknn click (snips) is" in err
    assert main([*words, "--fail-on", "flaged"]) == 2
    assert main([*words, "--reward-range", "1"]) == 2
    assert main([*words, "--estimator", "snip"]) == 2
