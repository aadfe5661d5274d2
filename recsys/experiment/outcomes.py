"""`Outcome`: a metric as columns of numbers on the units that can be used, and the moments of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.experiment.covariates import attribute_columns
from recsys.experiment.integrity_period import matured_units
from recsys.experiment.metrics import PRE, Metric
from recsys.experiment.unit_table import UnitTable

Float64 = NDArray[np.float64]
Column = int | tuple[int, int]


class Cap(NamedTuple):
    """A winsorised column.

    Attributes
    ----------
    column : str
    threshold : float
        From the pooled values of all arms, or as declared.
    units : int
        Units with a value above it.
    largest : float
        The largest value before.
    """

    column: str
    threshold: float
    units: int
    largest: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """A metric on units.

    Attributes
    ----------
    metric : Metric
    table : UnitTable
    used : (n,) bool
        Units whose window has ended (and that are in the subset looked at).
    values : (n, k) float64
        The outcome (a ratio: numerator and denominator), then the covariates.
    outcome : int or (int, int)
    covariates : tuple of int or (int, int)
    covariate_names : tuple of str
    caps : tuple of Cap
    """

    metric: Metric
    table: UnitTable
    used: NDArray[np.bool_]
    values: Float64
    outcome: Column
    covariates: tuple[Column, ...]
    covariate_names: tuple[str, ...]
    caps: tuple[Cap, ...]

    @property
    def n_stages(self) -> int:
        """Ramp stages in which units came."""
        return int(self.table.stage.max()) + 1 if len(self.table) else 1

    def cells(self, labels: NDArray[np.integer] | None = None, n_labels: int = 1) -> Cells:
        """Return the moments by label, stage and arm; units with label −1 are left out."""
        n_arms, n_stages = len(self.table.arms), self.n_stages
        groups = self.table.stage.astype(np.int64) * n_arms + self.table.arm
        used = self.used
        if labels is not None:
            groups += labels.astype(np.int64) * (n_stages * n_arms)
            used = used & (labels >= 0)
        parts = stats.grouped_moments(self.values, np.where(used, groups, -1), n_labels * n_stages * n_arms)
        return Cells(parts, n_labels, n_stages, n_arms)

    def samples(self, arm: int, rows: NDArray[np.bool_] | None = None) -> Float64:
        """Return the values of one arm, (m, k)."""
        chosen = self.used & (self.table.arm == arm)
        return np.compress(chosen if rows is None else chosen & rows, self.values, axis=0)


@dataclass(frozen=True, eq=False)
class Cells:
    """Moments by label (a day, a segment), ramp stage and arm, and their sums."""

    parts: Sequence[stats.Moments]
    n_labels: int
    n_stages: int
    n_arms: int

    def strata(self, arm: int, first: int = 0, last: int | None = None) -> list[stats.Moments]:
        """Return the moments of an arm by stage, over the labels from `first` to `last` (inclusive; None: all)."""
        span = range(first, self.n_labels if last is None else last + 1)
        return [self._merged([self._at(label, stage, arm) for label in span]) for stage in range(self.n_stages)]

    def cumulated(self) -> Cells:
        """Return the cells with each label's moments those of all labels up to it: adding a day is adding moments."""
        found: list[stats.Moments] = []
        step = self.n_stages * self.n_arms
        for label in range(self.n_labels):
            for place in range(step):
                part = self.parts[label * step + place]
                found.append(part if label == 0 else found[-step].merge(part))
        return Cells(found, self.n_labels, self.n_stages, self.n_arms)

    def counts(self) -> NDArray[np.int64]:
        """Return the units, (labels, arms)."""
        sizes = np.array([part.n for part in self.parts], np.int64).reshape(self.n_labels, self.n_stages, self.n_arms)
        return np.asarray(sizes.sum(axis=1))

    def _at(self, label: int, stage: int, arm: int) -> stats.Moments:
        return self.parts[(label * self.n_stages + stage) * self.n_arms + arm]

    @staticmethod
    def _merged(parts: list[stats.Moments]) -> stats.Moments:
        return parts[0].merge(*parts[1:])


def outcome_of(
    metric: Metric,
    table: UnitTable,
    *,
    rows: NDArray[np.bool_] | None = None,
    capped: bool = True,
    before: bool = False,
) -> Outcome:
    """Return a metric on the units that can be used.

    Parameters
    ----------
    metric : Metric
    table : UnitTable
    rows : (n,) bool, optional
        A subset of the units.
    capped : bool
        Whether values are winsorised as the metric declares.
    before : bool
        The same metric in the pre-period instead, without covariates.
    """
    used = matured_units(table, metric)
    if rows is not None:
        used = used & rows
    names = [metric.name + suffix for suffix in metric.aggregates]
    outcomes = [name + PRE for name in names] if before else names
    columns, caps = _capped(metric, table, used, outcomes, capped)
    outcome: Column = (0, 1) if metric.form == "ratio" else 0
    covariates: list[Column] = []
    labels: list[str] = []
    if not before and metric.form != "quantile":
        if metric.pre_span is not None:
            width = len(columns)
            early, early_caps = _capped(metric, table, used, [name + PRE for name in names], capped)
            columns, caps = columns + early, caps + early_caps
            covariates.append((width, width + 1) if metric.form == "ratio" and _some(early[1], used) else width)
            labels.append(metric.name + PRE)
        attributes = attribute_columns(table, metric.covariates)
        covariates += range(len(columns), len(columns) + len(attributes.names))
        columns += list(attributes.values.T)
        labels += attributes.names
    values = np.column_stack(columns) if columns else np.empty((len(table), 0))
    return Outcome(metric, table, used, values, outcome, tuple(covariates), tuple(labels), caps)


def _some(denominator: Float64, used: NDArray[np.bool_]) -> bool:
    """Return whether a pre-period has any denominator, so that its ratio exists."""
    return bool((denominator[used] > 0).any())


def _capped(
    metric: Metric, table: UnitTable, used: NDArray[np.bool_], names: Sequence[str], capped: bool
) -> tuple[list[Float64], tuple[Cap, ...]]:
    columns, caps = [], []
    for name in names:
        column = table.columns[name]
        declared = capped and used.any() and (metric.cap is not None or metric.cap_at is not None)
        if declared:
            found = stats.winsorise(column[used], quantile=metric.cap, at=metric.cap_at)
            caps.append(Cap(name, found.threshold, found.n_capped, float(column[used].max())))
            column = np.minimum(column, found.threshold)
        columns.append(column)
    return columns, tuple(caps)
