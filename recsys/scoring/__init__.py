"""Eligibility, top-k, re-ranking, exploration and Recommendations."""

from recsys.kernels import TopKIndex
from recsys.scoring.draws import Sample
from recsys.scoring.eligibility import Eligibility
from recsys.scoring.exploring import EpsilonGreedy, PlackettLuce
from recsys.scoring.listing import ListPolicy
from recsys.scoring.recommendations import SOURCES, Recommendations
from recsys.scoring.reranking import MMR, Calibrated
from recsys.scoring.resolved import ResolvedEligibility
from recsys.scoring.search import top_k

__all__ = [
    "MMR",
    "SOURCES",
    "Calibrated",
    "Eligibility",
    "EpsilonGreedy",
    "ListPolicy",
    "PlackettLuce",
    "Recommendations",
    "ResolvedEligibility",
    "Sample",
    "TopKIndex",
    "top_k",
]
