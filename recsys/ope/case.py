"""`Case`: one policy on one log, and the value by each estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError, DataError
from recsys.ope import estimators, model_based, slates
from recsys.ope.choosing import slope
from recsys.ope.diagnostics import clusters_of
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.named import ESTIMATORS, Needs, Weighting, choices
from recsys.ope.policies import Actions, Policy, SequentialPolicy, SurveyedPolicy
from recsys.ope.pools import Entries
from recsys.ope.reach import Reach, Tally, reach_of
from recsys.ope.regression import Features
from recsys.ope.rewards import Expected, cross_fitted
from recsys.ope.units import Units
from recsys.ope.valuing import Valued
from recsys.ope.weights import Kind, importance_weights

Rows = NDArray[np.float64]
FOLDS = 5
_LARGEST = 1e50  # of a weight: squares and cubes of sums of these still are numbers
_KIND: dict[Weighting, Kind] = {"position": "position", "above": "given_above", "slate": "slate"}


class _Surveyed(NamedTuple):
    target: Propensities
    reach: Reach
    actions: Actions | None


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
    categories : (n_items,) int64, optional
        Of each item, for MIPS.
    logger : Policy, optional
        The logging policy as a whole, for MIPS.
    models : bool
        Whether what the policy may do in each row will be asked for, by reward models: it is kept then.
    """

    policy: Policy
    feedback: LoggedFeedback
    units: Units
    parameters: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    categories: NDArray[np.int64] | None = None
    logger: Policy | None = None
    models: bool = False

    @cached_property
    def target(self) -> Propensities:
        """How probable the policy makes the logged rows."""
        told = self._surveyed
        return self.policy.propensities(self.feedback) if told is None else told.target

    @cached_property
    def _surveyed(self) -> _Surveyed | None:
        """All that a policy tells which lists once and is asked once; None of another."""
        policy, feedback = self.policy, self.feedback
        if not isinstance(policy, SurveyedPolicy):
            return None
        tally, entries = Tally(feedback), Entries(len(feedback))
        target = policy.survey(feedback, *((tally, entries) if self.models else (tally,)))
        return _Surveyed(target, tally.reach(), entries.joined() if self.models else None)

    def missing(self, needs: Needs) -> str:
        """Return why an estimator cannot be made here; an empty text when it can."""
        return self._weights_missing(needs) or self._model_missing(needs)

    def _weights_missing(self, needs: Needs) -> str:
        if needs.weighting == "category":
            return self._categories_missing()
        if not needs.weighting:
            return ""
        kind = _KIND[needs.weighting]
        for whose, known in (("log", self.feedback.propensities), ("policy", self.target)):
            if getattr(known, kind) is None:
                return f"the {whose} does not tell the propensity {kind!r} that the estimator needs"
        largest = float(self.weights(needs.weighting).max(initial=0.0))
        if not largest <= _LARGEST:
            least = float(getattr(self.feedback.propensities, kind).min())
            return f"weights reach {largest:.3g}: a propensity of {least:.3g} is no chance that a log can show"
        return self._inverse_missing() if needs.independent else ""

    def _model_missing(self, needs: Needs) -> str:
        if not needs.model:
            return ""
        if needs.sequential and self._sequential is None:
            return "the policy does not tell what it would show given the items above, which cascade-DR has to know"
        if self._actions is None:
            return "the policy does not tell what else it would show, which a reward model has to know"
        groups = clusters_of(self.feedback)
        if (len(self.feedback) if groups is None else len(np.unique(groups))) < 2 * FOLDS:
            return "the log is too short to fit a reward model on a part of it"
        return ""

    def _categories_missing(self) -> str:
        if self.categories is None:
            return "MIPS weights by categories of items, and none were given"
        if self.logger is None:
            return (
                "the log tells how probable the items shown were, and MIPS has to know that of all items of their"
                " category: the logger was not given"
            )
        if self._logged_actions is None:
            return "the logger does not tell what else it might have shown, which MIPS has to know"
        if self._actions is None:
            return "the policy does not tell what else it would show, which MIPS has to know"
        return ""

    def _inverse_missing(self) -> str:
        above = self.feedback.propensities.given_above
        if above is None:
            told = "propensity_given_above, which shows how positions depend on each other"
            return f"the log has no {told}: the pseudo-inverse has to know"
        if self._independent:
            return ""
        if self._drawn_from is None:
            return (
                "the pseudo-inverse is closed for loggers that fill positions independently or draw lists uniformly,"
                " and this one does neither"
            )
        if self._actions is None:
            return "the policy does not tell what else it would show, which the pseudo-inverse has to know"
        return ""

    @cached_property
    def _independent(self) -> bool:
        """Whether the logger filled positions independently: what stands above changes no propensity."""
        known = self.feedback.propensities
        return (
            known.position is not None
            and known.given_above is not None
            and bool(np.allclose(known.position, known.given_above, rtol=1e-9, atol=0))
        )

    @cached_property
    def _drawn_from(self) -> NDArray[np.int64] | None:
        """From how many candidates each slate was drawn, uniformly and without replacement; None if it was not."""
        known, offsets = self.feedback.propensities, self.feedback.offsets
        if known.position is None or known.given_above is None or not len(self.feedback):
            return None
        with np.errstate(over="ignore"):
            size = 1 / known.position
        if not (size < 2**31).all():
            return None
        m = np.rint(size[offsets[:-1]]).astype(np.int64)
        of_row = m[self.feedback.slates]
        left = np.maximum(of_row - (self.feedback.positions - 1), 1)
        uniform = np.allclose(size, of_row, rtol=1e-6) and np.allclose(known.given_above * left, 1, rtol=1e-6)
        return m if uniform and bool((np.diff(offsets) <= m).all()) else None

    @cached_property
    def _sequential(self) -> Actions | None:
        """What the policy may do in each row given the items above it."""
        policy = self.policy
        return policy.actions_given_above(self.feedback) if isinstance(policy, SequentialPolicy) else None

    @cached_property
    def _logged_actions(self) -> Actions | None:
        """What the logger might have done in each row; it must tell the propensities of the log."""
        if self.logger is None:
            return None
        told, logged = self.logger.propensities(self.feedback).position, self.feedback.propensities.position
        if told is not None and logged is not None and not np.allclose(told, logged, rtol=1e-4, atol=0):
            place = int(np.argmax(np.abs(told - logged)))
            raise DataError(
                f"the logger {self.logger.name} gives row {place} the propensity {told[place]:g}, and the log"
                f" {logged[place]:g}",
                "the policy that wrote the log was expected",
            )
        return self.logger.actions(self.feedback)

    @cached_property
    def _actions(self) -> Actions | None:
        """What the policy may do in each row: made only for reward models."""
        told = self._surveyed
        return self.policy.actions(self.feedback) if told is None or told.actions is None else told.actions

    @cached_property
    def reach(self) -> Reach | None:
        """How much of the policy the log can show; None when it does not tell."""
        told = self._surveyed
        return reach_of(self.policy, self.feedback) if told is None else told.reach

    @property
    def filled(self) -> float:
        """Mean mass of all that the policy shows: an empty slot earns nothing, and self-normalising must know of it."""
        reach = self.reach
        return reach.filled if reach is not None and reach.leaves_slots_empty and reach.filled > 0 else 1.0

    @cached_property
    def _weights(self) -> dict[Weighting, Rows]:
        return {}

    def weights(self, weighting: Weighting) -> Rows:
        """Return the weights of rows, or of slates; made once."""
        if weighting not in self._weights:
            self._weights[weighting] = self._made(weighting)
        return self._weights[weighting]

    def _made(self, weighting: Weighting) -> Rows:
        if weighting == "category":
            actions, logged, categories = self._actions, self._logged_actions, self.categories
            if actions is None or logged is None or categories is None:
                raise ArgumentError("the weights of categories lack their parts", "categories and logger were expected")
            return model_based.mips_weights(actions, logged, self.feedback.actions, categories)
        found = importance_weights(self.target, self.feedback.propensities, _KIND[weighting])
        return slates.running_products(found, self.feedback.offsets)[0] if weighting == "above" else found

    def value(self, name: str, reward: str) -> Valued:
        """Return the value by an estimator for which nothing is missing."""
        needs, rewards = ESTIMATORS[name], self.feedback.rewards[reward]
        if needs.slates:
            return self._of_slates(name, rewards)
        if name == "mips":
            return self._of_categories(rewards)
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

    def _of_categories(self, rewards: Rows) -> Valued:
        share = self.filled
        found = estimators.snips(self.weights("category") / share, rewards * share, self.units)
        shared = self.categories is not None and len(np.unique(self.categories)) < len(self.categories)
        return found.named("mips", *([model_based.CATEGORIES_DECIDE] if shared else []))

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
        expected, units = self._expected(rewards, self._actions, pull=name == "dm"), self.units
        if name == "dm":
            return lambda _: model_based.dm(expected.target, units, pull=expected.pull)
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

    def _expected(self, rewards: Rows, actions: Actions | None, *, pull: bool = False) -> Expected:
        """Return what a reward model of item and position expects; logistic where rewards are 0 and 1."""
        feedback = self.feedback
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
            pull=pull,
        )

    def _of_slates(self, name: str, rewards: Rows) -> Valued:
        offsets = self.feedback.offsets
        if name == "sips":
            return slates.sips(self.weights("slate"), rewards, offsets, self.units)
        if name == "iips":
            return slates.iips(self.weights("position"), rewards, offsets, self.units)
        if name == "pseudo_inverse":
            if self._independent:
                return slates.pseudo_inverse(self.weights("position"), rewards, offsets, self.units)
            return self._drawn_uniformly(rewards)
        weights = importance_weights(self.target, self.feedback.propensities, "given_above")
        if name == "cascade_dr":
            expected = self._expected(rewards, self._sequential)
            return slates.cascade_dr(weights, rewards, expected.logged, expected.target, offsets, self.units)
        return slates.rips(weights, rewards, offsets, self.units)

    def _drawn_uniformly(self, rewards: Rows) -> Valued:
        actions, candidates, offsets = self._actions, self._drawn_from, self.feedback.offsets
        if actions is None or candidates is None:
            raise ArgumentError("the logger draws no lists uniformly", "one that does was expected")
        weights = slates.uniform_slate_weights(actions, self.feedback.actions, offsets, candidates)
        return slates.weighted_slates("pseudo_inverse", weights, rewards, offsets, self.units)
