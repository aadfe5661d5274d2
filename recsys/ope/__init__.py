"""Off-policy evaluation: what a policy would have earned on the traffic that another one logged."""

from recsys.ope.checks import Check, Limits
from recsys.ope.estimating import estimate_propensities
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.fixed_policies import CallablePolicy, FramePolicy, LoggingPolicy, PopularityPolicy, UniformPolicy
from recsys.ope.policies import Actions, Policy
from recsys.ope.recommending import RecommenderPolicy
from recsys.ope.replay_result import Replay, ReplayDifference
from recsys.ope.replaying import replay
from recsys.ope.results import Estimate

__all__ = [
    "Actions",
    "CallablePolicy",
    "Check",
    "Estimate",
    "FramePolicy",
    "Limits",
    "LoggedFeedback",
    "LoggingPolicy",
    "Policy",
    "PopularityPolicy",
    "Propensities",
    "RecommenderPolicy",
    "Replay",
    "ReplayDifference",
    "UniformPolicy",
    "estimate_propensities",
    "replay",
]
