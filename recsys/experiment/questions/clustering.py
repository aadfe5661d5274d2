"""Cluster-robust effects: units that belong together are one observation."""

from __future__ import annotations

import numpy as np

from recsys import stats
from recsys.core.errors import ArgumentError
from recsys.experiment.outcomes import Outcome
from recsys.experiment.questions.resampling import cluster_keys
from recsys.experiment.strata import stages_of


def clustered_difference(
    outcome: Outcome, arm: int, by: str, confidence: float, *, relative: bool = False
) -> stats.TwoSample:
    """Return the difference of means or ratios with clusters of units as the independent observations.

    Values and units are added up by cluster; a mean over units is then a ratio of sums over clusters, whose variance
    is the delta method's. A cluster with units in several arms is split between them: its parts count as independent,
    which is right only where units were assigned one by one. Stages of a ramp are strata, as in the effects; covariates
    are not adjusted for.

    Parameters
    ----------
    outcome : Outcome
    arm : int
    by : str
        The attribute that names the cluster; units without one are clusters of their own.
    confidence : float
    relative : bool

    Raises
    ------
    ArgumentError
        There is no such attribute, or the metric is a quantile.
    """
    if outcome.metric.form == "quantile":
        raise ArgumentError(
            f"{outcome.metric.name} is a quantile over units", "a mean, a share or a ratio was expected here"
        )
    codes = cluster_keys(outcome, by)
    top, bottom = outcome.outcome if isinstance(outcome.outcome, tuple) else (outcome.outcome, None)
    table = outcome.table
    sides: tuple[list[stats.Moments], list[stats.Moments]] = ([], [])
    for stage in stages_of(table, arm, outcome.used):
        for side, place in zip(sides, (arm, 0), strict=True):
            rows = outcome.used & (table.arm == place) & (table.stage == stage)
            _, places = np.unique(codes[rows], return_inverse=True)
            sums = np.bincount(places, outcome.columns[top][rows])
            below = np.bincount(places) if bottom is None else np.bincount(places, outcome.columns[bottom][rows])
            side.append(stats.Moments.of(np.column_stack([sums, below]).astype(np.float64)))
    found = stats.difference_in_ratios(*sides, relative=relative, confidence=confidence)
    return found._replace(method=f"{found.method}, clusters of {by}")
