"""What a run predicted of an experiment, and what came of it, in the store's ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys import workflows
from recsys.core.errors import ArgumentError
from recsys.experiment import Experiment, Mean, Ratio
from recsys.store import Run, Store
from recsys.store.experiments import register
from recsys.workflows.foretelling import _per, predictions_of, predictions_of_all
from tests.unit.workflows.conftest import Shop

NOW = datetime(2026, 6, 1)
ROW = {"model": "als", "baseline": "popularity", "metric": "ndcg@10", "relative": 0.2, "relative_ci_low": 0.1,
       "relative_ci_high": 0.3}  # fmt: skip


def compared(*rows: dict[str, Any]) -> Run:
    return Run("r1", "compare", NOW, {}, result={"alpha": 0.05, "differences": [ROW | row for row in rows]})


def test_models_are_the_arms_of_their_names() -> None:
    said = predictions_of(compared({}, {"model": "bpr"}, {"model": "ease"}), "ab", ["popularity", "bpr", "als"])
    assert [(one.candidate, one.baseline, one.experiment) for one in said] == [
        ("als", "popularity", "ab"),
        ("bpr", "popularity", "ab"),
    ]
    assert (said[0].estimate, said[0].ci_low, said[0].ci_high, said[0].confidence) == (0.2, 0.1, 0.3, 0.95)
    assert str(said[0].estimand) == "ndcg@10 per user, relative"


def test_one_pair_and_two_arms_need_no_names() -> None:
    (said,) = predictions_of(compared({}), "ab", ["control", "treatment"])
    assert said.pair == ("treatment", "control")


def test_a_relative_difference_without_bounds_has_none() -> None:
    (said,) = predictions_of(compared({"relative_ci_low": None, "relative_ci_high": None}), "ab", ["a", "b"])
    assert np.isnan(said.standard_error)
    with pytest.raises(ArgumentError, match="says something of nothing"):
        predictions_of(compared({"relative": None}), "ab", ["a", "b"])


def test_a_replay_predicts_absolute_differences() -> None:
    row = {"policy": "als", "baseline": "logged", "reward": "click", "estimator": "snips", "estimand": "request",
           "estimate": 0.01, "ci_low": 0.0, "ci_high": 0.02, "confidence": 0.9}  # fmt: skip
    run = Run("r2", "replay", NOW, {}, result={"differences": [row, row | {"estimator": "ips", "estimate": None}]})
    (said,) = predictions_of(run, "ab", ["control", "als"])
    assert (said.source, str(said.estimand), said.confidence) == ("snips", "click per request, absolute", 0.9)


@pytest.mark.parametrize(
    ("run", "arms", "match"),
    [
        (compared({}), ["als", "popularity"], "the control comes first"),
        (compared({}, {"model": "bpr"}), ["control", "treatment"], "by the names of the models"),
        (replace(compared({}), kind="evaluate"), ["popularity", "als"], "of kind 'evaluate'"),
    ],
)
def test_a_run_that_says_nothing_of_the_arms(run: Run, arms: list[str], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        predictions_of(run, "ab", arms)


def evaluated(model: str, ndcg: float, **recipe: Any) -> Run:
    asked = {"runs": [model], "model": model, "cut": "2026-01-01"} | recipe
    return Run(f"e-{model}", "evaluate", NOW, asked, snapshot_id="s1", metrics={"ndcg@10": ndcg, "mrr": 0.0})


def test_evaluations_of_both_arms_predict_without_intervals() -> None:
    both = [evaluated("als", 0.3), evaluated("popularity", 0.2)]
    (said,) = predictions_of_all(both, "ab", ["popularity", "als"])  # whichever comes first; a metric of 0 says nothing
    assert (said.pair, said.source, said.scale) == (("als", "popularity"), "ndcg@10", "relative")
    assert said.estimate == pytest.approx(0.5, rel=1e-12)
    assert np.isnan(said.ci_low)
    (said,) = predictions_of_all(both, "ab", ["control", "treatment"])  # by their order: the control first
    assert said.estimate == pytest.approx(0.2 / 0.3 - 1, rel=1e-12)


def test_evaluations_that_cannot_be_held_against_each_other() -> None:
    with pytest.raises(ArgumentError, match="recsys compare CONTROL_RUN"):
        predictions_of_all([evaluated("als", 0.3)], "ab", ["popularity", "als"])
    with pytest.raises(ArgumentError, match="not of one test part"):
        predictions_of_all(
            [evaluated("popularity", 0.3), evaluated("als", 0.3, cut="2026-02-02")], "ab", ["popularity", "als"]
        )


@pytest.mark.parametrize(
    ("metric", "per"),
    [
        (Mean("spent", event="buy"), "user"),
        (Ratio("click", numerator="sum(click)", table="impressions"), "impression"),
        (
            Ratio("click", numerator="sum(click)", denominator="count_distinct(request_id)", table="impressions"),
            "request",
        ),
        (Ratio("click", numerator="count()", event="click", denominator_table="impressions"), "impression"),
        (Ratio("click", numerator="sum(value)", denominator="count()", event="click"), "count()"),
    ],
)
def test_a_ratio_is_per_what_its_denominator_counts(metric: Mean | Ratio, per: str) -> None:
    test = Experiment("ab", {"a": 0.5, "b": 0.5}, control="a", start=NOW, planned_units=10, metrics=[metric])
    effect, found = SimpleNamespace(metric=metric.name), SimpleNamespace(experiment=test)
    assert _per(effect, found) == per  # type: ignore[arg-type]


@pytest.fixture
def decided(shop: Shop) -> Store:
    """A shop in which those who got ``als`` spend more."""
    rng = np.random.default_rng(8)
    start, n = datetime(2025, 3, 1), 400
    users = [f"t{number}" for number in range(n)]
    arm = np.arange(n) % 2
    spent = pl.DataFrame({"user_id": users, "item_id": 100, "event": "buy", "value": rng.gamma(4.0, 10.0, n) + 15 * arm,
                          "ts": start + timedelta(hours=5)})  # fmt: skip
    later = spent.head(1).with_columns(user_id=pl.lit("other"), ts=pl.lit(start + timedelta(days=9)))
    shop.store.ingest("events", pl.concat([spent, later]))
    shown = {"experiment": "ab", "unit_id": users, "variant": np.where(arm == 1, "als", "popularity"), "ts": start}
    shop.store.ingest("exposures", pl.DataFrame(shown))
    metric = Mean("spent", event="buy", window="1d")
    test = Experiment("ab", {"popularity": 0.5, "als": 0.5}, control="popularity", start=start, planned_units=n,
                      metrics=[metric], assignment="elsewhere")  # fmt: skip
    with shop.store.write() as con:
        register(con, test, start - timedelta(days=1))
    shop.store.compare([shop.pop, shop.als], ["ndcg@5", "recall@5"])
    return shop.store


def test_a_decision_fills_the_ledger(decided: Store) -> None:
    early = decided.decide("ab", through="2025-03-01T06:00", predicted_by="@latest:compare").result
    assert early.action not in ("ship", "stop")
    assert (len(decided.ledger().predictions), len(decided.ledger().outcomes)) == (2, 0)
    run, found = workflows.decide(decided, "ab", through="2025-03-09")
    assert found.action == "ship", found
    book = decided.ledger()
    assert [(one.source, one.n, one.agreement.wins) for one in book.scores] == [("ndcg@5", 1, 1), ("recall@5", 1, 1)]
    assert {one.scale for one in book.outcomes} == {"absolute", "relative"}
    assert {other.scale for _, other in book.matched} == {"relative"}
    assert {one.run for one in book.outcomes} == {run.run_id}
    decided.decide("ab", through="2025-03-09", predicted_by="@latest:compare")
    assert len(decided.ledger().matched) == 2
    assert Store(decided.path).ledger().to_dict()["scores"][0]["slope_status"] == "unlike"
