"""How many users interleaving takes for a decision, against an A/B test of clicks per user, and what it costs.

    python -m benchmarks interleaving

On the simulated service, whose truth is known: two versions of one ranker (the better one less blurred), two rankers
with nothing in common but their quality, and trained models. Users are those that reach 95 % power at 5 %: for the A/B
test both arms together, from the true lift and the variance of clicks per user; for interleaving all who get a list.
The gain is large where the rankers are alike and the lift is small; a lift of 50 % is found by anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from benchmarks._results import Outcome, keep
from benchmarks._timing import quick
from recsys.experiment import analyze_interleaving, interleave
from recsys.simulation import Simulation, simulate

USERS = 3_000 if quick() else 8_000
SINCE, K = "2026-01-29", 6
Z2 = (1.959964 + 1.644854) ** 2  # squared: 5 % two-sided, 95 % power
Pair = tuple[str, pl.DataFrame, pl.DataFrame]


def main() -> None:
    service = simulate(users=USERS, items=300, days=42, seed=11, events_per_user_day=1.0)
    print(f"{'rankers':<34} {'method':<14} {'true lift':>9} {'preference':>10} {'users':>7} {'A/B':>9} {'times':>6}")
    outcomes = []
    for name, a, b in pairs(service):
        lift = service.truth.since(SINCE).lift(b, a)
        clicks = clicks_per_user(service, a)
        ab = 4 * Z2 * clicks.var() / (lift.relative * clicks.mean()) ** 2
        for method in ("team-draft", "balanced", "probabilistic"):
            lists = interleave(a, b, k=K, method=method, seed=1)
            shown = service.serve(lists.to_polars(), since=SINCE, seed=2).impressions
            found = analyze_interleaving(lists, shown.filter(click=1), resamples=2)
            users = found.users_needed(found.preference.estimate, power=0.95)
            print(
                f"{name:<34} {method:<14} {lift.relative:>+9.1%} {found.preference.estimate:>+10.3f} {users:>7,}"
                f" {ab:>9,.0f} {ab / users:>6.1f}",
                flush=True,
            )
            outcomes.append(Outcome(f"{name}, {method}", users, "users", "A/B test of clicks", ab, ab / users))
    outcomes.append(cost())
    keep("interleaving", outcomes)


def pairs(service: Simulation) -> Iterator[Pair]:
    yield "one ranker, two versions", blurred(service, 0.6, 3), blurred(service, 0.45, 3)
    yield "two rankers, nothing shared", blurred(service, 0.6, 3), blurred(service, 0.45, 4)
    yield trained(service, "popularity", "itemknn", {}, {})
    yield trained(service, "itemknn", "ease", {}, {})
    yield trained(service, "als", "als", {"factors": 24}, {"factors": 32})


def blurred(service: Simulation, noise: float, seed: int) -> pl.DataFrame:
    ideal = service.truth.ideal_policy(60)
    blur = pl.Series(np.random.default_rng(seed).gumbel(size=len(ideal)))
    ranked = ideal.with_columns(score=pl.col("score").log() + noise * blur)
    ranked = ranked.sort("user_id", "score", descending=[False, True])
    return ranked.with_columns(rank=pl.int_range(1, pl.len() + 1).over("user_id")).filter(pl.col("rank") <= K)


def trained(service: Simulation, first: str, second: str, one: dict[str, Any], other: dict[str, Any]) -> Pair:
    import recsys as rs
    from recsys.models.registry import make_model

    before = service.events().filter(pl.col("event") == "play", pl.col("ts") < pl.lit(SINCE).str.to_datetime())
    data = rs.Dataset.from_frame(before.select("user_id", "item_id", "ts"))
    wanted = ((first, one), (second, other))
    lists = [make_model(name, **settings).fit(data).recommend(None, K).to_polars() for name, settings in wanted]
    names = [f"{name} {' '.join(map(str, settings.values()))}".strip() for name, settings in wanted]
    return " against ".join(names), *lists


def clicks_per_user(service: Simulation, lists: pl.DataFrame) -> np.ndarray:
    clicks = service.serve(lists, since=SINCE, seed=1).impressions.group_by("user_id").agg(pl.col("click").sum())
    return np.append(clicks["click"].to_numpy(), np.zeros(lists["user_id"].n_unique() - len(clicks)))


def cost() -> Outcome:
    """Interleave and credit lists of 100,000 users."""
    n = 10_000 if quick() else 100_000
    rng = np.random.default_rng(0)
    lists = [
        pl.DataFrame(
            {
                "user_id": np.repeat(np.arange(n), 10),
                "item_id": np.argsort(rng.random((n, 40)), axis=1)[:, :10].ravel(),
                "rank": np.tile(np.arange(1, 11), n),
            }
        )
        for _ in range(2)
    ]
    start = time.process_time()
    merged = interleave(*lists, seed=1)
    made = time.process_time() - start
    rows = merged.to_polars()
    clicks = rows.filter(pl.Series(rng.random(len(rows)) < 0.1)).select("user_id", "item_id")
    start = time.process_time()
    analyze_interleaving(rows, clicks)
    print(
        f"{n:,} users: lists in {made:.1f} CPU-s, {len(clicks):,} clicks analysed in {time.process_time() - start:.1f}"
    )
    return Outcome(f"lists of {n:,} users", made, "CPU-s")
