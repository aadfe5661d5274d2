"""Off-policy evaluation: what a policy would have earned on the traffic that another one logged."""

from recsys.ope.checks import Check, Limits
from recsys.ope.estimating import estimate_propensities
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.fixed_policies import CallablePolicy, FramePolicy, LoggingPolicy, PopularityPolicy, UniformPolicy
from recsys.ope.learning import (
    BetaThompson,
    GreedyLearner,
    LearningReplay,
    LinearThompson,
    LinUCB,
    RefittedRecommender,
    replay_learning,
)
from recsys.ope.policies import Actions, Policy
from recsys.ope.recommending import RecommenderPolicy
from recsys.ope.replay_result import Replay, ReplayDifference
from recsys.ope.replaying import replay
from recsys.ope.results import Estimate

__all__ = [
    "Actions",
    "BetaThompson",
    "CallablePolicy",
    "Check",
    "Estimate",
    "FramePolicy",
    "GreedyLearner",
    "LearningReplay",
    "Limits",
    "LinUCB",
    "LinearThompson",
    "LoggedFeedback",
    "LoggingPolicy",
    "Policy",
    "PopularityPolicy",
    "Propensities",
    "RecommenderPolicy",
    "RefittedRecommender",
    "Replay",
    "ReplayDifference",
    "UniformPolicy",
    "estimate_propensities",
    "replay",
    "replay_learning",
]
