"""Interleaving against an A/B test of clicks per user, on the same two rankers of a simulated service."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from recsys.experiment import analyze_interleaving, interleave, interleaving_power
from recsys.simulation import simulate

SINCE, USERS, REPEATS = "2026-01-29", 6000, 400


def ranker(service, noise, seed):
    """The service's true tastes, blurred: the same seed is the same blur, less noise is a better ranker."""
    ideal = service.truth.ideal_policy(40)
    blur = pl.Series(np.random.default_rng(seed).gumbel(size=len(ideal)))
    ranked = ideal.with_columns(score=pl.col("score").log() + noise * blur)
    ranked = ranked.sort("user_id", "score", descending=[False, True])
    return ranked.with_columns(rank=pl.int_range(1, pl.len() + 1).over("user_id")).filter(pl.col("rank") <= 6)


def rejections(draw, repeats=REPEATS):
    """The share of repeats with a two-sided p below 5 %, each from (effect, standard error)."""
    found = np.array([draw() for _ in range(repeats)])
    return float((np.abs(found[:, 0]) > 1.959964 * found[:, 1]).mean())


@pytest.fixture(scope="module")
def service():
    return simulate(users=USERS, items=200, days=42, seed=11, events_per_user_day=0.5, impressions=False)


@pytest.fixture(scope="module")
def arms(service):
    return ranker(service, 0.6, 3), ranker(service, 0.45, 3)


@pytest.fixture(scope="module")
def clicks_per_user(service, arms):
    users = service.users()["user_id"].to_frame()
    found = []
    for seed, lists in enumerate(arms):
        clicks = service.serve(lists, since=SINCE, seed=seed).impressions.group_by("user_id").agg(pl.col("click").sum())
        found.append(users.join(clicks, on="user_id", how="left")["click"].fill_null(0).to_numpy().astype(float))
    return found


def preferences(service, arms, method):
    lists = interleave(*arms, k=6, method=method, seed=1)
    clicks = service.serve(lists.to_polars(), since=SINCE, seed=2).impressions.filter(click=1)
    return analyze_interleaving(lists, clicks, resamples=10)


@pytest.mark.parametrize("method", ["team-draft", "balanced", "probabilistic"])
def test_ten_times_fewer_users_reach_95_percent_power(service, arms, clicks_per_user, method):
    """Both tests on random users of the same 6,000; a share of 95 % is known to ±1.1 points (400 repeats)."""
    rng = np.random.default_rng(5)
    result = preferences(service, arms, method)
    lift = service.truth.since(SINCE).lift(arms[1], arms[0])
    assert lift.relative > 0.05
    assert result.preference.estimate > 0  # the same ranker is the better one
    # about a hundred: the plan is for a normal mean, so one and a half times what it says is measured
    users = result.users_needed(result.preference.estimate, power=0.95) * 3 // 2
    outcome = np.full(USERS, np.nan)
    outcome[result.per_user["user_id"].to_numpy() - 1] = result.per_user["preference"].to_numpy()

    def interleaved():
        values = outcome[rng.integers(USERS, size=users)]
        values = values[~np.isnan(values)]
        return values.mean(), values.std(ddof=1) / np.sqrt(len(values))

    def ab_test():
        control, arm = (each[rng.integers(USERS, size=5 * users)] for each in clicks_per_user)
        return arm.mean() - control.mean(), np.sqrt((arm.var(ddof=1) + control.var(ddof=1)) / (5 * users))

    assert rejections(interleaved) >= 0.95
    assert rejections(ab_test) < 0.80  # ten times the users, both arms together


def test_power_as_planned_is_power_as_measured(service, arms):
    result, rng = preferences(service, arms, "team-draft"), np.random.default_rng(6)
    values = result.per_user["preference"].to_numpy()
    effect = values.mean()
    for users in (10, 25, 60):
        drawn = values[rng.integers(len(values), size=(4000, users))]
        z = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / np.sqrt(users))
        from scipy.special import stdtr

        measured = (2 * stdtr(users - 1, -np.abs(z)) < 0.05).mean()
        # the plan is a normal one: a t test of 10 users has up to 6 points less
        assert measured == pytest.approx(interleaving_power(users, effect, spread=result.spread), abs=0.07)
