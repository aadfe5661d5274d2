"""A tuning on a store: every trial a run, resumable, blind to what is held out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recsys import workflows
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.store import Store
from recsys.workflows import tuning

from .conftest import START, Shop, taste_log

SEARCH: dict[str, Any] = {
    "space": {"als.factors": [2, 4], "als.iterations": [2, 3], "neighbors": "2..20"},
    "metric": "ndcg@5",
    "seed": 3,
    "event": "play",
    "holdout": "8d",
}


def numbers(store: Store, tuning_id: str) -> list[dict[str, Any]]:
    """Everything of a tuning's trials but ids and times."""
    with store.read() as con:
        runs = workflows.tuning.find_trials(con, tuning_id)
    found = sorted((run.result for run in runs), key=lambda trial: trial["number"])
    return [{**trial, "seconds": None} for trial in found]


def test_every_trial_is_a_run(shop: Shop) -> None:
    store = shop.store
    before = len(store.runs())
    run, found = store.tune(["als", "itemknn"], trials=8, **SEARCH)
    assert len(store.runs()) == before + 1  # the trials are listed on demand only
    trials = store.runs(kind="trial")
    assert sorted(trials["run_id"].to_list()) == sorted(run.parents) == sorted(run.result["runs"].values())
    assert set(trials["snapshot_id"]) == {run.snapshot_id}
    for trial in found.trials:
        kept = store.run(run.result["runs"][str(trial.number)])
        assert (kept.kind, kept.status, kept.wall_s) == ("trial", trial.status, trial.seconds)
        assert kept.recipe["params"] == trial.params
        assert kept.recipe["model"] == trial.model
        assert kept.metrics == {"ndcg@5": trial.value}
        assert kept.recipe["tuning"] == run.recipe["tuning"] == run.run_id
    assert run.metrics == {"ndcg@5": found.best.value}
    assert run.result["best_run"] == run.result["runs"][str(found.best.number)]
    assert store.run("@latest").run_id == run.run_id


def test_the_best_settings_are_trained_and_tested(shop: Shop) -> None:
    store = shop.store
    run, found = store.tune("als", trials=3, **{**SEARCH, "space": {"factors": [2, 4, 8]}})
    best = run.result["best_run"]
    candidate = store.retrain(best)
    assert candidate.run.recipe["params"] == found.best_params
    assert candidate.run.recipe["cut"] == run.recipe["cut"]
    assert candidate.run.parents == (best,)
    assert store.evaluate(candidate.run.run_id, ["ndcg@5"]).result["ndcg@5"] > 0
    assert store.retrain(run.run_id).run.artifact == candidate.run.artifact
    final = store.refit(best).run
    assert (final.recipe["params"], final.recipe["holdout"]) == (found.best_params, None)
    assert final.metrics["train_events"] == 1500
    assert store.refit(run.run_id).run.artifact == final.artifact
    assert store.repeat(candidate.run.run_id).run.artifact == candidate.run.artifact
    assert store.refit("@latest").run.parents != (best,)  # @latest is a training run, as everywhere


def test_the_test_part_is_never_looked_at(tmp_path: Path) -> None:
    """A test part that cries out for one setting changes nothing: the trials are the same to the last bit."""
    log = taste_log()
    cut = START + timedelta(days=32)
    early, late = log.filter(pl.col("ts") < cut), log.filter(pl.col("ts") >= cut)
    # All of the last days go to the item that nobody used before then: popularity with a short memory would win.
    rare = early["item_id"].value_counts().sort("count", "item_id")["item_id"][0]
    planted = late.with_columns(item_id=pl.lit(rare, pl.Int64))
    anchor = late.tail(1)  # so that both logs end at the same instant
    found = []
    for name, last in (("honest", late), ("planted", pl.concat([planted.head(len(late) - 1), anchor]))):
        store = Store(tmp_path / name)
        store.ingest("events", pl.concat([early, last]))
        run, _ = store.tune(["popularity", "als"], trials=8, **{**SEARCH, "space": {"factors": 4, "iterations": 2}})
        assert run.recipe["cut"] is not None
        found.append(numbers(store, run.run_id))
    assert found[0] == found[1]
    # The same search with the test part inside its data does see the plant.
    store = Store(tmp_path / "planted")
    leaky, _ = store.tune(
        ["popularity", "als"],
        trials=8,
        **{**SEARCH, "space": {"factors": 4, "iterations": 2}, "holdout": None, "validation": "8d"},
    )
    assert numbers(store, leaky.run_id) != found[1]


