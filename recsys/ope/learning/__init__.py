"""Policies that learn while they serve, replayed on a log event by event."""

from recsys.ope.learning.learners import BetaThompson, GreedyLearner, LinearThompson, LinUCB
from recsys.ope.learning.refitting import RefittedRecommender
from recsys.ope.learning.replaying import replay_learning
from recsys.ope.learning.result import Learned, LearningReplay

__all__ = [
    "BetaThompson",
    "GreedyLearner",
    "Learned",
    "LearningReplay",
    "LinUCB",
    "LinearThompson",
    "RefittedRecommender",
    "replay_learning",
]
