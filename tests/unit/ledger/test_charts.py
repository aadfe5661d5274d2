"""The charts of a ledger show its own pairs and scores."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from recsys.ledger import ledger
from tests.unit.ledger.test_ledger import found, said

PAIRS = [(0.02, 0.05), (-0.01, -0.04), (0.03, 0.01), (0.01, 0.02)]


def test_predicted_and_measured_effects_with_intervals_both_ways() -> None:
    predictions = [said(i, x) for i, (x, _) in enumerate(PAIRS)]
    predictions[3] = replace(predictions[3], ci_low=nan, ci_high=nan)
    book = ledger(predictions, [found(i, y) for i, (_, y) in enumerate(PAIRS)])
    chart = book.view().charts[0]
    assert chart.x.text() == "predicted offline: clicks per request (%)"
    assert chart.y.text() == "measured online: clicks per request (%)"
    points, *whiskers, diagonal = chart.series
    assert sorted(zip(points.x, points.y, strict=True)) == sorted(PAIRS)  # type: ignore[type-var]
    by_place = {said.estimate: (said, effect) for said, effect in book.matched}
    for x, low, high in zip(points.x, points.low, points.high, strict=True):
        effect = by_place[x][1]  # type: ignore[index]
        assert (low, high) == (effect.ci_low, effect.ci_high)
    ends = {one.x for one in whiskers}
    assert ends == {(one.ci_low, one.ci_high) for one, _ in book.matched if one.ci_low == one.ci_low}
    assert len(whiskers) == 3
    assert (diagonal.name, diagonal.x, diagonal.y) == ("prediction = effect", (-0.04, 0.05), (-0.04, 0.05))


def test_unlike_estimates_have_no_diagonal_and_say_so() -> None:
    book = ledger([said(0, 0.1, quantity="ndcg@10"), said(1, 0.2, quantity="ndcg@10")], [found(0, 0.1), found(1, 0.1)])
    chart = book.view().charts[0]
    assert "prediction = effect" not in {series.name for series in chart.series}
    assert "not estimates of the same thing" in chart.note


def test_signs_and_ranks_stand_by_source_and_what_is_unknown_is_named() -> None:
    predictions = [said(i, x) for i, (x, _) in enumerate(PAIRS)] + [said(0, 0.02, source="ndcg")]
    book = ledger(predictions, [found(i, y) for i, (_, y) in enumerate(PAIRS)])
    *pairs, signs, ranks = book.view().charts
    assert [chart.title for chart in pairs] == [
        f"Effects on clicks beside what {one} predicted" for one in ("ndcg", "snips")
    ]
    scores = {one.source: one for one in book.scores}
    drawn = dict(zip(signs.series[0].y, zip(signs.series[0].x, signs.series[0].low, strict=True), strict=True))
    right = scores["snips"].agreement
    assert drawn["snips: clicks for clicks (4 pairs)"] == (right.share, right.ci_low)
    assert signs.rules[0].at == 0.5
    assert ranks.series[0].x[ranks.series[0].y.index("snips: clicks for clicks (4 pairs)")] == pytest.approx(
        scores["snips"].correlation.estimate
    )
    assert "Not estimable, so not drawn: ndcg: clicks for clicks (1 pair)." in ranks.note


def test_without_a_pair_there_is_nothing_to_draw() -> None:
    assert ledger([said(0, 0.1)], []).view().charts == ()


def test_many_pairs_stay_small() -> None:
    book = ledger([said(i, 0.001 * i) for i in range(90)], [found(i, 0.001 * i) for i in range(90)])
    charts = book.view().charts
    assert sum(len(series.x) for chart in charts for series in chart.series) <= 500
    assert "60 further pairs not drawn." in charts[0].note
