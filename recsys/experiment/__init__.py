"""A/B experiments: metrics and units declared, one table of units, analyses and decisions; knows no database."""

from recsys.experiment.attribution import attribute
from recsys.experiment.building import build_unit_table
from recsys.experiment.experiment import Experiment
from recsys.experiment.frames import Frames
from recsys.experiment.interleaving import Interleaving, interleave
from recsys.experiment.interleaving_power import interleaving_power, interleaving_sample_size
from recsys.experiment.interleaving_result import InterleavingResult, analyze_interleaving
from recsys.experiment.looks import ConfidenceSequence, GroupSequential
from recsys.experiment.measures import Aggregate, Condition, Measure, parse_aggregate, parse_where
from recsys.experiment.metrics import Count, Mean, Metric, Proportion, Quantile, Ratio, Retention
from recsys.experiment.per_unit import PerUnit
from recsys.experiment.sources import Active, Batch, Exposed, Exposures, UnitRequest, UnitSource
from recsys.experiment.traffic import Holdout, Layer, Stage
from recsys.experiment.unit_table import Enrolment, UnitTable

__all__ = [
    "Active",
    "Aggregate",
    "Batch",
    "Condition",
    "ConfidenceSequence",
    "Count",
    "Enrolment",
    "Experiment",
    "Exposed",
    "Exposures",
    "Frames",
    "GroupSequential",
    "Holdout",
    "Interleaving",
    "InterleavingResult",
    "Layer",
    "Mean",
    "Measure",
    "Metric",
    "PerUnit",
    "Proportion",
    "Quantile",
    "Ratio",
    "Retention",
    "Stage",
    "UnitRequest",
    "UnitSource",
    "UnitTable",
    "analyze_interleaving",
    "attribute",
    "build_unit_table",
    "interleave",
    "interleaving_power",
    "interleaving_sample_size",
    "parse_aggregate",
    "parse_where",
]
