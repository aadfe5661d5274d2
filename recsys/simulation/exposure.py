"""How often the logging policies have each item looked at: the exact mean over their lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.simulation.behaviour import World, logging_policy_by_day, policy_shares


def logged_exposure(world: World, country: int) -> NDArray[np.float64]:
    """Return the expected looks at each item in a logged request of a country, ``(days, n_items) float64``.

    Row ``d`` is the mean over the requests of day ``d`` and later, each day with its weight.

    Raises
    ------
    ArgumentError
        When the world has no impressions.
    """
    shelves, settings = world.shelves, world.settings
    if shelves is None:
        raise ArgumentError("this simulation has no impressions", hint="use simulate(..., impressions=True)")
    shares = policy_shares()[logging_policy_by_day(settings.days)]
    looks = np.einsum("dq,qdkt,k->dt", shares, shelves.marginals[:, country], settings.examination)
    weights = np.diff(world.clock.cumulated_days)
    exposure = np.zeros((settings.days, settings.items))
    for day in range(settings.days):
        ends = shelves.tier_ends[country, day]
        tier = np.repeat(np.arange(3), np.diff(ends, prepend=0))
        exposure[day, shelves.items[country, day, : ends[2]]] = looks[day, tier] * weights[day]
    exposure = np.cumsum(exposure[::-1], axis=0)[::-1]
    return np.asarray(exposure / np.cumsum(weights[::-1])[::-1][:, None])
