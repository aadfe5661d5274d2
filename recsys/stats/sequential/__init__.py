"""Looking at data more than once: confidence sequences and group-sequential bounds."""

from recsys.stats.sequential.mixture import (
    AnytimeInterval,
    asymptotic_sequence,
    msprt,
    running_intersection,
    running_pvalues,
)

__all__ = [
    "AnytimeInterval",
    "asymptotic_sequence",
    "msprt",
    "running_intersection",
    "running_pvalues",
]
