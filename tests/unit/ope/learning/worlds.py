"""A small world with a known truth, and LinUCB and Thompson sampling online in it: plain numpy, many runs at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
N_ITEMS = 4


class World(NamedTuple):
    """Three indicators of a context, and the click rate of each item in each context."""

    rates: Array

    @classmethod
    def of(cls, spread: float) -> World:
        base = np.array([[0.2, 0.5, 0.3, 0.4], [0.6, 0.2, 0.4, 0.3], [0.3, 0.3, 0.7, 0.2]])
        return cls(0.4 + spread * (base - 0.4))

    def logged(self, rng: np.random.Generator, n: int, *, even: bool) -> pl.DataFrame:
        """A log of a uniform logger, or of one that has favourites in every context (least propensity 0.1)."""
        context = rng.integers(3, size=n)
        favourites = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.4, 0.3, 0.2], [0.3, 0.1, 0.2, 0.4]])
        chances = np.full((3, N_ITEMS), 1 / N_ITEMS) if even else favourites
        items = (rng.random((n, 1)) > chances[context].cumsum(axis=1)).sum(axis=1).clip(max=N_ITEMS - 1)
        return pl.DataFrame(
            {
                "item_id": items,
                "group": pl.Series(context).cast(pl.String),
                "propensity_position": chances[context, items],
                "click": (rng.random(n) < self.rates[context, items]).astype(np.int64),
                "ts": np.datetime64("2026-06-01", "us") + 1_000_000 * np.arange(n),
            }
        )

    def online(self, rng: np.random.Generator, runs: int, horizon: int, choose: str) -> Array:
        """Return the (runs, horizon) expected rewards of a policy that serves everybody and learns at once.

        `choose` is ``linucb`` (alpha 0.5), ``thompson`` (linear, scale 0.5), ``beta`` or ``greedy`` (means, 0.1).
        """
        d = 1 if choose in ("beta", "greedy") else 4
        gram = np.tile(np.eye(d), (runs, N_ITEMS, 1, 1))
        moment, wins = np.zeros((runs, N_ITEMS, d)), np.zeros((runs, N_ITEMS))
        earned, run = np.zeros((runs, horizon)), np.arange(runs)
        for step in range(horizon):
            context = rng.integers(3, size=runs)
            x = np.hstack([np.ones((runs, 1)), np.eye(3)[context]])[:, :d]
            inverse = np.linalg.inv(gram)
            mean = np.einsum("rd,rkde,rke->rk", x, inverse, moment)
            width = np.sqrt(np.einsum("rd,rkde,re->rk", x, inverse, x))
            if choose == "linucb":
                chosen = (mean + 0.5 * width + 1e-9 * np.arange(N_ITEMS, 0, -1)).argmax(axis=1)
            elif choose == "thompson":
                chosen = (mean + 0.5 * width * rng.normal(size=mean.shape)).argmax(axis=1)
            elif choose == "greedy":
                chosen = (mean + 1e-9 * np.arange(N_ITEMS, 0, -1)).argmax(axis=1)
                chosen = np.where(rng.random(runs) < 0.1, rng.integers(N_ITEMS, size=runs), chosen)
            else:
                shown = gram[:, :, 0, 0] - 1
                chosen = rng.beta(1 + wins, 1 + shown - wins).argmax(axis=1)
            earned[:, step] = self.rates[context, chosen]
            reward = (rng.random(runs) < earned[:, step]).astype(float)
            gram[run, chosen] += x[:, :, None] * x[:, None, :]
            moment[run, chosen] += x * reward[:, None]
            wins[run, chosen] += reward
        return earned
