"""Eligibility, top-k and Recommendations."""

from recsys.scoring.eligibility import Eligibility
from recsys.scoring.recommendations import SOURCES, Recommendations
from recsys.scoring.resolved import ResolvedEligibility
from recsys.scoring.search import top_k

__all__ = ["SOURCES", "Eligibility", "Recommendations", "ResolvedEligibility", "top_k"]
