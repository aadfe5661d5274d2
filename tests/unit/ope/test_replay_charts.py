"""The charts of a replay show its own numbers, and never one that is not estimable."""

import numpy as np
import polars as pl
import pytest

from recsys.ope import replay

ITEMS = 4


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    items = rng.integers(0, ITEMS, 4000)
    clicks = (rng.random(4000) < 0.1 + 0.1 * items).astype(float)
    return pl.DataFrame({"item_id": items, "propensity_position": np.full(4000, 1 / ITEMS), "reward": clicks})


@pytest.fixture(scope="module")
def found(frame):
    good = {"item_id": [2, 3], "probability": [0.5, 0.5]}
    unseen = {"item_id": [99], "probability": [1.0]}
    return replay({"good": good, "unseen": unseen}, frame, estimator=["snips", "ips"])


def rows(series):
    return {label: row for label, *row in zip(series.y, series.x, series.low, series.high, strict=True)}


def test_estimates_stand_beside_what_was_logged(found):
    chart = found.view().charts[0]
    drawn = rows(chart.series[0])
    own = found["good", "snips"]
    assert drawn["good: snips"] == [own.value, own.ci_low, own.ci_high]
    assert chart.rules[0].at == found.logged[0].value
    assert chart.x.text() == f"reward (per {own.estimand})"


def test_what_is_not_estimable_keeps_its_row_without_a_number(found):
    chart = found.view().charts[0]
    assert found["unseen", "snips"].status == "not_estimable"
    assert rows(chart.series[0])["unseen: snips (not estimable)"] == [None, None, None]
    assert "Not estimable, so not drawn: unseen: snips (not estimable)" in chart.note


def test_differences_stand_at_the_line_of_none(found):
    chart = found.view().charts[1]
    own = next(one for one in found.differences if (one.policy, one.estimator) == ("good", "snips"))
    assert rows(chart.series[0])["good: snips"] == [own.estimate, own.ci_low, own.ci_high]
    assert chart.rules[0].at == 0
    assert chart.title.endswith(f"policy − {found.baseline}")
    assert "p-values are adjusted by Holm." in chart.note


def test_sizes_and_weights(found):
    sizes, weights = found.view().charts[2:]
    own = found["good", "snips"]
    bars = dict(zip(sizes.series[0].y, sizes.series[0].x, strict=True))
    assert bars["good: snips"] == own.effective_n / own.n
    drawn = next(series for series in weights.series if series.name == "good")
    bins = {one.high: one for one in found.histograms["good"]}
    assert dict(zip(drawn.x, drawn.y, strict=True)) == {"to 2": bins[2.0].share}  # half the actions, twice as often
    assert f"good {100 * bins[0.0].share:.1f} %, unseen 100.0 %" in weights.note
