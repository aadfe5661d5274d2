"""`Validation`: how often tests that should find nothing find something, and those that should, do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from recsys.core.errors import NotFoundError
from recsys.core.jsonable import fit_for_json
from recsys.display import Interval, Percent, PValue, Table, Tabular, View, Viewable, counted
from recsys.experiment.charts.validations import validation_charts

_COLUMNS: dict[str, Any] = {
    "metric": pl.String,
    "method": pl.String,
    "units": pl.Int64,
    "splits": pl.Int64,
    "status": pl.String,
}


class Validated(NamedTuple):
    """One metric under one method.

    Attributes
    ----------
    metric : str
        Its name.
    method : {"plain", "adjusted"}
        Without, or with the covariates of the metric.
    units : int
        Units whose window has ended.
    splits : int
        Re-splits in which the test gave a p-value.
    false_positives, ci_low, ci_high : float
        Share of splits without an effect whose p-value is below alpha, with its interval (Wilson).
    uniformity : float
        p-value of Kolmogorov's test that the p-values of these splits are uniform.
    variance_reduction : float
        By the covariates, on average; 0 without.
    lift, effect : float
        What was injected into the treatment, relative and absolute (the mean over these units).
    power : float
        Share of splits that find the injected effect: p below alpha, on the right side.
    coverage, coverage_low, coverage_high : float
        Share of splits whose interval holds the injected effect, with its interval.
    status : str
        ``ok``, or why there is nothing to tell; the numbers are NaN then.
    """

    metric: str
    method: str
    units: int
    splits: int
    false_positives: float
    ci_low: float
    ci_high: float
    uniformity: float
    variance_reduction: float
    lift: float
    effect: float
    power: float
    coverage: float
    coverage_low: float
    coverage_high: float
    status: str


@dataclass(frozen=True, eq=False, repr=False)
class Validation(Viewable, Tabular):
    """An A/A check of metrics on the past of their own units; ``found["minutes"]`` is one of its rows.

    Attributes
    ----------
    rows : tuple of Validated
        One a metric.
    units : int
        In the table.
    splits : int
        Asked for.
    share : float
        Of the treatment.
    alpha : float
        Level of the test.
    seed : int
        Of the random assignments.
    warnings : tuple of str
        What a reader must know.
    """

    rows: tuple[Validated, ...]
    units: int
    splits: int
    share: float
    alpha: float
    seed: int
    warnings: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> Validated:
        """Return the row of a metric: that of the adjusted test where there is one."""
        found = [row for row in self.rows if row.metric == metric]
        if not found:
            names = ", ".join(dict.fromkeys(row.metric for row in self.rows))
            raise NotFoundError(f"the metric {metric!r} was not validated", f"one of {names} was expected")
        return found[-1]

    @property
    def failed(self) -> tuple[Validated, ...]:
        """Rows that find something where there is nothing more often than alpha, beyond chance (99.9 % sure)."""
        return tuple(row for row in self.rows if row.status == "ok" and self._too_many(row))

    @property
    def summary(self) -> str:
        """One sentence."""
        told = [row for row in self.rows if row.status == "ok"]
        if not told:
            return "nothing could be validated: no metric varies over enough units"
        if self.failed:
            names = ", ".join(f"{row.metric} ({row.method}) {100 * row.false_positives:.1f} %" for row in self.failed)
            return f"too many false alarms at alpha = {self.alpha:g}: {names}"
        worst = max(row.false_positives for row in told)
        return (
            f"{counted(len(told), 'test')} on {counted(self.splits, 're-split')} without an effect:"
            f" false alarms at most {100 * worst:.1f} %, no more than chance allows at alpha = {self.alpha:g}"
        )

    def to_polars(self) -> pl.DataFrame:
        """Return one row a metric and method; see `Validated`."""
        schema = {name: _COLUMNS.get(name, pl.Float64) for name in Validated._fields}
        return pl.DataFrame([row._asdict() for row in self.rows], schema=schema).with_columns(
            pl.col(pl.Float64).fill_nan(None)
        )

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "summary": self.summary,
            "failed": [[row.metric, row.method] for row in self.failed],
            "units": self.units,
            "splits": self.splits,
            "share": self.share,
            "alpha": self.alpha,
            "seed": self.seed,
            "rows": self.to_polars().to_dicts(),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return the false alarms, then what an injected lift looks like."""
        null = tuple(
            (
                row.metric,
                row.method,
                row.units,
                Percent(row.false_positives),
                Interval(row.ci_low, row.ci_high, percent=True),
                PValue(row.uniformity),
                Percent(row.variance_reduction),
            )
            for row in self.rows
        )
        found = tuple(
            (
                row.metric,
                row.method,
                Percent(row.lift, signed=True),
                Percent(row.power),
                Percent(row.coverage),
                Interval(row.coverage_low, row.coverage_high, percent=True),
            )
            for row in self.rows
        )
        level = f"{100 * (1 - self.alpha):g} %"
        tables = (
            Table(
                ("metric", "method", "units", "false alarms", "95 % interval", "p uniform", "variance saved"),
                null,
                f"{counted(self.splits, 'random re-split')} of {counted(self.units, 'unit')} without an effect",
            ),
            Table(
                ("metric", "method", "lift", "found in", f"{level} intervals that hold it", "95 % interval"),
                found,
                "the same re-splits with a lift in the treatment",
            ),
        )
        notes = tuple(f"{row.metric}: {row.status}" for row in self.rows if row.status != "ok")
        return View(self.summary, tables, (*dict.fromkeys(notes), *self.warnings), validation_charts(self))

    def _too_many(self, row: Validated) -> bool:
        from recsys.stats import proportion_interval

        hits = round(row.false_positives * row.splits)
        return bool(proportion_interval(hits, row.splits, confidence=0.998).ci_low > self.alpha)
