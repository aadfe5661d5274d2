"""The charts of a `Comparison`: differences, means, segments, how the lists fall on the items, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from recsys.display import Axis, Chart, Estimated, Rule, Series, counted, drawn, forest
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.evaluation_charts import divided, exposure_chart, interval_name, segment_label, value_axis
from recsys.evaluation.pairing import Difference
from recsys.metrics import MetricSpec, parse_metric

NO_DIFFERENCE = "no difference"
MOST_DIFFERENCES = 24
MOST_METRICS = 3


def comparison_charts(
    evaluations: Mapping[str, Evaluation],
    primary: MetricSpec,
    differences: Sequence[Difference],
    segments: pl.DataFrame,
    alpha: float,
    train_seconds: Mapping[str, float],
) -> tuple[Chart, ...]:
    """Return the charts of a comparison.

    Parameters
    ----------
    evaluations : mapping of name to Evaluation
        The best model first.
    primary : MetricSpec
        The metric that orders them.
    differences : sequence of Difference
        Of the pairs that the conclusion tells of, in its order.
    segments : polars.DataFrame
        `Comparison.segments`.
    alpha : float
        Level of the tests.
    train_seconds : mapping of name to float
        What the training took, of the models of which it is known.
    """
    pairs = [(row.model, row.baseline) for row in differences if row.metric == primary.name]
    curves = {name: found.exposure for name, found in evaluations.items() if found.exposure is not None}
    return drawn(
        *_difference_charts(differences, primary, alpha),
        *_mean_charts(evaluations, primary, interval_name(1 - alpha)),
        _segment_chart(segments, primary, pairs, interval_name(1 - alpha)),
        exposure_chart(curves) if curves else None,
        _cost_chart(evaluations, primary, train_seconds),
    )


def told_pairs(
    differences: Sequence[Difference], ranking: Sequence[str], baseline: str | None
) -> tuple[Difference, ...]:
    """Return the differences to the baseline, or those of the best model to each of the others, the best first."""
    place = {name: at for at, name in enumerate(ranking)}
    chosen = [row for row in differences if baseline is not None or row.model == ranking[0]]
    return tuple(sorted(chosen, key=lambda row: place[row.model if baseline is not None else row.baseline]))


def _difference_charts(rows: Sequence[Difference], primary: MetricSpec, alpha: float) -> list[Chart | None]:
    """Draw all metrics, the primary one alone where they are many; in relative terms where every row has them."""
    metrics = [primary.name, *(name for name in dict.fromkeys(row.metric for row in rows) if name != primary.name)]
    note = ""
    if len(rows) > MOST_DIFFERENCES and len(metrics) > 1:
        note = f"{counted(len(metrics) - 1, 'further metric')} in the tables. "
        metrics = metrics[:1]
    shown = [row for name in metrics for row in rows if row.metric == name]
    if all(_has_relative(row) for row in shown):
        found = [Estimated("", row.relative, row.relative_ci_low, row.relative_ci_high) for row in shown]
        return [_difference_chart(shown, found, Axis("relative difference", percent=True), alpha, note)]
    charts = []
    for unit in dict.fromkeys(parse_metric(name).metric.unit for name in metrics):
        part = [row for row in shown if parse_metric(row.metric).metric.unit == unit]
        found = [Estimated("", row.difference, row.ci_low, row.ci_high) for row in part]
        charts.append(_difference_chart(part, found, Axis("difference", unit), alpha, note))
    return charts


def _difference_chart(
    rows: Sequence[Difference], found: Sequence[Estimated], x: Axis, alpha: float, note: str
) -> Chart | None:
    """Draw differences; a star says what the adjusted test found, the interval of a row is not adjusted."""
    metrics, pairs = list(dict.fromkeys(row.metric for row in rows)), list(dict.fromkeys(map(_pair, rows)))
    one_metric, one_pair = len(metrics) == 1, len(pairs) == 1
    title = f"{x.label.capitalize()}{f' on {metrics[0]}' if one_metric else ''}{f': {pairs[0]}' if one_pair else ''}"
    return forest(
        title,
        x,
        Axis("pair" if one_metric else "metric" if one_pair else "metric and pair"),
        [
            one._replace(
                label=(_pair(row) if one_metric else row.metric if one_pair else f"{row.metric}: {_pair(row)}")
                + (" *" if row.pvalue < alpha else ""),
                group=interval_name(1 - alpha),
            )
            for row, one in zip(rows, found, strict=True)
        ],
        rules=(Rule("x", 0.0, NO_DIFFERENCE),),
        note=f"{note}Right of the line the first model of a pair has the higher value. *: significant by the test,"
        " adjusted by Holm over all of them; an interval is of its row alone.",
        most=MOST_DIFFERENCES,
    )


def _mean_charts(evaluations: Mapping[str, Evaluation], primary: MetricSpec, name: str) -> list[Chart | None]:
    metrics = next(iter(evaluations.values())).metrics
    ordered = [primary, *(spec for spec in metrics if spec != primary)]
    hidden = len(ordered) - MOST_METRICS
    note = "These intervals are of each model alone: whether two models differ, the paired differences say."
    return [
        forest(
            f"{spec.name} of each model",
            value_axis(spec),
            Axis("model"),
            [
                Estimated(model, found.estimate, found.ci_low, found.ci_high, name)
                for model, one in evaluations.items()
                for found in (one.interval(spec.name),)
            ],
            note=f"{note} {counted(hidden, 'further metric')} in the tables." if hidden > 0 else note,
        )
        for spec in ordered[:MOST_METRICS]
    ]


def _segment_chart(
    segments: pl.DataFrame, primary: MetricSpec, pairs: Sequence[tuple[str, str]], name: str
) -> Chart | None:
    """Draw the first pair alone: segments × pairs would be too many rows to read."""
    if not pairs:
        return None
    model, baseline = pairs[0]
    mine = (pl.col("metric") == primary.name) & (pl.col("model") == model) & (pl.col("baseline") == baseline)
    rows = divided(segments.filter(mine).to_dicts())
    others = len(pairs) - 1
    return forest(
        f"Difference on {primary.name} by segment: {model} − {baseline}",
        Axis(f"difference on {primary.name}", "mean over users"),
        Axis("segment"),
        [
            Estimated(segment_label(row["by"], row["level"]), row["difference"], row["ci_low"], row["ci_high"], name)
            for row in rows
        ],
        rules=(Rule("x", 0.0, NO_DIFFERENCE),),
        note="Intervals of segments are not adjusted: some leave out 0 by chance."
        + (f" {counted(others, 'further pair')} in the tables." if others > 0 else ""),
    )


def _cost_chart(
    evaluations: Mapping[str, Evaluation], primary: MetricSpec, train_seconds: Mapping[str, float]
) -> Chart | None:
    found = {
        name: one.interval(primary.name)
        for name, one in evaluations.items()
        if train_seconds.get(name, 0.0) > 0 and one.interval(primary.name).status == "ok"
    }
    if len(found) < 2:
        return None
    return Chart(
        f"{primary.name} against what the training took",
        Axis("training", "wall-clock seconds", "log"),
        value_axis(primary),
        tuple(
            Series(name, "interval", (train_seconds[name],), (one.estimate,), (one.ci_low,), (one.ci_high,))
            for name, one in found.items()
        ),
        note="Up is better value, left is cheaper; the time is that of the training run, with reading its data."
        if primary.metric.better == "higher"
        else "Left is cheaper; the time is that of the training run, with reading its data.",
    )


def _has_relative(row: Difference) -> bool:
    return all(value == value for value in (row.relative, row.relative_ci_low, row.relative_ci_high))


def _pair(row: Difference) -> str:
    return f"{row.model} − {row.baseline}"
