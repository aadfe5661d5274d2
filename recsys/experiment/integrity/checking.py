"""The integrity of an experiment: everything that must hold before an effect means anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.experiment.comparing import compare_arms
from recsys.experiment.integrity.balance import balance_check, pre_period_check
from recsys.experiment.integrity.checks import Check, Thresholds
from recsys.experiment.integrity.outcomes import left_out_check, missing_outcome_check, outlier_check, skewness_check
from recsys.experiment.integrity.period import (
    complete_check,
    holiday_check,
    maturity_check,
    week_check,
    window_check,
)
from recsys.experiment.integrity.ratio import Float64, ratio_checks
from recsys.experiment.integrity.units import arms_check, assignment_checks, exposure_checks, mapping_checks, seen_check
from recsys.experiment.outcomes import Outcome, outcome_of
from recsys.experiment.units.table import UnitTable

if TYPE_CHECKING:
    from recsys.experiment.experiment import Experiment


def check_integrity(
    experiment: Experiment,
    table: UnitTable,
    *,
    limits: Thresholds | None = None,
    by: Sequence[str] = (),
    holidays: Sequence[date] = (),
    assigned: NDArray[np.int16] | None = None,
    outcomes: Mapping[str, Outcome] | None = None,
    over: bool = True,
) -> tuple[Check, ...]:
    """Return every check, the blocking ones first to look at.

    Parameters
    ----------
    experiment : Experiment
    table : UnitTable
    limits : Thresholds, optional
    by : sequence of str
        Attributes for segments, beside those that the experiment declares.
    holidays : sequence of date
        Days that are not like others.
    assigned : (n,) int16, optional
        The arm that the assignment gives each unit (−1: none); None when it was assigned elsewhere.
    outcomes : mapping of metric to Outcome, optional
        If they are at hand.
    over : bool
        Whether the planned size or the end is reached. Until then the sample ratio of a monitored experiment is gated
        by its sequential test alone: a test of one look, made every day, fails by chance.
    """
    limits = limits or Thresholds()
    if outcomes is None:
        outcomes = {metric.name: outcome_of(metric, table) for metric in experiment.metrics}
    metrics, weights = experiment.metrics, stage_weights(experiment, table)
    segments = tuple(dict.fromkeys([*experiment.segments, *by]))
    attributes = [*segments, *(name for metric in metrics for name in metric.attributes)]
    monitored = experiment.monitoring is not None
    checks = [arms_check(table)]
    checks += ratio_checks(table, weights, segments, limits, monitored=monitored, over=over)
    checks += exposure_checks(table, limits)
    checks += assignment_checks(table, assigned, limits)
    checks += [seen_check(table, limits), *mapping_checks(table, limits)]
    checks.append(balance_check(table, tuple(dict.fromkeys(attributes)), limits))
    found = tuple(outcomes.values())
    checks.append(_pre_period(found, experiment.confidence, limits))
    checks.append(outlier_check(found, limits, experiment.confidence))
    checks.append(missing_outcome_check(metrics, table, limits))
    checks.append(skewness_check(found))
    checks += [left_out_check(table), window_check(metrics, monitored=monitored), maturity_check(table, metrics)]
    checks += [complete_check(table), week_check(table)]
    checks.append(holiday_check(table, holidays))
    return tuple(checks)


def stage_weights(experiment: Experiment, table: UnitTable) -> Float64:
    """Return the expected shares of the arms by ramp stage, (n_stages, n_arms), arms in the order of the table."""
    stages = [stage.weights or experiment.arms for stage in experiment.stages]
    return np.array([[weights[arm] for arm in table.arms] for weights in stages], np.float64)


def _pre_period(outcomes: Sequence[Outcome], confidence: float, limits: Thresholds) -> Check:
    names, arms, pvalues = [], [], []
    for outcome in outcomes:
        metric, table = outcome.metric, outcome.table
        if metric.pre_span is None or not len(table):
            continue
        if metric.form == "quantile":
            early, cells = outcome_of(metric, table, before=True), None
        else:
            early, cells = outcome.before()
        for arm in range(1, len(table.arms)):
            names.append(metric.name)
            arms.append(table.arms[arm])
            pvalues.append(compare_arms(early, arm, confidence, cells).absolute.pvalue)
    return pre_period_check(names, arms, np.array(pvalues, np.float64), limits)
