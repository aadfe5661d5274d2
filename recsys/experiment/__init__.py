"""A/B experiments: metrics and units declared, one table of units, analyses and decisions; knows no database."""

from recsys.experiment.analysis import Analysis
from recsys.experiment.analyzing import analyze
from recsys.experiment.assignment import assign
from recsys.experiment.attribution import attribute
from recsys.experiment.deciding import Decision
from recsys.experiment.effects import Effect
from recsys.experiment.experiment import Experiment
from recsys.experiment.integrity.checks import Check, Thresholds
from recsys.experiment.interleaving.merging import Interleaving, interleave
from recsys.experiment.interleaving.power import interleaving_power, interleaving_sample_size
from recsys.experiment.interleaving.result import InterleavingResult, analyze_interleaving
from recsys.experiment.looks import ConfidenceSequence, GroupSequential
from recsys.experiment.metrics import Count, Mean, Metric, Proportion, Quantile, Ratio, Retention
from recsys.experiment.monitoring import Monitor
from recsys.experiment.planning.result import Plan
from recsys.experiment.planning.sizing import plan
from recsys.experiment.questions.since_exposure import SinceExposure, since_exposure
from recsys.experiment.traffic import Holdout, Layer, Stage
from recsys.experiment.units.building import build_unit_table
from recsys.experiment.units.frames import Frames
from recsys.experiment.units.measures import Aggregate, Condition, Measure, parse_aggregate, parse_where
from recsys.experiment.units.per_unit import PerUnit
from recsys.experiment.units.sources import Active, Batch, Exposed, Exposures, UnitRequest, UnitSource
from recsys.experiment.units.table import Enrolment, UnitTable
from recsys.experiment.validation.result import Validated, Validation
from recsys.experiment.validation.validating import validate

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
