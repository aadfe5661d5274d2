"""Estimators by name: what each needs of a log and of a policy, and its value from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError
from recsys.core.threads import row_chunks
from recsys.ope import estimators, model_based, slates
from recsys.ope.choosing import slope
from recsys.ope.diagnostics import clusters_of
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.policies import Actions, Policy
from recsys.ope.rewards import Expected, Features, cross_fitted
from recsys.ope.units import Units
from recsys.ope.valuing import Valued
from recsys.ope.weights import Kind, importance_weights

Rows = NDArray[np.float64]
Weighting = Literal["position", "above", "slate", ""]
FOLDS = 5
_SLATES = 1 << 16
_ROUNDING = 1e-6  # of sums of probabilities
_CHOICES = 12  # values that SLOPE chooses among
_KEPT = 0.7  # of the sum of the weights


class Needs(NamedTuple):
    """What an estimator needs.

    Attributes
    ----------
    weighting : {"position", "above", "slate", ""}
        Which weights; ``above``: products of those given the items above. Empty: none.
    model : bool
        A reward model, and with it the actions of the policy.
    slates : bool
        Requests: its value is per request or user.
    parameter : str
        That it has, chosen by SLOPE when it is not given.
    """

    weighting: Weighting = "position"
    model: bool = False
    slates: bool = False
    parameter: str = ""


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
}
_KIND: dict[Weighting, Kind] = {"position": "position", "above": "given_above", "slate": "slate"}


class Reach(NamedTuple):
    """How much of a policy the log can show.

    Attributes
    ----------
    filled : float
        Mean mass of all that it shows; below 1 where it leaves slots empty.
    unsupported : float
        Mean mass on items that the log has never shown.
    """

    filled: float
    unsupported: float


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


@dataclass(frozen=True, eq=False)
class Case:
    """A policy on a log, with everything that estimators need, made when the first of them asks.

    Parameters
    ----------
    policy : Policy
    feedback : LoggedFeedback
    units : Units
    parameters : mapping of str to float
    seed : int
        Of the folds of reward models, and of rejection sampling.
    """

    policy: Policy
    feedback: LoggedFeedback
    units: Units
    parameters: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    @cached_property
    def target(self) -> Propensities:
        """How probable the policy makes the logged rows."""
        return self.policy.propensities(self.feedback)

    def missing(self, needs: Needs) -> str:
        """Return why an estimator cannot be made here; an empty text when it can."""
        if needs.weighting:
            kind = _KIND[needs.weighting]
            for whose, known in (("log", self.feedback.propensities), ("policy", self.target)):
                if getattr(known, kind) is None:
                    return f"the {whose} does not tell the propensity {kind!r} that the estimator needs"
        if needs.model:
            if self._actions is None:
                return "the policy does not tell what else it would show, which a reward model has to know"
            groups = clusters_of(self.feedback)
            if (len(self.feedback) if groups is None else len(np.unique(groups))) < 2 * FOLDS:
                return "the log is too short to fit a reward model on a part of it"
        return ""

    @cached_property
    def _actions(self) -> Actions | None:
        """What the policy may do in each row: made only for reward models."""
        return self.policy.actions(self.feedback)

    @cached_property
    def reach(self) -> Reach | None:
        """How much of the policy the log can show; None when it does not tell."""
        return _reach(self.policy, self.feedback)

    @property
    def filled(self) -> float:
        """Mean mass of all that the policy shows: an empty slot earns nothing, and self-normalising must know of it."""
        share = 1.0 if self.reach is None else self.reach.filled
        return share if 0 < share < 1 - _ROUNDING else 1.0

    def weights(self, weighting: Weighting) -> Rows:
        """Return the weights of rows, or of slates."""
        found = importance_weights(self.target, self.feedback.propensities, _KIND[weighting])
        return slates.running_products(found, self.feedback.offsets)[0] if weighting == "above" else found

    def value(self, name: str, reward: str) -> Valued:
        """Return the value by an estimator for which nothing is missing."""
        needs, rewards = ESTIMATORS[name], self.feedback.rewards[reward]
        if needs.slates:
            return self._of_slates(name, rewards)
        weights = self.weights("position") if needs.weighting else np.zeros(0)
        make = self._of_models(name, weights, rewards) if needs.model else self._of_rows(name, weights, rewards)
        if not needs.parameter:
            return make(0.0)
        given = self.parameters.get(needs.parameter)
        if given is not None:
            return make(given)
        tried = [make(value) for value in choices(needs.parameter, weights)]
        estimable = [one for one in tried if one.standard_error == one.standard_error]
        return slope(estimable) if estimable else tried[0]

    def _of_rows(self, name: str, weights: Rows, rewards: Rows) -> Callable[[float], Valued]:
        units = self.units
        if name == "clipped_ips":
            return lambda clip: estimators.clipped_ips(weights, rewards, units, clip=clip)
        if name == "ips":
            return lambda _: estimators.ips(weights, rewards, units)
        share = self.filled  # weights average to it, and what is normalised by their sum is a mean over filled slots
        if name == "rejection":
            return lambda _: estimators.rejection(weights, rewards * share, units, seed=self.seed)
        return lambda _: estimators.snips(weights / share, rewards * share, units)

    def _of_models(self, name: str, weights: Rows, rewards: Rows) -> Callable[[float], Valued]:
        expected, units = self._expected(rewards), self.units
        if name == "dm":
            return lambda _: model_based.dm(expected.target, units)
        columns = (weights, rewards, expected.logged, expected.target, units)
        if name == "switch_dr":
            return lambda threshold: model_based.switch_dr(*columns, threshold=threshold)
        if name == "shrunk_dr":
            return lambda shrinkage: model_based.shrunk_dr(*columns, shrinkage=shrinkage)
        if name == "dr":
            return lambda _: model_based.dr(*columns)
        share = self.filled
        scaled = (weights / share, rewards * share, expected.logged * share, expected.target, units)
        return lambda _: model_based.sndr(*scaled)

    def _expected(self, rewards: Rows) -> Expected:
        """Return what a reward model of item and position expects; logistic where rewards are 0 and 1."""
        feedback, actions = self.feedback, self._actions
        if actions is None:
            raise ArgumentError(f"{self.policy.name} does not tell its actions", "a policy that does was expected")
        features = Features(len(feedback.items), feedback.positions if feedback.has_positions else None)
        binary = bool(np.isin(rewards, (0.0, 1.0)).all())
        return cross_fitted(
            rewards,
            feedback.actions,
            actions,
            features,
            groups=clusters_of(feedback),
            family="logistic" if binary else "ridge",
            folds=FOLDS,
            seed=self.seed,
        )

    def _of_slates(self, name: str, rewards: Rows) -> Valued:
        offsets = self.feedback.offsets
        if name == "sips":
            return slates.sips(self.weights("slate"), rewards, offsets, self.units)
        if name == "iips":
            return slates.iips(self.weights("position"), rewards, offsets, self.units)
        weights = importance_weights(self.target, self.feedback.propensities, "given_above")
        return slates.rips(weights, rewards, offsets, self.units)


def _reach(policy: Policy, feedback: LoggedFeedback) -> Reach | None:
    """Return the mass of a policy that the log can show, some slates at a time; None when it does not tell."""
    shown = np.append(np.bincount(feedback.actions, minlength=len(feedback.items)) > 0, False)
    filled = away = 0.0
    places = np.arange(feedback.n_slates)
    for start, stop in row_chunks(feedback.n_slates, _SLATES):
        whole = stop - start == feedback.n_slates
        actions = policy.actions(feedback if whole else feedback.keep((places >= start) & (places < stop)))
        if actions is None:
            return None
        filled += float(actions.probabilities.sum())
        away += float(actions.probabilities[~shown[actions.codes]].sum())
    n = max(len(feedback), 1)
    return Reach(filled / n, away / n)
