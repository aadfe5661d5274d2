"""Alias tables: a draw from a fixed discrete distribution costs two random reads, however many outcomes there are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AliasTables:
    """One alias table a group, after Vose 1991, "A linear algorithm for generating random numbers…".

    Attributes
    ----------
    starts : (n_groups + 1,) int64
        Where the cells of each group begin.
    thresholds : (n_cells,) float64
        A draw that falls below the threshold within its cell keeps the cell's outcome, else it takes the alias.
    outcomes, aliases : (n_cells,) int32
        The two outcomes of each cell.
    """

    starts: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    outcomes: NDArray[np.int32]
    aliases: NDArray[np.int32]

    def draw(self, rng: np.random.Generator, groups: NDArray[np.int64]) -> NDArray[np.int32]:
        """Draw one outcome from the table of each group."""
        point = rng.random(len(groups)) * np.diff(self.starts)[groups]
        cell = point.astype(np.int64)
        within = point - cell
        cell += self.starts[groups]
        return np.where(within < self.thresholds[cell], self.outcomes[cell], self.aliases[cell])


def build_alias_tables(
    groups: NDArray[np.int64], outcomes: NDArray[np.int32], weights: NDArray[np.float64], n_groups: int
) -> AliasTables:
    """Return the tables of the (group, outcome, weight) entries; every group needs at least one of positive weight."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(n_groups + 1)).astype(np.int64)
    outcomes, weights = outcomes[order], weights[order]
    thresholds, aliases = np.ones(len(order)), outcomes.copy()
    for start, stop in itertools.pairwise(starts.tolist()):
        share = weights[start:stop] / weights[start:stop].mean()
        thresholds[start:stop], place = _vose(share)
        aliases[start:stop] = outcomes[start:stop][place]
    return AliasTables(starts, thresholds, outcomes, aliases)


def _vose(share: NDArray[np.float64]) -> tuple[list[float], list[int]]:
    """Return the thresholds and alias places of one table, from shares with mean 1."""
    left = share.tolist()
    thresholds, aliases = [1.0] * len(left), list(range(len(left)))
    small = [place for place, mass in enumerate(left) if mass < 1.0]
    large = [place for place, mass in enumerate(left) if mass >= 1.0]
    while small and large:
        poor, rich = small.pop(), large[-1]
        thresholds[poor], aliases[poor] = left[poor], rich
        left[rich] -= 1.0 - left[poor]
        if left[rich] < 1.0:
            small.append(large.pop())
    return thresholds, aliases
