"""What a user asks of a replay of learning policies, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from recsys.core.checks import did_you_mean, positive_int
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.times import duration_micros
from recsys.ope.checks import Limits
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.learning.learners import Bandit
from recsys.ope.learning.pacing import Pace
from recsys.ope.learning.refitting import RefittedRecommender
from recsys.ope.replay_result import LOGGED

Learner = Bandit | RefittedRecommender
REPLICATES, OF_REFITTED = 100, 10  # ten refitted replays take as long as thousands of a bandit


@dataclass(frozen=True)
class Settings:
    """How learning policies are replayed; see `replay_learning`."""

    reward: str
    pace: Pace
    expand: bool
    replicates: int | None
    horizon: int | None
    jitter: float
    scale_on: int
    confidence: float
    seed: int
    limits: Limits

    def replays(self, learner: Learner) -> int:
        """Return how often the log is drawn anew for a policy: as asked, else seldom where each replay is many fits."""
        if self.replicates is not None:
            return self.replicates
        return OF_REFITTED if isinstance(learner, RefittedRecommender) else REPLICATES


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


def refuse(learners: Mapping[str, Learner], settings: Settings) -> None:
    """Raise ArgumentError for settings that contradict each other."""
    if settings.replicates == 1 or (settings.expand and settings.replicates == 0):
        raise ArgumentError(f"replicates is {settings.replicates}", "two or more were expected", "use replicates=100")
    refits = [name for name, one in learners.items() if isinstance(one, RefittedRecommender)]
    if refits and settings.pace.period is None and settings.pace.update_every == 1:
        raise ArgumentError(
            f"{refits[0]} would be fitted after every event", "update_every was expected", "use update_every='1d'"
        )
    if not settings.expand:
        if settings.horizon is not None:
            raise ArgumentError("horizon was given without expand", "expand=True was expected: a log has one length")
        return
    if settings.pace.delay or settings.pace.period is not None:
        raise ArgumentError(
            "expanded logs have no time", "events were expected for delay and update_every", "use delay=100"
        )
    if refits:
        raise ArgumentError("a refitted recommender was given with expand", "bandits alone were expected")


def pace_of(delay: int | str | timedelta, update_every: int | str | timedelta, feedback: LoggedFeedback) -> Pace:
    """Return when a policy learns; refuse times where the log has none."""
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
        raise ArgumentError("the log has no times", "events were expected for delay and update_every", "use delay=100")
    return pace


def reward_of(feedback: LoggedFeedback, asked: str | None) -> str:
    """Return the reward: the one asked for, or the only one."""
    known = ", ".join(feedback.rewards) or "none"
    if asked is None:
        if len(feedback.rewards) != 1:
            raise ArgumentError(f"the log has the rewards {known}", "the name of one was expected: reward=…")
        return next(iter(feedback.rewards))
    if asked not in feedback.rewards:
        hint = did_you_mean(str(asked), feedback.rewards)
        raise NotFoundError(f"the log has no reward {asked!r}", f"it has {known}", hint)
    return asked
