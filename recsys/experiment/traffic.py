"""Who comes into an experiment: stages of a ramp, a part of a layer, a holdout. All shares are whole 1/10,000."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.core.times import parse_instant

PARTS = 10_000


def ten_thousandths(name: str, share: object) -> int:
    """Return a share between 0 and 1 as a whole number of 1/10,000.

    Raises
    ------
    ArgumentError
        It is no number from 0 to 1, or not a whole number of 1/10,000.

    Examples
    --------
    >>> ten_thousandths("share", 0.05)
    500
    """
    exact = PARTS * finite_float(name, share, minimum=0, maximum=1)
    if abs(exact - round(exact)) > 1e-6:  # far above the rounding of a decimal share, far below one part
        raise ArgumentError(f"{name} is {share!r}", "a whole number of 1/10,000 was expected", "use .3333, not 1/3")
    return round(exact)


def checked_weights(name: str, weights: object) -> dict[str, float]:
    """Return the weights of arms, which must sum to 1; zero is allowed."""
    if not isinstance(weights, Mapping) or not all(isinstance(arm, str) and arm.strip() for arm in weights):
        raise ArgumentError(f"{name} is {weights!r}", "weights by arm were expected, such as {'pop': 0.5, 'als': 0.5}")
    total = sum(ten_thousandths(f"the weight of {arm}", weight) for arm, weight in weights.items())
    if total != PARTS:
        raise ArgumentError(f"the weights of {name} sum to {total / PARTS:g}", "a sum of 1 was expected")
    return {arm: float(weight) for arm, weight in weights.items()}


@dataclass(frozen=True)
class Stage:
    """A stage of a ramp: from a date on, more of the units are let in.

    A unit that is in stays in, and stays in its arm: it enters in the first stage whose share covers it, with the
    weights of that stage.

    Parameters
    ----------
    start : str or datetime
        UTC. The first stage starts with the experiment.
    share : float
        Part of the units that are let in; never less than in the stage before.
    weights : mapping of str to float, optional
        Weights of the arms among the units that enter in this stage; None: those of the experiment.

    Examples
    --------
    >>> Stage("2026-06-08", share=0.05).start
    datetime.datetime(2026, 6, 8, 0, 0)
    """

    start: str | datetime | date
    share: float = 1.0
    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", parse_instant("the start of a stage", self.start))
        if ten_thousandths("the share of a stage", self.share) == 0:
            raise ArgumentError("the share of a stage is 0", "a share above 0 was expected")
        if self.weights is not None:
            object.__setattr__(self, "weights", checked_weights("a stage", self.weights))


@dataclass(frozen=True)
class Layer:
    """A part of a layer; experiments in disjoint parts of one layer never share a unit.

    Parameters
    ----------
    name : str
        The layer, which is also its salt.
    begin, end : float
        The part, half-open, between 0 and 1.

    Examples
    --------
    >>> Layer("home", end=0.5)
    Layer(name='home', begin=0.0, end=0.5)
    """

    name: str
    begin: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ArgumentError(f"the name of a layer is {self.name!r}", "text was expected")
        begin = ten_thousandths("the begin of a layer's part", self.begin)
        if begin >= ten_thousandths("the end of a layer's part", self.end):
            raise ArgumentError(
                f"the part of layer {self.name} is [{self.begin}, {self.end})", "an end above the begin was expected"
            )


@dataclass(frozen=True)
class Holdout:
    """A share of the units that comes into no experiment with this holdout.

    Parameters
    ----------
    name : str
        Experiments with the same name and share hold out the same units.
    share : float
        Above 0, below 1.

    Examples
    --------
    >>> Holdout("2026-h1", 0.05).share
    0.05
    """

    name: str
    share: float

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ArgumentError(f"the name of a holdout is {self.name!r}", "text was expected")
        if not 0 < ten_thousandths("the share of a holdout", self.share) < PARTS:
            raise ArgumentError(f"the share of a holdout is {self.share!r}", "a share between 0 and 1 was expected")


def check_ramp(stages: Sequence[Stage], start: datetime) -> None:
    """Raise unless the stages begin with the experiment, their dates ascend and their shares never fall."""
    starts, shares = [stage.start for stage in stages], [stage.share for stage in stages]
    if stages and (starts[0] != start or starts != sorted(set(starts)) or shares != sorted(shares)):
        steps = ", ".join(f"{stage.share:g} from {stage.start}" for stage in stages)
        raise ArgumentError(
            f"the ramp is {steps}",
            f"stages with ascending dates from {start}, and shares that never fall, were expected",
        )
