"""`replay`: policies valued on logged feedback, behind a gate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from recsys.core.checks import did_you_mean, finite_float, one_of
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.ope import estimators
from recsys.ope.asking import policies_of
from recsys.ope.case import Case
from recsys.ope.categories import categories_of
from recsys.ope.checks import Check, Limits, downgraded
from recsys.ope.diagnostics import WeightBin, weight_histogram
from recsys.ope.differences import difference
from recsys.ope.entering import one_reward
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.gate import gated, kept_checks, model_checks, policy_checks, refuse_training
from recsys.ope.intervals import METHODS, Method
from recsys.ope.intervals import interval as interval_of
from recsys.ope.log_checks import drift_checks, log_checks
from recsys.ope.named import ESTIMATORS, checked_parameters
from recsys.ope.replay_result import LOGGED, ON_POLICY, LogFacts, Replay, ReplayDifference
from recsys.ope.reporting import estimate_of
from recsys.ope.results import Estimand, Estimate
from recsys.ope.slates import slate_units
from recsys.ope.units import Units, units_of
from recsys.ope.valuing import Valued
from recsys.stats import benjamini_hochberg, holm

Correction = Literal["holm", "benjamini-hochberg", "none"]
CORRECTIONS: tuple[Correction, ...] = ("holm", "benjamini-hochberg", "none")
Key = tuple[str, str, str]


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


def replay(
    policies: object,
    log: object,
    *,
    estimator: str | Sequence[str] = "snips",
    reward: str | Sequence[str] | None = None,
    baseline: str = LOGGED,
    estimand: Estimand | None = None,
    interval: Method = "delta",
    confidence: float = 0.95,
    correction: Correction = "holm",
    parameters: Mapping[str, float] | None = None,
    bound: float | None = None,
    lowest: float = 0.0,
    reward_range: tuple[float, float] | None = None,
    replicates: int = 1000,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    categories: object = None,
    category: str | None = None,
    logger: object = None,
    progress: ProgressCallback = silent,
) -> Replay:
    """Return what policies would have earned on a log, with intervals, or why the log cannot say.

    Before any number stands a gate: an estimate is *estimable*, *flagged* (a number to be read with the reasons beside
    it) or *not estimable* (NaN, with the reasons). See `Limits` for where the checks fail.

    Parameters
    ----------
    policies : policy, or mapping of name to policy
        A fitted recommender, a `Policy`, a frame of probabilities, or a callable.
    log : LoggedFeedback or frame
        What was shown, how probable it was, and what came of it; see `LoggedFeedback.from_frame`.
    estimator : str or sequence of str
        ``snips``, ``ips``, ``clipped_ips``, ``rejection``; with a cross-fitted reward model ``dm``, ``dr``, ``sndr``,
        ``switch_dr``, ``shrunk_dr``; of slates ``sips``, ``iips``, ``rips``, ``cascade_dr``, ``pseudo_inverse``; over
        `categories` of items ``mips``, self-normalised. The first one decides. What an estimator needs and the log or
        the policy does not tell makes it *not estimable*, with the reason.
    reward : str or sequence of str, optional
        The first one decides. Default: all rewards of a `LoggedFeedback`; of a frame the one column that can be it.
    baseline : str
        What policies are held against, on the same rows: ``"logged"``, the mean that the log itself shows, or a policy.
    estimand : {"impression", "request", "user"}
        What values are the mean over. Default: requests for estimators of slates, else impressions.
    interval : {"delta", "bootstrap", "bernstein", "exact", "sequence"}
        Of the values; differences have the bootstrap, or else the delta method.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    correction : {"holm", "benjamini-hochberg", "none"}
        Of p-values, over all policies and rewards of one estimator.
    parameters : mapping of str to float, optional
        ``clip``, ``threshold``, ``shrinkage``; what is not given SLOPE chooses, and the result says so.
    bound, lowest : float, optional
        Known largest and least term, for the intervals ``"bernstein"`` and ``"sequence"``: weight × reward, of IPS. The
        least is 0 unless something is said; a term outside is refused.
    reward_range : (float, float), optional
        Known bounds of the rewards: they bound what a policy earns with items that the log never shows. The interval
        ``"exact"`` takes them as the two values that rewards have, 0 and 1 without.
    replicates, seed : int
        Of the bootstrap; the seed also of rejection sampling.
    limits : Limits
        Where the gate warns and fails.
    categories : frame (item_id, category), optional
        For ``mips``: items of one category are taken to earn alike.
    category : str, optional
        The column of it. Default: ``category``, else the only one.
    logger : policy, optional
        For ``mips``: the policy that wrote the log, which knows how probable all items were.
    progress : callable, optional
        Told of every policy.

    Raises
    ------
    ArgumentError
        There is no policy, or no such estimator, interval or correction.
    NotFoundError
        The log has no such reward, or there is no such baseline.
    DataError
        The log is empty or breaks a demand, or a policy has learned from these impressions.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> items = rng.integers(4, size=2000)
    >>> log = LoggedFeedback.from_frame({"item_id": items, "propensity_position": np.full(2000, 0.25),
    ...                                  "click": rng.random(2000) < 0.1 * items})
    >>> found = replay({"best": {"item_id": [2, 3], "probability": [0.1, 0.9]}}, log)
    >>> round(found["best"].value, 2), found["best"].status
    (0.29, 'estimable')
    """
    feedback = (
        log if isinstance(log, LoggedFeedback) else LoggedFeedback.from_frame(log, reward=one_reward(log, reward))
    )
    if not len(feedback):
        raise DataError("the log has no rows", "at least one impression was expected")
    names = _estimator_names(estimator)
    named = policies_of(policies)
    if baseline != LOGGED and baseline not in named:
        known = (LOGGED, *named)
        raise NotFoundError(
            f"baseline is {baseline!r}", f"one of {', '.join(known)} was expected", did_you_mean(baseline, known)
        )
    one_of("interval", interval, METHODS)
    one_of("correction", correction, CORRECTIONS)
    finite_float("confidence", confidence, above=0, below=1)
    if not isinstance(limits, Limits):
        raise ArgumentError(f"limits is {limits!r}", "rs.ope.Limits(…) was expected")
    _check_range(reward_range)
    given = checked_parameters(names, parameters)
    settings = Settings(names, _rewards(feedback, reward), baseline, interval, confidence, correction, given, bound,
                        lowest, reward_range, replicates, seed, limits)  # fmt: skip
    units = _units(feedback, names, estimand)
    columns = {name: feedback.rewards[name] for name in settings.rewards}
    checks = (*log_checks(feedback, limits), *drift_checks(feedback, columns, limits))
    groups = None if categories is None else categories_of(categories, feedback, category)
    writer = None if logger is None else next(iter(policies_of(logger).values()))
    models = any(ESTIMATORS[how].model or ESTIMATORS[how].weighting == "category" for how in names)
    worked = {}
    for place, (name, policy) in enumerate(named.items()):
        refuse_training(name, policy, feedback)
        case = Case(policy, feedback, units, settings.parameters, seed, groups, writer, models)
        worked[name] = _work(name, case, settings)
        progress(Progress("replay", place + 1, len(named), "policies"))
    return _result(feedback, units, checks, worked, settings)


def _work(name: str, case: Case, settings: Settings) -> Worked:
    """Return the checks and the values of one policy; what it and its log can tell is let go of then."""
    missing = {how: case.missing(ESTIMATORS[how]) for how in settings.estimators}
    able = [how for how, why in missing.items() if not why]
    weightings = dict.fromkeys(ESTIMATORS[how].weighting for how in able if ESTIMATORS[how].weighting)
    checks = policy_checks(
        name, case, weightings, settings.rewards, reward_range=settings.reward_range, limits=settings.limits
    )
    histogram = weight_histogram(case.weights(next(iter(weightings)))) if weightings else ()
    values = {(reward, how): case.value(how, reward) for reward in settings.rewards for how in able}
    kept = [kept_checks(name, reward, values[reward, "rejection"], settings.limits)
            for reward in settings.rewards if "rejection" in able]  # fmt: skip
    checks = (*checks, *(check for both in kept for check in both))
    if "dm" in able:
        checks = (*checks, *model_checks(name, case, settings.rewards, settings.limits))
    return Worked(checks, histogram, values, {how: why for how, why in missing.items() if why})


def _result(
    feedback: LoggedFeedback, units: Units, found: tuple[Check, ...], worked: Mapping[str, Worked], settings: Settings
) -> Replay:
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


def _check_range(given: tuple[float, float] | None) -> None:
    if given is None:
        return
    numbers = isinstance(given, tuple | list) and len(given) == 2 and not any(isinstance(one, str) for one in given)
    if not numbers or not all(math.isfinite(one) for one in given) or not given[0] <= given[1]:
        raise ArgumentError(f"reward_range is {given!r}", "(lowest, highest) was expected")


def _estimator_names(asked: str | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(asked, str | Sequence):
        raise ArgumentError(f"estimator is {asked!r}", "the name of an estimator, or several, was expected")
    words = (asked,) if isinstance(asked, str) else tuple(asked)
    names = tuple(dict.fromkeys(one_of("estimator", word, ESTIMATORS) for word in words))
    if not names:
        raise ArgumentError("no estimator was named", f"one of {', '.join(ESTIMATORS)} was expected")
    return names


def _units(feedback: LoggedFeedback, names: Sequence[str], estimand: Estimand | None) -> Units:
    """Return what values are the mean over: requests for estimators of slates, else impressions, if nothing is said."""
    of_slates = [name for name in names if ESTIMATORS[name].slates]
    if not of_slates:
        return units_of(feedback, estimand or "impression")
    if estimand == "impression":
        raise ArgumentError(
            f"estimand is 'impression' and {of_slates[0]} values whole slates", "'request' or 'user' was expected"
        )
    return slate_units(feedback, estimand or "request")


def _rewards(feedback: LoggedFeedback, asked: str | Sequence[str] | None) -> tuple[str, ...]:
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
