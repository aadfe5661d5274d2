"""Intervals, paired tests and multiplicity; knows nothing of recommenders."""

from recsys.stats.means import bootstrap_interval, mean_interval
from recsys.stats.multiplicity import holm
from recsys.stats.paired import cohens_dz, paired_permutation, paired_t, win_tie_loss
from recsys.stats.relative import relative_effect
from recsys.stats.results import Interaction, Interval, PairedResult, PermutationResult, Status, WinTieLoss
from recsys.stats.segments import segment_interaction
from recsys.stats.signed_rank import wilcoxon

__all__ = [
    "Interaction",
    "Interval",
    "PairedResult",
    "PermutationResult",
    "Status",
    "WinTieLoss",
    "bootstrap_interval",
    "cohens_dz",
    "holm",
    "mean_interval",
    "paired_permutation",
    "paired_t",
    "relative_effect",
    "segment_interaction",
    "wilcoxon",
    "win_tie_loss",
]
