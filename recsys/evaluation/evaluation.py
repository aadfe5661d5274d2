"""`Evaluation`: what one model reached on one population, user by user."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import NotEstimableError, NotFoundError
from recsys.display import Cell, Percent, Table, Tabular, View, Viewable
from recsys.display import Interval as IntervalCell
from recsys.evaluation.conclusions import Estimate, conclude_one, honest
from recsys.evaluation.evaluation_charts import evaluation_charts
from recsys.evaluation.exposure import Exposure
from recsys.evaluation.measuring import Reach
from recsys.evaluation.population import Counts
from recsys.evaluation.ranking import primary_metric
from recsys.evaluation.segments import WARMTH, segments_of
from recsys.metrics import CatalogueValue, MetricSpec, parse_metric
from recsys.stats import Interval, mean_interval


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Viewable, Tabular):
    """What one model reached on one population. ``evaluation["ndcg@10"]`` is the mean over users.

    Parameters
    ----------
    model : str
        Its name.
    metrics : tuple of MetricSpec
        In the order asked for.
    users : polars.Series
        The external ids of the users measured.
    values : mapping of metric name to (n_users,) float64
        The user metrics; NaN where a metric has no value for a user (an empty list has no novelty).
    catalogue : mapping of metric name to CatalogueValue
        The catalogue metrics: one value for all lists, interval by a jackknife over users.
    pseudo_values : mapping of metric name to (n_users,) float64
        In a comparison: the jackknife pseudo-values of the catalogue metrics, to be paired.
    labels : polars.DataFrame
        One row a user: ``warmth`` and the attributes asked for by `by`.
    counts : Counts
        Who was measured and who was not.
    reach : Reach
        Relevant test pairs that the model could not recommend; they count as misses.
    confidence : float
        Of every interval.
    conventions : tuple of str
        What was estimated and how.
    notes : tuple of str
        The same in short, as `view` shows it.
    doubts : tuple of str
        What the models and the test part put into doubt; `warnings` adds what the population does.
    exposure : Exposure or None
        How unevenly the lists fall on the items; None where no metric has a length, or all lists are empty.
    """

    model: str
    metrics: tuple[MetricSpec, ...]
    users: pl.Series
    values: Mapping[str, NDArray[np.float64]]
    catalogue: Mapping[str, CatalogueValue]
    pseudo_values: Mapping[str, NDArray[np.float64]]
    labels: pl.DataFrame
    counts: Counts
    reach: Reach
    confidence: float = 0.95
    conventions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    exposure: Exposure | None = None

    def __len__(self) -> int:
        return len(self.users)

    def __getitem__(self, metric: str) -> float:
        """Return the mean over users, or the value of a catalogue metric.

        Raises
        ------
        NotFoundError
            The metric was not measured.
        NotEstimableError
            It has no value for anybody.
        """
        estimate = self.interval(metric).estimate
        if math.isnan(estimate):
            raise NotEstimableError(
                f"{metric} has no value for any of the {len(self):,} users", "lists with items were expected"
            )
        return estimate

    def interval(self, metric: str) -> Estimate:
        """Return the estimate of a metric with its interval: Student's t, or the jackknife over users."""
        name = self._known(metric)
        return self.catalogue[name] if name in self.catalogue else self._mean(name, None)

    def per_user_values(self, metric: str) -> NDArray[np.float64]:
        """Return the (n_users,) float64 values of a user metric, in the order of ``users``."""
        name = self._known(metric)
        if name in self.catalogue:
            raise NotFoundError(f"{name} has one value for all lists, none for a user", "a user metric was expected")
        return self.values[name]

    @property
    def conclusion(self) -> str:
        """Say what the model reached on the primary metric, how surely, and on whom."""
        return honest(
            conclude_one(self.model, self.interval(self.primary.name), self.primary, self.counts), self.doubts
        )

    @property
    def primary(self) -> MetricSpec:
        """The metric that the conclusion is about: the first user metric where more is better, else the first one."""
        return primary_metric(self.metrics)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What puts the result into doubt."""
        counts = self.counts
        if not counts.mostly_cold:
            return self.doubts
        cold = f"{counts.cold:,} of {counts.users:,} users are cold and served by the fallback"
        return (*self.doubts, f"{cold}: look at the warm ones, or use on_cold='skip'")

    @property
    def per_user(self) -> pl.DataFrame:
        """Return one row a user: user_id, the segments, one column a user metric (null = no value)."""
        columns = {name: pl.Series(values).fill_nan(None) for name, values in self.values.items()}
        return pl.DataFrame([self.users, *self.labels.get_columns()]).with_columns(**columns)

    @property
    def segments(self) -> pl.DataFrame:
        """Return the part of `to_polars` that is about segments of users."""
        return self.to_polars().filter(pl.col("by") != "")

    def to_polars(self) -> pl.DataFrame:
        """Return one row for each metric of all users and of each segment.

        Columns: metric, by, level (empty = all users), n, estimate, ci_low, ci_high, standard_error, status.
        """
        rows = [_row(spec.name, "", "", self.interval(spec.name)) for spec in self.metrics]
        for segment in segments_of(self.labels):
            rows += [_row(name, segment.by, segment.level, self._mean(name, segment.members)) for name in self.values]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON: no NaN, what is not known is None."""
        frame = self.to_polars()
        return {
            "model": self.model,
            "confidence": self.confidence,
            "metrics": _by_metric(frame.filter(pl.col("by") == "")),
            "segments": frame.filter(pl.col("by") != "").to_dicts(),
            "population": self.counts.to_dict(),
            "unreachable": self.reach.to_dict(),
            "exposure": None if self.exposure is None else self.exposure.to_dict(),
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return what a reader should see: all users beside warm and cold ones, segments, who was measured."""
        frame = self.to_polars()
        others = [name for name in self.labels.columns if name != WARMTH]
        tables = [_overview(frame, self.confidence), *(_segment_table(frame, name) for name in others)]
        charts = evaluation_charts(frame, self.metrics, self.confidence, self.exposure)
        return View(self.conclusion, (*tables, self.population_table()), notes_of(self.warnings, self.notes), charts)

    def population_table(self) -> Table:
        """Return who and what was measured, and who and what was not, as a table."""
        counts, reach = self.counts, self.reach
        rows: list[tuple[Cell, ...]] = [
            ("users asked for without a test event", counts.not_in_test, None),
            ("test users", counts.test_users, None),
            ("  without a relevant item: left out", counts.without_relevant, None),
            ("  with seen items only: left out", counts.only_repeats, None),
            ("  cold: left out", counts.cold_skipped, None),
            ("relevant test pairs of the users measured", counts.relevant, None),
            ("  the item is cold: a miss", reach.cold_items, Percent(reach.cold_items / reach.relevant)),
            ("  the item is not eligible: a miss", reach.ineligible, Percent(reach.ineligible / reach.relevant)),
            ("relevant test pairs seen before: not counted", counts.repeats, None),
        ]
        always = ("test users", "relevant test pairs of the users measured", "  the item is cold: a miss")
        return Table(("population", "n", "share"), tuple(row for row in rows if row[1] or row[0] in always))

    def _known(self, metric: str) -> str:
        name = parse_metric(metric).name
        names = [spec.name for spec in self.metrics]
        if name not in names:
            raise NotFoundError(
                f"{name} was not measured", f"one of {', '.join(names)} was expected", did_you_mean(name, names)
            )
        return name

    def _mean(self, name: str, members: NDArray[np.bool_] | None) -> Interval:
        values = self.values[name] if members is None else self.values[name][members]
        return mean_interval(values[~np.isnan(values)], confidence=self.confidence)


_SCHEMA = {
    "metric": pl.String,
    "by": pl.String,
    "level": pl.String,
    "n": pl.Int64,
    "estimate": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "standard_error": pl.Float64,
    "status": pl.String,
}


def notes_of(warnings: tuple[str, ...], notes: tuple[str, ...]) -> tuple[str, ...]:
    """Return warnings, marked as such, then notes.

    Examples
    --------
    >>> notes_of(("seen before",), ("full ranking",))
    ('warning: seen before', 'full ranking')
    """
    return (*(f"warning: {warning}" for warning in warnings), *notes)


def _row(metric: str, by: str, level: str, found: Estimate) -> tuple[object, ...]:
    return metric, by, level, found.n, found.estimate, found.ci_low, found.ci_high, found.standard_error, found.status


def _by_metric(frame: pl.DataFrame) -> dict[str, Any]:
    return {row.pop("metric"): {key: row[key] for key in row if key not in ("by", "level")} for row in frame.to_dicts()}


def _overview(frame: pl.DataFrame, confidence: float) -> Table:
    """All users with their interval, and the means of warm and cold ones beside them."""
    apart = {(row["metric"], row["level"]): row["estimate"] for row in frame.filter(pl.col("by") == WARMTH).to_dicts()}
    rows = tuple(
        (
            row["metric"],
            row["estimate"],
            IntervalCell(row["ci_low"], row["ci_high"]),
            apart.get((row["metric"], "warm")),
            apart.get((row["metric"], "cold")),
            row["n"],
        )
        for row in frame.filter(pl.col("by") == "").to_dicts()
    )
    return Table(("metric", "value", f"{100 * confidence:g} % interval", "warm", "cold", "users"), rows)


def _segment_table(frame: pl.DataFrame, by: str) -> Table:
    part = frame.filter(pl.col("by") == by)
    metrics = part["metric"].unique(maintain_order=True).to_list()
    found = {(row["level"], row["metric"]): row for row in part.to_dicts()}
    rows = tuple(
        (level, max(found[level, name]["n"] for name in metrics), *(found[level, name]["estimate"] for name in metrics))
        for level in part["level"].unique(maintain_order=True).to_list()
    )
    return Table((by, "users", *metrics), rows)
