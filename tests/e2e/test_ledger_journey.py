"""From logs to the ledger by the command line: replays of two lists, A/B tests of the same lists, and who was right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.cli import main
from recsys.experiment import Experiment, Ratio
from recsys.simulation import Simulation, simulate
from recsys.store import Store

PAIRS, USERS, CUT = 5, 1500, "2026-01-15"
START = pl.lit("2026-01-01").str.to_datetime()


def open_lists(service: Simulation, lists: pl.DataFrame) -> pl.DataFrame:
    """Return lists of six that the user's country could show from the first day on: of others the log says nothing."""
    old = service.availability().filter(pl.col("from") < START).select("item_id", "country")
    kept = lists.join(service.users().select("user_id", "country"), on="user_id")
    kept = kept.join(old, on=["item_id", "country"], how="semi").sort("user_id", "rank")
    ranked = kept.with_columns(rank=pl.int_range(pl.len()).over("user_id") + 1)
    return ranked.filter(pl.col("rank") <= 6).select("user_id", "item_id", "rank")


def ids(users: pl.Series) -> pl.Expr:
    return pl.col("user_id").is_in(users.implode())


def test_replays_predict_the_tests_of_the_same_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: object) -> dict[str, Any]:
        assert main([*map(str, words), "--store", str(tmp_path / "shop"), "--json", "-q"]) == 0
        data: dict[str, Any] = json.loads(capsys.readouterr().out)["data"]
        return data

    service = simulate(users=USERS, items=40, days=28, seed=3)
    store, rng, log = Store(tmp_path / "shop"), np.random.default_rng(0), service.impressions()
    store.ingest("users", service.users())
    best = open_lists(service, service.truth.ideal_policy(30))
    popular = open_lists(service, service.truth.popular_policy(30))
    group, slots = rng.integers(PAIRS, size=USERS), int(log["position"].max() or 0)  # type: ignore[arg-type]
    metric = Ratio("click", numerator="sum(click)", table="impressions", window="7d")
    for pair in range(PAIRS):
        mine = service.users()["user_id"].filter(pl.Series(group == pair))
        arms = {}
        for arm, share in (("control", 0.1), ("candidate", 0.9 - 0.2 * pair)):
            lucky = mine.filter(pl.Series(rng.random(len(mine)) < share))
            arms[arm] = pl.concat([best.filter(ids(lucky)), popular.filter(ids(mine) & ~ids(lucky))])
            shown = arms[arm].filter(pl.col("rank") <= slots)
            shown.select("user_id", "item_id", position="rank", probability=1.0).write_csv(tmp_path / f"{arm}.csv")
        earlier = log.filter(ids(mine) & (pl.col("ts") < pl.lit(CUT).str.to_datetime()))
        earlier.write_parquet(tmp_path / "log.parquet")
        files = [tmp_path / "control.csv", tmp_path / "candidate.csv", "--log", tmp_path / "log.parquet"]
        said = told("replay", *files, "--compare", "--reward", "click", "--estimator", "ips")
        test, name = service.ab_test(arms, since=CUT, name=f"pair{pair}", seed=pair), f"pair{pair}"
        store.ingest("impressions", test.impressions)
        store.create_experiment(
            Experiment(name, dict.fromkeys(arms, 0.5), control="control", start=CUT, metrics=[metric],
                       planned_units=len(test.exposures) // 2, assignment="elsewhere")
        )  # fmt: skip
        store.expose(name, test.exposures.select("unit_id", "variant", "ts"))
        told("experiment", "decide", name, "--predicted-by", said["run_id"])
    (score,) = told("ledger")["scores"]
    assert (score["source"], score["n"]) == ("ips", PAIRS)
    assert score["predicted"] == score["measured"] == "click per impression, absolute"
    assert score["slope_ci_low"] < 1 < score["slope_ci_high"]
    assert score["agreement"] >= 0.6
    assert score["correlation"] > 0.5
