import numpy as np
import pytest

from recsys.simulation import simulate
from recsys.simulation.behaviour import _repeats, draw_completion, draw_sessions, expected_requests, mean_completion
from recsys.simulation.population import build_population


def test_completion_has_the_declared_mean():
    preference = np.repeat([0.02, 0.4, 0.95], 100_000)
    drawn = draw_completion(np.random.default_rng(1), preference).reshape(3, -1)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    np.testing.assert_allclose(drawn.mean(axis=1), mean_completion(np.array([0.02, 0.4, 0.95])), atol=0.004)


def test_repeats_are_marked_from_the_second_on():
    users = np.array([0, 0, 1, 0, 1])
    items = np.array([3, 3, 3, 2, 3])
    assert _repeats(users, items, 5).tolist() == [False, True, False, False, True]
    assert _repeats(users[:0], items[:0], 5).tolist() == []


def test_sessions_come_by_user_and_time_with_ids_of_their_own():
    world = simulate(users=200, items=20, days=30).world
    population = build_population(world.settings, 0)
    sessions = draw_sessions(world, population, 0)
    assert (np.lexsort((sessions.starts, sessions.users)) == np.arange(len(sessions.users))).all()
    assert len(np.unique(sessions.ids)) == len(sessions.ids)
    assert (world.clock.day_of(sessions.starts) >= population.joined[sessions.users]).all()


def test_expected_requests_are_what_comes():
    world = simulate(users=1024, items=20, days=30).world
    population = build_population(world.settings, 0)
    expected = expected_requests(world, population)
    drawn = np.bincount(draw_sessions(world, population, 0).users, minlength=1024)
    z = (drawn - expected) / np.sqrt(expected)
    assert abs(z.mean()) * 32 < 4
    assert z.var() == pytest.approx(1, abs=0.2)
