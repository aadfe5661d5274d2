"""`train auto` is a training run like any other, and says why."""

from __future__ import annotations

import pytest

from recsys.core.errors import ArgumentError
from recsys.models import model_names

from .conftest import METRICS, Shop


def test_the_run_names_the_model_and_the_reasons(shop: Shop) -> None:
    run, model = shop.store.train("auto", event="play", holdout="8d", seed=4)
    assert run.kind == "train"
    assert run.recipe["model"] == model.name == run.result["auto"]["model"]
    assert run.recipe["params"] == model.params == run.result["auto"]["params"]
    assert run.recipe["model"] in model_names()
    told = " ".join(run.result["auto"]["reasons"])
    assert f"{model.name} did best, each as it comes: ndcg@10 on what happened from 2025-01-" in told
    trials = run.result["auto"]["tuning"]["trials"]
    assert {trial["model"] for trial in trials} >= {"popularity", "itemknn", "als"}
    assert shop.store.evaluate(run.run_id, METRICS).result["ndcg@5"] > 0


def test_it_can_be_repeated_and_refitted(shop: Shop) -> None:
    run, _ = shop.store.train("auto", event="play", holdout="8d")
    assert shop.store.repeat(run.run_id).run.artifact == run.artifact
    final = shop.store.refit(run.run_id).run
    assert (final.recipe["model"], final.recipe["params"]) == (run.recipe["model"], run.recipe["params"])
    assert final.recipe["holdout"] is None


def test_without_a_holdout_a_fifth_is_looked_at(shop: Shop) -> None:
    run, model = shop.store.train("auto", event="play")
    assert run.metrics["train_events"] == 1500
    assert model.item_events_.sum() == 1500
    assert "events)" in run.result["auto"]["tuning"]["validation"]


def test_a_split_not_in_time_is_used_for_the_validation_too(shop: Shop) -> None:
    run, _ = shop.store.train("auto", event="play", split="random", holdout=0.2)
    assert run.result["auto"]["tuning"]["validation"].startswith("random pairs")
    assert any("past predicts the future" in warning for warning in run.warnings)


def test_auto_takes_no_parameters(shop: Shop) -> None:
    with pytest.raises(ArgumentError, match="params were given with 'auto'"):
        shop.store.train("auto", params={"factors": 3}, event="play")
