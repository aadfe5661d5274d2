"""One learning policy taken through the events of a log, in their order or over expansions of the log."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.progress import Progress, ProgressCallback
from recsys.core.seeds import derived_int
from recsys.core.threads import run_chunks
from recsys.kernels import BanditEvents, BanditRun, replay_bandit
from recsys.ope.learning.contexts import features
from recsys.ope.learning.events import Events
from recsys.ope.learning.learners import Bandit
from recsys.ope.learning.refitting import RefittedRecommender

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Pace:
    """When a policy learns.

    Parameters
    ----------
    delay_events : int
        A reward is known after so many further accepted events …
    delay : int
        … or to events later by so many microseconds.
    update_every : int
        Learn when so many rewards have arrived.
    period : int or None
        Learn at the first event of each period of so many microseconds only.
    """

    delay_events: int = 0
    delay: int = 0
    update_every: int = 1
    period: int | None = None


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


Learner = Bandit | RefittedRecommender


def walk(
    learner: Learner, events: Events, reward: str, pace: Pace, *, scale_on: int, seed: int, progress: ProgressCallback
) -> Path:
    """Return the path of a policy through the events in their order."""
    name = f"replay {learner.name}"

    def told(step: int) -> None:
        progress(Progress(name, step, len(events), "events"))

    if isinstance(learner, RefittedRecommender):
        return Path(*learner.walk(events, reward, pace, seed=seed, on_done=told), len(events))
    run = replay_bandit(
        _kernel_events(learner, events, reward, pace, scale_on),
        learner.rule(),
        n_arms=len(events.feedback.items),
        seed=seed,
        delay_events=pace.delay_events,
        delay=pace.delay,
        update_every=pace.update_every,
        on_done=told,
    )
    return Path(run.rows, run.learned, run.batches, len(events))


def expansions(
    learner: Bandit,
    events: Events,
    reward: str,
    pace: Pace,
    *,
    replicates: int,
    horizon: int,
    jitter: float,
    scale_on: int,
    seed: int,
    progress: ProgressCallback,
) -> list[Path]:
    """Return the paths over expanded logs (Mary, Preux & Nicol 2014), each of `horizon` events where it gets so far.

    Each expansion draws events with replacement, with normal noise of the standard deviation jitter / √n on their
    features, until as many are accepted as the policy would have served.
    """
    given = _kernel_events(learner, events, reward, pace, scale_on)
    most = math.ceil(horizon / events.floor + 8 * math.sqrt(horizon) / events.floor)
    found: list[BanditRun | None] = [None] * replicates

    def expand(place: int) -> None:
        found[place] = replay_bandit(
            given,
            learner.rule(),
            n_arms=len(events.feedback.items),
            seed=derived_int(seed, place),
            delay_events=pace.delay_events,
            update_every=pace.update_every,
            draw=most,
            horizon=horizon,
            jitter=jitter / math.sqrt(len(events)),
        )

    name = f"expand {learner.name}"
    run_chunks(expand, range(replicates), on_done=lambda done: progress(Progress(name, done, replicates, "expansions")))
    return [
        Path(run.rows, run.learned, run.batches, int(run.steps[-1]) + 1 if len(run.rows) == horizon else most)
        for run in found
        if run is not None
    ]


def _kernel_events(learner: Bandit, events: Events, reward: str, pace: Pace, scale_on: int) -> BanditEvents:
    feedback = events.feedback
    times = feedback.times
    return BanditEvents(
        features(feedback.context, learner.columns, scale_on),
        feedback.actions,
        feedback.rewards[reward],
        events.chances,
        events.sets,
        events.set_starts,
        events.set_items,
        times if pace.delay else None,
        None if pace.period is None or times is None else times // pace.period,
    )
