"""Two arms of an outcome compared: from moments by stage where moments do, from the values where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.experiment.outcomes import Cells, Outcome
from recsys.experiment.strata import without_empty

UNITS_A_COVARIATE = 10  # in the smaller arm; with fewer, coefficients fit noise and the error is understated


class Compared(NamedTuple):
    """An arm against the control.

    Attributes
    ----------
    absolute, relative : TwoSample
        Adjusted for the covariates where there are any.
    plain, plain_relative : TwoSample
        Not adjusted.
    variance_reduction : float
        By the adjustment; 0 without one.
    """

    absolute: stats.TwoSample
    relative: stats.TwoSample
    plain: stats.TwoSample
    plain_relative: stats.TwoSample
    variance_reduction: float


def compare_arms(outcome: Outcome, arm: int, confidence: float, cells: Cells | None = None) -> Compared:
    """Return an arm against the control, all matured units, stratified by ramp stage.

    `cells` are those of the outcome, if they are at hand.
    """
    if outcome.metric.form == "quantile":
        return _compare_quantiles(outcome, arm, confidence)
    cells = outcome.whole if cells is None else cells
    return compare_strata(outcome, cells.strata(arm), cells.strata(0), confidence)


def compare_strata(
    outcome: Outcome, treated: Sequence[stats.Moments], control: Sequence[stats.Moments], confidence: float
) -> Compared:
    """Return one arm against another from their moments, one a stage."""
    left, right = without_empty(treated, control)
    plain = _plain(outcome, left, right, confidence, relative=False)
    plain_relative = _plain(outcome, left, right, confidence, relative=True)
    smallest = min(sum(part.n for part in side) for side in (left, right))
    if not outcome.covariates or smallest < UNITS_A_COVARIATE * len(outcome.covariates):
        return Compared(plain, plain_relative, plain, plain_relative, 0.0)
    adjusted, relative = (
        stats.adjusted_difference(
            left, right, outcome=outcome.outcome, covariates=outcome.covariates, relative=ratio, confidence=confidence
        )
        for ratio in (False, True)
    )
    return Compared(adjusted.effect, relative.effect, plain, plain_relative, adjusted.variance_reduction)


def compare_labels(
    outcome: Outcome,
    arm: int,
    labels: NDArray[np.integer],
    n_labels: int,
    confidence: float,
    *,
    cumulated: bool = False,
) -> list[Compared]:
    """Return an arm against the control for every label of the units (a segment, a day; −1: none).

    Parameters
    ----------
    outcome : Outcome
    arm : int
    labels : (n,) int
    n_labels : int
    confidence : float
    cumulated : bool
        Whether each label is taken together with all before it.
    """
    if n_labels == 0:
        return []
    if outcome.metric.form == "quantile":
        upto = np.arange(n_labels)[:, None]
        chosen = (labels >= 0) & (labels <= upto if cumulated else labels == upto)
        return [_compare_quantiles(outcome, arm, confidence, rows) for rows in chosen]
    return _compare_cells(outcome, arm, outcome.cells(labels, n_labels), confidence, cumulated=cumulated)


def compare_times(
    outcome: Outcome,
    arm: int,
    places: NDArray[np.integer],
    n_spans: int,
    confidence: float,
    *,
    cumulated: bool = False,
) -> list[Compared]:
    """Return an arm against the control for every span of time: the moments at hand are merged.

    Parameters
    ----------
    outcome : Outcome
    arm : int
    places : (n_labels,) int
        The span of each of the outcome's labels of time; −1: none.
    n_spans : int
    confidence : float
    cumulated : bool
        Whether each span is taken together with all before it.
    """
    if outcome.metric.form == "quantile":
        labels = places[outcome.time_labels()]
        labels[~outcome.used] = -1
        return compare_labels(outcome, arm, labels, n_spans, confidence, cumulated=cumulated)
    return _compare_cells(outcome, arm, outcome.moments.regrouped(places, n_spans), confidence, cumulated=cumulated)


def _compare_cells(outcome: Outcome, arm: int, cells: Cells, confidence: float, *, cumulated: bool) -> list[Compared]:
    if cumulated:
        cells = cells.cumulated()
    return [
        compare_strata(outcome, cells.strata(arm, label, label), cells.strata(0, label, label), confidence)
        for label in range(cells.n_labels)
    ]


def _plain(
    outcome: Outcome,
    treated: Sequence[stats.Moments],
    control: Sequence[stats.Moments],
    confidence: float,
    *,
    relative: bool,
) -> stats.TwoSample:
    if isinstance(outcome.outcome, tuple):
        top, bottom = outcome.outcome
        return stats.difference_in_ratios(
            treated, control, numerator=top, denominator=bottom, relative=relative, confidence=confidence
        )
    if outcome.metric.form == "proportion":
        counts = [_counts(part, outcome.outcome) for part in (treated, control)]
        return stats.difference_in_proportions(*counts[0], *counts[1], relative=relative, confidence=confidence)
    return stats.difference_in_means(treated, control, column=outcome.outcome, relative=relative, confidence=confidence)


def _counts(parts: Sequence[stats.Moments], column: int) -> tuple[list[int], list[int]]:
    """Return successes and units by stage; a mean of zeros and ones times n is a whole number but for rounding."""
    return [round(float(part.mean[column]) * part.n) for part in parts], [part.n for part in parts]


def _compare_quantiles(
    outcome: Outcome, arm: int, confidence: float, rows: NDArray[np.bool_] | None = None
) -> Compared:
    treated, control = (outcome.strata_samples(place, rows) for place in (arm, 0))
    found, relative = (
        stats.difference_in_quantiles(treated, control, outcome.q, relative=ratio, confidence=confidence)
        for ratio in (False, True)
    )
    return Compared(found, relative, found, relative, 0.0)
