"""Off-policy evaluation: what a policy would have earned on the traffic that another one logged."""

from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.policies import Actions, Policy
from recsys.ope.results import Estimate

__all__ = ["Actions", "Estimate", "LoggedFeedback", "Policy", "Propensities"]
