from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np


class Measured(NamedTuple):
    """The share of the repetitions that went wrong (or were found), and a mean width where there is one."""

    rate: float
    width: float | None = None


@dataclass(frozen=True)
class Procedure:
    """One procedure in one regime.

    `measure(rng, repetitions)` gives the rate; it must lie between `low` and `high`: equal ones for an exact rate, low
    0 for a guarantee.
    """

    name: str
    measure: Callable[[np.random.Generator, int], Measured]
    repetitions: int
    low: float
    high: float
    seed: int = 1

    def run(self, scale: float) -> tuple[Measured, int, bool]:
        """Return what was measured, of how many repetitions, and whether it lies within the bounds."""
        n = max(int(self.repetitions * scale), 20)
        found = self.measure(np.random.default_rng(self.seed), n)
        slack = 4 * sqrt(max(self.high * (1 - self.high), 1 / n) / n)
        return found, n, self.low - slack <= found.rate <= self.high + slack


def blocks(repetitions: int, size: int) -> list[int]:
    """Return sizes of blocks that sum to the repetitions, so that memory stays small."""
    whole, rest = divmod(repetitions, size)
    return [size] * whole + ([rest] if rest else [])
