"""Every check that estimates of a policy on a log must pass, and what is left of them afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.core.times import from_micros
from recsys.ope.case import Case
from recsys.ope.checks import Check, Limits, graded, left_of, result
from recsys.ope.diagnostics import (
    cluster_check,
    clusters_of,
    mean_weight,
    rewarded_check,
    size_checks,
    support_bounds,
    support_check,
)
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.log_checks import drift_checks
from recsys.ope.named import ESTIMATORS, Needs, Weighting
from recsys.ope.policies import Policy
from recsys.ope.reach import Reach
from recsys.ope.results import Estimate
from recsys.ope.valuing import Valued
from recsys.ope.weights import effective_n

Rows = NDArray[np.float64]


def refuse_training(name: str, policy: Policy, feedback: LoggedFeedback) -> None:
    """Raise DataError when impressions are not later than what the policy has learned from."""
    if policy.trained_through is None or feedback.times is None or getattr(policy, "allow_training_period", False):
        return
    early = int((feedback.times <= policy.trained_through).sum())
    if early:
        raise DataError(
            f"{name} has learned from events up to {from_micros(policy.trained_through)}, and {early:,} of"
            f" {len(feedback):,} impressions are not later",
            "later impressions were expected",
            "use feedback.period(since=…)",
        )


def policy_checks(
    name: str,
    case: Case,
    weightings: Iterable[Weighting],
    rewards: Sequence[str],
    *,
    reward_range: tuple[float, float] | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> tuple[Check, ...]:
    """Return the checks of a policy: when it learned, what of it the log can show, and each kind of its weights.

    Parameters
    ----------
    name : str
        Of the policy.
    case : Case
    weightings : iterable of str
        The kinds of weights that estimators use, none of them missing.
    rewards : sequence of str
    reward_range : (float, float), optional
        Known bounds of the rewards: a part of the policy that the log never shows then has bounds of its value.
    limits : Limits
    """
    reach, kinds = case.reach, tuple(weightings)
    found = [_learned(case.policy, case.feedback)]
    found.append(_support(case, reach, rewards, reward_range, limits))
    found += _slots(reach, by_slate="slate" in kinds)
    for weighting in kinds:
        checks = (*weight_checks(case, weighting, limits), *_earning_checks(case, weighting, rewards, limits))
        found += [replace(check, weighting=weighting) for check in checks]
    return tuple(replace(check, policy=name) for check in found)


def _slots(reach: Reach | None, by_slate: bool) -> Iterator[Check]:
    """Warn of slots that the policy leaves empty: they earn nothing, and that is in the value.

    Not in that of whole slates: a list of fewer items is none that the log holds, and what it earns is lost.
    """
    if reach is None:
        return
    empty = 1 - reach.filled
    if not reach.leaves_slots_empty:
        yield Check("slots", "ok", max(empty, 0.0), 0.0)
        return
    told = "slots of the log that the policy leaves empty count as earning nothing (fewer items, or a smaller k)"
    detail = f"{100 * empty:.3g} % of its slots"
    yield Check("slots", "warn", empty, 0.0, consequence=told, detail=detail)
    if by_slate:
        told = "the policy leaves slots empty: such a list is as a whole none of the log, and what it earns is lost"
        yield Check("slots", "fail", empty, 0.0, told, detail, "not_estimable", weighting="slate")


def _support(
    case: Case,
    reach: Reach | None,
    rewards: Sequence[str],
    reward_range: tuple[float, float] | None,
    limits: Limits,
) -> Check:
    mass = None if reach is None else reach.unsupported
    support = support_check(mass, limits, "item and position" if reach and reach.by_position else "item")
    if not mass or reward_range is None or case.missing(Needs()):
        return support
    weights, n = case.weights("position"), max(len(case.feedback), 1)
    told = []
    for one in rewards:
        supported = float((weights * case.feedback.rewards[one]).sum()) / n
        low, high = support_bounds(supported, mass, reward_range)
        told.append(f"{one} within [{low:.4g}, {high:.4g}]")
    bounds = f"whatever it earns there, per impression {'; '.join(told)}, without sampling error"
    return replace(support, detail=f"{support.detail}; {bounds}")


def weight_checks(case: Case, weighting: Weighting, limits: Limits = Limits()) -> Iterator[Check]:  # noqa: B008
    """Yield the checks of one kind of weights by themselves: their mean, and how much of the log carries them.

    Parameters
    ----------
    case : Case
    weighting : str
        A kind of weights for which nothing is missing.
    limits : Limits
    """
    feedback, weights, reach = case.feedback, case.weights(weighting), case.reach
    clusters = clusters_of(feedback, weighting == "slate")
    expected = 1.0 if reach is None else reach.filled - (0.0 if weighting == "category" else reach.unsupported)
    if weighting != "position" and expected < 1 - 1e-9:  # a product of what is not known position by position
        yield Check("mean-weight", "not_run", consequence="the log does not show all of the policy")
    elif expected <= 0:
        yield Check("mean-weight", "not_run", consequence="the log shows nothing of the policy")
    else:
        yield mean_weight(weights, clusters, expected=expected, limits=limits)
    if weighting == "above":
        yield from _depth_checks(feedback, weights, reach, limits)
    else:
        yield from size_checks(weights, limits)
    if clusters is not None:
        yield cluster_check(weights, clusters, limits)
    if weighting in ("above", "slate") and reach is not None and reach.unsupported > 0:
        yield _support_of_lists(feedback, weighting, reach.unsupported, limits)


def _support_of_lists(feedback: LoggedFeedback, weighting: Weighting, mass: float, limits: Limits) -> Check:
    """Return the check of the mass that products lose: a list is lost whole, a position with any one down to it."""
    sizes = np.diff(feedback.offsets)
    depth = sizes if weighting == "slate" else (sizes + 1) / 2  # positions that a term is a product of, on the mean
    lost = min(float(np.average(depth, weights=sizes)) * mass, 1.0)
    judged = "list" if weighting == "slate" else "position with those above it"
    return support_check(lost, limits, f"{judged} (at most)")


def _earning_checks(case: Case, weighting: Weighting, rewards: Sequence[str], limits: Limits) -> Iterator[Check]:
    """Yield what weights say over time and together with rewards."""
    feedback, weights, by_slate = case.feedback, case.weights(weighting), weighting == "slate"
    if not by_slate:
        yield from drift_checks(feedback, {"weights": weights}, limits)
    for one in rewards:
        earned = feedback.rewards[one]
        if by_slate:
            earned = np.bincount(feedback.slates, earned, feedback.n_slates).astype(np.float64)
        yield replace(rewarded_check(weights, earned, limits, clusters_of(feedback, by_slate)), reward=one)


def _depth_checks(feedback: LoggedFeedback, weights: Rows, reach: Reach | None, limits: Limits) -> Iterator[Check]:
    """Return the checks of the size at the weakest position: products shrink down a list, and the top hides it.

    Positions of less than a twentieth of the slates are left out, and those that the policy leaves empty.
    """
    empty = reach is not None and reach.leaves_slots_empty
    found = []
    for position in np.flatnonzero(np.bincount(feedback.positions) * 20 >= max(feedback.n_slates, 1)).tolist():
        own = weights[feedback.positions == position]
        if own.any() or not empty:
            found.append((effective_n(own), position, own))
    _, position, own = min(found, key=lambda one: one[:2], default=(0.0, 0, weights))
    for check in size_checks(own, limits):
        yield replace(check, detail=f"{check.detail}, at position {position}" if check.detail else "")


def model_checks(
    name: str,
    case: Case,
    rewards: Sequence[str],
    limits: Limits = Limits(),  # noqa: B008
) -> tuple[Check, ...]:
    """Return what the direct method rests on: it has no weights, but its model has only so many rows of each item.

    A model of item means is a weighted mean of the rows, of weights mass over share of the item; the checks of weights
    are made of these.
    """
    if case.reach is None:
        return ()
    weights, clusters = case.reach.model_weights(case.feedback), clusters_of(case.feedback)
    first, _ = size_checks(weights, limits)
    found = [replace(first, name="model-rows", detail=f"its model of items rests on {first.detail}")]
    if clusters is not None:
        found.append(cluster_check(weights, clusters, limits))
    columns = case.feedback.rewards
    found += [replace(rewarded_check(weights, columns[one], limits, clusters), reward=one) for one in rewards]
    return tuple(replace(check, policy=name, estimator="dm") for check in found)


def _learned(policy: Policy, feedback: LoggedFeedback) -> Check:
    if policy.trained_through is None:
        return Check("training-period", "not_run", consequence="the policy does not say what it has learned from")
    if getattr(policy, "allow_training_period", False):
        early = None if feedback.times is None else float((feedback.times <= policy.trained_through).mean())
        if early != 0:
            told = "the policy may have learned from these impressions"
            return Check("training-period", "fail", early, 0.0, told, downgrades="flagged")
    if feedback.times is None:
        told = "the log has no times: the policy may have learned from it"
        return Check("training-period", "fail", None, 0.0, told, downgrades="flagged")
    return Check("training-period", "ok", 0.0, 0.0)


def kept_checks(name: str, reward: str, value: Valued, limits: Limits = Limits()) -> tuple[Check, ...]:  # noqa: B008
    """Return the checks of the rows that rejection sampling kept: how many they are, and how many had a reward."""
    if value.weights is None or value.normalised is None:
        return ()
    kept = float(value.weights.sum())
    verdict = graded(kept, fail=limits.least_size, flag=limits.good_size)
    told = "rejection sampling kept few rows"
    size = result("kept-rows", verdict, kept, limits.good_size, told, f"{kept:,.0f} of {value.units.n_rows:,}")
    some = value.weights > 0  # of clusters: what the rows of one had is its sum
    paid = rewarded_check(value.weights[some], value.normalised[some] / value.weights[some], limits)
    return tuple(replace(one, policy=name, reward=reward, estimator=value.estimator) for one in (size, paid))


def gated(estimate: Estimate, checks: Sequence[Check]) -> Estimate:
    """Return the estimate with the status that the checks leave; what is not estimable has no number at all."""
    about = (estimate.policy, estimate.reward, ESTIMATORS[estimate.estimator].weighting, estimate.estimator)
    concerned = [check for check in checks if check.concerns(*about)]
    if estimate.estimator == "mips":  # it asks for the support of categories, which its own weights tell
        concerned = [check for check in concerned if check.name != "support"]
    return left_of(estimate, concerned)
