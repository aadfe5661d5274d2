"""What a model learns from (`Label`) and what counts as a hit (`Relevance`): two questions, two answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from recsys.core.checks import finite_float, one_of
from recsys.core.times import duration_micros

Aggregate = Literal["sum", "max", "last", "count"]
Transform = Literal["log1p", "binary"]
Gain = Literal["binary", "value"]


@dataclass(frozen=True)
class Label:
    """How the events of a user with an item become one training weight.

    The steps, in order: every event's value is decayed by its age, repeats are aggregated, the result is capped, then
    transformed.

    Parameters
    ----------
    aggregate : {"sum", "max", "last", "count"}
        How repeats become one number; ``"count"`` takes every event as 1, ``"last"`` the newest one (of several at the
        same instant the largest).
    cap : float, optional
        The largest weight.
    transform : {"log1p", "binary"}, optional
        ``log(1 + weight)``, or 1 for every weight above 0.
    half_life : str, optional
        Time decay, e.g. ``"30d"``: an event's value is multiplied by ``2 ** (-age / half_life)``, its age counted
        back from the newest event.

    Raises
    ------
    ArgumentError
        A value is not usable.

    Examples
    --------
    >>> Label(aggregate="count", transform="log1p").aggregate
    'count'
    """

    aggregate: Aggregate = "sum"
    cap: float | None = None
    transform: Transform | None = None
    half_life: str | None = None

    def __post_init__(self) -> None:
        one_of("aggregate", self.aggregate, ("sum", "max", "last", "count"))
        if self.cap is not None:
            object.__setattr__(self, "cap", finite_float("cap", self.cap, above=0))
        if self.transform is not None:
            one_of("transform", self.transform, ("log1p", "binary"))
        if self.half_life is not None:
            duration_micros("half_life", self.half_life)

    def to_dict(self) -> dict[str, str | float | None]:
        """Return the parameters as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Relevance:
    """When an item of the test part counts as a hit, and for how much.

    Parameters
    ----------
    at_least : float, optional
        The smallest value that counts, e.g. 4 for ratings or .5 for completion shares; None: every event counts. Of
        repeats one that counts is enough.
    gain : {"binary", "value"}
        The gain for graded metrics: 1, or the largest value of the pair.

    Raises
    ------
    ArgumentError
        A value is not usable.

    Examples
    --------
    >>> Relevance(at_least=4).gain
    'binary'
    """

    at_least: float | None = None
    gain: Gain = "binary"

    def __post_init__(self) -> None:
        if self.at_least is not None:
            # A plain float: 4 and 4.0 are one rule with one hash, and numpy compares it at the width of the values.
            object.__setattr__(self, "at_least", finite_float("at_least", self.at_least))
        one_of("gain", self.gain, ("binary", "value"))

    def to_dict(self) -> dict[str, str | float | None]:
        """Return the parameters as plain values."""
        return asdict(self)
