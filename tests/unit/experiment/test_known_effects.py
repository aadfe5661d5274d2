"""The analysis against simulated experiments whose effect is known."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.experiment import Count, Experiment, Frames, Mean
from recsys.simulation import simulate

SINCE, END, THROUGH = "2026-01-29", "2026-02-05", "2026-02-12"
LIFT = 0.15


@pytest.fixture(scope="module")
def service():
    return simulate(users=900, items=60, days=42, seed=21, events_per_user_day=1.0, impressions=False)


def declared(control="a"):
    return Experiment(
        "lift",
        {"a": 0.5, "b": 0.5},
        control=control,
        start=SINCE,
        end=END,
        metrics=[
            Count("plays", event="play", window="7d", pre_period="28d"),
            Mean("minutes", event="play", window="7d", pre_period="28d"),
        ],
    )


def test_intervals_hold_the_injected_lift(service):
    """40 experiments, two metrics, relative and adjusted: 95 % of 40 is 38; below 34 has a probability of 0.3 %."""
    covered, found = np.zeros(2, int), []
    for seed in range(40):
        made = service.experiment({"a": 0.0, "b": LIFT}, since=SINCE, seed=seed)
        result = declared().analyze(Frames(events=made.events, exposures=made.exposures), through=THROUGH, look="final")
        for place, name in enumerate(("plays", "minutes")):
            effect = result[name]
            covered[place] += effect.relative_ci_low <= LIFT <= effect.relative_ci_high
        found.append(result["plays"].relative)
        assert result.check("srm").status != "fail"
    assert (covered >= 34).all()
    assert np.mean(found) == pytest.approx(LIFT, abs=4 * np.std(found) / np.sqrt(40))


def test_swapping_the_control_swaps_the_sign(service):
    made = service.experiment({"a": 0.0, "b": LIFT}, since=SINCE, seed=1)
    source = Frames(events=made.events, exposures=made.exposures)
    forth, back = (declared(control).analyze(source, through=THROUGH, look="final")["plays"] for control in "ab")
    assert back.difference == pytest.approx(-forth.difference, rel=1e-12)
    assert back.pvalue == pytest.approx(forth.pvalue, rel=1e-9)
