import numpy as np

from recsys.simulation import simulate
from recsys.simulation.settings import DAY


def clock(days=28, start="2026-01-01"):
    return simulate(users=1, items=10, days=days, start=start).world.clock


def test_sessions_start_on_or_after_the_first_day_and_stay_within_it():
    first = np.repeat(np.array([0, 5, 27], dtype=np.int32), 2000)
    ts = clock().draw(np.random.default_rng(1), first)
    day = clock().day_of(ts)
    assert (day >= first).all()
    assert day.max() == 27
    time = (ts - clock().start) % DAY
    assert time.min() >= 5 * 3600 * 1_000_000
    assert time.max() < 22 * 3600 * 1_000_000


def test_weekends_have_more_sessions():
    ts = clock().draw(np.random.default_rng(2), np.zeros(60_000, dtype=np.int32))
    weekday = (ts.astype("datetime64[us]").astype("datetime64[D]").astype(int) + 3) % 7
    per_day = np.bincount(weekday, minlength=7) / 4
    assert abs(per_day[5:].mean() / per_day[:5].mean() - 1.3) < 0.05


def test_weights_since_a_day_add_up():
    weights = clock().weight_since(np.array([-3, 0, 14, 28], dtype=np.int32))
    total = 4 * (5 + 2 * 1.3)
    np.testing.assert_allclose(weights, [total, total, total / 2, 0])
