"""A registered experiment analysed on the data of a store, every look recorded."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys import workflows
from recsys.core.errors import NotFoundError
from recsys.experiment import Count, Experiment, Mean, Proportion
from recsys.store import Store
from recsys.store.experiments import register

START = datetime(2026, 6, 1)
N = 600
TEST = Experiment(
    "als-vs-pop",
    {"pop": 0.5, "als": 0.5},
    control="pop",
    start=START,
    planned_units=400,
    metrics=[
        Mean("minutes", event="play", window="3d", pre_period="7d"),
        Proportion("rated", event="rating", window="3d", role="guardrail", margin=0.5),
        Count("plays", event="play", window="3d", role="diagnostic"),
    ],
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """600 users; those of ``als`` play longer. Users of the last three days are exposed and not matured."""
    rng = np.random.default_rng(4)
    shop = Store(Path(tmp_path_factory.mktemp("shop")) / "shop")
    users = np.arange(1, N + 1)
    arm = rng.permutation(np.arange(N) % 2)
    first = [START + timedelta(hours=int(hour)) for hour in np.sort(rng.integers(0, 14 * 24, N))]
    habit = rng.gamma(4.0, 10.0, N)
    plays = pl.DataFrame(
        {
            "user_id": np.concatenate([users, users]),
            "item_id": rng.integers(1, 50, 2 * N),
            "event": "play",
            "value": np.concatenate([habit, habit * (1 + 0.3 * arm) + rng.gamma(2.0, 2.0, N)]),
            "ts": [at - timedelta(days=2) for at in first] + [at + timedelta(hours=5) for at in first],
        }
    )
    rated = pl.DataFrame({"user_id": users, "item_id": 1, "event": "rating", "value": 1.0,
                          "ts": [at + timedelta(hours=6) for at in first]})  # fmt: skip
    shop.ingest("events", pl.concat([plays, rated.filter(pl.Series(rng.random(N) < 0.6))], how="vertical_relaxed"))
    shown = {"experiment": "als-vs-pop", "unit_id": users, "variant": np.where(arm == 1, "als", "pop"), "ts": first}
    shop.ingest("exposures", pl.DataFrame(shown))
    with shop.write() as con:
        register(con, TEST, START - timedelta(days=1))
    return shop


def test_an_analysis_of_the_store_is_recorded(store: Store) -> None:
    run, found = workflows.analyze(store, "als-vs-pop", through="2026-06-15")
    assert found.decide().action == "ship"
    assert found["minutes"].n + found["minutes"].n_control < N
    assert found["minutes"].variance_reduction > 0.3
    kept = store.run(run.run_id)
    assert (kept.kind, kept.recipe["experiment"], kept.recipe["plan_hash"]) == (
        "analysis", "als-vs-pop", TEST.plan_hash,
    )  # fmt: skip
    assert kept.metrics["minutes als"] == pytest.approx(found["minutes"].difference)
    assert kept.result["decision"]["action"] == "ship"


def test_an_earlier_look_sees_what_was_known_then(store: Store) -> None:
    _, found = workflows.analyze(store, "als-vs-pop", through="2026-06-08")
    assert found.decide().action == "continue"
    assert math.isnan(found["minutes"].pvalue)
    _, asked = workflows.analyze(store, "als-vs-pop", through="2026-06-08", look="final")
    assert asked["minutes"].pvalue < 0.05
    assert asked.deviations


def test_looks_and_decisions_are_recorded_too(store: Store) -> None:
    run, monitors = workflows.monitor(store, "als-vs-pop", through="2026-06-15")
    assert [one.metric for one in monitors] == ["minutes", "rated"]
    assert len(monitors[0].looks) > 5
    assert run.recipe["asked_for"] == "monitor"
    run, decision = workflows.decide(store, "als-vs-pop", through="2026-06-15")
    assert (decision.action, run.recipe["asked_for"]) == ("ship", "decide")


def test_a_changed_plan_is_told(store: Store) -> None:
    with store.write() as con:
        register(con, replace(TEST, confidence=0.9), START, amend=True)
    try:
        _, found = workflows.analyze(store, "als-vs-pop", through="2026-06-15")
        assert any("confidence" in one for one in found.decide().deviations)
        json.dumps(found.to_dict())
    finally:
        with store.write() as con:
            register(con, TEST, START, amend=True)


def test_an_unknown_experiment_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no experiment 'als-vs-pup'"):
        workflows.analyze(store, "als-vs-pup")


def test_an_experiment_takes_the_store_itself(store: Store) -> None:
    _, recorded = workflows.analyze(store, "als-vs-pop", through="2026-06-15")
    found = TEST.analyze(store, through="2026-06-15")
    assert found["minutes"].difference == recorded["minutes"].difference
    assert TEST.decide(store, through="2026-06-15").action == "ship"
    assert [one.metric for one in TEST.monitor(store, through="2026-06-15")] == ["minutes", "rated"]
