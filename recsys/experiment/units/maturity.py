"""Of which units a window has ended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.experiment.metrics import Metric
from recsys.experiment.units.measures import Measure
from recsys.experiment.units.table import UnitTable

FOREVER = int(np.iinfo(np.int64).max)  # `through` of a request that has no end


def matured(measure: Measure, first_exposure: NDArray[np.int64], complete: int) -> NDArray[np.bool_]:
    """Return of which units the whole window lies in complete data; a window without an end must have begun.

    Examples
    --------
    >>> from recsys.experiment import Count
    >>> matured(Count("plays", window="1s").measures()["plays"], np.array([0, 1]), 1_000_000).tolist()
    [True, False]
    """
    if measure.end is None:
        return first_exposure < complete - measure.begin
    return first_exposure <= complete - measure.end


def matured_units(table: UnitTable, metric: Metric) -> NDArray[np.bool_]:
    """Return which units' windows have ended, for all columns of a metric."""
    matured = np.ones(len(table), np.bool_)
    for column in (*metric.measures(), *metric.borrowed):
        matured &= table.matured.get(column, matured)
    return matured
