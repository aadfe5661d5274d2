"""Off-policy evaluation: CPU seconds and peak memory of estimators, bootstrap and reward model.

    python -m benchmarks replay

1M rounds with 10 actions, then with 100,000 actions (the target policy names 10 in each). Every task runs in a process
of its own, on one thread, so that its peak memory is its own. The values are compared with plain numpy first. The
peak of a whole replay holds the interpreter with its libraries (some 85 MB) and the frame that it is given.

The Open Bandit Pipeline (obp 0.4.1, its estimators alone, which take a dense array of rounds × actions) on the same
machine, 1M rounds and 10 actions, a value without its error: IPS 0.073 CPU-s, SNIPS 0.044, DR 0.64, at a peak of 570
MB; with 100,000 actions its array would be of 800 GB. The tasks below give the standard error too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks._process import peak_mb
from benchmarks._results import Outcome, keep
from benchmarks._timing import quick

ROUNDS = 100_000 if quick() else 1_000_000
USERS = ROUNDS // 10
GOALS = {  # CPU seconds, peak MB
    "ips": (0.05, 300),
    "snips": (0.05, 300),
    "dr": (0.2, 300),
    "bootstrap, 100,000 users": (5.0, 300),
    "bootstrap, no clusters": (None, 300),
    "reward model, 10 actions": (None, 300),
    "reward model, 100,000 actions": (None, 1024),
    "entry, 10 actions": (None, 300),
    "uniform policy, 10 actions": (None, 300),
    "recommender policy, 100,000 actions": (None, 1024),
    "replay snips, 10 actions": (None, 300),
    "replay snips, 100,000 actions": (None, 1024),
    "replay dr, 10 actions": (None, 1024),
    "replay dr, 100,000 actions": (None, 1024),
}


def arrays() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    w, r = rng.gamma(1, size=ROUNDS), rng.binomial(1, 0.05, ROUNDS).astype(np.float64)
    return w, r, rng.random(ROUNDS), rng.random(ROUNDS)


def policy(n_items: int):  # type: ignore[no-untyped-def]
    from recsys.ope import Actions

    rng = np.random.default_rng(2)
    codes = np.empty((ROUNDS, 10), np.int32)
    for begin in range(0, ROUNDS, 100_000):
        start = rng.integers(0, max(n_items - 9, 1), 100_000, dtype=np.int32)[:, None]
        codes[begin : begin + 100_000] = (start + np.arange(10, dtype=np.int32))[: ROUNDS - begin]
    chances = np.full(ROUNDS * 10, 0.1)
    return Actions(np.arange(0, ROUNDS * 10 + 1, 10), codes.ravel(), chances)


def log(n_items: int):  # type: ignore[no-untyped-def]
    import polars as pl

    rng = np.random.default_rng(1)
    items, click = rng.integers(n_items, size=ROUNDS), rng.random(ROUNDS) < 0.05
    return pl.DataFrame({"item_id": items, "propensity_position": np.full(ROUNDS, 1 / n_items), "click": click})


def whole(task: str) -> tuple[Callable[[], float], float]:
    """Return what is timed of entry, policies and replay, and what numpy says it gives."""
    import recsys as rs

    n_items = 100_000 if "100,000" in task else 10
    frame = log(n_items)
    if task.startswith("entry"):
        return lambda: float(len(rs.LoggedFeedback.from_frame(frame))), float(ROUNDS)
    if task.startswith("uniform"):
        feedback = rs.LoggedFeedback.from_frame(frame)
        return lambda: float(rs.ope.UniformPolicy().propensities(feedback).position.mean()), 1 / n_items
    if task.startswith("recommender"):
        events = {"user_id": np.arange(n_items) % 5000, "item_id": np.arange(n_items)}
        model = rs.Popularity().fit(rs.Dataset.from_frame(events))
        feedback = rs.LoggedFeedback.from_frame(frame.with_columns(user_id=np.arange(ROUNDS) % 1000))
        made = rs.ope.RecommenderPolicy(model, explore=rs.scoring.EpsilonGreedy(0.3))
        return lambda: float(made.propensities(feedback).position.sum()), float("nan")
    chance = np.arange(1, 11) / 55
    target = rs.ope.FramePolicy({"item_id": np.arange(10), "probability": chance})
    w = np.append(chance * n_items, np.zeros(n_items - 10))[frame["item_id"].to_numpy()]
    wanted = float(np.average(frame["click"].to_numpy(), weights=w)) if "snips" in task else float("nan")
    how = "snips" if "snips" in task else "dr"
    limits = rs.ope.Limits(least_size=0, rewarded=0)  # with 100,000 actions these ten have 100 rows of a million
    return lambda: rs.replay({"new": target}, frame, estimator=how, limits=limits)["new"].value, wanted


def work(task: str) -> tuple[Callable[[], float], float]:
    """Return what is timed, and what numpy says it gives."""
    from recsys.ope import estimators, intervals, model_based, regression, rewards
    from recsys.ope.units import Units

    if task.startswith(("entry", "uniform", "recommender", "replay")):
        return whole(task)
    if task.startswith("reward model"):
        n_items = 10 if "10 actions" in task else 100_000
        target = policy(n_items)
        rng = np.random.default_rng(3)
        shown = rng.integers(0, n_items, ROUNDS, dtype=np.int32)
        y, users = rng.binomial(1, 0.05, ROUNDS).astype(np.float64), np.arange(ROUNDS) // 10
        features = regression.Features(n_items, positions=shown % 3 + 1)
        return lambda: float(
            rewards.cross_fitted(y, shown, target, features, groups=users, folds=2).target.mean()
        ), float("nan")
    w, r, q, expected = arrays()
    if task == "ips":
        return lambda: estimators.ips(w, r).standard_error, float((w * r).std(ddof=1) / np.sqrt(ROUNDS))
    if task == "snips":
        mean = np.average(r, weights=w)
        error = np.sqrt(np.sum((w * (r - mean)) ** 2)) / w.sum() * np.sqrt(ROUNDS / (ROUNDS - 1))
        return lambda: estimators.snips(w, r).standard_error, float(error)
    if task == "dr":
        plain = expected + w * (r - q)
        return lambda: model_based.dr(w, r, q, expected).standard_error, float(plain.std(ddof=1) / np.sqrt(ROUNDS))
    units = Units.of("impression", users=np.arange(ROUNDS) // 10) if "users" in task else None
    found = estimators.snips(w, r, units)
    return lambda: intervals.bootstrap(found, replicates=1000, seed=1).standard_error, float("nan")


def measure(task: str) -> dict[str, float]:
    """Run one task in this process."""
    run, wanted = work(task)
    got, best = 0.0, float("inf")
    for _ in range(1 if any(word in task for word in ("bootstrap", "model", "replay", "recommender")) else 5):
        start = time.process_time()
        got = run()
        best = min(best, time.process_time() - start)
    if wanted == wanted and abs(got - wanted) > 1e-12 * abs(wanted):
        raise SystemExit(f"{task} gives {got!r}, numpy {wanted!r}")
    return {"cpu_s": best, "peak_mb": peak_mb()}


def main() -> None:
    print(f"{ROUNDS:,} rounds\n{'task':<34} {'CPU s':>8} {'goal':>6} {'peak MB':>8} {'goal':>6}")
    outcomes = []
    for task, (seconds, memory) in GOALS.items():
        command = [sys.executable, "-m", "benchmarks.replay", task]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        goal = "" if seconds is None else f"{seconds:g}"
        late = (seconds is not None and found["cpu_s"] > seconds) or found["peak_mb"] > memory
        line = f"{task:<34} {found['cpu_s']:8.3f} {goal:>6} {found['peak_mb']:8.0f} {memory:6.0f}"
        print(line + ("  MISSED" if late else ""), flush=True)
        told = f"{task}, {ROUNDS:,} rounds, peak {found['peak_mb']:,.0f} MB (goal {memory})"
        outcomes.append(Outcome(told, found["cpu_s"], "CPU s", verdict="missed" if late else "met"))
    keep("replay", outcomes)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
