"""The columns that metrics have in the table of units: each belongs to one metric, and covariates exist."""

from __future__ import annotations

from collections.abc import Sequence

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError
from recsys.experiment.metrics import PRE, Metric
from recsys.experiment.units.table import UNIT_COLUMNS


def check_columns(metrics: Sequence[Metric], segments: Sequence[str]) -> None:
    """Raise unless the metrics of an experiment fit together.

    Raises
    ------
    ArgumentError
        There are none, two have the same column, a column is called like an attribute, or a covariate that should be
        another metric before exposure is none.
    """
    if not metrics:
        raise ArgumentError("there are no metrics", "at least one metric was expected")
    owner: dict[str, str] = {}
    for metric in metrics:
        for column in metric.measures():
            if column in owner:
                raise ArgumentError(
                    f"the metrics {owner[column]!r} and {metric.name!r} both have the column {column!r}",
                    "distinct names of metrics were expected",
                )
            owner[column] = metric.name
    taken = {*UNIT_COLUMNS, *segments, *(name for metric in metrics for name in metric.attributes)}
    for column in sorted(taken & set(owner)):
        raise ArgumentError(
            f"the metric {owner[column]!r} has the column {column!r}",
            "another name than those of segments, covariates and the table's own columns was expected",
        )
    for metric in metrics:
        others = [column for column, name in owner.items() if column.endswith(PRE) and name != metric.name]
        for name in metric.borrowed:
            if name not in others:
                raise ArgumentError(
                    f"the covariate {name!r} of {metric.name} is no column of another metric before exposure",
                    f"one of {', '.join(others)} was expected" if others else "a pre_period of one was expected",
                    did_you_mean(name, others),
                )
