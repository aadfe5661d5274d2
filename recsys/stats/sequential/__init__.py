"""Looking at data more than once: confidence sequences and group-sequential bounds."""

from recsys.stats.sequential.betting import (
    bounded_mean_sequence,
    proportion_difference_sequence,
    proportion_difference_sequences,
    proportion_sequence,
)
from recsys.stats.sequential.crossing import crossing_probabilities
from recsys.stats.sequential.group_sequential import GroupSequential, GroupSequentialLook, StageWise
from recsys.stats.sequential.mixture import (
    AnytimeInterval,
    asymptotic_sequence,
    msprt,
    running_intersection,
    running_pvalues,
)
from recsys.stats.sequential.spending import Rule, alpha_spent, group_sequential_bounds

__all__ = [
    "AnytimeInterval",
    "GroupSequential",
    "GroupSequentialLook",
    "Rule",
    "StageWise",
    "alpha_spent",
    "asymptotic_sequence",
    "bounded_mean_sequence",
    "crossing_probabilities",
    "group_sequential_bounds",
    "msprt",
    "proportion_difference_sequence",
    "proportion_difference_sequences",
    "proportion_sequence",
    "running_intersection",
    "running_pvalues",
]
