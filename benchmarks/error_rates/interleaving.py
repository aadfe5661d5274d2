from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl
from scipy.special import stdtr

from benchmarks.error_rates._procedure import Measured, Procedure, blocks
from recsys.experiment import analyze_interleaving, interleave
from recsys.stats import sign_test

USERS, K = 40, 4  # of one experiment


def random_lists(rng: np.random.Generator, users: int) -> pl.DataFrame:
    items = np.argsort(rng.random((users, 8)), axis=1)[:, :K]
    return pl.DataFrame(
        {
            "user_id": np.repeat(np.arange(users), K),
            "item_id": items.ravel(),
            "rank": np.tile(np.arange(1, K + 1), users),
        }
    )


def preferences(rng: np.random.Generator, experiments: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the experiment and the preference of every user with credit; the two rankers are equally good."""
    n = experiments * USERS
    lists = interleave(random_lists(rng, n), random_lists(rng, n), k=K, method=method, seed=int(rng.integers(2**31)))
    rows = lists.to_polars()
    chance = (0.9 / rows["rank"] * (0.2 + 0.1 * rows["item_id"])).to_numpy()
    clicks = rows.filter(pl.Series(rng.random(len(rows)) < chance)).select("user_id", "item_id")
    found = analyze_interleaving(lists, clicks, resamples=2).per_user
    return (found["user_id"] // USERS).to_numpy(), found["preference"].to_numpy()


def t_test(rng: np.random.Generator, repetitions: int, *, method: str) -> Measured:
    wrong = 0
    for size in blocks(repetitions, 2000):
        trial, value = preferences(rng, size, method)
        n = np.bincount(trial, minlength=size)
        mean = np.bincount(trial, value, size) / n
        error = np.sqrt(np.bincount(trial, (value - mean[trial]) ** 2, size) / (n - 1) / n)
        wrong += int((2 * stdtr(n - 1, -np.abs(mean) / error) < 0.05).sum())
    return Measured(wrong / repetitions)


def signs(rng: np.random.Generator, repetitions: int, *, method: str) -> Measured:
    wrong = 0
    for size in blocks(repetitions, 2000):
        trial, value = preferences(rng, size, method)
        wins, losses = (np.bincount(trial[side], minlength=size) for side in (value > 0, value < 0))
        wrong += sum(sign_test(*counts).pvalue < 0.05 for counts in zip(wins.tolist(), losses.tolist(), strict=True))
    return Measured(wrong / repetitions)


METHODS = ("team-draft", "balanced", "probabilistic")
PROCEDURES = [
    *(
        Procedure(f"interleaving, {one}: t test over 40 users", partial(t_test, method=one), 8000, 0.045, 0.055)
        for one in METHODS
    ),
    *(Procedure(f"interleaving, {one}: sign test", partial(signs, method=one), 4000, 0.0, 0.05) for one in METHODS),
]
