"""`replay_learning`: policies that learn while they serve, taken through a log event by event."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean, finite_float, positive_int
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import duration_micros
from recsys.ope.checks import Check, Limits
from recsys.ope.differences import difference
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.intervals import interval as interval_of
from recsys.ope.learning.checking import gated, log_side, path_checks
from recsys.ope.learning.contexts import numeric
from recsys.ope.learning.curves import CurvePoint, curve, curve_of_expansions
from recsys.ope.learning.events import Events, events_of
from recsys.ope.learning.learners import Bandit
from recsys.ope.learning.refitting import RefittedRecommender
from recsys.ope.learning.result import Learned, LearningReplay
from recsys.ope.learning.running import Learner, Pace, Path, expansions, walk
from recsys.ope.replay_result import LOGGED, ON_POLICY, LogFacts, ReplayDifference
from recsys.ope.reporting import estimate_of
from recsys.ope.results import Estimate
from recsys.ope.units import units_of
from recsys.ope.valuing import Valued, valued

REJECTION, EXPANDED = "rejection", "bootstrap"


@dataclass(frozen=True)
class Settings:
    """How learning policies are replayed; see `replay_learning`."""

    reward: str
    pace: Pace
    replicates: int
    horizon: int | None
    jitter: float
    scale_on: int
    confidence: float
    seed: int
    limits: Limits


def replay_learning(
    policies: object,
    log: object,
    *,
    reward: str | None = None,
    position: int | None = None,
    delay: int | str | timedelta = 0,
    update_every: int | str | timedelta = 1,
    floor: float | None = None,
    capped: float = 0.0,
    bootstrap: int = 0,
    horizon: int | None = None,
    jitter: float = 1.0,
    scale_on: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: ProgressCallback = silent,
) -> LearningReplay:
    """Return what policies that learn while they serve would have earned, with learning curves.

    The policy goes through the log in the order of time. At each event it chooses among the candidates; the event is
    accepted with probability floor / p when the choice is what was logged with propensity p, and then its reward
    is the policy's, which it learns from. Whatever the policy does, a share `floor` of all events is accepted, so the
    accepted events are distributed as if it had served them (Li, Chu, Langford & Wang 2011 for an evenly random logger,
    Dudík, Erhan, Langford & Li 2012 for others). That needs users and contexts that do not change with what is shown.

    The interval is of the mean of what the policies were worth that the learner went through in this replay. How
    different another one would have been is no part of it; `bootstrap` has both.

    Parameters
    ----------
    policies : learning policy, sequence of them, or mapping of name to policy
        `LinUCB`, `LinearThompson`, `BetaThompson`, `GreedyLearner`, `RefittedRecommender`.
    log : LoggedFeedback or frame
        With propensities. One impression a request, or name a `position`.
    reward : str, optional
        Needed if the log has several.
    position : int, optional
        Use only the impressions at this position.
    delay : int, str or timedelta
        When a reward is known: after so many further accepted events, or to events later by ``"1h"``. The accepted
        events are a share of the log, so a delay in time holds back fewer of them than it would in service.
    update_every : int, str or timedelta
        The policy learns when so many rewards have come, or at the first event of each ``"1d"`` (UTC).
    floor : float, optional
        Least propensity of any candidate, as far as the logger is known. Default: the least in the log, which leaves a
        bias of the order 1/n. Above the least: more events, see `capped`.
    capped : float
        Instead: the share of rows that may lie below the floor. They count for floor / p > 1 in the mean, but the
        policy learns from too few of them (the cap of Dudík et al. 2012), so estimates are flagged.
    bootstrap : int
        Replicates of bootstrapped replay (Mary, Preux & Nicol 2014): the log expanded by drawing its events with
        replacement, with noise on the contexts, until `horizon` events are accepted. It shows a policy that serves
        for as long as the log is, not for a share `floor` of it. Takes the log as of one time.
    horizon : int, optional
        Events that an expansion serves. Default: those of the log.
    jitter : float
        The noise has the standard deviation jitter / √n, on features of unit scale.
    scale_on : int
        Numbers in contexts are standardised by their mean and spread in so many first events (at most a tenth of the
        log), which are then not replayed: nothing later is known when the replay begins.
    confidence : float
    seed : int
        Draws depend on the seed, the place of the event and the item alone: the same bytes with any version of numpy.
    limits : Limits
        Where the gate warns and fails.
    progress : callable, optional

    Raises
    ------
    ArgumentError
        There is no policy, or settings contradict each other.
    NotFoundError
        The log has no such reward or context.
    DataError
        The log has no rows, no propensities, or rewards that a policy cannot learn from.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> items = rng.integers(4, size=4000)
    >>> log = LoggedFeedback.from_frame({"item_id": items, "propensity_position": np.full(4000, 0.25),
    ...                                  "click": rng.random(4000) < 0.1 * items})
    >>> from recsys.ope.learning import BetaThompson
    >>> found = replay_learning(BetaThompson(), log)
    >>> round(found["thompson"].value, 2), round(found.logged.value, 2), found.status
    (0.25, 0.15, 'estimable')
    """
    feedback = log if isinstance(log, LoggedFeedback) else LoggedFeedback.from_frame(log, reward=reward)
    learners = learners_of(policies)
    if not isinstance(limits, Limits):
        raise ArgumentError(f"limits is {limits!r}", "rs.ope.Limits(…) was expected")
    scaled = [numeric(feedback.context, one.columns) for one in learners.values()]  # every name is looked up
    skip = min(positive_int("scale_on", scale_on, minimum=0), len(feedback) // 10) if any(scaled) else 0
    events = events_of(feedback, position=position, floor=floor, capped=capped, skip=skip, seed=seed)
    settings = Settings(
        _reward(feedback, reward),
        _pace(delay, update_every, feedback),
        positive_int("bootstrap", bootstrap, minimum=0),
        None if horizon is None else positive_int("horizon", horizon),
        finite_float("jitter", jitter, minimum=0),
        skip,
        finite_float("confidence", confidence, above=0, below=1),
        seed,
        limits,
    )
    _refuse(learners, settings)
    return _replayed(learners, events, settings, progress)


def learners_of(given: object) -> dict[str, Learner]:
    """Return learning policies by name.

    Raises
    ------
    ArgumentError
        There is none, one is something else, or two have one name.
    """
    if isinstance(given, Mapping):
        pairs = [(str(name), one) for name, one in given.items()]
    else:
        many = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        pairs = [(str(getattr(one, "name", "")), one) for one in many]
    if not pairs:
        raise ArgumentError("no policy was given", "a learning policy such as LinUCB(…) was expected")
    found: dict[str, Learner] = {}
    for name, one in pairs:
        if not isinstance(one, Bandit | RefittedRecommender):
            hint = "a policy that does not learn is for rs.replay"
            what = f"the policy {name} is a {type(one).__name__}".replace("  ", " ")
            raise ArgumentError(what, "LinUCB, LinearThompson, BetaThompson, GreedyLearner or RefittedRecommender was"
                                " expected", hint)  # fmt: skip
        if name in found or name == LOGGED:
            raise ArgumentError(f"two policies are called {name!r}", "different names were expected", "give label=…")
        found[name] = one
    return found


def _refuse(learners: Mapping[str, Learner], settings: Settings) -> None:
    if not settings.replicates:
        if settings.horizon is not None:
            raise ArgumentError("horizon was given without bootstrap", "both were expected: a log has one length")
        return
    if settings.pace.delay or settings.pace.period is not None:
        raise ArgumentError(
            "expanded logs have no time", "delay and update_every in events were expected", "use delay=100"
        )
    if any(isinstance(one, RefittedRecommender) for one in learners.values()):
        raise ArgumentError("a refitted recommender was given with bootstrap", "bandits alone were expected")


def _pace(delay: int | str | timedelta, update_every: int | str | timedelta, feedback: LoggedFeedback) -> Pace:
    pace = Pace()
    if isinstance(delay, str | timedelta):
        pace = replace(pace, delay=duration_micros("delay", delay))
    else:
        pace = replace(pace, delay_events=positive_int("delay", delay, minimum=0))
    if isinstance(update_every, str | timedelta):
        pace = replace(pace, period=duration_micros("update_every", update_every))
    else:
        pace = replace(pace, update_every=positive_int("update_every", update_every))
    if (pace.delay or pace.period is not None) and feedback.times is None:
        raise ArgumentError("the log has no times", "delay and update_every in events were expected", "use delay=100")
    return pace


def _reward(feedback: LoggedFeedback, asked: str | None) -> str:
    known = ", ".join(feedback.rewards) or "none"
    if asked is None:
        if len(feedback.rewards) != 1:
            raise ArgumentError(f"the log has the rewards {known}", "the name of one was expected: reward=…")
        return next(iter(feedback.rewards))
    if asked not in feedback.rewards:
        hint = did_you_mean(str(asked), feedback.rewards)
        raise NotFoundError(f"the log has no reward {asked!r}", f"it has {known}", hint)
    return asked


def _replayed(
    learners: Mapping[str, Learner], events: Events, settings: Settings, progress: ProgressCallback
) -> LearningReplay:
    feedback, reward = events.feedback, settings.reward
    rewards, units = feedback.rewards[reward], units_of(feedback, "impression")
    own = valued(ON_POLICY, units, plain=rewards, importance=np.ones(len(events)))
    checks: list[Check] = list(log_side(events, reward, settings.limits))
    logged = _estimate(LOGGED, own, settings)
    estimates, differences = [], []
    learned: dict[str, Learned] = {}
    curves: dict[str, tuple[CurvePoint, ...]] = {}
    for name, learner in learners.items():
        paths = _paths(name, learner, events, settings, progress)
        checks += path_checks(name, paths, events, reward, settings.limits, expanded=bool(settings.replicates))
        facts = Learned(len(events), min(len(path.rows) for path in paths),
                        round(np.mean([path.learned for path in paths])),
                        round(np.mean([path.batches for path in paths])))  # fmt: skip
        learned[name] = facts
        if settings.replicates:
            made, curves[name] = _of_expansions(name, paths, events, settings)
        else:
            value = _value(paths[0].rows, events, rewards)
            made = _estimate(name, value, settings)
            curves[name] = curve(paths[0].rows, rewards, events.weights, settings.confidence)
        final = gated(made, checks)
        estimates.append(final)
        if final.status == "not_estimable":
            curves[name] = ()
        if not settings.replicates:
            differences.append(_difference(final, value, own, settings))
    return LearningReplay(
        _facts(feedback), reward, logged, tuple(estimates), tuple(differences), learned, curves, tuple(checks),
        EXPANDED if settings.replicates else REJECTION, events.floor, _notes(events, settings, learned),
    )  # fmt: skip


def _paths(name: str, learner: Learner, events: Events, settings: Settings, progress: ProgressCallback) -> list[Path]:
    if not settings.replicates or isinstance(learner, RefittedRecommender):
        return [
            walk(learner, events, settings.reward, settings.pace, scale_on=settings.scale_on, seed=settings.seed,
                 progress=progress)
        ]  # fmt: skip
    return expansions(
        learner, events, settings.reward, settings.pace, replicates=settings.replicates,
        horizon=settings.horizon or len(events), jitter=settings.jitter, scale_on=settings.scale_on,
        seed=settings.seed, progress=progress,
    )  # fmt: skip


def _value(rows: NDArray[np.int64], events: Events, rewards: NDArray[np.float64]) -> Valued:
    kept = np.zeros(len(events))
    kept[rows] = events.weights[rows]
    units = units_of(events.feedback, "impression")
    return valued(REJECTION, units, normalised=kept * rewards, weights=kept, importance=kept)


def _estimate(name: str, value: Valued, settings: Settings) -> Estimate:
    found = interval_of(value, "delta", confidence=settings.confidence)
    return estimate_of(value, found, policy=name, reward=settings.reward)


def _of_expansions(
    name: str, paths: Sequence[Path], events: Events, settings: Settings
) -> tuple[Estimate, tuple[CurvePoint, ...]]:
    """Return the mean over expansions, with their percentiles as the interval."""
    rewards = events.feedback.rewards[settings.reward]
    whole = min(len(path.rows) for path in paths)
    nothing = Estimate(name, settings.reward, EXPANDED, "impression", *(math.nan,) * 4, settings.confidence, "none",
                       whole, float(whole), "not_estimable", ("no event was accepted",))  # fmt: skip
    if not whole:
        return nothing, ()
    rows = [path.rows[:whole] for path in paths]
    values = np.array([np.average(rewards[one], weights=events.weights[one]) for one in rows])
    side = (1 - settings.confidence) / 2
    low, high = np.quantile(values, [side, 1 - side])
    made = nothing._replace(
        value=float(values.mean()), ci_low=float(low), ci_high=float(high),
        standard_error=float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        interval=f"percentiles of {len(values):,} expansions", status="estimable", reasons=(),
    )  # fmt: skip
    if len(values) < 2:
        made = made._replace(status="not_estimable", reasons=("one expansion has no interval",))
    return made, curve_of_expansions(rows, rewards, events.weights, settings.confidence)


def _difference(final: Estimate, value: Valued, own: Valued, settings: Settings) -> ReplayDifference:
    """Return policy − log on the same events, paired; as estimable as the policy."""
    nothing = ReplayDifference(
        final.policy, LOGGED, final.reward, REJECTION, "impression", *(math.nan,) * 6, own.value,
        settings.confidence, "none", final.n, final.status, final.reasons,
    )  # fmt: skip
    if final.status == "not_estimable":
        return nothing
    found = difference(value, own, confidence=settings.confidence)
    if found.status not in ("ok", "zero_variance"):
        return nothing._replace(status="not_estimable")
    return nothing._replace(
        estimate=found.estimate, ci_low=found.ci_low, ci_high=found.ci_high, standard_error=found.standard_error,
        pvalue=found.pvalue, adjusted_pvalue=found.pvalue, method=found.method,
    )  # fmt: skip


def _facts(feedback: LoggedFeedback) -> LogFacts:
    times = feedback.times if len(feedback) else None
    users = None if feedback.user_codes is None else len(np.unique(feedback.user_codes[feedback.user_codes >= 0]))
    versions = tuple(feedback.versions[code] for code in np.unique(feedback.version_codes))
    return LogFacts(
        len(feedback), feedback.n_slates, len(np.unique(feedback.actions)), users, versions,
        None if times is None else int(times.min()), None if times is None else int(times.max()),
    )  # fmt: skip


def _notes(events: Events, settings: Settings, learned: Mapping[str, Learned]) -> tuple[str, ...]:
    told = list(events.notes)
    if settings.scale_on:
        told.append(f"the first {settings.scale_on:,} events gave numbers their scale and were not replayed")
    if settings.replicates:
        told.append(
            "expansions repeat events: a policy that remembers single ones looks better than it is, and what changes"
            " over time is not seen"
        )
    else:
        most = max(one.accepted for one in learned.values())
        told.append(f"a policy is seen to serve {most:,} events at most: it would learn on, beyond them")
    return (*told, *events.feedback.notes)
