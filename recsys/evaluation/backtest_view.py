"""What a `Backtest` shows: who was ahead, the summary, the differences, the windows one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recsys.core.times import from_micros
from recsys.display import Cell, Interval, Table, View, counted
from recsys.evaluation.backtest_charts import backtest_charts
from recsys.evaluation.evaluation import notes_of
from recsys.evaluation.ranking import primary_metric

if TYPE_CHECKING:
    from recsys.evaluation.backtest_result import Backtest


def backtest_view(found: Backtest) -> View:
    """Return the view of a backtest."""
    tables = [_summary_table(found), *([_difference_table(found)] if found.pairs else []), _window_table(found)]
    charts = backtest_charts(found)
    return View(found.conclusion, tuple(tables), notes_of(found.warnings, (_design(found), *found.notes)), charts)


def _design(found: Backtest) -> str:
    cuts, seeds = sorted({row.cut for row in found.results}), {row.seed for row in found.results}
    return (
        f"{counted(len(cuts), 'window')} of {found.test}, cuts from {from_micros(cuts[0]):%Y-%m-%d} to "
        f"{from_micros(cuts[-1]):%Y-%m-%d}, {counted(len(seeds), 'seed')}"
    )


def _summary_table(found: Backtest) -> Table:
    order = ("model", "metric", "mean", "sd_windows", "sd_seeds", "min", "max")
    header = ("model", "metric", "mean", "sd of windows", "sd of seeds", "least", "most")
    return Table(header, tuple(tuple(row[name] for name in order) for row in found.summary.to_dicts()))


def _difference_table(found: Backtest) -> Table:
    rows = tuple(
        (
            f"{row['model']} − {row['baseline']}",
            row["metric"],
            row["difference"],
            Interval(row["ci_low"], row["ci_high"]),
            f"{row['wins']} of {row['windows']}",
        )
        for row in found.differences.to_dicts()
    )
    return Table(("pair", "metric", "difference", f"{100 * found.confidence:g} % interval", "windows above"), rows)


def _window_table(found: Backtest) -> Table:
    primary = primary_metric(found.metrics).name
    part = found.windows.filter(pl.col("metric") == primary)
    models = part["model"].unique(maintain_order=True).to_list()
    rows: list[tuple[Cell, ...]] = []
    for (cut,), window in part.group_by("cut", maintain_order=True):
        means = dict(window.select("model", "estimate").iter_rows())
        rows.append((f"{cut:%Y-%m-%d}", window["n"].max(), *(means.get(name) for name in models)))  # type: ignore[arg-type]
    return Table(("cut", "users", *models), tuple(rows), primary)
