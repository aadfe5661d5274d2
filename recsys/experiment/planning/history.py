"""What a plan takes from the past: how metrics vary over units, and how many units come in a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from recsys import stats
from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError, NotEstimableError
from recsys.experiment.metrics import DAY, Metric, Quantile
from recsys.experiment.outcomes import Outcome, outcome_of
from recsys.experiment.units.table import UnitTable

Given = stats.Baseline | float | Sequence[float]
HistoryStatus = Literal["ok", "too_few", "zero_variance", "zero_denominator", "zero_baseline"]
_FEWEST = 20


class History(NamedTuple):
    """How a metric varies over units.

    Attributes
    ----------
    baseline : Baseline or None
        None when the status is not ``ok``.
    rho : float
        Multiple correlation with the covariates; 0 without.
    units : int
        Units whose window had ended; 0 when the baseline was given.
    status : str
    """

    baseline: stats.Baseline | None
    rho: float
    units: int
    status: HistoryStatus


@dataclass(frozen=True)
class Traffic:
    """How many units have come in after so many days.

    Parameters
    ----------
    arrivals : tuple of float
        New units on each day of the reference period; units of the first days come again and again, so the later days
        bring fewer.
    later : float
        New units on each day after those.
    """

    arrivals: tuple[float, ...]
    later: float

    def units(self, days: float) -> float:
        """Return the units after a number of days.

        Examples
        --------
        >>> Traffic((100.0, 50.0), 40.0).units(4)
        230.0
        """
        whole = min(int(days), len(self.arrivals))
        return sum(self.arrivals[:whole]) + self.later * max(days - len(self.arrivals), 0.0)

    def days(self, units: float) -> int | None:
        """Return after how many whole days so many units have come; None: never.

        Examples
        --------
        >>> Traffic((100.0, 50.0), 40.0).days(200)
        4
        """
        total = 0.0
        for day, arrived in enumerate(self.arrivals, 1):
            total += arrived
            if total >= units:
                return day
        if self.later <= 0:
            return None
        return len(self.arrivals) + int(np.ceil(max(units - total, 0.0) / self.later))


def history_of(metric: Metric, table: UnitTable) -> History:
    """Return how a metric varies over the units whose window had ended, after adjusting for its covariates."""
    outcome = outcome_of(metric, table)
    values = outcome.values[outcome.used]
    n = len(values)
    if n < _FEWEST:
        return History(None, 0.0, n, "too_few")
    try:
        if isinstance(metric, Quantile):
            return History(stats.Baseline.of_quantile(values[:, 0], metric.q), 0.0, n, "ok")
        return _adjusted(metric, outcome, values)
    except NotEstimableError:
        return History(None, 0.0, n, "zero_variance")


def _adjusted(metric: Metric, outcome: Outcome, values: np.ndarray) -> History:
    n = len(values)
    columns = [_linear(values, column) for column in (outcome.outcome, *outcome.covariates)]
    if columns[0] is None:
        return History(None, 0.0, n, "zero_denominator")
    y, x = columns[0], [column for column in columns[1:] if column is not None and np.ptp(column) > 0]
    rho = _multiple_correlation(y, x)
    if metric.form == "proportion":
        share = float(y.mean())
        if not 0 < share < 1:
            return History(None, 0.0, n, "zero_variance")
        return History(stats.Baseline.of_proportion(share, rho=rho), rho, n, "ok")
    if metric.form == "ratio":
        top, bottom = (values[:, place] for place in (0, 1))
        spread = np.cov(top, bottom)
        pair = float(spread[0, 0]), float(spread[1, 1])
        found = stats.Baseline.of_ratio(float(top.mean()), float(bottom.mean()), pair, float(spread[0, 1]), rho=rho)
        return History(found, rho, n, "ok")
    return History(stats.Baseline.of_mean(float(y.mean()), float(y.std(ddof=1)), rho=rho), rho, n, "ok")


def given_history(metric: Metric, given: Given) -> History:
    """Return the history of a given baseline: a `stats.Baseline`, a share, or (mean, sd) or (mean, sd, rho)."""
    if isinstance(given, stats.Baseline):
        return History(given, 0.0, 0, "ok")
    name = f"the baseline of {metric.name}"
    if isinstance(given, Sequence) and len(given) in (2, 3):
        mean, sd, *rest = (finite_float(name, one) for one in given)
        rho = rest[0] if rest else 0.0
        return History(stats.Baseline.of_mean(mean, sd, rho=rho), abs(rho), 0, "ok")
    if metric.form == "proportion" and not isinstance(given, Sequence):
        return History(stats.Baseline.of_proportion(finite_float(name, given, above=0, below=1)), 0.0, 0, "ok")
    raise ArgumentError(
        f"{name} is {given!r}",
        "(mean, sd), (mean, sd, rho), a stats.Baseline, or a share for a proportion was expected",
    )


def traffic_of(table: UnitTable, since: int, until: int, exclude: Sequence[tuple[int, int]]) -> Traffic:
    """Return the arrivals of the reference period; beyond it, the mean of its last seven days goes on."""
    days = (until - since + DAY - 1) // DAY
    counts = np.bincount((table.first_exposure - since) // DAY, minlength=days).astype(np.float64)
    starts = since + DAY * np.arange(days)
    gone = np.zeros(days, np.bool_)
    for begin, end in exclude:
        gone |= (starts >= begin) & (starts < end)
    kept = counts[~gone]
    return Traffic(tuple(kept.tolist()), float(kept[-7:].mean()) if len(kept) else 0.0)


def known_metrics(metrics: Sequence[Metric], given: Mapping[str, object], what: str) -> None:
    """Refuse a mapping that names a metric which is not there."""
    for name in given:
        if name not in {metric.name for metric in metrics}:
            names = ", ".join(metric.name for metric in metrics)
            raise ArgumentError(f"{what} names {name!r}", f"one of {names} was expected")


def _linear(values: np.ndarray, column: int | tuple[int, int]) -> np.ndarray | None:
    """Return a column, or a ratio's numerator − ratio × denominator; None: no denominator."""
    if isinstance(column, int):
        return np.asarray(values[:, column])
    top, bottom = values[:, column[0]], values[:, column[1]]
    if bottom.mean() == 0:
        return None
    return np.asarray(top - top.mean() / bottom.mean() * bottom)


def _multiple_correlation(y: np.ndarray, x: Sequence[np.ndarray]) -> float:
    if not x or np.ptp(y) == 0:
        return 0.0
    centred = y - y.mean()
    design = np.column_stack([(one - one.mean()) / one.std() for one in x])
    fitted = design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return float(min(np.sqrt((fitted @ fitted) / (centred @ centred)), 1 - 1e-9))
