"""Small made-up logs whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from recsys.dataset import Vocabulary
from recsys.ope import LoggedFeedback, Propensities


def made_log(
    actions: np.ndarray,
    propensity: np.ndarray,
    rewards: np.ndarray,
    *,
    items: int,
    slots: int = 1,
    users: np.ndarray | None = None,
    times: np.ndarray | None = None,
    context: dict[str, Any] | None = None,
    **fields: Any,
) -> LoggedFeedback:
    """Return a log of items 0 … items − 1, whose requests have `slots` rows each."""
    n = len(actions)
    return LoggedFeedback(
        offsets=np.arange(0, n + 1, slots, dtype=np.int64),
        items=Vocabulary.from_ids(pl.Series(np.arange(items))),
        actions=actions.astype(np.int32),
        positions=(np.arange(n) % slots + 1).astype(np.int32),
        rewards={"click": rewards.astype(np.float64)},
        propensities=Propensities(position=propensity.astype(np.float64)),
        users=None if users is None else Vocabulary.from_ids(pl.Series(np.arange(users.max() + 1))),
        user_codes=None if users is None else users.astype(np.int32),
        times=times,
        versions=fields.pop("versions", ("logger",)),
        version_codes=fields.pop("version_codes", np.zeros(n, np.int32)),
        context=pl.DataFrame({"row": np.arange(n), **(context or {})}),
        has_requests=slots > 1,
        has_positions=slots > 1,
        **fields,
    )


def uniform_log(n: int, items: int, seed: int, *, click: float = 0.1, **fields: Any) -> LoggedFeedback:
    """Return a log of a policy that shows all items alike; item i is clicked in proportion to i."""
    rng = np.random.default_rng(seed)
    actions = rng.integers(items, size=n)
    rewards = rng.random(n) < click * 2 * actions / max(items - 1, 1)
    return made_log(actions, np.full(n, 1 / items), rewards, items=items, **fields)
