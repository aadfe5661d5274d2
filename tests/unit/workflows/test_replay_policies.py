"""Policies by their words and logs in files: `recsys replay uniform --log …`, with and without a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys import workflows
from recsys.cli import main
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.ope import LoggedFeedback
from recsys.scoring import Eligibility, EpsilonGreedy
from recsys.simulation import Simulation, simulate
from recsys.store import Store
from recsys.workflows.logged_files import policy_of_file, read_log

CHANCE = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])  # of three items, at each of two positions
EARNED = np.array([0.1, 0.3, 0.5])


def bandit(n: int, chance: np.ndarray, seed: int) -> pl.DataFrame:
    """Return a log in the columns of Open Bandit."""
    rng = np.random.default_rng(seed)
    position = rng.integers(2, size=n)
    items = (rng.random(n)[:, None] > np.cumsum(chance, axis=1)[position]).sum(axis=1).clip(max=2)
    return pl.DataFrame(
        {
            "": np.arange(n),
            "timestamp": [f"2019-11-24 {row // 3600:02}:{row // 60 % 60:02}:{row % 60:02}.5+00:00" for row in range(n)],
            "item_id": items,
            "position": position + 1,
            "click": (rng.random(n) < EARNED[items]).astype(np.int8),
            "propensity_score": chance[position, items],
            **{f"user_feature_{number}": ["a"] * n for number in range(4)},
            "user-item_affinity_0": [0.0] * n,
        }
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bandit")
    for name in ("random_men_men.csv", "random.csv"):  # a name of the layout; and columns that tell
        bandit(6000, np.full((2, 3), 1 / 3), 1).write_csv(folder / name)
    bandit(6000, CHANCE, 2).write_csv(folder / "thompson.csv")
    return folder


def test_both_directions_of_open_bandit_without_a_store(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for policy, log, truth in (
        ("uniform", "thompson.csv", EARNED.mean()),
        (str(files / "thompson.csv"), "random.csv", (CHANCE @ EARNED).mean()),
    ):
        assert main(["replay", policy, "--log", str(files / log), "--json", "--estimator", "snips,dr"]) == 0
        out, err = capsys.readouterr()
        told = json.loads(out)["data"]
        assert told["run_id"] is None
        assert "not recorded" in err
        for one in told["estimates"]:
            assert one["status"] == "estimable", one
            # 6,000 rows: four standard errors of a share of .3 are .025
            assert abs(one["value"] - truth) < 0.03


def test_open_bandit_tells_the_categories_of_its_items(files: Path, tmp_path: Path) -> None:
    items = {"": [0, 1, 2], "item_id": [0, 1, 2], "item_feature_0": [0.5, 0.1, 0.2]}
    texts = {f"item_feature_{number}": ["x", "y", "y"] for number in (1, 2, 3)}
    pl.DataFrame(items | texts).write_csv(tmp_path / "random_men_item_context.csv")
    log, asked = files / "random_men_men.csv", {"estimator": ("mips",), "reward": "click", "logger": "uniform"}
    categories = tmp_path / "random_men_item_context.csv"
    found = workflows.replay_file("uniform", log, categories=categories, category="item_feature_1", **asked)
    assert found["uniform"].value == pytest.approx(found.logged[0].value, rel=1e-12)  # all weights are 1
    with pytest.raises(NotFoundError, match="category='item_feature_3'"):
        workflows.replay_file("uniform", log, categories=categories, **asked)


def test_with_a_store_the_replay_of_a_file_is_a_run(files: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    run, found = store.replay("uniform", log=files / "thompson.csv")
    assert (run.recipe["log"], run.recipe["policies"], run.parents) == (str(files / "thompson.csv"), ["uniform"], ())
    assert store.run(run.run_id).result["conclusion"] == found.conclusion
    assert found.log.impressions == 6000


def test_files_are_found_from_another_folder(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, here = Store(tmp_path / "shop"), tmp_path / "here"
    here.mkdir()
    (here / "random.csv").symlink_to(files / "random.csv")
    (here / "liked.csv").symlink_to(files / "thompson.csv")  # is called liked, here and there
    pl.DataFrame({"item_id": [0, 1, 2], "category": ["x", "y", "y"]}).write_csv(here / "categories.csv")
    pl.DataFrame({"item_id": [0, 1, 2], "probability": [1 / 3] * 3}).write_csv(here / "even.csv")
    asked: dict[str, Any] = {"estimator": ["snips", "mips"], "reward": "click", "logger": "even.csv"}
    monkeypatch.chdir(here)
    old = store.replay(["uniform", "liked.csv"], log="random.csv", categories="categories.csv", **asked).run
    assert old.metrics["liked click mips"] is not None
    kept = [old.recipe[name] for name in ("log", "categories", "logger")]
    assert [*kept, *old.recipe["words"][1:]] == [
        str(here / name) for name in ("random.csv", "categories.csv", "even.csv", "liked.csv")
    ]
    monkeypatch.chdir(tmp_path)
    again = store.repeat(old.run_id).run
    assert (again.metrics, again.recipe) == (old.metrics, old.recipe)


def test_a_period_of_a_file(files: Path) -> None:
    found = workflows.replay_file("uniform", files / "thompson.csv", since="2019-11-24 00:50")
    assert found.log.impressions == 3000
    with pytest.raises(DataError, match="they are from 2019-11-24 00:00 to 2019-11-24 01:39"):
        workflows.replay_file("uniform", files / "thompson.csv", since="2020-01-01")


def test_a_log_is_the_policy_that_shows_as_often(files: Path) -> None:
    log = LoggedFeedback.from_frame(read_log(files / "random.csv"))
    policy, note = policy_of_file(files / "thompson.csv", log)
    frame = policy.frame  # type: ignore[attr-defined]
    sums = frame.group_by("position").agg(pl.col("probability").sum())["probability"].to_list()
    assert sums == pytest.approx([1.0, 1.0], abs=1e-12)
    first = frame.filter(position=1).sort("item_id")["probability"].to_numpy()
    np.testing.assert_allclose(first, CHANCE[0], atol=0.04)  # 3,000 rows: four standard errors of a share of .5
    assert "6,000 rows of its log" in note


def test_items_that_the_log_calls_otherwise(files: Path) -> None:
    with pytest.raises(DataError, match="'men-0'"):  # the layout puts the campaign before the number
        workflows.replay_file(str(files / "thompson.csv"), files / "random_men_men.csv")


def test_files_of_probabilities_and_of_popularity(files: Path, tmp_path: Path) -> None:
    pl.DataFrame({"item_id": [1, 2], "probability": [0.25, 0.75]}).write_csv(tmp_path / "new.csv")
    pl.DataFrame({"item_id": [0, 1, 2], "popularity": [5, 3, 9]}).write_parquet(tmp_path / "best.parquet")
    asked = [str(tmp_path / "new.csv"), str(tmp_path / "best.parquet")]
    found = workflows.replay_file(asked, files / "thompson.csv", compare=True)
    assert found.policies == ("new", "best")
    assert found.differences[0].baseline == "new"
    assert abs(found["new"].value - (0.25 * 0.3 + 0.75 * 0.5)) < 0.05


@pytest.mark.parametrize(
    ("policy", "error", "match"),
    [
        ("unifrom", NotFoundError, "uniform"),
        ("popularity", ArgumentError, "needs a store"),
        ("missing.csv", NotFoundError, "does not exist"),
        ("3f2a", NotFoundError, "without a store"),
    ],
)
def test_what_is_no_policy_without_a_store(files: Path, policy: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        workflows.replay_file(policy, files / "thompson.csv")


def test_policies_that_share_a_name(files: Path) -> None:
    with pytest.raises(ArgumentError, match="ifferent policies"):
        workflows.replay_file(["uniform", "uniform"], files / "thompson.csv")


def test_a_choice_among_rewards_is_demanded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = bandit(200, CHANCE, 3).with_columns(pl.lit(9.5).alias("price"))
    log.write_csv(tmp_path / "log.csv")
    with pytest.raises(ArgumentError, match="click, price"):
        workflows.replay_file("uniform", tmp_path / "log.csv")
    assert main(["replay", "uniform", "--log", str(tmp_path / "log.csv")]) == 2
    assert "--reward click" in capsys.readouterr().err
    assert workflows.replay_file("uniform", tmp_path / "log.csv", reward="click").logged[0].reward == "click"


@pytest.fixture(scope="module")
def world() -> Simulation:
    return simulate(users=300, items=30, days=25, seed=5)


@pytest.fixture(scope="module")
def shop(world: Simulation, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Eligibility]:
    folder = tmp_path_factory.mktemp("replay") / "shop"
    store = Store(folder)
    for table in ("events", "impressions", "users"):
        store.ingest(table, getattr(world, table)())
    store.train("popularity", event="play", until="2026-01-16")
    return folder, Eligibility().available(world.availability(), by="country")


def test_uniform_is_among_what_is_open_to_the_user(shop: tuple[Path, Eligibility], world: Simulation) -> None:
    folder, rights = shop
    _, found = Store(folder).replay("uniform", reward="click", eligibility=rights, estimator="ips")
    assert found.status == "estimable", found.warnings
    country = world.users().select("user_id", "country")
    rows = world.impressions().join(country, on="user_id").with_row_index("row")
    rights_of_row = rows.select("row", "ts", "country").join(world.availability(), on="country")
    begun = pl.col("from") <= pl.col("ts")
    rows = rows.join(rights_of_row.filter(begun).group_by("row").len("open"), on="row")
    truth = (rows["click"] / rows["open"] / rows["propensity_position"]).mean()
    assert found["uniform"].value == pytest.approx(truth, rel=1e-9)  # the same sum in another order
    _, careless = Store(folder).replay("uniform", reward="click")
    (check,) = [one for one in careless.checks if one.name == "mean-weight"]
    assert "eligibility" in check.consequence


def test_popularity_is_counted_before_the_log(shop: tuple[Path, Eligibility]) -> None:
    folder, rights = shop
    store = Store(folder)
    asked = {"reward": "click", "eligibility": rights}
    with pytest.raises(DataError, match="no events before"):
        store.replay("popularity", event="play", **asked)  # type: ignore[arg-type]
    _, found = store.replay("popularity", event="play", since="2026-01-16", **asked)  # type: ignore[arg-type]
    _, trained = store.replay(["@latest", "popularity"], since="2026-01-16", **asked)  # type: ignore[arg-type]
    values = [one.value for one in trained.estimates]
    assert values[0] == values[1] == found.estimates[0].value  # the same events, the same lists


def test_hints_lead_out_of_the_circle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = simulate(users=60, items=12, days=10, seed=5)
    folder = tmp_path / "shop"
    store = Store(folder)
    store.ingest("events", world.events())
    words = ["--store", str(folder), "--reward", "click"]
    run, _ = store.train("popularity", event="play")
    assert main(["replay", "@latest", *words]) == 5
    assert "--log FILE" in capsys.readouterr().err
    store.ingest("impressions", world.impressions())
    assert main(["replay", run.run_id, *words]) == 5
    err = capsys.readouterr().err
    cut = err.rsplit("--until ", 1)[1][:10]
    store.train("popularity", event="play", until=cut)  # what the hint says
    assert main(["replay", "@latest", *words]) == 0


def test_the_name_of_a_model_is_no_run(shop: tuple[Path, Eligibility]) -> None:
    with pytest.raises(NotFoundError, match="recsys train als --until"):
        Store(shop[0]).replay("als", reward="click")


def test_a_period_without_impressions_is_no_matter_of_training(shop: tuple[Path, Eligibility]) -> None:
    with pytest.raises(DataError, match="A time in between") as told:
        Store(shop[0]).replay("uniform", reward="click", since="2027-01-01")
    assert "train" not in told.value.hint


def small_log() -> pl.DataFrame:
    rng = np.random.default_rng(4)
    items = rng.integers(2, size=2000)
    return pl.DataFrame(
        {
            "ts": [f"2026-01-{1 + row // 100:02}T10:00:00" for row in range(2000)],
            "item_id": np.array(["a", "b"])[items],
            "propensity_position": np.full(2000, 0.5),
            "click": (rng.random(2000) < 0.2 + 0.3 * items).astype(np.int8),
        }
    )


def test_json_lines_have_times_as_text(tmp_path: Path) -> None:
    small_log().write_ndjson(tmp_path / "log.jsonl")
    small_log().with_columns(pl.col("ts") + "+02:00").write_ndjson(tmp_path / "zoned.jsonl")
    found = workflows.replay_file("uniform", tmp_path / "log.jsonl", since="2026-01-11")
    assert found.logged[0].n == 1000
    times = read_log(tmp_path / "zoned.jsonl")["ts"]
    assert str(times[0]) == "2026-01-01 08:00:00"


def test_files_that_are_no_logs_say_what_they_are(tmp_path: Path) -> None:
    small_log().head(0).write_csv(tmp_path / "header.csv")
    with pytest.raises(DataError, match=r"header.csv has no rows"):
        read_log(tmp_path / "header.csv")
    small_log().with_columns(click=pl.lit("1,5")).write_csv(
        tmp_path / "semicolon.csv", separator=";", quote_style="never"
    )
    with pytest.raises(DataError, match="divided by ';': write them with ','"):
        read_log(tmp_path / "semicolon.csv")


def test_ways_of_serving_that_mean_nothing_to_a_policy_are_told(tmp_path: Path) -> None:
    small_log().write_csv(tmp_path / "log.csv")
    pl.DataFrame({"item_id": ["a", "b"], "probability": [0.1, 0.9]}).write_csv(tmp_path / "mostly_b.csv")
    policies = ["uniform", str(tmp_path / "mostly_b.csv")]
    plain = workflows.replay_file(policies, tmp_path / "log.csv")
    asked = workflows.replay_file(
        policies, tmp_path / "log.csv", explore=EpsilonGreedy(0.1), eligibility=Eligibility().deny(["b"])
    )
    assert not [note for note in plain.notes if "does not change" in note]
    assert [note for note in asked.notes if "not change it" in note] == [
        "uniform shows all items alike: exploration does not change it",
        "mostly_b shows items as its file says: exploration and eligibility do not change it",
    ]
    with pytest.raises(ArgumentError, match="k is 0"):
        workflows.replay_file(policies, tmp_path / "log.csv", k=0)
