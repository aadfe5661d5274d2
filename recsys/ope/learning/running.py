"""One learning policy taken through the events of a log, in their order or over expansions of the log."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.core.progress import Progress, ProgressCallback
from recsys.core.seeds import derived_int
from recsys.core.threads import run_chunks
from recsys.kernels import BanditEvents, BanditRun, replay_bandit
from recsys.ope.learning.asking import Learner, Settings
from recsys.ope.learning.contexts import features
from recsys.ope.learning.events import Events
from recsys.ope.learning.learners import Bandit
from recsys.ope.learning.refitting import RefittedRecommender
from recsys.scoring.draws import drawn, uniforms

Float64 = NDArray[np.float64]


class Path(NamedTuple):
    """The events that a policy would have caused, in their order.

    Attributes
    ----------
    rows : (m,) int64
        Of the events.
    learned : int
        Rewards that it has learned from.
    batches : int
    offered : int
        Events that it was offered: those of the log, or as many as were drawn.
    """

    rows: NDArray[np.int64]
    learned: int
    batches: int
    offered: int


def walk(learner: Learner, events: Events, settings: Settings, progress: ProgressCallback) -> Path:
    """Return the path of a policy through the events in their order."""
    name = f"replay {learner.name}"
    given = None if isinstance(learner, RefittedRecommender) else _kernel_events(learner, events, settings)

    def told(step: int) -> None:
        progress(Progress(name, step, len(events), "events"))

    return _walk(learner, events, given, settings, settings.seed, told)


def walk_redrawn(
    learner: Learner, events: Events, settings: Settings, progress: ProgressCallback
) -> tuple[Float64, Float64]:
    """Return what the policy, and the log, earned in replays of as many events, drawn with replacement.

    Drawn events keep their order in time, so that delays and drifts are what they are in the log.
    """
    given = None if isinstance(learner, RefittedRecommender) else _kernel_events(learner, events, settings)
    rewards, n = events.feedback.rewards[settings.reward], len(events)
    total = settings.replays(learner)
    values, logged = np.full((2, total), math.nan)

    def replay(place: int) -> None:
        seed = derived_int(settings.seed, place)
        rows = _drawn_rows(n, seed)
        again = None if given is None else _taken(given, rows)
        part = events if again is not None else events.take(rows)
        own = rows[_walk(learner, part, again, settings, seed, _nobody).rows]
        logged[place] = rewards[rows].mean()
        if len(own):
            values[place] = np.average(rewards[own], weights=events.weights[own])

    name = f"redraw for {learner.name}"
    progress(Progress(name, 0, total, "replays"))  # the first replay may take minutes
    threads = 1 if given is None else None  # recommenders have threads of their own
    run_chunks(replay, range(total), threads, on_done=lambda done: progress(Progress(name, done, total, "replays")))
    able = ~np.isnan(values)
    return values[able], logged[able]


def walk_expanded(
    learner: Learner, events: Events, settings: Settings, progress: ProgressCallback, *, redraw: bool = False
) -> list[Path]:
    """Return the paths over expanded logs (Mary, Preux & Nicol 2014), each as long as the horizon if it gets so far.

    Each expansion draws events with replacement, with normal noise of the standard deviation jitter / √n on their
    features, until as many are accepted as the policy would have served. With `redraw` each log is drawn anew first:
    expansions of one log do not show the chance that is in it.
    """
    if isinstance(learner, RefittedRecommender):
        raise ArgumentError("a refitted recommender was given with expand", "bandits alone were expected")
    given, horizon = _kernel_events(learner, events, settings), settings.horizon or len(events)
    most = math.ceil(horizon / events.floor + 8 * math.sqrt(horizon) / events.floor)
    total = settings.replays(learner)
    found: list[BanditRun | None] = [None] * total

    def expand(place: int) -> None:
        seed = derived_int(settings.seed, place, *([1] if redraw else []))
        rows = _drawn_rows(len(events), seed) if redraw else None
        run = replay_bandit(
            given if rows is None else _taken(given, rows),
            learner.rule(),
            n_arms=len(events.feedback.items),
            seed=seed,
            delay_events=settings.pace.delay_events,
            update_every=settings.pace.update_every,
            draw=most,
            horizon=horizon,
            jitter=settings.jitter / math.sqrt(len(events)),
        )
        found[place] = run if rows is None else run._replace(rows=rows[run.rows])

    name = f"expand {learner.name}"
    run_chunks(expand, range(total), on_done=lambda done: progress(Progress(name, done, total, "expansions")))
    return [
        Path(run.rows, run.learned, run.batches, int(run.steps[-1]) + 1 if len(run.rows) == horizon else most)
        for run in found
        if run is not None
    ]


def _walk(
    learner: Learner,
    events: Events,
    given: BanditEvents | None,
    settings: Settings,
    seed: int,
    on_done: Callable[[int], None],
) -> Path:
    pace = settings.pace
    if isinstance(learner, RefittedRecommender):
        return Path(*learner.walk(events, settings.reward, pace, seed=seed, on_done=on_done), len(events))
    run = replay_bandit(
        _kernel_events(learner, events, settings) if given is None else given,
        learner.rule(),
        n_arms=len(events.feedback.items),
        seed=seed,
        delay_events=pace.delay_events,
        delay=pace.delay,
        update_every=pace.update_every,
        on_done=on_done,
    )
    return Path(run.rows, run.learned, run.batches, len(events))


def _drawn_rows(n: int, seed: int) -> NDArray[np.int64]:
    """Return n of n rows, drawn with replacement, in their order."""
    return np.sort((uniforms(drawn(n, seed), 1)[:, 0] * n).astype(np.int64))


def _nobody(step: int) -> None:
    """Tell nobody of the steps of one replay among many."""


def _taken(given: BanditEvents, rows: NDArray[np.int64]) -> BanditEvents:
    return given._replace(
        contexts=given.contexts[rows],
        actions=given.actions[rows],
        rewards=given.rewards[rows],
        chances=given.chances[rows],
        sets=given.sets[rows],
        times=None if given.times is None else given.times[rows],
        periods=None if given.periods is None else given.periods[rows],
    )


def _kernel_events(learner: Bandit, events: Events, settings: Settings) -> BanditEvents:
    feedback, pace = events.feedback, settings.pace
    times = feedback.times
    return BanditEvents(
        features(feedback.context, learner.columns, events.earlier),
        feedback.actions,
        feedback.rewards[settings.reward],
        events.chances,
        events.sets,
        events.set_starts,
        events.set_items,
        times if pace.delay else None,
        None if pace.period is None or times is None else times // pace.period,
    )
