"""Effects by time since exposure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError
from recsys.experiment import Experiment, Frames, Mean, Proportion, Ratio, since_exposure

START = datetime(2026, 6, 1)
N = 1500
RNG = np.random.default_rng(6)
ARM = np.arange(N) % 2
FIRST = [START + timedelta(hours=int(hour)) for hour in RNG.integers(0, 10 * 24, N)]
TEST = Experiment(
    "x", {"pop": 0.5, "als": 0.5}, control="pop", start=START,
    metrics=[
        Mean("minutes", event="play", window="4d"), Proportion("played", event="play", window="4d"),
        Ratio("rate", event="play", window="4d"), Mean("all", event="play"),
    ],
)  # fmt: skip


def frames(lift):
    """One play on each of the four days after exposure; `lift` is by day."""
    habit = RNG.normal(0, 5, N)
    plays = [
        pl.DataFrame(
            {
                "user_id": np.arange(N),
                "event": "play",
                "value": 20 + habit + RNG.normal(0, 1, N) + lift[day] * ARM,
                "ts": [at + timedelta(days=day, hours=2) for at in FIRST],
            }
        )
        for day in range(4)
    ]
    shown = {"experiment": "x", "unit_id": np.arange(N), "variant": np.where(ARM, "als", "pop"), "ts": FIRST}
    return Frames(events=pl.concat(plays), exposures=pl.DataFrame(shown))


def test_a_novelty_that_wears_off_falls_period_by_period():
    found = since_exposure(TEST, frames([4.0, 3.0, 2.0, 1.0]), "minutes", through="2026-06-20")
    assert [(one.begin, one.end) for one in found.periods] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    for one, truth in zip(found.periods, (4, 3, 2, 1), strict=True):
        assert one.ci_low - 0.5 < truth < one.ci_high + 0.5
    assert found.ci_low < -1 < found.ci_high
    assert found.pvalue < 1e-9  # habits cancel in each unit's own slope
    assert "falls" in found.summary
    last = max(FIRST) + timedelta(days=3, hours=2)  # where the events end, and what is known with them
    assert found.n + found.n_control == sum(at + timedelta(days=4) <= last for at in FIRST)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.to_polars().shape[0] == 4
    assert max(map(len, repr(found).splitlines())) <= 80


def test_a_steady_relative_effect_is_shown_beside_its_absolute_trend():
    found = since_exposure(TEST, frames([4.0, 3.0, 2.0, 1.0]), "minutes", through="2026-06-20")
    assert "the difference falls" in found.summary
    first, last = (found.periods[place].relative for place in (0, -1))
    assert f"relative to the control {100 * first:+.1f} % in the first period, {100 * last:+.1f} %" in found.caveat
    assert found.caveat in found.view().notes


def test_a_steady_effect_has_no_trend():
    found = since_exposure(TEST, frames([2.0] * 4), "minutes", period="2d", through="2026-06-20")
    assert len(found.periods) == 2
    assert found.pvalue > 0.001
    assert found.periods[0].relative > 0


def test_only_units_whose_whole_window_has_ended_count():
    found = since_exposure(TEST, frames([2.0] * 4), "minutes", through="2026-06-08")
    assert found.n + found.n_control == sum(at + timedelta(days=4) <= datetime(2026, 6, 8) for at in FIRST)


def test_the_pvalue_of_the_trend_is_withheld_before_the_planned_size():
    planned = replace(TEST, planned_units=10 * N)
    data = frames([4.0, 3.0, 2.0, 1.0])
    early = since_exposure(planned, data, "minutes", through="2026-06-20")
    assert np.isnan(early.pvalue)
    assert "withheld" in early.summary
    assert early.to_dict()["withheld"] == early.withheld != ""
    asked = since_exposure(planned, data, "minutes", through="2026-06-20", look="final")
    plain = since_exposure(TEST, data, "minutes", through="2026-06-20")
    assert (asked.pvalue, asked.slope, asked.withheld) == (plain.pvalue, early.slope, "")


@pytest.mark.parametrize(
    ("metric", "period", "message"),
    [
        ("rate", "1d", "rate is a ratio"),
        ("all", "1d", "all has no window"),
        ("minutes", "3d", "holds 1 periods"),
        ("minutes", "1h", "holds 96 periods"),
    ],
)
def test_what_cannot_be_divided_is_refused(metric, period, message):
    with pytest.raises(ArgumentError, match=message):
        since_exposure(TEST, frames([0.0] * 4), metric, period=period)


def test_the_control_is_no_arm_to_compare():
    with pytest.raises(ArgumentError, match="beside the control"):
        since_exposure(TEST, frames([0.0] * 4), "minutes", arm="pop")


def test_shares_have_periods_too():
    found = since_exposure(TEST, frames([0.0] * 4), "played", through="2026-06-20")
    assert {one.status for one in found.periods} == {"zero_variance"}  # everybody plays every day
    assert "too few units" in found.summary
