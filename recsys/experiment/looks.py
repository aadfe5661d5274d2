"""How often an experiment may be looked at before its end, and by which statistics; declared before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError

MOST_LOOKS = 1000


@dataclass(frozen=True)
class ConfidenceSequence:
    """Look whenever you like: the intervals hold at all times together.

    Parameters
    ----------
    kind : {"asymptotic", "msprt", "betting"}
        ``betting`` holds exactly for proportions; other metrics then use the asymptotic sequence.
    tuned_for : int, optional
        Matured units at which the sequence is narrowest; None: `planned_units` of the experiment.
    burn_in : int
        Matured units an arm before the first look; an asymptotic sequence promises nothing before.

    Examples
    --------
    >>> ConfidenceSequence(tuned_for=20_000).kind
    'asymptotic'
    """

    kind: Literal["asymptotic", "msprt", "betting"] = "asymptotic"
    tuned_for: int | None = None
    burn_in: int = 100

    def __post_init__(self) -> None:
        one_of("the kind of a confidence sequence", self.kind, ("asymptotic", "msprt", "betting"))
        if self.tuned_for is not None:
            positive_int("tuned_for", self.tuned_for)
        positive_int("burn_in", self.burn_in, minimum=0)


@dataclass(frozen=True)
class GroupSequential:
    """A few looks at planned shares of the planned units; alpha is spent over them (Lan and DeMets 1983).

    Parameters
    ----------
    looks : int or tuple of float
        Information fractions, ascending, the last one 1; a number means so many at equal distances.
    spending : {"obrien-fleming", "pocock"}
        The shape of the alpha-spending function.

    Examples
    --------
    >>> GroupSequential(4).looks
    (0.25, 0.5, 0.75, 1.0)
    """

    looks: int | tuple[float, ...] = 5
    spending: Literal["obrien-fleming", "pocock"] = "obrien-fleming"

    def __post_init__(self) -> None:
        if isinstance(self.looks, list | tuple):
            fractions = tuple(finite_float("a look", look, above=0, maximum=1) for look in self.looks)
        else:
            number = positive_int("looks", self.looks, maximum=MOST_LOOKS)
            fractions = tuple((place + 1) / number for place in range(number))
        if len(fractions) > MOST_LOOKS:
            raise ArgumentError(f"there are {len(fractions):,} looks", f"at most {MOST_LOOKS:,} were expected")
        if not fractions or fractions[-1] != 1 or list(fractions) != sorted(set(fractions)):
            raise ArgumentError(f"looks are {self.looks!r}", "ascending fractions that end with 1 were expected")
        object.__setattr__(self, "looks", fractions)
        one_of("spending", self.spending, ("obrien-fleming", "pocock"))

    @property
    def fractions(self) -> tuple[float, ...]:
        """The looks as information fractions."""
        return cast("tuple[float, ...]", self.looks)


Monitoring = ConfidenceSequence | GroupSequential
