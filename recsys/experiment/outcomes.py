"""`Outcome`: a metric as columns of numbers on the units that can be used, and the moments of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.errors import ArgumentError
from recsys.experiment.covariates import attribute_columns
from recsys.experiment.metrics import DAY, PRE, Metric, Quantile, window_end
from recsys.experiment.strata import stages_of
from recsys.experiment.units.maturity import matured_units
from recsys.experiment.units.table import UnitTable

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
    columns : tuple of (n,) float64
        The outcome (a ratio: numerator and denominator), then the covariates.
    outcome : int or (int, int)
    covariates : tuple of int or (int, int)
    covariate_names : tuple of str
    caps : tuple of Cap
    """

    metric: Metric
    table: UnitTable
    used: NDArray[np.bool_]
    columns: tuple[Float64, ...]
    outcome: Column
    covariates: tuple[Column, ...]
    covariate_names: tuple[str, ...]
    caps: tuple[Cap, ...]

    @property
    def q(self) -> float:
        """The quantile that the metric is; only of a metric of that form."""
        if not isinstance(self.metric, Quantile):
            raise ArgumentError(f"{self.metric.name} is a {self.metric.form}", "a quantile was expected")
        return self.metric.q

    @property
    def values(self) -> Float64:
        """The columns side by side, (n, k)."""
        return np.column_stack(self.columns) if self.columns else np.empty((len(self.table), 0))

    @property
    def n_stages(self) -> int:
        """Ramp stages in which units came."""
        return self.table.n_stages

    @cached_property
    def moments(self) -> Cells:
        """The moments by time, stage and arm: the one pass over the units that every question of time needs.

        A label of time is twice the day of exposure, and one more for units that come so late in the day that their
        window ends a day later than that of the others.
        """
        return self.cells(self.time_labels(), 2 * self.table.days.n)

    @cached_property
    def whole(self) -> Cells:
        """The moments by stage and arm."""
        return self.moments.regrouped(np.zeros(self.moments.n_labels, np.int64), 1)

    @cached_property
    def raw(self) -> Outcome:
        """The same without winsorising."""
        return outcome_of(self.metric, self.table, rows=self.used, capped=False) if self.caps else self

    @cached_property
    def occupied(self) -> NDArray[np.bool_]:
        """Labels of time with units, (n_labels,)."""
        if self.metric.form != "quantile":
            return np.asarray(self.moments.counts().any(axis=1))
        return np.bincount(self.time_labels()[self.used], minlength=2 * self.table.days.n) > 0

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Units by arm."""
        if self.metric.form != "quantile" and self.moments.n_labels:
            return np.asarray(self.moments.counts().sum(axis=0))
        return np.bincount(self.table.arm[self.used], minlength=len(self.table.arms)).astype(np.int64)

    @cached_property
    def joined(self) -> NDArray[np.int64]:
        """Units by arm that occur in the data."""
        if self.table.seen.all():
            return self.sizes
        return np.bincount(self.table.arm[self.used & self.table.seen], minlength=len(self.table.arms))

    def time_labels(self) -> NDArray[np.int32]:
        """Return the label of time of each unit, see `moments`."""
        days, end = self.table.days, window_end(self.metric)
        labels = days.day * np.int32(2)
        if end is not None:
            labels += days.time >= DAY - (end - 1) % DAY
        return labels

    def cells(self, labels: NDArray[np.integer], n_labels: int) -> Cells:
        """Return the moments by label, stage and arm; units with label −1 are left out."""
        n_arms, n_stages = len(self.table.arms), self.n_stages
        groups = labels.astype(np.int32) * np.int32(n_stages * n_arms)
        groups += self.table.strata
        used = self.used & (labels >= 0)
        if not used.all():
            groups[~used] = -1
        n_groups = n_labels * n_stages * n_arms
        parts = stats.column_moments(self.columns, groups, n_groups) if n_groups else []
        return Cells(parts, n_labels, n_stages, n_arms, len(self.columns))

    def before(self) -> tuple[Outcome, Cells]:
        """Return the metric in its pre-period and its moments, which are at hand; not of a quantile."""
        width = len(self.metric.aggregates)
        places = tuple(range(width, 2 * width))
        early = replace(
            self, columns=tuple(self.columns[place] for place in places), covariates=(), covariate_names=(), caps=()
        )
        return early, self.whole.take(places)

    def samples(self, arm: int, rows: NDArray[np.bool_] | None = None) -> Float64:
        """Return the values of one arm, (m, k)."""
        chosen = self.used & (self.table.arm == arm)
        kept = chosen if rows is None else chosen & rows
        return np.column_stack([column[kept] for column in self.columns])

    def strata_samples(self, arm: int, rows: NDArray[np.bool_] | None = None) -> tuple[Float64, ...]:
        """Return the outcome of one arm by ramp stage in which anybody came; at least one stage."""
        rows = self.used if rows is None else self.used & rows
        stages, mine = stages_of(self.table, arm, rows), rows & (self.table.arm == arm)
        if self.n_stages == 1:
            return (self.columns[0][mine],)
        return tuple(self.columns[0][mine & (self.table.stage == stage)] for stage in stages)


@dataclass(frozen=True, eq=False)
class Cells:
    """Moments by label (a day, a segment), ramp stage and arm, and their sums."""

    parts: Sequence[stats.Moments]
    n_labels: int
    n_stages: int
    n_arms: int
    n_columns: int

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
        return replace(self, parts=found)

    def regrouped(self, places: NDArray[np.integer], n_labels: int) -> Cells:
        """Return the cells with labels merged: `places` is the new label of each, −1 leaves it out."""
        step = self.n_stages * self.n_arms
        members: list[list[int]] = [np.flatnonzero(places == label).tolist() for label in range(n_labels)]
        empty = stats.Moments.empty(self.n_columns)
        found = [
            empty.merge(*(self.parts[label * step + place] for label in mine))
            for mine in members
            for place in range(step)
        ]
        return replace(self, parts=found, n_labels=n_labels)

    def take(self, columns: Sequence[int]) -> Cells:
        """Return the cells of some of the columns."""
        parts = [part.take(columns) for part in self.parts]
        return replace(self, parts=parts, n_columns=len(columns))

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
        columns += attributes.columns
        labels += attributes.names
    return Outcome(metric, table, used, tuple(columns), outcome, tuple(covariates), tuple(labels), caps)


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
