"""`Backtest`: how models did in windows over time, how much that varies, and who was ahead how often."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from recsys.core.times import from_micros, to_micros
from recsys.display import Tabular, View, Viewable
from recsys.evaluation.backtest_view import backtest_view
from recsys.evaluation.conclusions import conclude_windows, few_users, honest
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.population import Counts
from recsys.evaluation.ranking import best_first, model_pairs, primary_metric
from recsys.metrics import MetricSpec, parse_metric
from recsys.stats import paired_t


class WindowResult(NamedTuple):
    """One model, trained with one seed, in one window.

    Attributes
    ----------
    cut, end : int
        Microseconds since 1970: trained on what is before `cut`, tested on what is from `cut` to before `end`.
    train_events : int
        Events trained on.
    model : str
        Its name.
    seed : int
        Of the model's fit.
    evaluation : Evaluation
        On this window.
    """

    cut: int
    end: int
    train_events: int
    model: str
    seed: int
    evaluation: Evaluation


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Viewable, Tabular):
    """Models in windows that advance over time.

    Parameters
    ----------
    results : tuple of WindowResult
        Windows × models × seeds.
    metrics : tuple of MetricSpec
        What was measured.
    baseline : str or None
        What the others are compared with; None: every model with every one ranked below it.
    test : str
        Length of a window.
    confidence : float
        Of the intervals.
    """

    results: tuple[WindowResult, ...]
    metrics: tuple[MetricSpec, ...]
    baseline: str | None
    test: str
    confidence: float = 0.95

    @property
    def warnings(self) -> tuple[str, ...]:
        """What puts the result into doubt."""
        first = {row.cut: row.evaluation.counts for row in reversed(self.results)}
        cold = {cut: counts for cut, counts in sorted(first.items()) if counts.mostly_cold}
        told: dict[str, list[int]] = {}
        for row in self.results:
            for doubt in row.evaluation.doubts:
                told.setdefault(doubt, []).append(row.cut)
        few = few_users([row.evaluation.counts.users for row in self.results])
        return (
            *([few] if few else []),
            *(f"{doubt} ({self._when(cuts)})" for doubt, cuts in told.items()),
            *([_cold_warning(cold, self._when(cold))] if cold else []),
        )

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Which models are compared, the first minus the second: the one ranked higher, or the candidate, is first."""
        return model_pairs(self.ranking, self.baseline)

    @property
    def ranking(self) -> tuple[str, ...]:
        """The names of the models, best first by the mean of the primary metric over the windows."""
        primary = primary_metric(self.metrics)
        part = self.summary.filter(pl.col("metric") == primary.name)
        return best_first(dict(part.select("model", "mean").iter_rows()), primary)

    @property
    def conclusion(self) -> str:
        """Say which model was ahead of which on the primary metric, in how many windows and by how much."""
        primary = primary_metric(self.metrics).name
        said = conclude_windows(
            primary,
            self.ranking,
            self.summary.filter(pl.col("metric") == primary).to_dicts(),
            self.differences.filter(pl.col("metric") == primary).to_dicts(),
        )
        few = few_users([row.evaluation.counts.users for row in self.results], short=True)
        return honest(f"{said} {few}".strip(), self.warnings)

    @property
    def conventions(self) -> tuple[str, ...]:
        """What was estimated and how."""
        return (
            "each window: trained on all events before its cut, tested on what follows; seeds are averaged first",
            "windows share training events and users, so the interval over windows shows the spread; it is no test",
            *self.results[0].evaluation.conventions,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The conventions in short, as `view` shows them."""
        spread = "windows share training events and users: the interval over windows shows the spread, it is no test"
        return (spread, *self.results[0].evaluation.notes)

    def to_polars(self) -> pl.DataFrame:
        """Return one row for each window, model, seed and metric.

        Columns: cut, end, train_events, model, seed, metric, n, estimate, ci_low, ci_high, standard_error, status.
        """
        rows = [
            (
                from_micros(row.cut),
                from_micros(row.end),
                row.train_events,
                row.model,
                row.seed,
                spec.name,
                found.n,
                *(_known(value) for value in (found.estimate, found.ci_low, found.ci_high, found.standard_error)),
                found.status,
            )
            for row in self.results
            for spec in self.metrics
            for found in (row.evaluation.interval(spec.name),)
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    @property
    def windows(self) -> pl.DataFrame:
        """Return one row for each window, model and metric: the mean over seeds, and their standard deviation."""
        return (
            self.to_polars()
            .group_by("cut", "end", "model", "metric", maintain_order=True)
            .agg(
                pl.col("n").first(),
                pl.col("estimate").mean(),
                pl.col("estimate").std().alias("sd_seeds"),
                pl.len().alias("seeds"),
            )
        )

    @property
    def summary(self) -> pl.DataFrame:
        """Return one row for each model and metric: windows, mean, min, max, sd_windows, sd_seeds.

        ``sd_windows`` is the standard deviation of the window means; ``sd_seeds`` the root mean square of the standard
        deviations over seeds within windows; null where there is one window, or one seed.
        """
        return self.windows.group_by("model", "metric", maintain_order=True).agg(
            pl.col("estimate").count().alias("windows"),
            pl.col("estimate").mean().alias("mean"),
            pl.col("estimate").min().alias("min"),
            pl.col("estimate").max().alias("max"),
            pl.col("estimate").std().alias("sd_windows"),
            (pl.col("sd_seeds") ** 2).mean().sqrt().alias("sd_seeds"),
        )

    @property
    def differences(self) -> pl.DataFrame:
        """Return one row for each pair and metric: the differences of the windows, paired.

        Columns: metric, model, baseline, windows, difference, ci_low, ci_high (Student's t over windows), wins: in
        how many windows the model is above the baseline.
        """
        frame, rows = self.windows, []
        for model, baseline in self.pairs:
            for spec in self.metrics:
                both = _paired(frame, model, baseline, spec.name)
                ours, theirs = (np.array([row[place] for row in both], np.float64) for place in (1, 2))
                found = paired_t(ours, theirs, confidence=self.confidence)
                numbers = (_known(value) for value in (found.estimate, found.ci_low, found.ci_high))
                rows.append((spec.name, model, baseline, found.n, *numbers, int((ours > theirs).sum())))
        return pl.DataFrame(rows, schema=_DIFFERENCES, orient="row")

    def window_differences(
        self, metric: str | None = None, pairs: Sequence[tuple[str, str]] | None = None
    ) -> pl.DataFrame:
        """Return the differences of one metric, window by window, where both models have a value.

        Parameters
        ----------
        metric : str, optional
            Default: the one that orders the models.
        pairs : sequence of (model, baseline), optional
            Default: `pairs`.

        Returns
        -------
        polars.DataFrame
            model, baseline, cut, difference (of the means over seeds), ci_low, ci_high (paired by user, Student's t
            over the users of the window; null for catalogue metrics and several seeds).
        """
        name = primary_metric(self.metrics).name if metric is None else parse_metric(metric).name
        frame, rows = self.windows, []
        for model, baseline in self.pairs if pairs is None else pairs:
            for cut, ours, theirs in _paired(frame, model, baseline, name):
                rows.append((model, baseline, cut, ours - theirs, *self._user_interval(model, baseline, name, cut)))
        return pl.DataFrame(rows, schema=_WINDOW_DIFFERENCES, orient="row")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON; times are ISO texts (UTC)."""
        results = self.to_polars().with_columns(pl.col("cut", "end").dt.to_string("iso:strict"))
        return {
            "test": self.test,
            "confidence": self.confidence,
            "ranking": list(self.ranking),
            "baseline": self.baseline,
            "results": results.to_dicts(),
            "summary": self.summary.to_dicts(),
            "differences": self.differences.to_dicts(),
            "conclusion": self.conclusion,
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return what a reader should see: who was ahead, the summary, the differences, the windows one by one."""
        return backtest_view(self)

    def _user_interval(
        self, model: str, baseline: str, metric: str, cut: datetime
    ) -> tuple[float | None, float | None]:
        at = to_micros(cut)
        found = [
            row.evaluation for name in (model, baseline) for row in self.results if (row.model, row.cut) == (name, at)
        ]
        if len(found) != 2 or any(metric not in one.values for one in found):
            return None, None
        ours, theirs = (one.values[metric] for one in found)
        known = ~(np.isnan(ours) | np.isnan(theirs))
        test = paired_t(ours[known], theirs[known], confidence=self.confidence)
        return _known(test.ci_low), _known(test.ci_high)

    def _when(self, cuts: Iterable[int]) -> str:
        """Say in which windows something holds."""
        wanted, every = sorted(set(cuts)), {row.cut for row in self.results}
        if len(wanted) == len(every):
            return "in every window"
        days = ", ".join(f"{from_micros(cut):%Y-%m-%d}" for cut in wanted)
        return f"in {len(wanted)} of {len(every)} windows: cut {days}"


_SCHEMA: dict[str, Any] = {
    "cut": pl.Datetime("us"),
    "end": pl.Datetime("us"),
    "train_events": pl.Int64,
    "model": pl.String,
    "seed": pl.Int64,
    "metric": pl.String,
    "n": pl.Int64,
    "estimate": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "standard_error": pl.Float64,
    "status": pl.String,
}
_DIFFERENCES: dict[str, Any] = {
    "metric": pl.String,
    "model": pl.String,
    "baseline": pl.String,
    "windows": pl.Int64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "wins": pl.Int64,
}
_WINDOW_DIFFERENCES: dict[str, Any] = {
    "model": pl.String,
    "baseline": pl.String,
    "cut": pl.Datetime("us"),
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
}


def _cold_warning(counts: Mapping[int, Counts], when: str) -> str:
    worst = max(counts.values(), key=lambda one: one.cold / one.users)
    return (
        f"most users are cold and served by the fallback {when}; at most {worst.cold:,} of {worst.users:,}: "
        "look at the warm ones, or use on_cold='skip'"
    )


def _paired(windows: pl.DataFrame, model: str, baseline: str, metric: str) -> list[tuple[datetime, float, float]]:
    """Return the cut and both means of the windows in which both have a value, the oldest first."""
    known = windows.filter((pl.col("metric") == metric) & pl.col("estimate").is_not_null())
    ours, theirs = (known.filter(pl.col("model") == name).select("cut", "estimate") for name in (model, baseline))
    return ours.join(theirs, on="cut", suffix="_baseline").sort("cut").rows()


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
