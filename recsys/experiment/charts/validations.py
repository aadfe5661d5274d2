"""False alarms beside alpha, and intervals that hold the truth beside what they promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Estimated, Rule, counted, drawn, forest
from recsys.experiment.charts.axes import named, note

if TYPE_CHECKING:
    from recsys.experiment.validation.result import Validated, Validation


def validation_charts(found: Validation) -> tuple[Chart, ...]:
    """Return the rates of false alarms and of coverage with their intervals."""
    splits = counted(found.splits, "re-split")
    return drawn(
        _rates(
            found, f"False alarms on {splits} without an effect", Axis("false alarms", percent=True),
            lambda row: (row.false_positives, row.ci_low, row.ci_high),
            Rule("x", found.alpha, f"alpha: {100 * found.alpha:g} %"),
            "An interval well right of alpha is of a test that finds something where there is nothing; of twenty good"
            " tests one lies beside it by chance, so the title asks for 99.9 %.",
        ),
        _rates(
            found, f"Intervals that hold the injected effect, on {splits}", Axis("coverage", percent=True),
            lambda row: (row.coverage, row.coverage_low, row.coverage_high),
            Rule("x", 1 - found.alpha, f"promised: {100 * (1 - found.alpha):g} %"),
            "An interval well left of the line is of effects that are stated too precisely.",
        ),
    )  # fmt: skip


def _rates(
    found: Validation,
    title: str,
    x: Axis,
    rate: Callable[[Validated], tuple[float, float, float]],
    rule: Rule,
    reading: str,
) -> Chart | None:
    told = [row for row in found.rows if row.status == "ok"]
    rows = [Estimated(row.metric, *rate(row), f"{row.method}, 95 % interval") for row in told]
    untold = [row.metric for row in found.rows if row.status != "ok"]
    return forest(
        title, x, Axis("metric"), rows, rules=(rule,), note=note(reading, named("Nothing is known of", untold)), most=40
    )