@pytest.mark.parametrize("after", [1, 5, 8])
def test_what_was_killed_goes_on_as_if_it_had_not_been(shop: Shop, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = shop.store
    whole = store.tune(["als", "itemknn"], trials=9, **SEARCH).run
    real, kept = tuning._keep, []

    def keep(*args: Any) -> str:
        if len(kept) == after:
            raise KeyboardInterrupt
        kept.append(real(*args))
        return kept[-1]

    monkeypatch.setattr(tuning, "_keep", keep)
    with pytest.raises(KeyboardInterrupt):
        store.tune(["als", "itemknn"], trials=9, jobs=2, **SEARCH)
    monkeypatch.setattr(tuning, "_keep", real)
    interrupted = store.run(kept[0]).recipe["tuning"]
    with pytest.raises(NotFoundError):
        store.run(interrupted)  # nothing half-written
    run, _ = store.resume("@latest", jobs=2)
    assert run.recipe["tuning"] == interrupted
    assert numbers(store, interrupted) == numbers(store, whole.run_id)
    assert set(kept) < set(run.result["runs"].values())
    one, other = (json.dumps({**made.recipe, "tuning": ""}, sort_keys=True) for made in (run, whole))
    assert one == other


def test_a_search_can_be_made_longer(shop: Shop) -> None:
    store = shop.store
    first = store.tune("itemknn", trials=6, **{**SEARCH, "space": {}}).run
    longer, found = store.resume(first.run_id[:9], trials=12)
    assert set(first.parents) < set(longer.parents)
    assert len(found.trials) == 12
    assert numbers(store, first.run_id) == numbers(store, longer.run_id)
    again = store.resume(longer.run_id)
    assert again.run.parents == longer.parents


def test_nothing_to_go_on_with(shop: Shop) -> None:
    with pytest.raises(NotFoundError, match="no tune or trial run yet"):
        shop.store.resume("@latest")
    with pytest.raises(NotFoundError, match="there is no tuning 'zzz'"):
        shop.store.resume("zzz")
    for ref in (shop.als, shop.als[:9], "@latest:train"):
        with pytest.raises(
            ArgumentError, match=r"is of kind 'train'.*Hint: (recsys runs list --kind |use @latest:)tune"
        ):
            shop.store.resume(ref)


def test_a_broken_trial_is_a_run_that_failed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys.models import ItemKNN

    real = ItemKNN._fit

    def fit(self: ItemKNN, *args: Any, **options: Any) -> None:
        if self.weighting == "bm25":
            raise MemoryError
        real(self, *args, **options)

    monkeypatch.setattr(ItemKNN, "_fit", fit)
    space = {"weighting": "cosine,tfidf,bm25", "neighbors": 20, "shrink": 1}
    run, found = shop.store.tune("itemknn", trials=9, **{**SEARCH, "space": space})
    failed = [one for one in run.parents if shop.store.run(one).status == "failed"]
    assert [shop.store.run(one).recipe["params"]["weighting"] for one in failed] == ["bm25"]
    assert shop.store.run(failed[0]).metrics == {"ndcg@5": None}
    assert found.best_params["weighting"] != "bm25"
    json.dumps(run.to_dict(), allow_nan=False)


def test_parts_are_chosen_as_asked(shop: Shop) -> None:
    store = shop.store
    found = store.tune("popularity", trials=1, event="play", holdout=0.1, split="random", validation=0.3)
    assert found.result.validation.startswith("random pairs")
    assert found.run.recipe["search"]["validation"] == {"holdout": "0.3", "split": "random", "cut": None}
    assert any("past predicts the future" in warning for warning in found.run.warnings)
    everything = store.tune("popularity", trials=1, event="play")
    assert (everything.run.recipe["holdout"], everything.run.recipe["search"]["validation"]) == (None, None)


def test_a_forgotten_person_ends_the_search(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tuning._keep

    def keep(*args: Any) -> str:
        kept = real(*args)
        if args[1].number == 0:
            shop.store.forget("u003")
        return kept

    monkeypatch.setattr(tuning, "_keep", keep)
    with pytest.raises(DataError, match="a person was forgotten while the job ran"):
        shop.store.tune("itemknn", trials=4, **{**SEARCH, "space": {}})
    assert len(shop.store.runs(kind="trial")) == 1
    with pytest.raises(DataError, match="cannot go on: a person in its data was forgotten"):
        shop.store.resume("@latest")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snapshot": "june"}, "were both given"),
        ({"space": {"factor": 3}}, "did you mean 'factors'"),
        ({"holdout": "soon"}, "holdout is 'soon'"),
        ({"holdout": "8d", "validation": "soon"}, "'soon'"),
        ({"sampler": "grid"}, "sampler is 'grid'"),
        ({"metric": "ndgc@5"}, "ndcg"),
    ],
)
def test_mistakes_leave_nothing_behind(shop: Shop, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        shop.store.tune("als", event="play", **options)
    assert message in str(caught.value)
    assert len(shop.store.runs(kind="trial")) == 0
