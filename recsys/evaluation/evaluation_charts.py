"""The charts of an `Evaluation`: its metrics, its segments, how its lists fall on the items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import polars as pl

from recsys.display import Axis, Chart, Estimated, Rule, Series, drawn, forest
from recsys.evaluation.exposure import Exposure
from recsys.evaluation.ranking import primary_metric
from recsys.evaluation.segments import WARMTH
from recsys.metrics import Concentration, MetricSpec

ALL = "all users"
MOST_CURVES = 6
_CURVE_NOTE = (
    "Each curve has its own most frequent items first. The further left a curve rises, the fewer items hold the most; "
    "where that of a model reaches 100 %, all the items that it recommends to anybody are counted (coverage)."
)


def evaluation_charts(
    frame: pl.DataFrame, metrics: Sequence[MetricSpec], confidence: float, exposure: Exposure | None
) -> tuple[Chart, ...]:
    """Return the charts of one model.

    Parameters
    ----------
    frame : polars.DataFrame
        `Evaluation.to_polars`.
    metrics : sequence of MetricSpec
        What was measured.
    confidence : float
        Of the intervals.
    exposure : Exposure or None
        The curves of its lists.
    """
    return drawn(
        *_metric_charts(frame.filter(pl.col("by") == "").to_dicts(), metrics, interval_name(confidence)),
        _segment_chart(frame, primary_metric(metrics), interval_name(confidence)),
        None if exposure is None else exposure_chart({"recommendations": exposure}),
    )


def interval_name(confidence: float) -> str:
    """Return the name of intervals in a legend.

    Examples
    --------
    >>> interval_name(0.95)
    'estimate with 95 % interval'
    """
    return f"estimate with {100 * confidence:g} % interval"


def value_axis(spec: MetricSpec) -> Axis:
    """Return the axis of one metric."""
    over = "mean over users" if spec.kind == "user" else "of all lists"
    return Axis(spec.name, f"{spec.metric.unit}, {over}")


def exposure_chart(curves: Mapping[str, Exposure]) -> Chart:
    """Return the concentration curves of the lists of models, and that of the training events.

    At most 6 models are drawn, the first ones.
    """
    shown = list(curves.items())[:MOST_CURVES]
    first = shown[0][1]
    series = [
        *(concentration_line(name, one.recommendations, one.items) for name, one in shown),
        concentration_line("training events", first.events, first.items),
    ]
    hidden = len(curves) - len(shown)
    return Chart(
        f"How many of {first.items:,} items hold the recommendations (first {first.k} of each list)",
        Axis("most frequent items", "count", "log"),
        Axis("cumulative share", percent=True),
        tuple(series),
        note=_CURVE_NOTE + (f" The {MOST_CURVES} best of {len(curves)} models are drawn." if hidden else ""),
    )


def concentration_line(name: str, curve: Concentration, count: int) -> Series:
    """Return a concentration curve over the number of parts, for a log axis: without its point at 0."""
    places = tuple(round(share * count) for share in curve.parts[1:])
    return Series(name, "line", places, curve.total[1:])


def _metric_charts(rows: Sequence[Mapping[str, Any]], metrics: Sequence[MetricSpec], name: str) -> list[Chart | None]:
    """Metrics share an axis where they share a unit."""
    found = {row["metric"]: row for row in rows}
    units = list(dict.fromkeys(spec.metric.unit for spec in metrics))
    ordered = sorted(metrics, key=lambda spec: units.index(spec.metric.unit))
    return [
        forest(
            f"Metrics of all users ({unit})",
            Axis("value", unit),
            Axis("metric"),
            [_row(found[spec.name], spec.name, name) for spec in specs],
            note="Means over users; catalogue metrics have one value for all lists.",
        )
        for unit, specs in groupby(ordered, key=lambda spec: spec.metric.unit)
    ]


def _segment_chart(frame: pl.DataFrame, spec: MetricSpec, name: str) -> Chart | None:
    rows = frame.filter(pl.col("metric") == spec.name).to_dicts()
    parts = divided([row for row in rows if row["by"]])
    if not parts:
        return None
    whole = rows[0]
    rules = () if whole["estimate"] is None else (Rule("x", whole["estimate"], ALL),)
    return forest(
        f"{spec.name} by segment of users",
        value_axis(spec),
        Axis("segment"),
        [_row(whole, ALL, name), *(_row(row, segment_label(row["by"], row["level"]), name) for row in parts)],
        rules=rules,
        note=f"The line is the mean of {ALL}; few users give wide intervals.",
    )


def divided(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of what does divide the users: where all are warm, "warm" is everybody."""
    levels = Counter(row["by"] for row in rows)
    return [row for row in rows if levels[row["by"]] > 1]


def segment_label(by: str, level: str) -> str:
    """Return the name of a segment on an axis.

    Examples
    --------
    >>> segment_label("warmth", "cold"), segment_label("country", "SE")
    ('cold users', 'country: SE')
    """
    return f"{level} users" if by == WARMTH else f"{by}: {level}"


def _row(row: Mapping[str, Any], label: str, group: str) -> Estimated:
    return Estimated(label, row["estimate"], row["ci_low"], row["ci_high"], group)
