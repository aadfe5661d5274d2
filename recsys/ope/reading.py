"""Whether a log contradicts what an estimator of slates assumes of how users read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from math import inf
from typing import NamedTuple

import numpy as np

from recsys.ope.case import Case
from recsys.ope.checks import Check, Limits, downgraded, tested
from recsys.ope.diagnostics import unskewed
from recsys.ope.differences import difference
from recsys.ope.gate import weight_checks
from recsys.ope.named import ESTIMATORS
from recsys.ope.reach import ROUNDING
from recsys.ope.valuing import Valued
from recsys.ope.weights import effective_n


class _Assumed(NamedTuple):
    """What an estimator assumes, and the estimators that hold wherever it does, the one that varies least first."""

    consequence: str
    weaker: tuple[str, ...]


_ABOVE = "what a position earns seems to depend on the items below it"
_ASSUMED = {
    "iips": _Assumed("what a position earns seems to depend on the items above it", ("rips", "sips")),
    "rips": _Assumed(_ABOVE, ("sips",)),
    "cascade_dr": _Assumed(_ABOVE, ("sips",)),
    "pseudo_inverse": _Assumed("what a slate earns seems to be no sum of what its items add", ("sips",)),
}


def reading_checks(name: str, case: Case, values: Mapping[tuple[str, str], Valued], limits: Limits) -> Iterator[Check]:
    """Yield the checks of what estimators of slates assume, each by one that assumes less on the same slates.

    Where the assumption holds both are unbiased, and differ by chance alone; where it does not, only the weaker one is
    right (the idea of Hausman 1978). The test is as sharp as the weaker estimator is exact, and is made only where
    that one passes the checks of its own weights and enough of its slates can be expected to be rewarded.

    Parameters
    ----------
    name : str
        Of the policy.
    case : Case
    values : mapping of (reward, estimator) to Valued
        Of estimators that assume nothing there is no check.
    limits : Limits
    """

    @cache
    def weights(weaker: str) -> dict[str, Check]:
        return {check.name: check for check in weight_checks(case, ESTIMATORS[weaker].weighting, limits)}

    for (reward, how), value in values.items():
        if how not in _ASSUMED:
            continue
        consequence, weaker = _ASSUMED[how]
        why = {other: case.missing(ESTIMATORS[other]) for other in weaker}
        able = next((other for other in weaker if not why[other]), None)
        if able is None:
            untold = f"a test needs {weaker[0]}, which assumes less: {why[weaker[0]]}"
        else:
            untold = _lost(case, able) or _unsound(case, able, weights(able), reward, limits)
        if able is None or untold:
            found = Check("reading", "not_run", consequence=untold)
        else:
            other = values[reward, able] if (reward, able) in values else case.value(able, reward)
            found = contradicted(value, other, consequence, _absolute(case, able, reward) / value.n, limits)
        yield replace(found, policy=name, reward=reward, estimator=how)


def _lost(case: Case, weaker: str) -> str:
    """Return why products of weights would lose mass where single ones do not, and tell of readers falsely."""
    reach = case.reach
    if reach is None:
        return f"the policy does not tell what else it would show: {weaker}, which assumes less, may lose a part of it"
    if reach.unsupported > ROUNDING:
        return f"the log does not show all of the policy: {weaker}, which assumes less, loses more of it"
    if reach.leaves_slots_empty:
        return f"the policy leaves slots empty: {weaker}, which assumes less, may lose lists of it"
    return ""


def _unsound(case: Case, weaker: str, checks: Mapping[str, Check], reward: str, limits: Limits) -> str:
    """Return why the weaker estimator cannot be held against another.

    With rare rewards its few heavy slates may all be without one: it is then too low, and its error far too small. How
    many rewarded ones it rests on must be judged by what was to be expected; to count those that came would let pass
    just the logs whose heavy slates have none.
    """
    against = downgraded("estimable", checks.values())[1]
    if not against and checks["mean-weight"].status != "ok":  # off by little, or it could not be tested
        against = (checks["mean-weight"].reason,)
    if against:
        return f"{weaker}, which assumes less, is not sure enough of itself for a test: {against[0]}"
    size, feedback = checks["effective-size"].number or 0.0, case.feedback
    earned = np.bincount(feedback.slates, np.abs(feedback.rewards[reward]), feedback.n_slates)
    expected = size * effective_n(earned) / max(feedback.n_slates, 1)  # uneven rewards count as fewer equal ones
    if expected < limits.reading_rewarded:
        return (
            f"{weaker}, which assumes less, rests on too few rewarded slates for a test: some {expected:.0f} are to be"
            f" expected, of {size:.0f}"
        )
    return ""


def _absolute(case: Case, weaker: str, reward: str) -> float:
    """Return the sum of absolute rewards as the weaker estimator weighs them."""
    kind, earned = ESTIMATORS[weaker].weighting, np.abs(case.feedback.rewards[reward])
    weights = case.weights(kind)
    return float((weights[case.feedback.slates] if kind == "slate" else weights) @ earned)


def contradicted(
    value: Valued,
    weaker: Valued,
    consequence: str,
    scale: float,
    limits: Limits = Limits(),  # noqa: B008
) -> Check:
    """Test that an estimator and one that assumes less agree: a t-test of paired clusters, corrected for skewness.

    Parameters
    ----------
    value, weaker : Valued
        On the same units.
    consequence : str
        What it means that they do not.
    scale : float
        Mean absolute reward of the policy a unit, which the distance is held against: the value itself where no reward
        is negative. Of rewards of both signs the value may be anything, 0 too.
    limits : Limits
        `level`, `reading`, `flag_reading`.
    """
    found = difference(value, weaker)
    if found.status != "ok":
        told = f"{weaker.estimator}, which assumes less, does not differ in a way that could be tested"
        return Check("reading", "not_run", consequence=told)
    from scipy.special import stdtr

    t = unskewed(found.estimate / found.standard_error, value.influence - weaker.influence)
    pvalue = float(2 * stdtr(found.n_clusters - 1, -abs(t)))
    detail = f"{value.value:.4g}, by {weaker.estimator}, which assumes less, {weaker.value:.4g}; t = {t:.3g}"
    share = abs(found.estimate) / scale if scale > 0 else inf
    bounds = {"fail": limits.reading, "flag": limits.flag_reading}
    return tested("reading", pvalue, share, consequence, detail, limits, **bounds)
