"""Tables of units made by hand, for the tests of what comes after them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from recsys.experiment import Enrolment, Experiment, Mean, Metric, UnitTable

DAY = 86_400_000_000
START = 20_000 * DAY  # 2024-10-04


def experiment(*metrics: Metric, **changed: Any) -> Experiment:
    """Return an experiment of two equal arms, ``pop`` and ``als``, without end."""
    settings: dict[str, Any] = {
        "arms": {"pop": 0.5, "als": 0.5},
        "control": "pop",
        "start": "2024-10-04",
        "metrics": metrics or (Mean("minutes"),),
        **changed,
    }
    return Experiment("als-vs-pop", **settings)


def unit_table(
    arm: Any,
    columns: dict[str, Any],
    *,
    arms: tuple[str, ...] = ("pop", "als"),
    days: Any = None,
    stage: Any = None,
    attributes: dict[str, Any] | None = None,
    matured: dict[str, Any] | None = None,
    seen: Any = None,
    through_day: int = 1000,
    enrolment: dict[str, Any] | None = None,
    left_out: dict[str, int] | None = None,
) -> UnitTable:
    """Return a table of units; `days` are those of the first exposure, from 0."""
    arm = np.asarray(arm, np.int16)
    n = len(arm)
    first = START + (np.zeros(n, np.int64) if days is None else np.asarray(days, np.int64)) * DAY + DAY // 2
    counts = np.bincount(arm, minlength=len(arms)).astype(np.int64)
    enrolled = {"rows": n, "repeated": 0, "units": counts, **(enrolment or {})}
    return UnitTable(
        arms=arms,
        unit_ids=pl.Series(np.arange(n)),
        arm=arm,
        first_exposure=first,
        stage=np.zeros(n, np.int16) if stage is None else np.asarray(stage, np.int16),
        columns={name: np.asarray(values, np.float64) for name, values in columns.items()},
        matured={name: np.ones(n, np.bool_) for name in columns} | (matured or {}),
        attributes=pl.DataFrame(attributes or {}),
        seen=np.ones(n, np.bool_) if seen is None else np.asarray(seen, np.bool_),
        enrolment=Enrolment(**enrolled),
        through=START + through_day * DAY,
        complete_through={"events": START + through_day * DAY},
        left_out=left_out or {},
    )
