"""`replay_learning`: policies that learn while they serve, taken through a log event by event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.logs import logger
from recsys.core.progress import ProgressCallback, silent
from recsys.ope.checks import Check, Limits
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.learning.asking import (
    OF_REFITTED,
    REPLICATES,
    Learner,
    Settings,
    learners_of,
    pace_of,
    refuse,
    reward_of,
)
from recsys.ope.learning.checking import acceptance, gated, log_acceptance, log_side, path_checks
from recsys.ope.learning.contexts import numeric
from recsys.ope.learning.curves import CurvePoint, curve
from recsys.ope.learning.events import Events, events_of
from recsys.ope.learning.refitting import RefittedRecommender
from recsys.ope.learning.result import Learned, LearningReplay
from recsys.ope.learning.running import Path, walk, walk_expanded, walk_redrawn
from recsys.ope.learning.valuing import (
    EXPANDED,
    REJECTION,
    Redrawn,
    Value,
    expanded_estimate,
    logged_estimate,
    logged_value,
    path_difference,
    path_estimate,
    path_value,
)
from recsys.ope.replay_result import LogFacts, ReplayDifference
from recsys.ope.results import Estimate

_MANY_FITS = 50


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
    expand: bool = False,
    replicates: int | None = None,
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

    The interval is of the mean reward that such a policy earns on the average in a service as long as the accepted
    events. Its variance is that of replays of the log with its events drawn anew: one replay does not show how
    different another would have been.

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
    expand : bool
        Bootstrapped replay (Mary, Preux & Nicol 2014): the log is expanded by drawing its events with replacement, with
        noise on the contexts, until `horizon` events are accepted. It shows a policy that serves for as long as the
        log is, not for a share `floor` of it, but from repeated events: estimates are optimistic, and flagged.
    replicates : int, optional
        Replays of the log drawn anew for the interval, or expansions. Default: 100, and 10 of a refitted recommender,
        whose replays take many fits: its interval is wider for it. 0: the interval of this replay alone (flagged).
    horizon : int, optional
        Events that an expansion serves. Default: those of the log.
    jitter : float
        The noise has the standard deviation jitter / √n, on features of unit scale.
    scale_on : int
        Numbers in contexts are standardised by their mean and spread in so many first events (at most a tenth of the
        log), which are then not replayed: nothing later is known when the replay begins.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    seed : int
        Draws depend on the seed, the place of the event and the item alone: the same bytes with any version of numpy.
    limits : Limits
        Where the gate warns and fails.
    progress : callable, optional
        Told how far the work is.

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
    seed = positive_int("seed", seed, minimum=-(2**63), maximum=2**64 - 1)
    scaled = [numeric(feedback.context, one.columns) for one in learners.values()]  # every name is looked up
    skip = min(positive_int("scale_on", scale_on, minimum=0), len(feedback) // 10) if any(scaled) else 0
    events = events_of(feedback, position=position, floor=floor, capped=capped, skip=skip, seed=seed)
    settings = Settings(
        reward_of(feedback, reward),
        pace_of(delay, update_every, feedback),
        expand,
        None if replicates is None else positive_int("replicates", replicates, minimum=0),
        None if horizon is None else positive_int("horizon", horizon),
        finite_float("jitter", jitter, minimum=0),
        skip,
        finite_float("confidence", confidence, above=0, below=1),
        seed,
        limits,
    )
    refuse(learners, settings)
    return _replayed(learners, events, settings, progress)


class _Done(NamedTuple):
    """One policy, replayed."""

    estimate: Estimate
    difference: ReplayDifference | None
    learned: Learned
    curve: tuple[CurvePoint, ...]
    checks: tuple[Check, ...]


def _replayed(
    learners: Mapping[str, Learner], events: Events, settings: Settings, progress: ProgressCallback
) -> LearningReplay:
    feedback, reward = events.feedback, settings.reward
    of_log = tuple(log_side(events, reward, settings.limits))
    own = logged_value(events, reward)
    if settings.expand:
        done = {name: _expanded(name, one, events, of_log, settings, progress) for name, one in learners.items()}
    else:
        _tell_cost(learners, events, settings)
        paths = {name: walk(one, events, settings, progress) for name, one in learners.items()}
        shares = {name: acceptance(len(path.rows), events, settings.limits) for name, path in paths.items()}
        of_log = (*of_log, *log_acceptance(shares, settings.limits))
        done = {name: _in_order(name, one, paths[name], events, own, of_log, settings, progress)
                for name, one in learners.items()}  # fmt: skip
    learned = {name: one.learned for name, one in done.items()}
    return LearningReplay(
        LogFacts.of(feedback),
        reward,
        logged_estimate(own, settings),
        tuple(one.estimate for one in done.values()),
        tuple(one.difference for one in done.values() if one.difference is not None),
        learned,
        {name: one.curve for name, one in done.items()},
        (*of_log, *(check for one in done.values() for check in one.checks)),
        EXPANDED if settings.expand else REJECTION,
        events.floor,
        (*_few_replays(learners, settings), *_notes(events, settings, learned)),
    )


def _in_order(
    name: str,
    learner: Learner,
    path: Path,
    events: Events,
    own: Value,
    of_log: tuple[Check, ...],
    settings: Settings,
    progress: ProgressCallback,
) -> _Done:
    """Judge the path of a policy; if it can be concluded from, replay the log drawn anew for the interval."""
    checks = path_checks(name, [path], events, settings)
    value = path_value(path, events, settings.reward)
    final, redrawn = gated(path_estimate(name, value, None, settings), (*of_log, *checks)), None
    if settings.replays(learner) and final.status != "not_estimable":
        found = Redrawn(*walk_redrawn(learner, events, settings, progress))
        redrawn = found if len(found.values) > 1 else None
        final = gated(path_estimate(name, value, redrawn, settings), (*of_log, *checks))
    pair = path_difference(final, value, own, redrawn, settings)
    learned = Learned(len(events), len(path.rows), path.learned, path.batches)
    if final.status == "not_estimable":
        return _Done(final, pair, learned, (), checks)
    shown = curve(path.rows, events.feedback.rewards[settings.reward], events.weights, settings.confidence)
    return _Done(final, pair, learned, shown, checks)


def _expanded(
    name: str,
    learner: Learner,
    events: Events,
    of_log: tuple[Check, ...],
    settings: Settings,
    progress: ProgressCallback,
) -> _Done:
    """Replay expansions of the log; there is no difference from it, which was not expanded."""
    paths = walk_expanded(learner, events, settings, progress)
    checks = path_checks(name, paths, events, settings)
    redrawn = walk_expanded(learner, events, settings, progress, redraw=True)
    made, shown = expanded_estimate(name, paths, redrawn, events, settings)
    final = gated(made, (*of_log, *checks))
    accepted, learned, batches = (
        round(float(np.mean(column)))
        for column in zip(*((len(path.rows), path.learned, path.batches) for path in paths), strict=True)
    )
    facts = Learned(len(events), accepted, learned, batches)
    return _Done(final, None, facts, () if final.status == "not_estimable" else shown, checks)


def _tell_cost(learners: Mapping[str, Learner], events: Events, settings: Settings) -> None:
    """Say beforehand how many fits are due, where they are many."""
    for name, one in learners.items():
        if not isinstance(one, RefittedRecommender):
            continue
        fits, replays = one.fits_due(events, settings.pace), 1 + settings.replays(one)
        if fits * replays >= _MANY_FITS:
            logger.warning(
                "%s is fitted up to %s times: %s in each of %s replays; a larger update_every or fewer replicates take"
                " less time", name, f"{fits * replays:,}", f"{fits:,}", f"{replays:,}",
            )  # fmt: skip


def _few_replays(learners: Mapping[str, Learner], settings: Settings) -> list[str]:
    names = [name for name, one in learners.items() if isinstance(one, RefittedRecommender)]
    if not names or settings.replicates is not None:
        return []
    told = f"the interval of {', '.join(names)} is from {OF_REFITTED} replays alone, and wider for it"
    return [f"{told}: as many replicates as of other policies ({REPLICATES}) take ten times as long"]


def _notes(events: Events, settings: Settings, learned: Mapping[str, Learned]) -> tuple[str, ...]:
    told = list(events.notes)
    if settings.scale_on:
        told.append(f"the first {settings.scale_on:,} events gave numbers their scale and were not replayed")
    if settings.expand:
        told.append(
            "expansions repeat events: a policy that remembers single ones looks better than it is, and what changes"
            " over time is not seen"
        )
    else:
        most = max(one.accepted for one in learned.values())
        told.append(f"a policy is seen to serve {most:,} events at most: it would learn on, beyond them")
    return (*told, *events.feedback.notes)
