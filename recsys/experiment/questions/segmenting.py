"""Effects by segment of units: whether they differ at all, and what is left of them when they are pooled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from recsys import stats
from recsys.core.jsonable import fit_for_json
from recsys.display import Interval, Plot, PValue, Table, Tabular, View, Viewable, cell_text, drawn, shared_axis
from recsys.experiment.charts.spans import segments_chart
from recsys.experiment.comparing import compare_labels
from recsys.experiment.covariates import attribute, coded, labels_of
from recsys.experiment.effects import WITHHELD
from recsys.experiment.metrics import Form
from recsys.experiment.outcomes import Outcome


class SegmentEffect(NamedTuple):
    """The effect among the units of one segment.

    Attributes
    ----------
    segment : str
    n, n_control : int
    value, control_value : float
    difference, ci_low, ci_high, pvalue : float
        Of this segment alone; the p-value is not adjusted.
    pooled, pooled_ci_low, pooled_ci_high : float
        Partially pooled: drawn to the common effect, the more the less is known of the segment.
    status : str
    """

    segment: str
    n: int
    n_control: int
    value: float
    control_value: float
    difference: float
    ci_low: float
    ci_high: float
    pvalue: float
    pooled: float
    pooled_ci_low: float
    pooled_ci_high: float
    status: str


@dataclass(frozen=True, eq=False, repr=False)
class SegmentEffects(Viewable, Tabular):
    """The effect of an arm on a metric by segment.

    Parameters
    ----------
    metric, arm, control, by : str
    segments : tuple of SegmentEffect
        By the number of units, the largest first.
    pvalue : float
        Of the same effect in all segments (interaction; Cochran's Q); NaN with fewer than two segments.
    statistic : float
    df : int
    between : float
        Standard deviation of the true effects between segments (posterior median); NaN below three segments.
    confidence : float
    withheld : str
        Why p-values are not told (NaN, and so is the statistic); empty when they are.
    form : str
        Of the metric.
    """

    metric: str
    arm: str
    control: str
    by: str
    segments: tuple[SegmentEffect, ...]
    pvalue: float
    statistic: float
    df: int
    between: float
    confidence: float
    withheld: str = ""
    form: Form = "mean"

    @property
    def summary(self) -> str:
        """One sentence."""
        what = f"{self.metric}, {self.arm} − {self.control}, by {self.by}"
        if self.withheld:
            return f"{what}: {self.withheld}"
        if self.pvalue != self.pvalue:
            return f"{what}: too few segments to compare"
        told = cell_text(PValue(self.pvalue))
        differ = self.pvalue < 1 - self.confidence
        return f"{what}: {'effects differ' if differ else 'no sign that effects differ'} (interaction p {told})"

    def to_polars(self) -> pl.DataFrame:
        """Return one row a segment."""
        return pl.DataFrame([one._asdict() for one in self.segments])

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("metric", "arm", "control", "by", "pvalue", "statistic", "df", "between", "confidence", "withheld")
        return {name: getattr(self, name) for name in names} | {"segments": [one._asdict() for one in self.segments]}

    def view(self) -> View:
        """Return the segments with their pooled intervals drawn."""
        axis = shared_axis([(one.ci_low, one.difference, one.ci_high) for one in self.segments])
        rows = tuple(
            (
                one.segment, one.n + one.n_control, one.difference,
                Plot(one.ci_low, one.difference, one.ci_high, axis), Interval(one.ci_low, one.ci_high),
                one.pooled, Interval(one.pooled_ci_low, one.pooled_ci_high),
            )
            for one in self.segments
        )  # fmt: skip
        level = f"{100 * self.confidence:g} % interval"
        columns = (self.by, "units", "difference", "", level, "pooled", "pooled interval")
        notes = ("pooled: drawn to the common effect by what is noise; read these when picking a segment",)
        return View(self.summary, (Table(columns, rows),), notes, drawn(segments_chart(self)))


def withhold_segments(found: SegmentEffects) -> SegmentEffects:
    """Return the segments without p-values: the planned size is not reached."""
    segments = tuple(one._replace(pvalue=nan) for one in found.segments)
    return replace(found, segments=segments, pvalue=nan, statistic=nan, withheld=WITHHELD)


def segment_effects(outcome: Outcome, arm: int, by: str, confidence: float) -> SegmentEffects:
    """Return the effect of an arm in each segment of an attribute, with interaction test and partial pooling.

    Raises
    ------
    ArgumentError
        The units have no such attribute.
    """
    table = outcome.table
    levels, places = coded(labels_of(attribute(table, by)))
    found = [one.absolute for one in compare_labels(outcome, arm, places, len(levels), confidence)]
    estimates = np.array([one.estimate if one.status == "ok" else nan for one in found])
    errors = np.array([one.standard_error if one.status == "ok" else nan for one in found])
    pooled = stats.partial_pooling(estimates, errors, confidence=confidence)
    test = stats.heterogeneity(estimates, errors)
    rows = [
        SegmentEffect(
            level, one.n_treatment, one.n_control, one.treatment, one.control, one.estimate, one.ci_low,
            one.ci_high, one.pvalue, shrunk.estimate, shrunk.ci_low, shrunk.ci_high, one.status,
        )
        for level, one, shrunk in zip(levels, found, pooled.estimates, strict=True)
    ]  # fmt: skip
    rows.sort(key=lambda row: (-(row.n + row.n_control), row.segment))
    return SegmentEffects(
        outcome.metric.name, table.arms[arm], table.arms[0], by, tuple(rows), test.pvalue, test.q, test.df, pooled.tau,
        confidence, form=outcome.metric.form,
    )  # fmt: skip
