"""The charts of a `Ledger`: predicted beside measured effects, right signs, rank correlations."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Estimated, Rule, Series, counted, drawn, forest
from recsys.ledger.entries import Estimand
from recsys.ledger.scores import Matched, Score

if TYPE_CHECKING:
    from recsys.ledger.result import Ledger

MOST_PLOTS = 4
MOST_PAIRS = 30


def ledger_charts(found: Ledger) -> tuple[Chart, ...]:
    """Return the charts of a ledger."""
    groups: dict[tuple[str, Estimand, Estimand], list[Matched]] = {}
    for said, measured in found.matched:
        groups.setdefault((said.source, said.estimand, measured.estimand), []).append((said, measured))
    alike_first = sorted(groups, key=lambda group: group[1] != group[2])
    return drawn(
        *(_calibration(*group, groups[group]) for group in alike_first[:MOST_PLOTS]),
        _signs(found.scores, found.confidence),
        _correlations(found.scores, found.confidence),
    )


def _calibration(source: str, predicted: Estimand, measured: Estimand, matched: Sequence[Matched]) -> Chart:
    """Draw a point a pair with whiskers both ways: an interval along y, a line between the ends along x."""
    shown = matched[:MOST_PAIRS]
    series = [
        Series(
            source,
            "interval",
            tuple(said.estimate for said, _ in shown),
            tuple(effect.estimate for _, effect in shown),
            tuple(_end(effect.ci_low) for _, effect in shown),
            tuple(_end(effect.ci_high) for _, effect in shown),
        )
    ]
    series += [
        Series(source, "step", (said.ci_low, said.ci_high), (effect.estimate, effect.estimate))
        for said, effect in shown
        if isfinite(said.ci_low) and isfinite(said.ci_high)
    ]
    alike = predicted == measured
    if alike:
        ends = [value for said, effect in shown for value in (said.estimate, effect.estimate)]
        series.append(Series("prediction = effect", "line", (min(ends), max(ends)), (min(ends), max(ends))))
    hidden = len(matched) - len(shown)
    notes = (
        "Whiskers are the intervals of the prediction (along x) and of the effect (along y); none where it is unknown.",
        "Below the diagonal the prediction promised too much."
        if alike
        else "The two are not estimates of the same thing: only sign and order can be compared.",
        f"{counted(hidden, 'further pair')} not drawn." if hidden > 0 else "",
    )
    return Chart(
        f"Effects on {measured.quantity} beside what {source} predicted",
        _axis("predicted offline", predicted),
        _axis("measured online", measured),
        tuple(series),
        (Rule("x", 0.0), Rule("y", 0.0)),
        " ".join(filter(None, notes)),
    )


def _axis(what: str, estimand: Estimand) -> Axis:
    label = f"{what}: {estimand.quantity} per {estimand.per}"
    return Axis(label, percent=True) if estimand.scale == "relative" else Axis(label, "difference")


def _signs(scores: Sequence[Score], confidence: float) -> Chart | None:
    return forest(
        "How often the predicted sign was right",
        Axis("pairs with the right sign", percent=True),
        Axis("predicted by"),
        [
            Estimated(_label(one), right.share, right.ci_low, right.ci_high, _level(confidence))
            for one in scores
            for right in (one.agreement,)
        ],
        rules=(Rule("x", 0.5, "chance"),),
        note="An interval that holds 50 % is no better than a coin, as far as is known.",
    )


def _correlations(scores: Sequence[Score], confidence: float) -> Chart | None:
    return forest(
        "How well the predictions rank the effects",
        Axis("rank correlation", "Spearman"),
        Axis("predicted by"),
        [
            Estimated(
                _label(one),
                one.correlation.estimate,
                one.correlation.ci_low,
                one.correlation.ci_high,
                _level(confidence),
            )
            for one in scores
        ],
        rules=(Rule("x", 0.0, "no relation"),),
        note="1: the order of the effects was foretold without a mistake.",
    )


def _label(one: Score) -> str:
    return f"{one.source}: {one.predicted.quantity} for {one.measured.quantity} ({counted(one.n, 'pair')})"


def _level(confidence: float) -> str:
    return f"estimate with {100 * confidence:g} % interval"


def _end(value: float) -> float | None:
    return None if value != value else value
