"""What a simulated experiment tells of itself: the truth, and who came."""

from __future__ import annotations

from recsys.simulation import simulate


def test_the_true_effects_and_the_units_of_each_arm_are_shown():
    found = simulate(users=60, items=40, days=10).experiment(
        {"pop": 0.0, "als": 0.08, "bpr": -0.02}, since="2026-01-05"
    )
    view = found.view()
    assert view.title == "lift, simulated: truly +8.0 % with als, -2.0 % with bpr against pop"
    (chart,) = view.charts
    assert (chart.series[0].x, chart.series[0].y) == ((0.08, -0.02), ("als", "bpr"))
    (table,) = view.tables
    assert sum(row[1] for row in table.rows) == len(found.exposures)
    assert all(sum(row[2].values) == row[1] for row in table.rows)
    assert "lift, simulated" in repr(found)
