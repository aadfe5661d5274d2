"""`Valued`: a policy's value as a smooth function of sums over clusters, with its influence values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.ope.results import Estimand
from recsys.ope.units import Units
from recsys.ope.weights import effective_n
from recsys.stats import Status

Float64 = NDArray[np.float64]
CUT = "the bias of weights that were cut is in no interval"


@dataclass(frozen=True, eq=False)
class Valued:
    """The value of a policy by one estimator.

    Every estimator here is P/U + (S/W) (N/U): the sums P of plain terms, S of self-normalised terms, W of weights, N of
    rows and U of units. Sums over clusters are all that intervals, bootstrap and paired differences need.

    Attributes
    ----------
    estimator : str
    units : Units
    value : float
        NaN when the status says why.
    status : {"ok", "empty_arm", "too_few", "zero_denominator", "zero_variance"}
        ``empty_arm``: no rows. ``zero_denominator``: no row has any weight. ``too_few``: one cluster, or one row with
        weight. ``zero_variance``: all influence values are 0; the value stands, and its interval has no width.
    plain, normalised, weights : (n_clusters,) float64 or None
        What each cluster adds to P, S and W.
    effective_n : float
        Of the rows' weights (Kish 1965); the units when there are no weights.
    moved : (n_clusters,) float64 or None
        How far each cluster moves P through a model that it was fitted on: no part of P itself.
    parameters : tuple of (str, float)
    notes : tuple of str
        Caveats for the reader of the result.
    """

    estimator: str
    units: Units
    value: float
    status: Status
    plain: Float64 | None
    normalised: Float64 | None
    weights: Float64 | None
    effective_n: float
    moved: Float64 | None = None
    parameters: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimand(self) -> Estimand:
        """What the value is the mean over."""
        return self.units.estimand

    @property
    def n(self) -> int:
        """Units."""
        return self.units.n

    @property
    def mean_of_plain(self) -> float:
        """P/U."""
        return 0.0 if self.plain is None else float(self.plain.sum()) / self.units.n

    @property
    def ratio(self) -> float:
        """S/W, a mean a row."""
        if self.normalised is None or self.weights is None:
            return 0.0
        return float(self.normalised.sum()) / float(self.weights.sum())

    @cached_property
    def influence(self) -> Float64:
        """How far each cluster moves the value, (n_clusters,); NaN when there is no value.

        Their mean is 0 (to rounding), and the variance of their mean is that of the value.
        """
        if np.isnan(self.value):
            return np.full(self.units.n_clusters, nan)
        plain, normalised, rows = self.centred
        clusters, units = self.units.n_clusters, self.units.n
        found = np.zeros(clusters)
        if plain is not None:
            found += plain * (clusters / units)
        if normalised is not None and self.weights is not None:
            found += normalised * (clusters / float(self.weights.sum()) * self.units.n_rows / units)
        if rows is not None:
            found += rows * (self.ratio * clusters / units)
        return found

    @property
    def centred(self) -> tuple[Float64 | None, Float64 | None, Float64 | None]:
        """Return plain terms, self-normalised terms and rows less their expectation given the cluster's size.

        What rounding leaves of 0 is 0, so that a constant reward has no spread.
        """
        sizes = self.units.units
        plain = normalised = rows = None
        if self.plain is not None:
            mean = self.mean_of_plain
            plain = _clean(self.plain - (mean if sizes is None else mean * sizes), self.plain)
            if self.moved is not None:
                mean = float(self.moved.sum()) / self.units.n
                plain = plain + (self.moved - (mean if sizes is None else mean * sizes))
        if self.normalised is not None and self.weights is not None:
            normalised = _clean(self.normalised - self.ratio * self.weights, self.normalised)
            if self.units.rows is not None and sizes is not None and self.units.rows is not sizes:
                rows = self.units.rows - self.units.n_rows / self.units.n * sizes
        return plain, normalised, rows

    @cached_property
    def standard_error(self) -> float:
        """By the delta method, clusters independent (n − 1 in the denominator); NaN below two clusters."""
        clusters = self.units.n_clusters
        if np.isnan(self.value) or clusters < 2:
            return nan
        return sqrt(float(self.influence @ self.influence) / (clusters - 1) / clusters)

    def named(self, estimator: str, *notes: str, **parameters: float) -> Valued:
        """Return the same under another name, with parameters added, and caveats before those it has."""
        added = (*self.parameters, *parameters.items())
        return replace(self, estimator=estimator, parameters=added, notes=(*notes, *self.notes))


def valued(
    estimator: str,
    units: Units,
    *,
    plain: Float64 | None = None,
    normalised: Float64 | None = None,
    weights: Float64 | None = None,
    importance: Float64 | None = None,
    moved: Float64 | None = None,
) -> Valued:
    """Return the value of terms given row by row.

    Parameters
    ----------
    estimator : str
    units : Units
    plain : (n,) float64, optional
        Divided by the number of units.
    normalised, weights : (n,) float64, optional
        Divided by the sum of the weights.
    importance : (n,) or (n_slates,) float64, optional
        Importance weights, for the effective sample size; a sum of 0 leaves nothing to estimate from.
    moved : (n,) float64, optional
        How far each row moves the sum of `plain` through a model that it was fitted on.

    Raises
    ------
    ArgumentError
        When there is another number of rows than the units have.
    """
    given = [one for one in (plain, normalised, weights, moved) if one is not None]
    if any(len(one) != units.n_rows for one in given):
        raise ArgumentError(f"there are {len(given[0])} rows", f"{units.n_rows}, as the units have, were expected")
    p, s, w, m = (None if one is None else units.total(one) for one in (plain, normalised, weights, moved))
    size = float(units.n) if importance is None else effective_n(importance)
    found = Valued(estimator, units, nan, "ok", p, s, w, size, m)
    if not units.n_rows:
        return replace(found, status="empty_arm")
    if importance is not None and not size:
        return replace(found, status="zero_denominator")
    value = found.mean_of_plain + found.ratio * (units.n_rows / units.n)
    found = replace(found, value=value)
    if units.n_clusters < 2 or (importance is not None and np.count_nonzero(importance) < 2):
        return replace(found, status="too_few")
    return replace(found, status="zero_variance") if not found.influence.any() else found


def _clean(deviations: Float64, terms: Float64) -> Float64:
    scale = float(np.abs(terms).max(initial=0.0))
    if float(np.abs(deviations).max(initial=0.0)) <= 64 * np.finfo(np.float64).eps * scale:
        return np.zeros_like(deviations)
    return deviations
