"""A ledger of simulated services: position-based IPS on their logs, A/B tests of the same lists, and the truth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from recsys.ledger import Outcome, Prediction, ledger
from recsys.simulation import Simulation, simulate
from recsys.stats import Moments, difference_in_ratios

SINCE, PAIRS = "2026-01-08", 16
SHARED: dict[str, Any] = {"baseline": "b", "quantity": "clicks", "per": "request", "scale": "absolute"}


class Pair(NamedTuple):
    """One service: what the log said of its two lists, what their test found, and what is true."""

    said: Prediction
    doubled: Prediction
    found: Outcome
    truth: float


def served(service: Simulation, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Return the best lists for a share of the users and the popular ones for the others."""
    lucky = pl.Series(np.flatnonzero(rng.random(400) < share) + 1).implode()
    best, popular = service.truth.ideal_policy(6), service.truth.popular_policy(6)
    chosen = pl.concat([best.filter(pl.col("user_id").is_in(lucky)), popular.filter(~pl.col("user_id").is_in(lucky))])
    return chosen.select("user_id", "item_id", position="rank")


def weighted(log: pl.DataFrame, lists: pl.DataFrame, factor: float) -> pl.DataFrame:
    """Return each user's requests and the clicks that the lists would have had, by inverse propensity."""
    hits = log.join(lists, on=["user_id", "item_id", "position"]).select(
        "user_id", clicks=factor * pl.col("click") / pl.col("propensity_position")
    )
    requests = log.group_by("user_id").agg(requests=pl.col("request_id").n_unique())
    gained = hits.group_by("user_id").agg(pl.col("clicks").sum())
    return requests.join(gained, on="user_id", how="left").with_columns(pl.col("clicks").fill_null(0)).sort("user_id")


def predicted(name: str, source: str, log: pl.DataFrame, lists: list[pl.DataFrame], factor: float) -> Prediction:
    candidate, baseline = (weighted(log, one, factor) for one in lists)
    requests = candidate["requests"].to_numpy()
    gain = (candidate["clicks"] - baseline["clicks"]).to_numpy()
    value = gain.sum() / requests.sum()
    error = np.sqrt(((gain - value * requests) ** 2).sum()) / requests.sum()  # clustered by user
    low, high = value - 1.96 * error, value + 1.96 * error
    return Prediction(source=source, candidate=name, estimate=value, ci_low=low, ci_high=high, **SHARED)


def measured(name: str, service: Simulation, lists: list[pl.DataFrame], seed: int) -> Outcome:
    arms = {arm: one.rename({"position": "rank"}) for arm, one in zip(("b", name), lists[::-1], strict=True)}
    rows = service.ab_test(arms, since=SINCE, seed=seed).impressions
    users = rows.group_by("policy", "user_id").agg(
        clicks=pl.col("click").sum(), requests=pl.col("request_id").n_unique()
    ).sort("user_id")  # fmt: skip
    sides = [users.filter(policy=arm).select("clicks", "requests").to_numpy().astype(float) for arm in (name, "b")]
    found = difference_in_ratios(*(Moments.of(side) for side in sides))
    return Outcome(
        experiment=name, candidate=name, estimate=found.estimate, ci_low=found.ci_low, ci_high=found.ci_high, **SHARED
    )


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    made = []
    for seed in range(PAIRS):
        service, rng = simulate(users=400, items=50, days=14, seed=seed + 1), np.random.default_rng(seed)
        lists = [served(service, share, rng) for share in rng.random(2)]
        log = service.impressions().filter(pl.col("ts") >= pl.lit(SINCE).str.to_datetime())
        ranked = [one.rename({"position": "rank"}) for one in lists]
        made.append(
            Pair(
                predicted(f"c{seed}", "ips", log, lists, 1.0),
                predicted(f"c{seed}", "ips of doubled weights", log, lists, 2.0),
                measured(f"c{seed}", service, lists, seed),
                service.truth.since(SINCE).lift(*ranked).absolute,
            )
        )
    return made


def test_predictions_and_outcomes_are_of_the_truth(pairs: list[Pair]) -> None:
    for entries in ([one.said for one in pairs], [one.found for one in pairs]):
        held = [entry.ci_low <= one.truth <= entry.ci_high for entry, one in zip(entries, pairs, strict=True)]
        assert sum(held) >= PAIRS - 3  # of 16 right ones more than three miss in 1 of 200 cases


def test_a_right_estimator_has_slope_one_and_its_coverage(pairs: list[Pair]) -> None:
    score = ledger([one.said for one in pairs], [one.found for one in pairs]).scores[0]
    assert score.calibration.status == "ok"
    assert 0.5 < score.calibration.ci_low < 1 < score.calibration.ci_high < 2  # a propensity off by 2 would be seen
    assert score.consistent.ci_low < 0.95 <= score.consistent.ci_high
    assert score.agreement.ci_low > 0.5
    assert score.correlation.ci_low > 0.5


def test_a_biased_one_is_found_out(pairs: list[Pair]) -> None:
    score = ledger([one.doubled for one in pairs], [one.found for one in pairs]).scores[0]
    assert score.calibration.ci_high < 1
    assert score.calibration.slope == pytest.approx(0.5, abs=0.12)
    assert score.consistent.ci_high < 0.95
    assert score.correlation.ci_low > 0.5  # it still orders the pairs rightly
