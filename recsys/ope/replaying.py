"""`replay`: policies valued on logged feedback, behind a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsys.core.checks import did_you_mean, finite_float, one_of
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.ope.asking import policies_of
from recsys.ope.assembling import Worked, assembled
from recsys.ope.case import Case
from recsys.ope.categories import categories_of
from recsys.ope.checks import Limits
from recsys.ope.diagnostics import weight_histogram
from recsys.ope.entering import one_reward
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.gate import kept_checks, model_checks, policy_checks, refuse_training
from recsys.ope.intervals import METHODS, Method
from recsys.ope.log_checks import drift_checks, log_checks
from recsys.ope.named import ESTIMATORS, checked_parameters
from recsys.ope.reading import reading_checks
from recsys.ope.replay_result import LOGGED, Replay
from recsys.ope.results import Estimand
from recsys.ope.settings import CORRECTIONS, Correction, Settings, check_range, estimator_names, rewards_of, units_for


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
    names = estimator_names(estimator)
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
    check_range(reward_range)
    given = checked_parameters(names, parameters)
    settings = Settings(names, rewards_of(feedback, reward), baseline, interval, confidence, correction, given, bound,
                        lowest, reward_range, replicates, seed, limits)  # fmt: skip
    units = units_for(feedback, names, estimand)
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
    return assembled(feedback, units, checks, worked, settings)


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
    checks = (*checks, *reading_checks(name, case, values, settings.limits))
    if "dm" in able:
        checks = (*checks, *model_checks(name, case, settings.rewards, settings.limits))
    return Worked(checks, histogram, values, {how: why for how, why in missing.items() if why})
