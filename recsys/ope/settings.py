"""What a user asks of a replay, checked before any work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.ope.checks import Limits
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.intervals import Method
from recsys.ope.named import ESTIMATORS
from recsys.ope.results import Estimand
from recsys.ope.slates import slate_units
from recsys.ope.units import Units, units_of

Correction = Literal["holm", "benjamini-hochberg", "none"]
CORRECTIONS: tuple[Correction, ...] = ("holm", "benjamini-hochberg", "none")


@dataclass(frozen=True)
class Settings:
    """How policies are valued; see `replay`."""

    estimators: tuple[str, ...]
    rewards: tuple[str, ...]
    baseline: str
    interval: Method
    confidence: float
    correction: Correction
    parameters: Mapping[str, float]
    bound: float | None
    lowest: float
    reward_range: tuple[float, float] | None
    replicates: int
    seed: int
    limits: Limits


def check_range(given: tuple[float, float] | None) -> None:
    """Refuse a range of rewards that is none."""
    if given is None:
        return
    numbers = isinstance(given, tuple | list) and len(given) == 2 and not any(isinstance(one, str) for one in given)
    if not numbers or not all(math.isfinite(one) for one in given) or not given[0] <= given[1]:
        raise ArgumentError(f"reward_range is {given!r}", "(lowest, highest) was expected")


def estimator_names(asked: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of estimators, each once; refuse unknown ones."""
    if not isinstance(asked, str | Sequence):
        raise ArgumentError(f"estimator is {asked!r}", "the name of an estimator, or several, was expected")
    words = (asked,) if isinstance(asked, str) else tuple(asked)
    names = tuple(dict.fromkeys(one_of("estimator", word, ESTIMATORS) for word in words))
    if not names:
        raise ArgumentError("no estimator was named", f"one of {', '.join(ESTIMATORS)} was expected")
    return names


def units_for(feedback: LoggedFeedback, names: Sequence[str], estimand: Estimand | None) -> Units:
    """Return what values are the mean over: requests for estimators of slates, else impressions, if nothing is said."""
    of_slates = [name for name in names if ESTIMATORS[name].slates]
    if not of_slates:
        return units_of(feedback, estimand or "impression")
    if estimand == "impression":
        raise ArgumentError(
            f"estimand is 'impression' and {of_slates[0]} values whole slates", "'request' or 'user' was expected"
        )
    return slate_units(feedback, estimand or "request")


def rewards_of(feedback: LoggedFeedback, asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the rewards asked for, or all of the log."""
    names = tuple(feedback.rewards) if asked is None else (asked,) if isinstance(asked, str) else tuple(asked)
    for name in names:
        if name not in feedback.rewards:
            known = ", ".join(feedback.rewards) or "none"
            raise NotFoundError(
                f"the log has no reward {name!r}", f"it has {known}", did_you_mean(str(name), feedback.rewards)
            )
    if not names:
        raise ArgumentError("no reward was named", "at least one was expected")
    return tuple(dict.fromkeys(names))
