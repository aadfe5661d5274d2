"""A/B experiments: metrics and units declared, one table of units, analyses and decisions; knows no database."""

from recsys.experiment.analysis import Analysis, analyze
from recsys.experiment.assignment import assign
from recsys.experiment.attribution import attribute
from recsys.experiment.building import build_unit_table
from recsys.experiment.checks import Check, Thresholds
from recsys.experiment.deciding import Decision
from recsys.experiment.effects import Effect
from recsys.experiment.experiment import Experiment
from recsys.experiment.frames import Frames
from recsys.experiment.interleaving import Interleaving, interleave
from recsys.experiment.interleaving_power import interleaving_power, interleaving_sample_size
from recsys.experiment.interleaving_result import InterleavingResult, analyze_interleaving
from recsys.experiment.looks import ConfidenceSequence, GroupSequential
from recsys.experiment.measures import Aggregate, Condition, Measure, parse_aggregate, parse_where
from recsys.experiment.metrics import Count, Mean, Metric, Proportion, Quantile, Ratio, Retention
from recsys.experiment.monitoring import Monitor
from recsys.experiment.per_unit import PerUnit
from recsys.experiment.planning import plan
from recsys.experiment.planning_result import Plan
from recsys.experiment.since_exposure import SinceExposure, since_exposure
from recsys.experiment.sources import Active, Batch, Exposed, Exposures, UnitRequest, UnitSource
from recsys.experiment.traffic import Holdout, Layer, Stage
from recsys.experiment.unit_table import Enrolment, UnitTable
from recsys.experiment.validating import validate
from recsys.experiment.validation import Validated, Validation

__all__ = [
    "Active",
    "Aggregate",
    "Analysis",
    "Batch",
    "Check",
    "Condition",
    "ConfidenceSequence",
    "Count",
    "Decision",
    "Effect",
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
    "Monitor",
    "PerUnit",
    "Plan",
    "Proportion",
    "Quantile",
    "Ratio",
    "Retention",
    "SinceExposure",
    "Stage",
    "Thresholds",
    "UnitRequest",
    "UnitSource",
    "UnitTable",
    "Validated",
    "Validation",
    "analyze",
    "analyze_interleaving",
    "assign",
    "attribute",
    "build_unit_table",
    "interleave",
    "interleaving_power",
    "interleaving_sample_size",
    "parse_aggregate",
    "parse_where",
    "plan",
    "since_exposure",
    "validate",
]
