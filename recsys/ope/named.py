"""Estimators by name, and what each needs of a log and of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError

Rows = NDArray[np.float64]
Weighting = Literal["position", "above", "slate", "category", ""]
_CHOICES = 12  # values that SLOPE chooses among
_KEPT = 0.7  # of the sum of the weights


class Needs(NamedTuple):
    """What an estimator needs.

    Attributes
    ----------
    weighting : {"position", "above", "slate", "category", ""}
        Which weights; ``above``: products of those given the items above; ``category``: of categories of items. Empty:
        none.
    model : bool
        A reward model, and with it the actions of the policy.
    slates : bool
        Requests: its value is per request or user.
    parameter : str
        That it has, chosen by SLOPE when it is not given.
    sequential : bool
        What the policy would show given the items above.
    independent : bool
        A logger that fills positions independently, or draws lists uniformly.
    """

    weighting: Weighting = "position"
    model: bool = False
    slates: bool = False
    parameter: str = ""
    sequential: bool = False
    independent: bool = False


ESTIMATORS: dict[str, Needs] = {
    "snips": Needs(),
    "ips": Needs(),
    "clipped_ips": Needs(parameter="clip"),
    "rejection": Needs(),
    "dm": Needs("", model=True),
    "dr": Needs(model=True),
    "sndr": Needs(model=True),
    "switch_dr": Needs(model=True, parameter="threshold"),
    "shrunk_dr": Needs(model=True, parameter="shrinkage"),
    "sips": Needs("slate", slates=True),
    "iips": Needs("position", slates=True),
    "rips": Needs("above", slates=True),
    "cascade_dr": Needs("above", model=True, slates=True, sequential=True),
    "pseudo_inverse": Needs("position", slates=True, independent=True),
    "mips": Needs("category"),
}


def choices(parameter: str, weights: Rows) -> list[float]:
    """Return values of a parameter for SLOPE to choose among, the least biased first.

    From the largest weight down by halves, as long as at least `_KEPT` of the sum of the weights is left: with few
    rewards SLOPE cannot see a bias, however large.

    Examples
    --------
    >>> choices("clip", np.array([8.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    [8.0, 4.0]
    """
    largest, total = float(weights.max(initial=0.0)), float(weights.sum())
    if largest <= 0:
        return [1.0]
    found = []
    for step in range(_CHOICES):
        level = largest / 2**step
        value = 4 * level * level if parameter == "shrinkage" else level  # λ is held against squares of weights
        if parameter == "clip":
            kept = np.minimum(weights, value)
        elif parameter == "threshold":
            kept = np.where(weights <= value, weights, 0.0)
        else:
            kept = weights / (weights * weights / value + 1)
        if step and float(kept.sum()) < _KEPT * total:
            break
        found.append(value)
    return found


def checked_parameters(names: tuple[str, ...], given: Mapping[str, float] | None) -> dict[str, float]:
    """Return the parameters, or raise ArgumentError for one that no estimator asked for has.

    Examples
    --------
    >>> checked_parameters(("ips", "clipped_ips"), {"clip": 10})
    {'clip': 10.0}
    """
    if given is not None and not isinstance(given, Mapping):
        raise ArgumentError(f"parameters is {given!r}", "a mapping of names to numbers was expected", "{'clip': 10}")
    known = [ESTIMATORS[name].parameter for name in names if ESTIMATORS[name].parameter]
    owners = {needs.parameter: name for name, needs in ESTIMATORS.items() if needs.parameter}
    found = {}
    for name, value in (given or {}).items():
        if name in owners and name not in known:
            raise ArgumentError(
                f"parameters has {name!r}, which {', '.join(names)} do not have",
                f"the estimator {owners[name]!r} was expected with it",
                f"give estimator={owners[name]!r}",
            )
        found[one_of("a parameter", name, owners)] = finite_float(name, value, above=0)
    return found
