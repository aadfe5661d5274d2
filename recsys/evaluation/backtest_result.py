"""`Backtest`: how models did in windows over time, how much that varies, and who was ahead how often."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from recsys.core.times import from_micros
from recsys.display import Cell, Interval, Table, Tabular, View, Viewable, counted
from recsys.evaluation.evaluation import Evaluation, notes_of
from recsys.evaluation.population import Counts
from recsys.evaluation.ranking import best_first, model_pairs, primary_metric
from recsys.metrics import MetricSpec
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
    seed : int
    evaluation : Evaluation
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
        return (
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
        frame = self.windows
        rows = []
        for model, baseline in self.pairs:
            for spec in self.metrics:
                ours, theirs = (_series(frame, name, spec.name) for name in (model, baseline))
                known = ~(np.isnan(ours) | np.isnan(theirs))
                ours, theirs = ours[known], theirs[known]
                found = paired_t(ours, theirs, confidence=self.confidence)
                numbers = (_known(value) for value in (found.estimate, found.ci_low, found.ci_high))
                rows.append((spec.name, model, baseline, found.n, *numbers, int((ours > theirs).sum())))
        return pl.DataFrame(rows, schema=_DIFFERENCES, orient="row")

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
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return what a reader should see: the summary, the differences, the windows one by one."""
        cuts = sorted({row.cut for row in self.results})
        seeds = sorted({row.seed for row in self.results})
        title = (
            f"{counted(len(cuts), 'window')} of {self.test}, cuts from {from_micros(cuts[0]):%Y-%m-%d} to "
            f"{from_micros(cuts[-1]):%Y-%m-%d}, {counted(len(seeds), 'seed')}"
        )
        tables = [self._summary_table(), *([self._difference_table()] if self.pairs else []), self._window_table()]
        return View(title, tuple(tables), notes_of(self.warnings, self.notes))

    def _when(self, cuts: Iterable[int]) -> str:
        """Say in which windows something holds."""
        wanted, every = sorted(set(cuts)), {row.cut for row in self.results}
        if len(wanted) == len(every):
            return "in every window"
        days = ", ".join(f"{from_micros(cut):%Y-%m-%d}" for cut in wanted)
        return f"in {len(wanted)} of {len(every)} windows: cut {days}"

    def _summary_table(self) -> Table:
        order = ("model", "metric", "mean", "sd_windows", "sd_seeds", "min", "max")
        header = ("model", "metric", "mean", "sd of windows", "sd of seeds", "least", "most")
        return Table(header, tuple(tuple(row[name] for name in order) for row in self.summary.to_dicts()))

    def _difference_table(self) -> Table:
        rows = tuple(
            (
                f"{row['model']} − {row['baseline']}",
                row["metric"],
                row["difference"],
                Interval(row["ci_low"], row["ci_high"]),
                f"{row['wins']} of {row['windows']}",
            )
            for row in self.differences.to_dicts()
        )
        return Table(("pair", "metric", "difference", f"{100 * self.confidence:g} % interval", "windows above"), rows)

    def _window_table(self) -> Table:
        primary = primary_metric(self.metrics).name
        part = self.windows.filter(pl.col("metric") == primary)
        models = part["model"].unique(maintain_order=True).to_list()
        rows: list[tuple[Cell, ...]] = []
        for (cut,), window in part.group_by("cut", maintain_order=True):
            found = dict(window.select("model", "estimate").iter_rows())
            rows.append((f"{cut:%Y-%m-%d}", window["n"].max(), *(found.get(name) for name in models)))  # type: ignore[arg-type]
        return Table(("cut", "users", *models), tuple(rows), primary)


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


def _cold_warning(counts: Mapping[int, Counts], when: str) -> str:
    worst = max(counts.values(), key=lambda one: one.cold / one.users)
    return (
        f"most users are cold and served by the fallback {when}; at most {worst.cold:,} of {worst.users:,}: "
        "look at the warm ones, or use on_cold='skip'"
    )


def _series(frame: pl.DataFrame, model: str, metric: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    part = frame.filter((pl.col("model") == model) & (pl.col("metric") == metric)).sort("cut")
    return part["estimate"].fill_null(math.nan).to_numpy()


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
