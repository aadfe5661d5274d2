"""Tests and intervals of paired and of independent arms, multiplicity, sequences; knows nothing of recommenders."""

from recsys.stats.adjustment import adjusted_difference
from recsys.stats.bayes import BayesResult, bayesian_effect, bayesian_means, bayesian_proportions
from recsys.stats.clusters import cluster_difference
from recsys.stats.correlation import rank_correlation
from recsys.stats.differences import difference_in_means, difference_in_ratios
from recsys.stats.effects import Heterogeneity, PartialPooling, Trend, heterogeneity, partial_pooling, trend
from recsys.stats.lines import Line, line_with_errors
from recsys.stats.means import bootstrap_interval, mean_interval
from recsys.stats.moments import Moments, column_moments, grouped_moments
from recsys.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, hochberg, holm
from recsys.stats.paired import cohens_dz, paired_permutation, paired_t, win_tie_loss
from recsys.stats.poisson import poisson_bootstrap
from recsys.stats.power import Baseline, PowerDesign, achieved_power, detectable_effect, sample_size
from recsys.stats.proportions import difference_in_proportions, proportion_interval
from recsys.stats.quantiles import difference_in_quantiles, quantile_interval
from recsys.stats.ranks import RankResult, mann_whitney
from recsys.stats.regression import regression_adjusted
from recsys.stats.relative import relative_effect
from recsys.stats.results import (
    Adjusted,
    Interaction,
    Interval,
    PairedResult,
    PermutationResult,
    Status,
    TwoSample,
    WinTieLoss,
)
from recsys.stats.segments import segment_interaction
from recsys.stats.sequential import (
    AnytimeInterval,
    GroupSequential,
    GroupSequentialLook,
    Rule,
    StageWise,
    alpha_spent,
    asymptotic_sequence,
    bounded_mean_sequence,
    crossing_probabilities,
    group_sequential_bounds,
    msprt,
    proportion_difference_sequence,
    proportion_difference_sequences,
    proportion_sequence,
    running_intersection,
    running_pvalues,
)
from recsys.stats.several_arms import Dunnett, dunnett
from recsys.stats.signed_rank import wilcoxon
from recsys.stats.signs import SignTest, sign_test
from recsys.stats.srm import SampleRatio, sample_ratio, sample_ratio_bounds, sequential_sample_ratio
from recsys.stats.winsorising import Winsorised, winsorise

__all__ = [
    "Adjusted",
    "AnytimeInterval",
    "Baseline",
    "BayesResult",
    "Dunnett",
    "GroupSequential",
    "GroupSequentialLook",
    "Heterogeneity",
    "Interaction",
    "Interval",
    "Line",
    "Moments",
    "PairedResult",
    "PartialPooling",
    "PermutationResult",
    "PowerDesign",
    "RankResult",
    "Rule",
    "SampleRatio",
    "SignTest",
    "StageWise",
    "Status",
    "Trend",
    "TwoSample",
    "WinTieLoss",
    "Winsorised",
    "achieved_power",
    "adjusted_difference",
    "alpha_spent",
    "asymptotic_sequence",
    "bayesian_effect",
    "bayesian_means",
    "bayesian_proportions",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "bootstrap_interval",
    "bounded_mean_sequence",
    "cluster_difference",
    "cohens_dz",
    "column_moments",
    "crossing_probabilities",
    "detectable_effect",
    "difference_in_means",
    "difference_in_proportions",
    "difference_in_quantiles",
    "difference_in_ratios",
    "dunnett",
    "group_sequential_bounds",
    "grouped_moments",
    "heterogeneity",
    "hochberg",
    "holm",
    "line_with_errors",
    "mann_whitney",
    "mean_interval",
    "msprt",
    "paired_permutation",
    "paired_t",
    "partial_pooling",
    "poisson_bootstrap",
    "proportion_difference_sequence",
    "proportion_difference_sequences",
    "proportion_interval",
    "proportion_sequence",
    "quantile_interval",
    "rank_correlation",
    "regression_adjusted",
    "relative_effect",
    "running_intersection",
    "running_pvalues",
    "sample_ratio",
    "sample_ratio_bounds",
    "sample_size",
    "segment_interaction",
    "sequential_sample_ratio",
    "sign_test",
    "trend",
    "wilcoxon",
    "win_tie_loss",
    "winsorise",
]
