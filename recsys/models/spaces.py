"""Where the good values of a hyper-parameter may lie: `Real`, `Integer` and `Choice`, declared beside each model."""

from __future__ import annotations

import math
from dataclasses import dataclass

from recsys.core.errors import ArgumentError

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Real:
    """A number between two others, both possible.

    Parameters
    ----------
    low, high : float
        The ends, both included.
    log : bool
        Whether factors matter, not differences: 0.001 to 0.01 is then as wide as 0.1 to 1.

    Raises
    ------
    ArgumentError
        The bounds are not in order, not finite, or not above 0 on a logarithmic scale.

    Examples
    --------
    >>> Real(0.01, 1, log=True).at(0.5)
    0.1
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, self.log)

    def at(self, unit: float) -> float:
        """Return the value at a place between 0 (`low`) and 1 (`high`)."""
        width = self.high - self.low
        value = self.low * (self.high / self.low) ** unit if self.log else self.low + width * unit
        return float(min(max(value, self.low), self.high))

    def contains(self, value: object) -> bool:
        """Return whether a value lies in it."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    @property
    def corners(self) -> tuple[float, float]:
        """The values at its ends."""
        return float(self.low), float(self.high)

    def __str__(self) -> str:
        return f"{self.low!r}..{self.high!r}{':log' if self.log else ''}"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two others, both possible.

    Parameters
    ----------
    low, high : int
        The ends, both included.
    log : bool
        As in `Real`.

    Raises
    ------
    ArgumentError
        As in `Real`.

    Examples
    --------
    >>> [Integer(1, 100, log=True).at(place) for place in (0, 0.5, 1)]
    [1, 10, 100]
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, self.log)

    def at(self, unit: float) -> int:
        """Return the value at a place between 0 (`low`) and 1 (`high`); all values have the same share of places."""
        if self.log:
            return round(Real(self.low, self.high, log=True).at(unit))
        return min(self.low + math.floor(unit * (self.high - self.low + 1)), self.high)

    def contains(self, value: object) -> bool:
        """Return whether a value lies in it."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    @property
    def corners(self) -> tuple[int, int]:
        """The values at its ends."""
        return self.low, self.high

    def __str__(self) -> str:
        return f"{self.low}..{self.high}{':log' if self.log else ''}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values.

    Parameters
    ----------
    values : tuple
        Texts, numbers, truth values, None.
    needs_times : bool
        Whether the values other than the first can only be used with a log that has times.

    Raises
    ------
    ArgumentError
        There is no value, or one of them twice.

    Examples
    --------
    >>> Choice(("cosine", "tfidf")).at(0.9)
    'tfidf'
    """

    values: tuple[Value, ...]
    needs_times: bool = False

    def __post_init__(self) -> None:
        if not self.values or len({(type(value), value) for value in self.values}) < len(self.values):
            raise ArgumentError(f"the choices are {self.values!r}", "distinct values, at least one, were expected")

    def at(self, unit: float) -> Value:
        """Return the value at a place between 0 (the first) and 1 (the last)."""
        return self.values[min(math.floor(unit * len(self.values)), len(self.values) - 1)]

    def contains(self, value: object) -> bool:
        """Return whether a value is one of them."""
        return any(type(value) is type(known) and value == known for known in self.values)

    @property
    def corners(self) -> tuple[Value, ...]:
        """All values."""
        return self.values

    def __str__(self) -> str:
        return ",".join("none" if value is None else str(value) for value in self.values)


Dimension = Real | Integer | Choice
"""One hyper-parameter of a `search_space`: where `tune` may look."""


def _check_bounds(low: float, high: float, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ArgumentError(
            f"the bounds are {low!r} and {high!r}", "two finite numbers, the smaller first, were expected"
        )
    if log and low <= 0:
        raise ArgumentError(
            f"the lower bound is {low!r} on a logarithmic scale", "a number above 0 was expected", "leave out log"
        )
