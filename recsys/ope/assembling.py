"""From the values of policies to a `Replay`: intervals, what the gate leaves of them, paired differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recsys.ope import estimators
from recsys.ope.checks import Check, downgraded
from recsys.ope.diagnostics import WeightBin
from recsys.ope.differences import difference
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.gate import gated
from recsys.ope.intervals import interval as interval_of
from recsys.ope.replay_result import LOGGED, ON_POLICY, LogFacts, Replay, ReplayDifference
from recsys.ope.reporting import estimate_of
from recsys.ope.results import Estimate
from recsys.ope.settings import Correction, Settings
from recsys.ope.units import Units
from recsys.ope.valuing import Valued
from recsys.stats import benjamini_hochberg, holm

Key = tuple[str, str, str]


class Worked(NamedTuple):
    """A policy that was valued.

    Attributes
    ----------
    checks : tuple of Check
    histogram : tuple of WeightBin
    values : dict of (reward, estimator) to Valued
    missing : dict of str to str
        Estimators that could not be made, and why.
    """

    checks: tuple[Check, ...]
    histogram: tuple[WeightBin, ...]
    values: dict[tuple[str, str], Valued]
    missing: dict[str, str]


def assembled(
    feedback: LoggedFeedback, units: Units, found: tuple[Check, ...], worked: Mapping[str, Worked], settings: Settings
) -> Replay:
    """Return the result: every estimate behind the gate, and the differences from the baseline."""
    ones, rewards = np.ones(len(feedback)), settings.rewards
    own = {reward: estimators.ips(ones, feedback.rewards[reward], units).named(ON_POLICY) for reward in rewards}
    checks = (*found, *(check for one in worked.values() for check in one.checks))
    estimates: dict[Key, Estimate] = {
        (LOGGED, reward, ON_POLICY): _estimate(LOGGED, reward, value, settings) for reward, value in own.items()
    }
    for name, one in worked.items():
        for reward in rewards:
            for how in settings.estimators:
                value = one.values.get((reward, how))
                made = (
                    _nothing(name, reward, how, one.missing[how], units, settings)
                    if value is None
                    else _estimate(name, reward, value, settings)
                )
                estimates[name, reward, how] = gated(made._replace(estimator=how), checks)
    values = {(name, *key): value for name, one in worked.items() for key, value in one.values.items()}
    values |= {(LOGGED, reward, ON_POLICY): value for reward, value in own.items()}
    differences: list[ReplayDifference] = []
    for how in settings.estimators:
        pairs = [
            _difference((name, reward, how), values, estimates, settings)
            for name in worked
            for reward in rewards
            if name != settings.baseline
        ]
        differences += _adjusted(pairs, settings.correction)
    logged = tuple(one for one in estimates.values() if one.policy == LOGGED)
    return Replay(
        LogFacts.of(feedback),
        logged,
        tuple(one for one in estimates.values() if one.policy != LOGGED),
        tuple(differences),
        checks,
        {name: one.histogram for name, one in worked.items()},
        settings.baseline,
        settings.correction,
        feedback.notes,
    )


def _estimate(name: str, reward: str, value: Valued, settings: Settings) -> Estimate:
    """Return an estimate with its interval; the mean of the log has one by the delta method, if not the bootstrap."""
    own = value.estimator == ON_POLICY and settings.interval != "bootstrap"
    found = interval_of(
        value,
        "delta" if own else settings.interval,
        confidence=settings.confidence,
        bound=settings.bound,
        lowest=settings.lowest,
        rewards=settings.reward_range or (0.0, 1.0),
        replicates=settings.replicates,
        seed=settings.seed,
    )
    made = estimate_of(value, found, policy=name, reward=reward)
    # a caveat is a bias that the interval does not know of: no number to be taken as it is
    return made._replace(status="flagged") if value.notes and made.status == "estimable" else made


def _nothing(name: str, reward: str, how: str, why: str, units: Units, settings: Settings) -> Estimate:
    numbers = (math.nan,) * 4
    return Estimate(name, reward, how, units.estimand, *numbers, settings.confidence, "none", units.n, 0.0,
                    "not_estimable", (why,))  # fmt: skip


def _difference(
    key: Key, values: Mapping[Key, Valued], estimates: Mapping[Key, Estimate], settings: Settings
) -> ReplayDifference:
    """Return candidate − baseline, as estimable as the worse of the two."""
    name, reward, how = key
    base_key = (settings.baseline, reward, ON_POLICY if settings.baseline == LOGGED else how)
    sides = (estimates[key], estimates[base_key])
    concerned = [
        Check(side.policy, "fail", downgrades=side.status, consequence=(*side.reasons, "no estimate")[0])
        for side in sides
        if side.status != "estimable"
    ]
    status, reasons = downgraded("estimable", concerned)
    numbers = (math.nan,) * 6
    nothing = ReplayDifference(name, settings.baseline, reward, how, sides[0].estimand, *numbers, sides[1].value,
                               settings.confidence, "none", sides[0].n, status, reasons)  # fmt: skip
    if status == "not_estimable" or key not in values or base_key not in values:
        return nothing._replace(status="not_estimable")
    found = difference(
        values[key],
        values[base_key],
        method="bootstrap" if settings.interval == "bootstrap" else "delta",
        confidence=settings.confidence,
        replicates=settings.replicates,
        seed=settings.seed,
    )
    if found.status == "zero_variance":
        same = Check(name, "fail", downgrades="flagged", consequence="the two do not differ in any row of the log")
        status, reasons = downgraded(status, [*concerned, same])
    return nothing._replace(
        estimate=found.estimate,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        standard_error=found.standard_error,
        pvalue=found.pvalue,
        adjusted_pvalue=found.pvalue,
        method=found.method,
        status=status,
        reasons=reasons,
    )


def _adjusted(pairs: Sequence[ReplayDifference], correction: Correction) -> Iterator[ReplayDifference]:
    pvalues = [one.pvalue for one in pairs]
    if pairs and correction != "none":
        pvalues = (holm if correction == "holm" else benjamini_hochberg)(pvalues).tolist()
    for one, pvalue in zip(pairs, pvalues, strict=True):
        yield one._replace(adjusted_pvalue=pvalue)
