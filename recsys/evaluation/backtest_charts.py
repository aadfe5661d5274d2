"""The charts of a `Backtest`: the models over the cuts, who was ahead when, the mean differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from recsys.display import Axis, Chart, Estimated, Rule, Series, counted, drawn, forest
from recsys.evaluation.comparison_charts import MOST_DIFFERENCES, NO_DIFFERENCE
from recsys.evaluation.evaluation_charts import interval_name, value_axis
from recsys.evaluation.ranking import primary_metric
from recsys.metrics import MetricSpec, parse_metric

if TYPE_CHECKING:
    from recsys.evaluation.backtest_result import Backtest

MOST_LINES = 6
_CUT = Axis("cut", "UTC", "time")


def backtest_charts(found: Backtest) -> tuple[Chart, ...]:
    """Return the charts of a backtest; where every pair was compared, of the best model and each of the others."""
    primary = primary_metric(found.metrics)
    results, windows = (frame.filter(pl.col("metric") == primary.name) for frame in (found.to_polars(), found.windows))
    if windows["cut"].n_unique() == 1:
        return drawn(_single(results, found.ranking, primary, found.confidence))
    pairs = [pair for pair in found.pairs if found.baseline is not None or pair[0] == found.ranking[0]]
    told = pl.struct("model", "baseline").is_in([dict(zip(("model", "baseline"), pair, strict=True)) for pair in pairs])
    return drawn(
        _over_cuts(results, windows, found.ranking, primary, found.confidence),
        _ahead(found.window_differences(pairs=pairs[:MOST_LINES]), len(pairs), primary, found.confidence),
        *(_mean_differences(found.differences.filter(told), primary, found.confidence) if pairs else ()),
    )


def _over_cuts(
    results: pl.DataFrame, windows: pl.DataFrame, ranking: Sequence[str], primary: MetricSpec, confidence: float
) -> Chart | None:
    """Draw a line a model; one model alone gets the band of its users' interval."""
    shown = ranking[:MOST_LINES]
    one_seed = windows["seeds"].max() == 1
    banded = one_seed and len(ranking) == 1
    lines = [_line(name, windows.filter(pl.col("model") == name), "estimate") for name in shown]
    if not any(line.x for line in lines):
        return None
    notes = (
        _band_note(confidence) if banded else "",
        "" if one_seed else "Means over seeds.",
        "Trained on what is before the cut, tested on what follows. Windows differ in users and items: "
        "compare models within a window.",
        f"The {len(shown)} best of {len(ranking)} models are drawn." if len(ranking) > len(shown) else "",
        _gaps(windows, shown),
    )
    series = (*(_band(ranking[0], results, "estimate") if banded else ()), *lines)
    return Chart(f"{primary.name} of each model, cut by cut", _CUT, value_axis(primary), series, (), _joined(notes))


def _ahead(frame: pl.DataFrame, count: int, primary: MetricSpec, confidence: float) -> Chart | None:
    """Draw a line a pair; one pair alone gets the band of the paired interval over users."""
    if frame.is_empty():
        return None
    parts = frame.partition_by("model", "baseline", maintain_order=True, as_dict=True)
    names = {f"{model} − {baseline}": part for (model, baseline), part in parts.items()}
    bands = _band(*next(iter(names.items())), "difference") if count == 1 else ()
    notes = (
        "Above the line the first model of a pair was ahead in that window.",
        _band_note(confidence) if bands else "",
        f"{counted(count - MOST_LINES, 'further pair')} in the tables." if count > MOST_LINES else "",
    )
    return Chart(
        f"Difference on {primary.name}, cut by cut",
        _CUT,
        Axis(f"difference on {primary.name}", "mean over users"),
        (*bands, *(_line(name, part, "difference") for name, part in names.items())),
        (Rule("y", 0.0, NO_DIFFERENCE),),
        _joined(notes),
    )


def _line(name: str, frame: pl.DataFrame, value: str) -> Series:
    known = frame.drop_nulls(value).sort("cut")
    return Series(name, "line", tuple(known["cut"].to_list()), tuple(known[value].to_list()))


def _band(name: str, frame: pl.DataFrame, value: str) -> tuple[Series, ...]:
    known = frame.drop_nulls([value, "ci_low", "ci_high"]).sort("cut")
    columns = (tuple(known[column].to_list()) for column in ("cut", value, "ci_low", "ci_high"))
    return () if known.is_empty() else (Series(name, "band", *columns),)


def _band_note(confidence: float) -> str:
    return f"The band is the {100 * confidence:g} % interval over the users of each window."


def _mean_differences(frame: pl.DataFrame, primary: MetricSpec, confidence: float) -> list[Chart | None]:
    rows = frame.to_dicts()
    metrics = [primary.name, *(name for name in frame["metric"].unique(maintain_order=True) if name != primary.name)]
    note = "Student's t over windows, which share users and training events: the spread, no test."
    if len(rows) > MOST_DIFFERENCES and len(metrics) > 1:
        note += f" {counted(len(metrics) - 1, 'further metric')} in the tables."
        metrics = metrics[:1]
    units = {name: parse_metric(name).metric.unit for name in metrics}
    return [
        forest(
            "Mean difference over the windows",
            Axis("difference", unit),
            Axis("metric and pair"),
            [
                Estimated(
                    f"{name}: {row['model']} − {row['baseline']}",
                    row["difference"],
                    row["ci_low"],
                    row["ci_high"],
                    interval_name(confidence),
                )
                for name in metrics
                for row in rows
                if row["metric"] == name and units[name] == unit
            ],
            rules=(Rule("x", 0.0, NO_DIFFERENCE),),
            note=note,
            most=MOST_DIFFERENCES,
        )
        for unit in dict.fromkeys(units.values())
    ]


def _single(results: pl.DataFrame, ranking: Sequence[str], primary: MetricSpec, confidence: float) -> Chart | None:
    """Draw the models of one window, each seed for itself."""
    seeds = results["seed"].n_unique()
    rows = [
        Estimated(
            name if seeds == 1 else f"{name}, seed {row['seed']}",
            row["estimate"],
            row["ci_low"],
            row["ci_high"],
            interval_name(confidence),
        )
        for name in ranking
        for row in results.filter(pl.col("model") == name).to_dicts()
    ]
    note = "One window: intervals are over its users; how much windows differ is not known."
    title = f"{primary.name} of each model in the only window"
    return forest(title, value_axis(primary), Axis("model"), rows, note=note)


def _gaps(windows: pl.DataFrame, models: Sequence[str]) -> str:
    missing = windows.filter(pl.col("estimate").is_null() & pl.col("model").is_in(models))
    told = [f"{row['model']} at {row['cut']:%Y-%m-%d}" for row in missing.to_dicts()]
    return f"Not estimable, so not drawn: {', '.join(told)}." if told else ""


def _joined(notes: Sequence[str]) -> str:
    return " ".join(filter(None, notes))
