"""Ramp stages as strata: within a stage every unit has the same chances of the arms, so arms are compared within it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.experiment.units.table import UnitTable


def stages_of(table: UnitTable, arm: int, rows: NDArray[np.bool_]) -> list[int]:
    """Return the stages in which any of these units of an arm or of the control came; at least one."""
    if table.n_stages == 1:
        return [0]
    return np.unique(table.stage[rows & np.isin(table.arm, (0, arm))]).tolist() or [0]


def moments_by_stage(
    values: NDArray[np.float64], table: UnitTable, arm: int, rows: NDArray[np.bool_]
) -> list[stats.Moments]:
    """Return the moments of the columns of `values`, (n, k), of an arm's units by stage."""
    return stats.grouped_moments(values, np.where(rows & (table.arm == arm), table.stage, -1), table.n_stages)


def without_empty(
    treated: Sequence[stats.Moments], control: Sequence[stats.Moments]
) -> tuple[list[stats.Moments], list[stats.Moments]]:
    """Drop the stages in which nobody came, so that an experiment without a ramp is not called stratified."""
    kept = [place for place in range(len(treated)) if treated[place].n + control[place].n > 0] or [0]
    return [treated[place] for place in kept], [control[place] for place in kept]
