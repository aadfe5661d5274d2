"""`evaluate`, `compare`, `backtest`: the right test part, refusal of seen data, what is recorded."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from recsys import evaluation
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.dataset import Label, random_split, temporal_split
from recsys.models import ItemKNN
from recsys.scoring import Eligibility
from recsys.store import DataRecipe, Store

from .conftest import METRICS, Shop, taste_log


def test_an_evaluation_is_that_of_the_library(shop: Shop) -> None:
    run, found = shop.store.evaluate(shop.als, METRICS)
    test = temporal_split(shop.store.dataset(), "10d").test
    direct = evaluation.evaluate(shop.store.load_model(shop.als), test, METRICS)
    assert [found[name] for name in METRICS] == [direct[name] for name in METRICS]
    assert dict(shop.store.run(run.run_id).metrics) == {name: direct[name] for name in METRICS}


def test_what_is_recorded(shop: Shop) -> None:
    run, found = shop.store.evaluate(shop.als, METRICS, by=["country"])
    kept = shop.store.run(run.run_id)
    assert kept.kind == "evaluate"
    assert kept.parents == (shop.als,)
    assert kept.snapshot_id == shop.store.run(shop.als).snapshot_id
    assert kept.recipe["metrics"] == list(METRICS)
    assert kept.recipe["by"] == ["country"]
    assert {row["level"] for row in kept.result["segments"] if row["by"] == "country"} == {"SE", "DE", "FR"}
    per_user = shop.store.user_metrics(run.run_id).filter(pl.col("metric") == "ndcg@5")
    mine = found.per_user.select("user_id", "ndcg@5").drop_nulls().sort("user_id")
    assert per_user.select("user_id", "value").rows() == mine.rows()


def test_attributes_may_arrive_after_the_training(shop: Shop) -> None:
    ids = shop.store.dataset().users.ids
    shop.store.ingest("users", pl.DataFrame({"user_id": ids, "plan": ["free"] * len(ids)}))
    found = shop.store.evaluate(shop.als, METRICS, by=["plan"]).result
    assert found.segments.filter(pl.col("by") == "plan")["level"].unique().to_list() == ["free"]
    with pytest.raises(NotFoundError, match="no user attribute 'paln'.*did you mean 'plan'"):
        shop.store.evaluate(shop.als, METRICS, by=["paln"])


def test_later_rows_do_not_change_an_evaluation(shop: Shop) -> None:
    before = shop.store.evaluate(shop.als, METRICS).run.metrics
    shop.store.ingest("events", taste_log(seed=9))
    assert shop.store.evaluate(shop.als, METRICS).run.metrics == before


def test_a_model_trained_on_everything_is_refused(shop: Shop) -> None:
    runs = len(shop.store.runs())
    with pytest.raises(DataError, match=f"trained on everything, and nothing .* recsys evaluate {shop.als}"):
        shop.store.evaluate(shop.served)
    with pytest.raises(DataError, match="whatever seen_data says"):
        shop.store.evaluate(shop.served, seen_data="allow")
    with pytest.raises(DataError, match="test events are not later than"):
        shop.store.compare([shop.als, shop.served])
    assert len(shop.store.runs()) == runs


def test_a_model_trained_on_everything_is_measured_on_what_came_after(shop: Shop) -> None:
    later = taste_log(events=300, seed=4).with_columns(pl.col("ts") + pl.duration(days=40))
    shop.store.ingest("events", later)
    run, found = shop.store.evaluate(shop.served, METRICS)
    assert run.snapshot_id is None
    assert found.counts.test_users > 0
    assert datetime.fromisoformat(run.recipe["cut"]) == shop.store.run(shop.served).trained_through


def test_models_of_different_recipes_have_no_fair_test_part_in_what_came_after(shop: Shop) -> None:
    counted = shop.store.train("popularity", event="play", label=Label(aggregate="count")).run
    shop.store.ingest("events", taste_log(events=300, seed=4).with_columns(pl.col("ts") + pl.duration(days=40)))
    with pytest.raises(DataError, match="different recipes"):
        shop.store.compare([shop.served, counted.run_id], METRICS)


def test_allowing_seen_data_marks_the_result(shop: Shop) -> None:
    run, found = shop.store.compare([shop.als, shop.served], METRICS, seen_data="allow", exclude_seen=False)
    assert any("NOT AN HONEST TEST" in warning for warning in shop.store.run(run.run_id).warnings)
    assert found.conclusion.startswith("NOT AN HONEST TEST")


def test_a_comparison_has_one_test_part(shop: Shop) -> None:
    run, found = shop.store.compare([shop.pop, shop.als], METRICS)
    assert found.baseline == "popularity"
    assert list(run.recipe["models"]) == ["popularity", "als"]
    assert found["als"]["ndcg@5"] == shop.store.evaluate(shop.als, METRICS).result["ndcg@5"]
    assert set(shop.store.user_metrics(run.run_id)["metric"].unique()) == {
        f"{model} {metric}" for model in ("als", "popularity") for metric in METRICS[:2]
    }
    gated = evaluation.gate(found, ["ndcg@5 rel_ci_low < -0.99"])
    assert len(gated) == 1


def test_models_of_one_name_are_told_apart(shop: Shop) -> None:
    other = shop.store.train("als", params={"factors": 2, "iterations": 2}, event="play", holdout="10d").run
    names = shop.store.compare([shop.als, other.run_id], METRICS).run.recipe["models"]
    assert names == {f"als-{run[-4:]}": run for run in (shop.als, other.run_id)}


@pytest.mark.parametrize("options", [{"holdout": "7d"}, {"holdout": "10d", "until": "2025-02-01"}])
def test_different_test_parts_are_refused(shop: Shop, options: dict[str, str]) -> None:
    other = shop.store.train("popularity", event="play", **options).run
    with pytest.raises(DataError, match="the runs have different test parts"):
        shop.store.compare([shop.als, other.run_id])


def test_wrong_runs_are_answered(shop: Shop) -> None:
    with pytest.raises(ArgumentError, match="Two different runs or more"):
        shop.store.compare([shop.als, shop.als])
    with pytest.raises(ArgumentError, match="Two different runs or more"):
        shop.store.compare([shop.als])
    evaluated = shop.store.evaluate(shop.als, METRICS).run
    with pytest.raises(ArgumentError, match="of kind 'evaluate'"):
        shop.store.evaluate(evaluated.run_id)
    with pytest.raises(NotFoundError, match="no run 'zzz'"):
        shop.store.evaluate("zzz")


def test_denied_items_are_not_listed(shop: Shop) -> None:
    rules = Eligibility().deny_group(list(range(100, 112)), by="country", values=["SE"])
    run, found = shop.store.evaluate(shop.als, METRICS, eligibility=rules)
    assert found.reach.ineligible > 0
    assert run.recipe["eligibility"] == "Eligibility(GroupDenial by country)"


def test_a_backtest_is_one_run(shop: Shop) -> None:
    models = {"pop": "popularity", "knn": ("itemknn", {"neighbors": 5}), "own": ItemKNN(neighbors=9)}
    run, found = shop.store.backtest(models, windows=2, test="5d", metrics=METRICS, event="play")
    kept = shop.store.run(run.run_id)
    assert kept.recipe["models"]["knn"]["params"]["neighbors"] == 5
    assert kept.metrics["own ndcg@5"] == pytest.approx(
        found.summary.filter(pl.col("model") == "own", pl.col("metric") == "ndcg@5")["mean"][0]
    )
    assert kept.snapshot_id == shop.store.run(shop.als).snapshot_id
    with pytest.raises(ArgumentError, match="snapshot"):
        shop.store.backtest(models, snapshot="june", event="play")


@pytest.fixture
def timeless(tmp_path: Path) -> Store:
    """A store whose events have no times."""
    store = Store(tmp_path / "timeless")
    store.ingest("events", taste_log().drop("ts"))
    return store


def test_a_log_without_times_is_tested_on_random_pairs(timeless: Store) -> None:
    als = timeless.train("als", params={"factors": 8}, split="random", holdout=0.25)
    pop = timeless.train("popularity", split="random", holdout="0.25")
    assert als.run.recipe["split"] == "random"
    assert (als.run.recipe["holdout"], als.run.recipe["cut"]) == ("0.25", None)
    assert als.run.metrics["test_events"] == pop.run.metrics["test_events"] > 0
    run, found = timeless.evaluate(als.run.run_id, METRICS)
    whole = timeless.load_snapshot(str(als.run.snapshot_id))
    again = evaluation.evaluate(als.result, random_split(whole, 0.25, seed=0).test, list(METRICS))
    assert found.to_dict()["metrics"] == again.to_dict()["metrics"]
    assert any("no times" in warning for warning in run.warnings)
    compared = timeless.compare([pop.run.run_id, als.run.run_id], METRICS)
    assert compared.run.recipe["cut"] is None
    assert timeless.repeat(run.run_id).run.metrics == run.metrics
    with pytest.raises(DataError, match="split='random', holdout='0.2'|--split random"):
        timeless.evaluate(timeless.train("popularity").run.run_id)
    other = timeless.train("popularity", split="random").run.run_id
    with pytest.raises(DataError, match=r"different test parts .* random 0\.25; .* random 0\.2"):
        timeless.compare([als.run.run_id, other])


def test_since_needs_times(timeless: Store) -> None:
    run = timeless.train("popularity").run
    with pytest.raises(ArgumentError, match="since is '2020-01-01' and the events have no times"):
        timeless.recommend(run.run_id, Path(timeless.path) / "recs.csv", since="2020-01-01")


def test_a_store_that_had_received_nothing_says_so(shop: Shop) -> None:
    with pytest.raises(ArgumentError, match="had received no events by 2001-01-01"):
        shop.store.train("popularity", recipe=DataRecipe(as_of="2001-01-01"))


@pytest.mark.parametrize("split", ["random", "leave-last-out"])
def test_a_split_that_is_not_in_time_is_marked(shop: Shop, split: str) -> None:
    trained = shop.store.train("itemknn", event="play", split=split).run
    run, _ = shop.store.evaluate(trained.run_id, METRICS)
    assert any(warning.startswith("not a split in time") for warning in run.warnings)
    assert trained.warnings
    assert shop.store.repeat(trained.run_id).run.artifact == trained.artifact
    assert shop.store.refit(trained.run_id).run.recipe["split"] is None


@pytest.mark.parametrize(
    ("split", "holdout", "message"),
    [
        ("temporal", None, "holdout is missing"),
        ("temporal", "0.2", "holdout is '0.2'"),
        ("random", "14d", "holdout is '14d' and split is 'random'.*A share"),
        ("random", 1.5, "holdout is 1.5"),
        ("leave-last-out", "half", "A number of items"),
        ("leave-last-out", 0.5, "holdout is 0.5"),
        ("users", "0.2", "split is 'users'"),
    ],
)
def test_a_split_is_checked_before_any_work(shop: Shop, split: str, holdout: str | float | None, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        shop.store.train("popularity", split=split, holdout=holdout)


def test_what_an_evaluation_and_a_comparison_showed_is_kept_with_the_run(shop: Shop) -> None:
    run, found = shop.store.evaluate(shop.als, METRICS)
    assert shop.store.run(run.run_id).view == found.view().to_dict()
    _, compared = shop.store.compare([shop.als, shop.pop], METRICS)
    assert shop.store.runs()["conclusion"][0] == compared.view().title


def test_the_baseline_of_a_comparison_is_the_first_run_or_the_one_named(shop: Shop) -> None:
    by_order = shop.store.compare([shop.pop, shop.als], METRICS).result
    for runs in ([shop.als, shop.pop], [shop.als]):
        named = shop.store.compare(runs, METRICS, baseline=shop.pop)
        assert named.result.to_dict() == by_order.to_dict()
        assert named.run.parents == (shop.pop, shop.als)
    with pytest.raises(NotFoundError, match="no run 'zzz'"):
        shop.store.compare([shop.als, shop.pop], baseline="zzz")


def test_a_run_stands_for_its_id(shop: Shop, tmp_path: Path) -> None:
    als, pop = shop.store.run(shop.als), shop.store.run(shop.pop)
    assert shop.store.run(als) == als
    assert shop.store.load_model(als).name == "als"
    assert shop.store.diff_runs(als, pop).equals(shop.store.diff_runs(shop.als, shop.pop))
    evaluated = shop.store.evaluate(als, METRICS).run
    assert evaluated.parents == (shop.als,)
    assert not shop.store.user_metrics(evaluated).is_empty()
    compared = shop.store.compare([pop, als], METRICS, baseline=als)
    assert compared.result.baseline == "als"
    shop.store.report(tmp_path / "two.json", runs=[evaluated, compared.run])
    assert shop.store.recommend(als, tmp_path / "lists.parquet", k=2).run.parents == (shop.als,)
    assert shop.store.interleave(als, pop, tmp_path / "mixed.parquet", k=2).run.parents == (shop.als, shop.pop)
    with pytest.raises(ArgumentError, match="of kind 'evaluate'"):
        shop.store.evaluate(evaluated)
