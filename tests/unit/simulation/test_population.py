import numpy as np
import pytest

from recsys.simulation import simulate
from recsys.simulation.population import CURIOSITY, build_population


def test_directions_have_length_one_and_some_users_join_later():
    settings = simulate(users=1000, items=100, days=40).settings
    population = build_population(settings, 0)
    np.testing.assert_allclose((population.direction**2).sum(axis=1), 1)
    assert 0.2 < (population.joined > 0).mean() < 0.4
    assert population.activity.mean() == pytest.approx(1, abs=0.1)


def test_searches_follow_the_tastes():
    settings = simulate(users=3, items=100, days=40).settings
    population = build_population(settings, 0)
    drawn = population.draw_tastes(np.random.default_rng(1), np.zeros(60_000, dtype=np.int64))
    shares = np.bincount(drawn, minlength=settings.n_tastes) / 60_000
    expected = np.full(settings.n_tastes, CURIOSITY / settings.n_tastes)
    expected[population.tastes[0]] += np.diff(population.taste_ends[0], prepend=0)
    np.testing.assert_allclose(shares, expected, atol=0.01)


def test_a_preference_does_not_depend_on_the_company_it_is_asked_in():
    world = simulate(users=50, items=40).world
    population = build_population(world.settings, 0)
    every = population.preference(world.catalogue, np.arange(50)[:, None], np.arange(40)[None, :])
    one = population.preference(world.catalogue, np.array([17]), np.array([23]))
    assert one[0] == every[17, 23]
    assert ((every > 0) & (every < 1)).all()


def test_preferences_follow_the_stated_formula():
    world = simulate(users=5, items=40).world
    population = build_population(world.settings, 0)
    catalogue = world.catalogue
    dense = np.zeros((40, world.settings.n_tastes))
    for item in range(40):
        dense[item, catalogue.tastes[item]] = catalogue.taste_weights[item]
    cosine = population.direction @ dense.T / np.linalg.norm(dense, axis=1)
    expected = 1 / (1 + np.exp(-(-3.1 + 3.6 * cosine + catalogue.quality)))
    found = population.preference(catalogue, np.arange(5)[:, None], np.arange(40)[None, :])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
