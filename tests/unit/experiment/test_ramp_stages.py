"""A ramp whose weights change, without any effect: units are compared within the stage in which they were drawn."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Literal

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError
from recsys.experiment import (
    Analysis,
    Experiment,
    Mean,
    Metric,
    PerUnit,
    Quantile,
    Stage,
    UnitTable,
    analyze,
    assign,
    build_unit_table,
)

START = datetime(2026, 6, 1)
DAY = 86_400_000_000
RAMP = (Stage(START, 0.2, {"a": 0.9, "b": 0.1}), Stage("2026-06-08"))


def experiment(assignment: Literal["hash", "elsewhere"]) -> Experiment:
    arms = {"a": 0.5, "b": 0.5}
    return Experiment(
        "ramp", arms, control="a", start=START, metrics=[Mean("minutes")], ramp=RAMP, assignment=assignment
    )


def players(assignment: Literal["hash", "elsewhere"], n: int = 200_000) -> PerUnit:
    """Units that come at very different rates; those who come often are seen first, and play more."""
    rng = np.random.default_rng(11)
    rate = rng.gamma(0.7, 1 / 7, n)  # visits a day
    minutes = 14 * rate + rng.normal(0, 1, n)
    if assignment == "hash":
        drawn = assign(experiment("hash"), np.arange(n), at="2026-06-20")["variant"]
        early = assign(experiment("hash"), np.arange(n), at="2026-06-02")["variant"].is_not_null().to_numpy()
        days = np.where(early, 0.0, 7.0) + rng.exponential(1 / rate)
    else:
        days = rng.exponential(1 / rate)
        drawn = pl.Series(np.where(rng.random(n) < np.where(days < 7, 0.1, 0.5), "b", "a"))
    start = (START - datetime(1970, 1, 1)).days * DAY
    seen = pl.Series((start + np.minimum(days, 1_000) * DAY).astype(np.int64)).cast(pl.Datetime("us"))
    frame = pl.DataFrame({"unit_id": np.arange(n), "variant": drawn, "seen": seen, "minutes": minutes})
    return PerUnit(frame.filter(pl.Series(days < 28)), first_exposure="seen")


def z(table: UnitTable) -> float:
    """Return the difference of the arms within stages, in standard errors."""
    total = variance = 0.0
    for stage in np.unique(table.stage):
        values = [table.columns["minutes"][(table.stage == stage) & (table.arm == arm)] for arm in (0, 1)]
        weight = sum(map(len, values))
        total += weight * (values[1].mean() - values[0].mean())
        variance += weight**2 * sum(part.var(ddof=1) / len(part) for part in values)
    return float(total / np.sqrt(variance))


def test_under_the_hash_the_stage_is_that_of_entry() -> None:
    test = experiment("hash")
    table = build_unit_table(players("hash"), test.request())
    assert abs(z(table)) < 3  # one fixed seed
    by_time = (table.first_exposure >= (datetime(2026, 6, 8) - datetime(1970, 1, 1)).days * DAY).astype(np.int16)
    assert ((by_time == 1) & (table.stage == 0)).any()  # let in early, seen late
    assert z(dataclasses.replace(table, stage=by_time)) > 6  # what would be reported otherwise, with no effect at all
    share = [float((table.arm[table.stage == stage] == 1).mean()) for stage in (0, 1)]
    np.testing.assert_allclose(share, [0.1, 0.5], atol=0.01)  # four standard errors and more


def test_elsewhere_the_stage_is_that_of_the_first_exposure() -> None:
    table = build_unit_table(players("elsewhere"), experiment("elsewhere").request())
    assert abs(z(table)) < 3
    assert abs(z(dataclasses.replace(table, stage=np.zeros_like(table.stage)))) > 6


def test_exposures_are_checked_against_the_hash() -> None:
    def status(source: PerUnit) -> str:
        found = analyze(experiment("hash"), source)
        return next(check.status for check in found.checks if check.name == "assignment")

    assert status(players("hash", 5_000)) == "ok"
    assert status(players("elsewhere", 5_000)) == "fail"


def test_what_is_assigned_elsewhere_is_not_assigned_here() -> None:
    with pytest.raises(ArgumentError, match="get their arms elsewhere"):
        assign(experiment("elsewhere"), [1])


def staged(metric: Metric) -> Analysis:
    """No effect at all; the first stage, with few units of b, has three times the values of the second."""
    rng = np.random.default_rng(3)
    stage = np.arange(20_000) % 2
    arm = rng.random(20_000) < np.where(stage == 0, 0.1, 0.5)
    values = rng.exponential(size=20_000) * np.where(stage == 0, 3.0, 1.0)
    seen = [datetime(2026, 6, 2) if one == 0 else datetime(2026, 6, 9) for one in stage]
    frame = pl.DataFrame(
        {"unit_id": np.arange(20_000), "variant": np.where(arm, "b", "a"), "seen": seen, "minutes": values}
    ).with_columns(home=pl.col("unit_id"))
    test = Experiment(
        "ramp", {"a": 0.5, "b": 0.5}, control="a", start=START, metrics=[metric], ramp=RAMP, assignment="elsewhere",
        segments=("home",),
    )  # fmt: skip
    return analyze(test, PerUnit(frame, first_exposure="seen"))


def test_quantiles_are_compared_within_stages() -> None:
    found = staged(Quantile("minutes", q=0.5))
    assert found["minutes"].pvalue > 0.01  # 1e-119 when all stages are thrown together; one fixed seed
    assert abs(found["minutes"].difference) < 0.1
    assert found.cumulative("minutes").days[-1].difference == found["minutes"].difference
    with pytest.raises(ArgumentError, match="2 ramp stages"):
        found.bootstrap("minutes")


def test_clusters_are_compared_within_stages() -> None:
    found = staged(Mean("minutes"))
    alone = found.clustered("minutes", "home")  # every unit is a cluster of its own
    assert alone.estimate == pytest.approx(found["minutes"].difference, rel=1e-9)
    assert alone.standard_error == pytest.approx(found["minutes"].standard_error, rel=1e-9)
