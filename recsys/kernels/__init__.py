"""Compiled kernels behind typed functions; ``RECSYS_KERNELS=reference`` lets their numpy twins answer instead.

Nothing is imported before it is used: reading the names of this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys.kernels._checks import Csr
    from recsys.kernels.als import GramBasis, als_rows, gram_basis
    from recsys.kernels.assignment import Texts, hash_buckets
    from recsys.kernels.bandit import BanditEvents, BanditRule, BanditRun, replay_bandit
    from recsys.kernels.blocks import square_blocks
    from recsys.kernels.bootstrap import poisson_places, poisson_sums
    from recsys.kernels.bpr import bpr_epoch, bpr_users
    from recsys.kernels.csr import CsrArrays, EventLog, aggregate_rows, build_csr, count_codes
    from recsys.kernels.distinct import DistinctCounts
    from recsys.kernels.index import TopKIndex
    from recsys.kernels.moments import group_bases, sums_and_products
    from recsys.kernels.ranking import RankCounts, RankMetric, rank_counts, ranking_metrics
    from recsys.kernels.reranking import calibrated_places, mmr_places
    from recsys.kernels.sampling import position_marginals
    from recsys.kernels.scores import sparse_scores
    from recsys.kernels.selection import TopK, select_topk, sparse_topk, topk
    from recsys.kernels.windows import WindowTotal, WindowTotals

_HOMES = {
    "BanditEvents": "bandit",
    "BanditRule": "bandit",
    "BanditRun": "bandit",
    "replay_bandit": "bandit",
    "Csr": "_checks",
    "CsrArrays": "csr",
    "EventLog": "csr",
    "GramBasis": "als",
    "als_rows": "als",
    "gram_basis": "als",
    "aggregate_rows": "csr",
    "count_codes": "csr",
    "build_csr": "csr",
    "bpr_epoch": "bpr",
    "bpr_users": "bpr",
    "group_bases": "moments",
    "sums_and_products": "moments",
    "RankCounts": "ranking",
    "RankMetric": "ranking",
    "rank_counts": "ranking",
    "ranking_metrics": "ranking",
    "calibrated_places": "reranking",
    "mmr_places": "reranking",
    "position_marginals": "sampling",
    "TopK": "selection",
    "sparse_scores": "scores",
    "square_blocks": "blocks",
    "TopKIndex": "index",
    "select_topk": "selection",
    "sparse_topk": "selection",
    "topk": "selection",
    "poisson_places": "bootstrap",
    "poisson_sums": "bootstrap",
    "DistinctCounts": "distinct",
    "Texts": "assignment",
    "hash_buckets": "assignment",
    "WindowTotal": "windows",
    "WindowTotals": "windows",
}

__all__ = [
    "BanditEvents",
    "BanditRule",
    "BanditRun",
    "Csr",
    "CsrArrays",
    "DistinctCounts",
    "EventLog",
    "GramBasis",
    "RankCounts",
    "RankMetric",
    "Texts",
    "TopK",
    "TopKIndex",
    "WindowTotal",
    "WindowTotals",
    "aggregate_rows",
    "als_rows",
    "bpr_epoch",
    "bpr_users",
    "build_csr",
    "calibrated_places",
    "count_codes",
    "gram_basis",
    "group_bases",
    "hash_buckets",
    "mmr_places",
    "poisson_places",
    "poisson_sums",
    "position_marginals",
    "rank_counts",
    "ranking_metrics",
    "replay_bandit",
    "select_topk",
    "sparse_scores",
    "sparse_topk",
    "square_blocks",
    "sums_and_products",
    "topk",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
