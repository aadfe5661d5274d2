"""Which settings a search tries next: models in turn, each as it came first, then from a grid, by chance, or by TPE."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple, Protocol

from recsys.core.seeds import generator
from recsys.evaluation.tuning_result import Trial
from recsys.models.base import Recommender
from recsys.models.spaces import Choice, Dimension, Integer, Real, Value

Chosen = Mapping[str, Value]
_LARGEST_GRID = 100


@dataclass(frozen=True, eq=False)
class Candidate:
    """One model of a search.

    Parameters
    ----------
    name : str
        The model's name.
    base : Recommender
        Unfitted, as it came, with the seed of the search.
    space : mapping of str to Dimension
        Where to look.
    start : mapping
        What the first trial must change, because the space does not hold what the model came with.
    asked : mapping of str to Dimension
        The part of the space that the user asked for.
    """

    name: str
    base: Recommender
    space: Mapping[str, Dimension]
    start: Chosen
    asked: Mapping[str, Dimension]

    def params(self, chosen: Chosen) -> dict[str, Any]:
        """Return all hyper-parameters of a setting."""
        return self.base.params | dict(chosen)


class Proposal(NamedTuple):
    """What to try: settings of a candidate."""

    candidate: Candidate
    chosen: Chosen


class Proposer(Protocol):
    """Proposes settings of one candidate, and is told what became of them, both in the order of the trials."""

    def ask(self, number: int) -> Chosen | None:
        """Return the settings of a trial; None: there are no others left."""

    def tell(self, trial: Trial) -> None:
        """Learn from a trial that is over, or from the first one, which was not asked for."""


class Grid:
    """Every setting of a small space once, in an order by chance."""

    def __init__(self, candidate: Candidate, seed: int) -> None:
        first = candidate.params(candidate.start)
        names = list(candidate.space)
        every = [dict(zip(names, values, strict=True)) for values in product(*map(_values, candidate.space.values()))]
        others = [chosen for chosen in every if candidate.params(chosen) != first]
        order = generator([seed, 1]).permutation(len(others))
        self._left = [others[place] for place in reversed(order)]

    def ask(self, number: int) -> Chosen | None:
        """Return the next setting."""
        return self._left.pop() if self._left else None

    def tell(self, trial: Trial) -> None:
        """Take no notice."""


class Chance:
    """Independent draws (Bergstra and Bengio 2012); a trial's settings depend on seed, model and number alone."""

    def __init__(self, candidate: Candidate, seed: int) -> None:
        self._candidate, self._seed = candidate, seed

    def ask(self, number: int) -> Chosen | None:
        """Return settings drawn by chance."""
        name = int.from_bytes(self._candidate.name.encode(), "big")
        places = generator([self._seed, name, number]).random(len(self._candidate.space))
        return {name: one.at(place) for (name, one), place in zip(self._candidate.space.items(), places, strict=True)}

    def tell(self, trial: Trial) -> None:
        """Take no notice."""


class Rotation:
    """The candidates in turn, each as it came first; one whose settings are all tried drops out.

    Parameters
    ----------
    candidates : sequence of Candidate
    make : callable
        Returns the proposer of a candidate whose space is too large for a grid.
    seed : int
    """

    def __init__(self, candidates: Sequence[Candidate], make: Callable[[Candidate], Proposer], seed: int) -> None:
        self._candidates = list(candidates)
        self._proposers: dict[str, Proposer] = {
            one.name: Grid(one, seed) if _size(one.space) <= _LARGEST_GRID else make(one) for one in candidates
        }
        self._waiting = list(candidates)

    def ask(self, number: int) -> Proposal | None:
        """Return what trial `number` tries; numbers are asked for in order. None: everything was tried."""
        if number < len(self._candidates):
            first = self._candidates[number]
            return Proposal(first, first.start)
        while self._waiting:
            candidate = self._waiting.pop(0)
            chosen = self._proposers[candidate.name].ask(number)
            if chosen is not None:
                self._waiting.append(candidate)
                return Proposal(candidate, chosen)
        return None

    def tell(self, trial: Trial) -> None:
        """Pass on what became of a trial."""
        self._proposers[trial.model].tell(trial)


def _size(space: Mapping[str, Dimension]) -> float:
    """Return how many settings there are."""
    return math.prod(map(_count, space.values()))


def _count(dimension: Dimension) -> float:
    match dimension:
        case Real():
            return math.inf
        case Integer(low, high):
            return high - low + 1
        case Choice(values):
            return len(values)


def _values(dimension: Dimension) -> Sequence[Value]:
    return range(dimension.low, dimension.high + 1) if isinstance(dimension, Integer) else dimension.corners
